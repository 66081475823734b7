"""Makes a checkpoint of a very small Qwen2.5-VL to start from, with all the files that engines and the converter read.

Weights and vocabulary are those of the grounding stage. Without one weights are random, and the vocabulary is made from the
conversations that it is to learn, so that the long system text is a thousand tokens and not four.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch.nn.utils.rnn import pad_sequence
from transformers import (
    GenerationConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5_VLProcessor,
    Qwen2Tokenizer,
    Qwen2VLImageProcessor,
    Qwen2VLVideoProcessor,
)

from model import SIZES, config
from vocabulary import SPECIAL, TAGS
from vocabulary import train as train_vocabulary

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "trl"))
from rows import Row, plain_texts, read_rows  # noqa: E402
from template import QWEN3_VL_TEMPLATE, TRAINING_TEMPLATE, system_with_tools  # noqa: E402

PIXELS = {"shortest_edge": 28 * 28, "longest_edge": 28 * 28 * 4096}
"""Wide bounds: view images come in sides that are multiples of 28, and nothing may resize them again."""


def texts_of(rows: list[Row]) -> list[str]:
    """What the vocabulary is made from: every message, and the system text with the tools often enough to be short."""
    systems = {system_with_tools(row.messages, row.tools) for row in rows}
    return [text for row in rows for text in plain_texts(row)] + [*systems] * max(200, len(rows) // 4)


def processor_of(vocabulary: Tokenizer, folder: Path) -> Qwen2_5_VLProcessor:
    """Through files, because a tokenizer that is made in memory numbers the special tokens in an order of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary.save(str(folder / "tokenizer.json"))
    settings = {
        "tokenizer_class": "Qwen2Tokenizer", "eos_token": "<|im_end|>", "pad_token": "<|endoftext|>", "unk_token": None,
        "additional_special_tokens": SPECIAL, "model_max_length": 8192,
    }  # fmt: skip
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    tokenizer = Qwen2Tokenizer.from_pretrained(folder)
    for token in SPECIAL + TAGS:
        if tokenizer.convert_tokens_to_ids(token) != vocabulary.token_to_id(token):
            raise ValueError(f"{token} got another number")
    images = Qwen2VLImageProcessor(size=PIXELS)
    videos = Qwen2VLVideoProcessor(size=PIXELS)
    return Qwen2_5_VLProcessor(images, tokenizer, videos, chat_template=QWEN3_VL_TEMPLATE)


def text_example(processor: Qwen2_5_VLProcessor, row: Row) -> tuple[torch.Tensor, torch.Tensor]:
    """Tokens of a row's texts without the system text and pictures, and their labels: the answers that sft.py imitates
    too, and -100 elsewhere."""
    messages = [
        {**message, "content": [block for block in message["content"] if block["type"] == "text"]}
        for message in row.messages if message["role"] != "system"
    ]  # fmt: skip
    encoded = processor.tokenizer.apply_chat_template(
        messages, chat_template=TRAINING_TEMPLATE, tokenize=True, return_dict=True, return_assistant_tokens_mask=True
    )
    ids, learned = torch.tensor(encoded["input_ids"]), torch.tensor(encoded["assistant_masks"]).bool()
    return ids, ids.masked_fill(~learned, -100)


def warm_up(net: Qwen2_5_VLForConditionalGeneration, processor: Qwen2_5_VLProcessor, rows: list[Row], steps: int) -> float:
    """Teaches the form of answers by the conversations' texts alone, without the system text and pictures, which are nine
    tenths of their tokens: what takes hundreds of steps of sft.py takes a minute. Gives the last losses' mean.

    :raises ValueError: when the rows hold nothing to imitate
    """
    learned = [example for row in rows if (example := text_example(processor, row))[1].max() >= 0]
    if not learned:
        raise ValueError("No assistant's message of the rows is under loss")
    rng = random.Random(0)
    optimiser = torch.optim.AdamW(net.parameters(), lr=3e-3, betas=(0.9, 0.98), weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=steps, pct_start=0.1)
    losses: list[float] = []
    for _ in range(steps):
        ids, labels = zip(*rng.choices(learned, k=16), strict=True)
        mask = pad_sequence([torch.ones_like(each) for each in ids], batch_first=True)
        batch = {"input_ids": pad_sequence(ids, batch_first=True), "attention_mask": mask}
        loss = net(**batch, labels=pad_sequence(labels, batch_first=True, padding_value=-100)).loss
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        losses.append(loss.item())
    last = losses[-20:]
    return sum(last) / len(last)


def make(
    rows_file: Path, out: Path, size: str, vocabulary_size: int = 2048, grounding: Path | None = None, warm_up_steps: int = 0,
    seed: int = 0,
) -> dict[str, float | None]:  # fmt: skip
    """Writes the checkpoint folder `out`; gives its numbers of parameters and tokens.

    :param grounding: grounding.pt of train_grounding.py with tokenizer.json beside it: its weights and vocabulary"""
    torch.manual_seed(seed)
    rows = read_rows(rows_file)
    if grounding:
        vocabulary = Tokenizer.from_file(str(grounding.parent / "tokenizer.json"))
    else:
        vocabulary = train_vocabulary(texts_of(rows), vocabulary_size)
    processor = processor_of(vocabulary, out)
    settings = config(vocabulary.token_to_id, vocabulary.get_vocab_size(), SIZES[size])
    net = Qwen2_5_VLForConditionalGeneration._from_config(settings, attn_implementation="sdpa")
    if grounding:
        net.load_state_dict(torch.load(grounding, weights_only=True)["net"])
    net.generation_config = GenerationConfig(
        eos_token_id=vocabulary.token_to_id("<|im_end|>"), pad_token_id=vocabulary.token_to_id("<|endoftext|>")
    )
    loss = warm_up(net, processor, rows, warm_up_steps) if warm_up_steps > 0 else None
    net.save_pretrained(out)
    processor.save_pretrained(out)
    parameters = sum(parameter.numel() for parameter in net.parameters())
    tokens = vocabulary.get_vocab_size()
    return {"parameters": parameters, "vocabulary": tokens, "warm_up_loss": loss}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=Path, required=True, help="JSONL of conversations, see training/trl/rows.py")
    parser.add_argument("--out", type=Path, required=True, help="folder of the checkpoint")
    parser.add_argument("--size", choices=SIZES, default="nano")
    parser.add_argument("--vocabulary", type=int, default=2048, help="most tokens")
    parser.add_argument("--grounding", type=Path, help="grounding.pt of train_grounding.py (of the same --size), tokenizer.json beside it")
    parser.add_argument("--warm-up", type=int, default=0, help="steps on the conversations' texts alone")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    made = make(args.rows, args.out, args.size, args.vocabulary, args.grounding, args.warm_up, args.seed)
    print(json.dumps(made))


if __name__ == "__main__":
    main()
