"""Everything in one command: train the mask network, train the finder, export, measure.

    python pipeline.py --data DATA --out OUT

Both trainings resume from OUT, so that the command can be repeated after an interruption.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def run(script: str, *arguments: object) -> None:
    """Run one of this folder's scripts and stop if it fails."""
    command = [sys.executable, str(HERE / script), *map(str, arguments)]
    print("+", script, *arguments, flush=True)
    subprocess.run(command, check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with photos/coco_train, photos/coco20, models/")
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoints, logs and the exported files")
    parser.add_argument("--budget", type=float, default=5070, help="seconds for the mask network")
    parser.add_argument("--finder-budget", type=float, default=3150, help="seconds for the finder")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    common = ["--data", args.data, "--out", args.out, "--threads", args.threads]
    run("train.py", *common, "--budget", args.budget)
    run("train_finder.py", *common, "--budget", args.finder_budget)
    run("export.py", "--crop", args.out / "crop.pt", "--finder", args.out / "finder.pt", "--out", args.out, "--half")
    pair = ["--encoder", args.out / "embedded-seg-encoder.onnx", "--decoder", args.out / "embedded-seg-decoder.onnx"]
    train, test = args.data / "photos" / "coco_train", args.data / "photos" / "coco20"
    run("evaluate.py", *pair, "--data", train, "--held-back", "--json", args.out / "held-back.json")
    run("evaluate.py", *pair, "--data", test, "--refs", test / "refs_authored.json", "--json", args.out / "refs.json")
    run("evaluate.py", *pair, "--data", test, "--json", args.out / "all.json")


if __name__ == "__main__":
    main()
