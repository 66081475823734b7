"""Draws log.jsonl of sft.py or grpo.py as a picture.

    python curves.py LOG.jsonl OUT.png --series loss --title "…"      one or more --series
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402


def read(log: Path, name: str) -> tuple[list[int], list[float]]:
    entries = [json.loads(line) for line in log.read_text().splitlines()]
    found = [(entry["step"], float(entry[name])) for entry in entries if name in entry]
    return [step for step, _ in found], [value for _, value in found]


def smooth(values: list[float], window: int) -> list[float]:
    """Means over the last `window` values."""
    return [sum(values[max(0, i - window + 1) : i + 1]) / (i + 1 - max(0, i - window + 1)) for i in range(len(values))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("log", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--series", action="append", required=True)
    parser.add_argument("--title", default="")
    parser.add_argument("--window", type=int, default=10)
    args = parser.parse_args()
    figure, axes = plt.subplots(len(args.series), 1, figsize=(7, 2.6 * len(args.series)), sharex=True, squeeze=False)
    for axis, name in zip(axes[:, 0], args.series, strict=True):
        steps, values = read(args.log, name)
        axis.plot(steps, values, color="#9db7d5", linewidth=1, label="each step")
        axis.plot(steps, smooth(values, args.window), color="#1f4e8c", linewidth=2, label=f"mean of {args.window}")
        axis.set_ylabel(name)
        axis.grid(alpha=0.3)
    axes[0, 0].set_title(args.title)
    axes[0, 0].legend(frameon=False)
    axes[-1, 0].set_xlabel("step")
    figure.tight_layout()
    args.out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(args.out, dpi=110)


if __name__ == "__main__":
    main()
