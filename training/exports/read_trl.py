"""The collator of training/trl: EXPORT CHECKPOINT FAMILY -> one JSON line a row with ids and loss."""

import sys
from pathlib import Path

from labels import show, start

export, checkpoint, family = start()
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "trl"))

from rows import read_rows  # noqa: E402
from sft import Collator  # noqa: E402
from template import QWEN3_VL_TEMPLATE  # noqa: E402
from transformers import AutoProcessor  # noqa: E402

processor = AutoProcessor.from_pretrained(checkpoint)
processor.chat_template = QWEN3_VL_TEMPLATE
rows = read_rows(export / "sft.jsonl")
collator = Collator(processor, rows)
for number in range(len(rows)):
    batch = collator([{"row": number}])
    show(batch["input_ids"][0].tolist(), batch["labels"][0].tolist())
