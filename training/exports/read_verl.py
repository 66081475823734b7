"""verl's own MultiTurnSFTDataset: EXPORT CHECKPOINT FAMILY -> one JSON line a row with ids and loss."""

from labels import show, start

export, checkpoint, family = start()

from transformers import AutoProcessor  # noqa: E402
from verl.utils import hf_tokenizer  # noqa: E402
from verl.utils.dataset.multiturn_sft_dataset import MultiTurnSFTDataset  # noqa: E402

processor = AutoProcessor.from_pretrained(checkpoint)
config = {"pad_mode": "no_padding", "truncation": "error", "max_length": 32_768}
rows = MultiTurnSFTDataset("sft.parquet", hf_tokenizer(str(checkpoint)), config, processor)
for number in range(len(rows)):
    row = rows[number]
    ids, learned = row["input_ids"].tolist(), row["loss_mask"].tolist()
    show(ids, [token if loss else -100 for token, loss in zip(ids, learned)])
