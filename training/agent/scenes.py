"""Scenes of ReasonScenes as the project's own renderer makes them, streamed from `npm run scenes`."""

from __future__ import annotations

import json
import queue
import struct
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
"""The repository: `scripts/scenes.mjs` runs there."""


@dataclass
class Scene:
    """One picture. Boxes are in its pixels, half-open; `ids` is 1 + index of the thing that owns a pixel, or 0."""

    seed: int
    side: int
    objects: list[dict]
    queries: list[dict]
    rgb: np.ndarray  # uint8 [side, side, 3]
    ids: np.ndarray  # uint8 [side, side]


def _read(pipe: IO[bytes], count: int) -> bytes:
    data = pipe.read(count)
    if len(data) < count:
        raise EOFError
    return data


def stream(split: str, start: int, count: int, side: int) -> Iterator[Scene]:
    """Scenes `start` to `start + count` in order."""
    command = ["node", "scripts/scenes.mjs", "--stream", "--split", split, "--side", str(side)]
    command += ["--from", str(start), "--count", str(count)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            for _ in range(count):
                (length,) = struct.unpack("<I", _read(process.stdout, 4))
                line = json.loads(_read(process.stdout, length))
                rgb = np.frombuffer(_read(process.stdout, side * side * 3), np.uint8).reshape(side, side, 3)
                ids = np.frombuffer(_read(process.stdout, side * side), np.uint8).reshape(side, side)
                yield Scene(line["seed"], side, line["objects"], line["queries"], rgb, ids)
        finally:
            process.kill()


class Prefetch(threading.Thread):
    """Draws batches of training scenes in the background, on and on from a seed."""

    def __init__(self, start: int, side: int, batch: int) -> None:
        super().__init__(daemon=True)
        self.start_seed, self.side, self.batch = start, side, batch
        self.queue: queue.Queue[list[Scene]] = queue.Queue(6)
        self.start()

    def run(self) -> None:
        batch: list[Scene] = []
        for scene in stream("train", self.start_seed, 2**31 - self.start_seed, self.side):
            batch.append(scene)
            if len(batch) == self.batch:
                self.queue.put(batch)
                batch = []

    def next(self) -> list[Scene]:
        return self.queue.get()
