"""Rows for reinforcement learning: one for each item of the data set that an environment server was started with.

    python training/environment/rl_rows.py --count N [--from I] --out FILE.parquet    verl
    python training/environment/rl_rows.py --count N [--from I] --out FILE.jsonl      ms-swift

A row is the number of an item: texts, images and the reward come from the server. `maskwright env --json` prints how many
items there are.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

# Both engines want a prompt; the adapters put the server's in its place.
PROMPT = [{"role": "user", "content": "Segment what the query names."}]


def verl_row(index: int) -> dict[str, Any]:
    return {
        "data_source": "maskwright",
        "agent_name": "maskwright",
        "prompt": PROMPT,
        "ability": "segmentation",
        "reward_model": {"style": "environment", "ground_truth": ""},
        "extra_info": {"index": index, "split": "train"},
    }


def ms_swift_row(index: int) -> dict[str, Any]:
    return {"messages": PROMPT, "index": index}


def write(out: Path, indices: range) -> None:
    """:raises ValueError: for a file that is neither .parquet nor .jsonl"""
    if out.suffix == ".jsonl":
        out.write_text("".join(f"{json.dumps(ms_swift_row(index))}\n" for index in indices), encoding="utf-8")
        return
    if out.suffix != ".parquet":
        raise ValueError(f"{out} is neither .parquet (verl) nor .jsonl (ms-swift).")
    import pyarrow
    import pyarrow.parquet

    pyarrow.parquet.write_table(pyarrow.Table.from_pylist([verl_row(index) for index in indices]), out)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Rows for reinforcement learning, by item number.")
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--from", type=int, default=0, dest="first")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    write(options.out, range(options.first, options.first + options.count))
