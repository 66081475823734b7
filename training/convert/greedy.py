"""What transformers answers, for the comparison with the app's runtime: greedy tokens behind real prompts with pictures,
and how likely it takes the likeliest tokens to be at the first places.

    python greedy.py CHECKPOINT ROWS.jsonl OUT.json [--prompts 50] [--tokens 64]

The prompts are those before each answer of the rows (training/trl/rows.py), so that later turns with observation images
are among them. tests/integration/checkpoint-parity.test.ts reads the file.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForImageTextToText, AutoProcessor

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "trl"))
from rows import Row, read_rows, with_images  # noqa: E402
from template import QWEN3_VL_TEMPLATE  # noqa: E402

PLACES, TOP = 4, 10
"""Tokens of an answer whose probabilities are told, and how many of the likeliest at each."""


def prompts_of(row: Row) -> list[Row]:
    """A row cut before each of its answers."""
    cut = []
    for end, message in enumerate(row.messages):
        if message["role"] != "assistant":
            continue
        before = row.messages[:end]
        images = sum(block["type"] == "image" for each in before for block in each["content"])
        cut.append(Row(before, row.tools, row.images[:images]))
    return cut


def likeliest(tokenizer: Any, logits: torch.Tensor) -> list[dict[str, Any]]:
    """The likeliest tokens that are whole characters, and so have a name in both runtimes: text and log-probability."""
    top = logits.float().log_softmax(-1).topk(TOP)
    named = [(tokenizer.decode([token]), value) for token, value in zip(top.indices.tolist(), top.values.tolist(), strict=True)]
    return [{"text": text, "logProbability": value} for text, value in named if text and "\ufffd" not in text]


def first_places(tokenizer: Any, said: list[int], logits: tuple[torch.Tensor, ...]) -> list[dict[str, Any]]:
    """Places of the answer, from the first on, with the text before them. Another runtime gets that as text, so places end
    where it would cut the text, or the line break before it, into other tokens."""
    places = []
    break_ = tokenizer("\n")["input_ids"]
    for at, each in enumerate(logits[:PLACES]):
        before = tokenizer.decode(said[:at])
        if tokenizer(f"\n{before}")["input_ids"] != break_ + said[:at]:
            break
        places.append({"before": before, "likeliest": likeliest(tokenizer, each[0])})
    return places


@torch.no_grad()
def answer(model: Any, processor: Any, prompt: Row, tokens: int) -> dict[str, Any]:
    messages = with_images(prompt)
    options = {"tools": prompt.tools or None, "chat_template": QWEN3_VL_TEMPLATE, "add_generation_prompt": True}
    batch = processor.apply_chat_template([messages], tokenize=True, return_dict=True, return_tensors="pt", **options)
    out = model.generate(
        **batch, max_new_tokens=tokens, do_sample=False, output_scores=True, output_logits=True, return_dict_in_generate=True
    )
    said = out.sequences[0, batch["input_ids"].shape[1] :].tolist()
    # How near the second likeliest token came: ties are decided by rounding.
    margins = [float(top[0] - top[1]) for top in (score[0].topk(2).values for score in out.scores)]
    ends = {model.generation_config.eos_token_id, model.config.text_config.eos_token_id}
    ended = said[-1] in ends
    return {
        "messages": [_texts(message) for message in prompt.messages],
        "images": [str(path.resolve()) for path in prompt.images],
        "promptTokens": batch["input_ids"].shape[1],
        "tokens": said, "ended": ended, "leastMargin": min(margins),
        "places": first_places(processor.tokenizer, said, out.logits),
        "text": processor.tokenizer.decode(said[:-1] if ended else said),
    }  # fmt: skip


def _texts(message: dict[str, Any]) -> dict[str, Any]:
    """Blocks in the app's form; an assistant's call is written out."""
    blocks = [block if block["type"] == "text" else {"type": "image"} for block in message["content"]]
    for call in message.get("tool_calls", []):
        function = {"name": call["function"]["name"], "arguments": call["function"]["arguments"]}
        said = f"<tool_call>\n{json.dumps(function, ensure_ascii=False)}\n</tool_call>"
        blocks.append({"type": "text", "text": f"\n{said}" if blocks else said})
    return {"role": message["role"], "content": blocks}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint")
    parser.add_argument("rows", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--prompts", type=int, default=50)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    processor = AutoProcessor.from_pretrained(args.checkpoint)
    model = AutoModelForImageTextToText.from_pretrained(args.checkpoint, dtype=torch.float32).eval()
    prompts = [prompt for row in read_rows(args.rows) for prompt in prompts_of(row)][: args.prompts]
    answers = [answer(model, processor, prompt, args.tokens) for prompt in prompts]
    args.out.write_text(json.dumps({"maxTokens": args.tokens, "answers": answers}))
    print(json.dumps({"prompts": len(answers), "leastMargin": min(each["leastMargin"] for each in answers)}))


if __name__ == "__main__":
    main()
