"""Supervised training on conversations with TRL: every assistant turn but those marked `loss: false` is imitated.

Works with any Qwen2.5-VL or Qwen3-VL checkpoint folder; see README.md for what was run. Resumes from OUT's last
checkpoint. Writes OUT/final and OUT/log.jsonl (loss by step). `python -m torch.distributed.run --nproc-per-node N sft.py …`
shares each batch among N processes: on a CPU faster than N threads, for a network that is small.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import AutoModelForImageTextToText, AutoProcessor
from transformers.trainer_utils import get_last_checkpoint
from trl import SFTConfig, SFTTrainer

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "agent"))
from model import hasten  # noqa: E402
from rows import read_rows, with_images  # noqa: E402
from template import QWEN3_VL_TEMPLATE, TRAINING_TEMPLATE  # noqa: E402


class Collator:
    """Rows -> one right-padded batch whose labels are the assistant's tokens. TRL's own cannot place images in tools' answers."""

    def __init__(self, processor: Any, rows: list[Any]) -> None:
        self.processor, self.rows = processor, rows

    def __call__(self, items: list[dict[str, int]]) -> dict[str, torch.Tensor]:
        rows = [self.rows[item["row"]] for item in items]
        batch = self.processor.apply_chat_template(
            [with_images(row) for row in rows],
            tools=rows[0].tools or None, chat_template=TRAINING_TEMPLATE, tokenize=True, return_dict=True,
            return_tensors="pt", return_assistant_tokens_mask=True,
            processor_kwargs={"padding": True, "padding_side": "right", "add_special_tokens": False},
        )  # fmt: skip
        learned = torch.as_tensor(batch.pop("assistant_masks")).bool() & batch["attention_mask"].bool()
        batch["labels"] = batch["input_ids"].masked_fill(~learned, -100)
        return dict(batch)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="checkpoint folder")
    parser.add_argument("--rows", type=Path, required=True, help="JSONL of conversations, see rows.py")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--batch", type=int, default=8, help="rows of a step, all processes together")
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--save-steps", type=int, default=50)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    torch.set_num_threads(args.threads)
    processor = AutoProcessor.from_pretrained(args.model)
    processor.chat_template = QWEN3_VL_TEMPLATE
    # The weights are read here: Trainer's own resuming misses those whose names in the file are older ones, and says nothing.
    last = get_last_checkpoint(str(args.out)) if args.out.is_dir() else None
    model = AutoModelForImageTextToText.from_pretrained(last or args.model, dtype=torch.float32, attn_implementation="sdpa")
    hasten(model)
    rows = read_rows(args.rows)
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    settings = SFTConfig(
        output_dir=str(args.out), max_steps=args.steps, per_device_train_batch_size=max(1, args.batch // processes),
        learning_rate=args.lr, lr_scheduler_type="cosine", warmup_steps=min(50, args.steps // 10), weight_decay=0.02,
        max_grad_norm=1.0, logging_steps=1, save_steps=args.save_steps, save_total_limit=2, report_to="none",
        remove_unused_columns=False, max_length=None, dataset_kwargs={"skip_prepare_dataset": True},
        gradient_checkpointing=False, use_cpu=not torch.cuda.is_available(), bf16=torch.cuda.is_available(),
        dataloader_num_workers=0, seed=args.seed, disable_tqdm=True, ddp_find_unused_parameters=False,
        ddp_backend="gloo" if processes > 1 and not torch.cuda.is_available() else None,
    )  # fmt: skip
    trainer = SFTTrainer(
        model=model, args=settings, train_dataset=Dataset.from_dict({"row": list(range(len(rows)))}),
        processing_class=processor, data_collator=Collator(processor, rows),
    )  # fmt: skip
    trainer.train(resume_from_checkpoint=last)
    trainer.save_model(str(args.out / "final"))
    if not trainer.is_world_process_zero():
        return
    processor.save_pretrained(args.out / "final")
    with (args.out / "log.jsonl").open("w") as log:
        log.writelines(json.dumps(entry) + "\n" for entry in trainer.state.log_history)


if __name__ == "__main__":
    main()
