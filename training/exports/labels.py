"""What the readers share: arguments, and a line for a row."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

IGNORED = -100
_out = os.fdopen(os.dup(1), "w", encoding="utf-8")
# Whatever an engine prints is no row.
os.dup2(2, 1)


def start() -> tuple[Path, Path, str]:
    """The export's folder, which the paths in its rows are relative to, becomes the current one."""
    os.environ.update(HF_HUB_OFFLINE="1", CUDA_VISIBLE_DEVICES="", TOKENIZERS_PARALLELISM="false", OMP_NUM_THREADS="1")
    export, checkpoint, family = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve(), sys.argv[3]
    os.chdir(export)
    return export, checkpoint, family


def show(ids: list[int], labels: list[int]) -> None:
    """`labels` is -100 where nothing is learned; a learned token is its own label."""
    wrong = [place for place, (token, label) in enumerate(zip(ids, labels, strict=True)) if label not in (IGNORED, token)]
    if wrong:
        raise SystemExit(f"The label of token {wrong[0]} is another token")
    learned = [int(label != IGNORED) for label in labels]
    _out.write(json.dumps({"ids": list(ids), "learned": learned}) + "\n")
    _out.flush()
