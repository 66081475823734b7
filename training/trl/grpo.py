"""Reinforcement learning with TRL's GRPOTrainer against the running environment server (`maskwright env --metrics`).

The model plays whole episodes; the server is the only source of observations, pictures included, and of rewards.
Resumes from OUT's last checkpoint. Writes OUT/final and OUT/log.jsonl (reward by step).
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import AutoModelForImageTextToText, AutoProcessor
from transformers.trainer_utils import get_last_checkpoint

os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")
from trl import GRPOConfig, GRPOTrainer  # noqa: E402

from episodes import OVER, Episode, describe, rewards  # noqa: E402
from template import QWEN3_VL_TEMPLATE  # noqa: E402


class Trainer(GRPOTrainer):
    """GRPOTrainer whose prompts hold the server's tools word for word, whose answers are read by the server, and whose
    episodes end with the last call."""

    def __init__(self, *args: Any, tools_text: list[dict[str, Any]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # These are rendered; what runs is Episode.answer.
        self._env_tools = dict.fromkeys(self._env_tools, tools_text)
        self._tokenizer.parse_response = _whole_answers(self._tokenizer)

    def _get_tool_suffix_ids(self, tool_messages: list[dict[str, Any]]) -> list[int]:
        """TRL drops an answer that does not fit and leaves the sample as it is. After the last call that is what is
        wanted: no further turn is generated, and none is trained that the app would never ask for."""
        content = tool_messages[-1]["content"]
        if content == OVER:
            return [self._tokenizer.pad_token_id] * (self.max_completion_length + 1)
        suffix = super()._get_tool_suffix_ids(tool_messages)
        # The suffix goes behind the end of the turn, which an answer that was cut lacks.
        return [self._tokenizer.eos_token_id, *suffix] if content[-1]["behind_cut"] else suffix


def _whole_answers(tokenizer: Any) -> Callable[..., dict[str, Any]]:
    """Takes every answer for one call of Episode.answer with all its text. TRL's own reading would run each of several
    calls, also behind the last one, and end the episode where it finds none."""

    def parse_response(ids: list[int], **_context: Any) -> dict[str, Any]:
        text = tokenizer.decode(ids, skip_special_tokens=True)
        arguments = {"text": text, "ended": ids[-1] == tokenizer.eos_token_id}
        call = {"type": "function", "function": {"name": Episode.answer.__name__, "arguments": arguments}}
        return {"role": "assistant", "content": text, "tool_calls": [call]}

    return parse_response


def trainer_of(
    model: Any, processor: Any, server: str, items: int, settings: GRPOConfig, kind: type[Trainer] = Trainer
) -> Trainer:
    """A trainer whose prompts hold only what the server says: system text, tools, query and pictures."""
    processor.chat_template = QWEN3_VL_TEMPLATE
    Episode.url = server
    system, tools = describe(server)
    # The first observation goes behind the empty text.
    prompt = [{"role": "system", "content": system}, {"role": "user", "content": ""}]
    dataset = Dataset.from_dict({"index": list(range(items)), "prompt": [prompt] * items})
    return kind(
        model=model, args=settings, train_dataset=dataset, processing_class=processor, reward_funcs=rewards,
        environment_factory=Episode, tools_text=tools,
    )  # fmt: skip


def never_written(processor: Any) -> list[int]:
    """Tokens that stand for pictures: only an observation brings one. A model that samples one would make the trainer look
    for a picture that is not there, which ends it."""
    names = {"<|vision_start|>", "<|vision_end|>", "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>"}
    return [number for name, number in processor.tokenizer.get_vocab().items() if name in names]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="checkpoint folder, after sft.py")
    parser.add_argument("--server", required=True, help="address of the environment server, as it prints it (http://…)")
    parser.add_argument("--items", type=int, required=True, help="number of the server's items")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--batch", type=int, default=8, help="episodes of a step, all processes together; the server needs as many sessions")
    parser.add_argument("--group", type=int, default=4, help="episodes of the same item, which are compared")
    parser.add_argument("--lr", type=float, default=1e-4)
    parser.add_argument("--temperature", type=float, default=1.0)
    parser.add_argument("--answer-tokens", type=int, default=96, help="most tokens of a turn")
    parser.add_argument("--episode-tokens", type=int, default=1600, help="most tokens after the first prompt, observations included")
    parser.add_argument("--save-steps", type=int, default=20)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    if args.batch % processes or args.batch % args.group:
        parser.error(f"--batch {args.batch} has to be a multiple of the processes ({processes}) and of --group ({args.group})")

    torch.set_num_threads(args.threads)
    processor = AutoProcessor.from_pretrained(args.model)
    # The weights are read here: Trainer's own resuming misses those whose names in the file are older ones, and says nothing.
    last = get_last_checkpoint(str(args.out)) if args.out.is_dir() else None
    model = AutoModelForImageTextToText.from_pretrained(last or args.model, dtype=torch.float32, attn_implementation="sdpa")
    settings = GRPOConfig(
        output_dir=str(args.out), max_steps=args.steps, per_device_train_batch_size=args.batch // processes,
        num_generations=args.group, steps_per_generation=1, num_iterations=1, beta=0.0, learning_rate=args.lr,
        lr_scheduler_type="constant_with_warmup", warmup_steps=min(5, args.steps // 4), max_grad_norm=0.5,
        temperature=args.temperature, max_completion_length=args.episode_tokens,
        generation_kwargs={"max_new_tokens": args.answer_tokens, "suppress_tokens": never_written(processor)},
        logging_steps=1, save_steps=args.save_steps,
        save_total_limit=2, report_to="none", gradient_checkpointing=False, use_cpu=not torch.cuda.is_available(),
        ddp_backend="gloo" if processes > 1 and not torch.cuda.is_available() else None, ddp_find_unused_parameters=False,
        bf16=torch.cuda.is_available(), seed=args.seed, disable_tqdm=True,
    )  # fmt: skip
    trainer = trainer_of(model, processor, args.server, args.items, settings)
    trainer.train(resume_from_checkpoint=last)
    trainer.save_model(str(args.out / "final"))
    if not trainer.is_world_process_zero():
        return
    processor.save_pretrained(args.out / "final")
    with (args.out / "log.jsonl").open("w") as log:
        log.writelines(json.dumps(entry) + "\n" for entry in trainer.state.log_history)


if __name__ == "__main__":
    main()
