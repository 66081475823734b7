"""Scenes of ReasonScenes as the project's own renderer makes them (`npm run scenes`), kept on disk for many passes."""

from __future__ import annotations

import json
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
    """One picture. Boxes are in its pixels, half-open, of what is visible; null where nothing is."""

    seed: int
    side: int
    is_zoomed: bool
    objects: list[dict]
    queries: list[dict]
    rgb: np.ndarray  # uint8 [side, side, 3]


def scene_of(text: bytes, rgb: np.ndarray) -> Scene:
    line = json.loads(text)
    return Scene(line["seed"], line["side"], line["isZoomed"], line["objects"], line["queries"], rgb)


def _read(pipe: IO[bytes], count: int) -> bytes:
    data = pipe.read(count)
    if len(data) < count:
        raise EOFError
    return data


@dataclass(frozen=True)
class Views:
    """Which pictures: side in px; the share of scenes that are shown zoomed, or dense scenes."""

    split: str
    side: int
    zoom: float = 0.0
    is_dense: bool = False


def stream(views: Views, start: int, count: int) -> Iterator[tuple[bytes, np.ndarray]]:
    """Text (JSON) and pixels of the scenes `start` to `start + count`."""
    side = views.side
    command = ["node", "scripts/scenes.mjs", "--stream", "--split", views.split, "--side", str(side)]
    command += ["--zoom", str(views.zoom), "--from", str(start), "--count", str(count), *["--dense"] * views.is_dense]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            for _ in range(count):
                (length,) = struct.unpack("<I", _read(process.stdout, 4))
                text = _read(process.stdout, length)
                rgb = np.frombuffer(_read(process.stdout, side * side * 3), np.uint8).reshape(side, side, 3)
                _read(process.stdout, side * side)
                yield text, rgb
        finally:
            process.kill()


def _drop_torn_line(path: Path) -> None:
    """What a killed process wrote of its last line."""
    if path.exists():
        data = path.read_bytes()
        with path.open("r+b") as file:
            file.truncate(data.rfind(b"\n") + 1)


class Store:
    """`count` pictures in a folder. They are drawn in the background, once; those that are there can be used.
    Where another process draws them (`draws` is false), `refresh` looks for new ones."""

    def __init__(self, folder: Path, views: Views, count: int, draws: bool = True) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        side = views.side
        name = f"{views.split}-{side}-{'dense' if views.is_dense else views.zoom}"
        self.side, self.count = side, count
        self._lines = folder / f"{name}.jsonl"
        if draws:
            _drop_torn_line(self._lines)
        self._read = 0
        self._texts: list[bytes] = []
        self._take()
        pixels = folder / f"{name}.rgb"
        if not pixels.exists() or pixels.stat().st_size < count * side * side * 3:
            with pixels.open("ab") as file:
                file.truncate(count * side * side * 3)
        self._pixels = np.memmap(pixels, np.uint8, "r+", shape=(count, side, side, 3))
        self._there = threading.Condition()
        self._draws = draws
        if draws:
            threading.Thread(target=self._draw, args=(views,), daemon=True).start()

    def _draw(self, views: Views) -> None:
        start = len(self._texts)
        if start >= self.count:
            return
        with self._lines.open("ab", buffering=0) as lines:
            for text, rgb in stream(views, start, self.count - start):
                self._pixels[len(self._texts)] = rgb
                lines.write(text + b"\n")
                with self._there:
                    self._texts.append(text)
                    self._there.notify_all()

    def wait_for(self, count: int) -> None:
        with self._there:
            self._there.wait_for(lambda: len(self._texts) >= count)

    def refresh(self) -> None:
        """Takes up what the drawing process has written since. A line that is not whole yet waits for the next time."""
        if self._draws or len(self._texts) >= self.count:
            return
        self._take()

    def _take(self) -> None:
        """Whole lines behind those that were taken before."""
        if not self._lines.exists():
            return
        with self._lines.open("rb") as lines:
            lines.seek(self._read)
            *texts, rest = lines.read().split(b"\n")
            self._read = lines.tell() - len(rest)
        self._texts += texts[: self.count - len(self._texts)]

    def __len__(self) -> int:
        """Scenes that are there by now."""
        return len(self._texts)

    def __getitem__(self, index: int) -> Scene:
        return scene_of(self._texts[index], np.array(self._pixels[index]))
