"""LLaMA-Factory's own loader and template: EXPORT CHECKPOINT FAMILY -> one JSON line a row with ids and loss."""

import os

from labels import show, start

export, checkpoint, family = start()

from llamafactory.data import get_dataset, get_template_and_fix_tokenizer  # noqa: E402
from llamafactory.data.collator import MultiModalDataCollatorForSeq2Seq  # noqa: E402
from llamafactory.hparams import get_train_args  # noqa: E402
from llamafactory.model import load_tokenizer  # noqa: E402

model, data, training, *_ = get_train_args({
    "stage": "sft", "do_train": True, "model_name_or_path": str(checkpoint), "finetuning_type": "full",
    "template": {"qwen2_5_vl": "qwen2_vl", "qwen3_vl": "qwen3_vl_nothink"}[family],
    "dataset": "maskwright_sft", "dataset_dir": str(export), "media_dir": str(export), "output_dir": os.environ["SCRATCH"],
    "overwrite_cache": True, "cutoff_len": 32_768, "mask_history": True,
    "use_cpu": True, "bf16": False, "report_to": "none", "image_max_pixels": 589_824,
    "preprocessing_num_workers": 1,
})  # fmt: skip
module = load_tokenizer(model)
template = get_template_and_fix_tokenizer(module["tokenizer"], data)
rows = get_dataset(template, model, data, training, stage="sft", **module)["train_dataset"]
for row in rows:
    show(row["input_ids"], row["labels"])
