"""Measures an exported encoder/decoder pair with onnxruntime, the way the product calls it.

For every object: a box and up to three error-region clicks after it; one interior point (maximum of the distance
transform) and up to two error-region clicks after it. gIoU is the mean of the IoUs, cIoU is the sum of intersections
over the sum of unions. Any pair with SAM 1's decoder signature can be measured.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from data import F32, U8, deepest_click, load_library, split

MEAN = np.array([123.675, 116.28, 103.53], np.float32)
STD = np.array([58.395, 57.12, 57.375], np.float32)
TURNS = {"box": 4, "point": 3}


@dataclass
class Target:
    """One object: its picture [H,W,3], box x0 y0 x1 y1 (px) and mask [H,W]."""

    key: str
    image: U8
    box: F32
    mask: NDArray[np.bool_]


def targets(folder: Path, annotation_ids: set[int] | None = None, held_back: bool = False) -> Iterator[Target]:
    """Objects of a COCO folder (no crowds): all, those named, or those of the validation split."""
    lib = load_library(folder)
    chosen = range(len(lib.instances))
    if held_back:
        chosen = split(lib)[1]
    boxes = {a["id"]: a["bbox"] for a in json.loads((folder / "instances.json").read_text())["annotations"]}
    for k in sorted(chosen, key=lambda i: lib.instances[i].image):
        inst = lib.instances[k]
        if annotation_ids is not None and inst.annotation_id not in annotation_ids:
            continue
        image = lib.pyramids[inst.image][0]
        x, y, w, h = boxes[inst.annotation_id]
        yield Target(
            f"{lib.image_ids[inst.image]}/{inst.annotation_id}", image,
            np.array([x, y, x + w, y + h], np.float32), inst.full_mask(*image.shape[:2]),
        )  # fmt: skip


class Segmenter:
    """SAM 1's calling convention over two ONNX files."""

    def __init__(self, encoder: Path, decoder: Path, threads: int = 2) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        self.encoder = ort.InferenceSession(str(encoder), options, providers=["CPUExecutionProvider"])
        self.decoder = ort.InferenceSession(str(decoder), options, providers=["CPUExecutionProvider"])
        self.size = int(self.encoder.get_inputs()[0].shape[2])
        self.encode_ms: list[float] = []
        self.decode_ms: list[float] = []

    def preprocess(self, image: U8) -> F32:
        """[H,W,3] RGB -> [1,3,S,S]: longest side to S, normalised, zeros right and below."""
        height, width = image.shape[:2]
        scale = self.size / max(height, width)
        new = max(1, round(width * scale)), max(1, round(height * scale))
        small = cv2.resize(image, new, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        out = np.zeros((1, 3, self.size, self.size), np.float32)
        out[0, :, : new[1], : new[0]] = ((small.astype(np.float32) - MEAN) / STD).transpose(2, 0, 1)
        return out

    def encode(self, image: U8) -> F32:
        """Embeddings of a picture."""
        x = self.preprocess(image)
        start = time.perf_counter()
        out = self.encoder.run(None, {"input_image": x})[0]
        self.encode_ms.append((time.perf_counter() - start) * 1000)
        return out

    def decode(
        self, embeddings: F32, size: tuple[int, int], points: list[tuple[float, float]], labels: list[int], low: F32 | None
    ) -> tuple[F32, float, F32]:
        """Prompts in picture px -> (logits [H,W], predicted IoU, low-res mask [1,1,256,256])."""
        scale = self.size / max(size)
        points, labels = list(points), list(labels)
        if 2 not in labels:
            points.append((0.0, 0.0))
            labels.append(-1)
        feed = {
            "image_embeddings": embeddings,
            "point_coords": np.array([points], np.float32) * np.float32(scale),
            "point_labels": np.array([labels], np.float32),
            "mask_input": np.zeros((1, 1, 256, 256), np.float32) if low is None else low,
            "has_mask_input": np.array([0.0 if low is None else 1.0], np.float32),
            "orig_im_size": np.array(size, np.float32),
        }
        start = time.perf_counter()
        masks, iou, lows = self.decoder.run(None, feed)
        self.decode_ms.append((time.perf_counter() - start) * 1000)
        best = 0 if 2 in labels else int(iou[0].argmax())
        return masks[0, best], float(iou[0, best]), lows[:, best : best + 1]


def error_click(wanted: NDArray[np.bool_], answer: NDArray[np.bool_]) -> tuple[tuple[float, float], int] | None:
    """The deepest point of the larger error (by depth): ((x, y), label), None when there is no error."""
    best: tuple[float, tuple[float, float], int] | None = None
    for label, region in ((1, wanted & ~answer), (0, answer & ~wanted)):
        click = deepest_click(region)
        if click is None:
            continue
        depth = float(cv2.distanceTransform(np.pad(region.astype(np.uint8), 1), cv2.DIST_L2, 3).max())
        if best is None or depth > best[0]:
            best = (depth, click, label)
    return None if best is None else (best[1], best[2])


def run_target(segmenter: Segmenter, embeddings: F32, target: Target, kind: str) -> list[tuple[int, int, float]]:
    """(intersection, union, predicted IoU) after every turn."""
    x0, y0, x1, y1 = (float(v) for v in target.box)
    if kind == "box":
        points, labels = [(x0, y0), (x1, y1)], [2, 3]
    else:
        first = deepest_click(target.mask)
        assert first is not None
        points, labels = [first], [1]
    low: F32 | None = None
    out: list[tuple[int, int, float]] = []
    for _ in range(TURNS[kind]):
        logits, predicted, low = segmenter.decode(embeddings, target.mask.shape, points, labels, low)
        answer = logits > 0
        out.append((int((answer & target.mask).sum()), int((answer | target.mask).sum()), predicted))
        click = error_click(target.mask, answer)
        if click is not None:
            points, labels = [*points, click[0]], [*labels, click[1]]
    return out


def measure(segmenter: Segmenter, items: Iterator[Target]) -> dict[str, object]:
    """gIoU and cIoU by prompt and turn, with 95 % bootstrap intervals, and times."""
    records: dict[str, list[list[tuple[int, int, float]]]] = {"box": [], "point": []}
    current: U8 | None = None
    embeddings = np.zeros(0, np.float32)
    for target in items:
        if target.image is not current:
            current = target.image
            embeddings = segmenter.encode(target.image)
        for kind, found in records.items():
            found.append(run_target(segmenter, embeddings, target, kind))
    rng = np.random.default_rng(0)
    result: dict[str, object] = {"n": len(records["box"])}
    for kind, found in records.items():
        table = np.array(found, np.float64)  # [n,turns,3]
        for turn in range(TURNS[kind]):
            inter, union, predicted = table[:, turn].T
            iou = inter / np.maximum(union, 1)
            means = iou[rng.integers(len(iou), size=(2000, len(iou)))].mean(1)
            result[kind if turn == 0 else f"{kind}+{turn}"] = {
                "gIoU": round(float(iou.mean()), 4),
                "ci95": [round(float(v), 3) for v in np.quantile(means, [0.025, 0.975])],
                "cIoU": round(float(inter.sum() / union.sum()), 4),
                "predicted_iou_mae": round(float(np.abs(predicted - iou).mean()), 3),
            }
    result["encode_ms_median"] = round(float(np.median(segmenter.encode_ms)), 1)
    result["decode_ms_median"] = round(float(np.median(segmenter.decode_ms)), 1)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--encoder", type=Path, required=True)
    parser.add_argument("--decoder", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True, help="a COCO folder: instances.json and images/")
    parser.add_argument("--refs", type=Path, help="RefCOCO-style refs file: measure its annotations only")
    parser.add_argument("--held-back", action="store_true", help="only the validation split of the training pictures")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path, help="write the result here as well")
    args = parser.parse_args()
    ids = {r["ann_id"] for r in json.loads(args.refs.read_text())} if args.refs else None
    result = measure(Segmenter(args.encoder, args.decoder, args.threads), targets(args.data, ids, args.held_back))
    for name, value in result.items():
        print(name, value)
    if args.json:
        args.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
