"""The golden test: the same trajectories give the same token ids and the same loss in every engine.

    python compare.py ENGINES_FOLDER CHECKPOINT FAMILY EXPORTS SCRATCH [--texts FILE]

EXPORTS holds one export of the same trajectories for each engine, in folders by their names. FAMILY is qwen2_5_vl or
qwen3_vl. `--texts` writes what the engines read as text, one JSON line a row, images as <image>, with the learned parts.
Ends with 1 and the first difference where they differ. Needs transformers for `--texts` only.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ENGINES = ("trl", "verl", "ms-swift", "llama-factory")


@dataclass
class Row:
    ids: list[int]
    learned: list[int]


def read(engine: str, args: argparse.Namespace) -> list[Row]:
    reader = HERE / f"read_{engine.replace('-', '_')}.py"
    command = [args.engines / engine / "bin" / "python", reader, args.exports / engine, args.checkpoint, args.family]
    done = subprocess.run(
        [str(part) for part in command], env={**os.environ, "SCRATCH": str(args.scratch)}, capture_output=True, text=True
    )  # fmt: skip
    if done.returncode != 0:
        raise SystemExit(f"{engine}: {done.stderr[-3000:]}")
    return [Row(**json.loads(line)) for line in done.stdout.splitlines()]


def _merged(rows: list[Row]) -> list[Row]:
    """Rows of one answer each -> rows of all answers: a row takes in the ones before that it begins with."""
    merged: list[Row] = []
    for row in rows:
        last = merged[-1] if merged else None
        if last and len(last.ids) < len(row.ids) and row.ids[: len(last.ids)] == last.ids:
            learned = [max(pair) for pair in zip(last.learned + [0] * (len(row.ids) - len(last.ids)), row.learned)]
            merged[-1] = Row(row.ids, learned)
        else:
            merged.append(row)
    return merged


def differences(of: dict[str, list[Row]]) -> list[str]:
    first, *others = of
    found = []
    for other in others:
        if len(of[first]) != len(of[other]):
            found.append(f"{first} has {len(of[first])} rows, {other} {len(of[other])}")
        for number, (a, b) in enumerate(zip(of[first], of[other]), start=1):
            for what, left, right in (("ids", a.ids, b.ids), ("loss", a.learned, b.learned)):
                if left != right:
                    place = next((i for i, pair in enumerate(zip(left, right)) if pair[0] != pair[1]), min(len(left), len(right)))
                    found.append(
                        f"row {number}: {what} of {first} ({len(left)}) and {other} ({len(right)}) differ from {place}: "
                        f"{left[place : place + 8]} and {right[place : place + 8]}"
                    )
    return found


def _texts(rows: list[Row], checkpoint: Path) -> list[dict[str, object]]:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    pad, around = tokenizer.convert_tokens_to_ids("<|image_pad|>"), ["<|vision_start|>", "<|vision_end|>"]
    start, end = (tokenizer.convert_tokens_to_ids(name) for name in around)
    made = []
    for row in rows:
        parts: list[tuple[int, list[int]]] = []
        images: list[int] = []
        for token, learned in zip(row.ids, row.learned):
            if token == start:
                images.append(0)
            if token == pad:
                images[-1] += 1
            if token in (start, pad):
                continue
            if not parts or parts[-1][0] != learned:
                parts.append((learned, []))
            parts[-1][1].append(token)
        texts = [(learned, tokenizer.decode(tokens)) for learned, tokens in parts]
        texts = [(learned, text.replace(around[1], "<image>")) for learned, text in texts]
        made.append({"parts": [{"learned": bool(learned), "text": text} for learned, text in texts], "imageTokens": images})
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("engines", type=Path)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("family", choices=["qwen2_5_vl", "qwen3_vl"])
    parser.add_argument("exports", type=Path)
    parser.add_argument("scratch", type=Path)
    parser.add_argument("--texts", type=Path)
    args = parser.parse_args()

    of = {engine: read(engine, args) for engine in ENGINES}
    of["llama-factory"] = _merged(of["llama-factory"])
    found = differences(of)
    for line in found[:20]:
        print(line, file=sys.stderr)
    rows = of["trl"]
    tokens, learned = sum(len(row.ids) for row in rows), sum(sum(row.learned) for row in rows)
    print(json.dumps({
        "family": args.family, "rows": len(rows), "tokens": tokens, "learned": learned, "differences": len(found),
    }))  # fmt: skip
    if args.texts:
        lines = (json.dumps(text, ensure_ascii=False) + "\n" for text in _texts(rows, args.checkpoint))
        args.texts.write_text("".join(lines), encoding="utf-8")
    raise SystemExit(1 if found else 0)


if __name__ == "__main__":
    main()
