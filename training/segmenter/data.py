"""COCO-style photographs -> random squares with a target mask and simulated prompts.

Coordinates: pixels, x right, y down, pixel centres at +0.5 (index i covers [i, i+1)).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from model import BOX_MARGIN

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]

MEAN_RGB = (123.675, 116.28, 103.53)
MAX_CLICKS = 8
MIN_SIDE = 40.0
"""Smallest square that is cut out of a picture, px."""


@dataclass
class Instance:
    """One annotated object: mask `mask` (0/255, [h,w]) whose top-left pixel is (`x0`, `y0`) of its picture."""

    image: int
    annotation_id: int
    mask: U8
    x0: int
    y0: int
    points: F32  # [K,2] points whose bounds are the object's box
    area: float

    @property
    def box(self) -> F32:
        """x0 y0 x1 y1, px."""
        return np.concatenate([self.points.min(0), self.points.max(0)]).astype(np.float32)

    def full_mask(self, height: int, width: int) -> NDArray[np.bool_]:
        """The mask in its picture's frame, [height,width]."""
        out = np.zeros((height, width), bool)
        h, w = self.mask.shape
        out[self.y0 : self.y0 + h, self.x0 : self.x0 + w] = self.mask > 0
        return out


@dataclass
class Library:
    """Pictures as pyramids of uint8 RGB (full, half, quarter size) and their instances."""

    pyramids: list[list[U8]] = field(default_factory=list)
    image_ids: list[int] = field(default_factory=list)
    complete: list[bool] = field(default_factory=list)
    instances: list[Instance] = field(default_factory=list)


def pyramid(image: U8) -> list[U8]:
    """[H,W,3] -> the picture at full, half and quarter size (area averaged)."""
    out = [image]
    for _ in range(2):
        h, w = out[-1].shape[:2]
        out.append(cv2.resize(out[-1], (max(w // 2, 1), max(h // 2, 1)), interpolation=cv2.INTER_AREA))
    return out


def rasterise(segmentation: list | dict, height: int, width: int) -> U8:
    """COCO polygons or RLE -> 0/255 [height,width] by COCO's own rasteriser."""
    if isinstance(segmentation, list):
        rle = coco_mask.merge(coco_mask.frPyObjects(segmentation, height, width))
    elif isinstance(segmentation["counts"], list):
        rle = coco_mask.frPyObjects(segmentation, height, width)
    else:
        rle = segmentation
    return coco_mask.decode(rle) * np.uint8(255)


def load_library(folder: Path, min_area: float = 1.0) -> Library:
    """Read `instances.json` and `images/` of a COCO folder; crowd annotations are left out."""
    spec = json.loads((folder / "instances.json").read_text())
    lib = Library()
    index: dict[int, int] = {}
    for info in sorted(spec["images"], key=lambda i: i["id"]):
        bgr = cv2.imread(str(folder / "images" / info["file_name"]), cv2.IMREAD_COLOR)
        if bgr is None:
            raise FileNotFoundError(folder / "images" / info["file_name"])
        index[info["id"]] = len(lib.pyramids)
        lib.pyramids.append(pyramid(np.ascontiguousarray(bgr[:, :, ::-1])))
        lib.image_ids.append(info["id"])
        lib.complete.append(bool(info.get("complete", True)))
    for ann in spec["annotations"]:
        if ann["iscrowd"]:
            continue
        image = index[ann["image_id"]]
        height, width = lib.pyramids[image][0].shape[:2]
        full = rasterise(ann["segmentation"], height, width)
        ys, xs = np.nonzero(full)
        if len(xs) < max(min_area, 1):
            continue
        x0, x1, y0, y1 = xs.min(), xs.max() + 1, ys.min(), ys.max() + 1
        points = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float32)
        if isinstance(ann["segmentation"], list):
            points = np.concatenate([np.asarray(s, np.float32).reshape(-1, 2) for s in ann["segmentation"]])
        lib.instances.append(
            Instance(image, ann["id"], full[y0:y1, x0:x1].copy(), int(x0), int(y0), points, float(len(xs)))
        )
    return lib


def split(lib: Library, every: int = 10) -> tuple[list[int], list[int]]:
    """Instance indices for training and validation: every tenth picture of each kind is held back."""
    held: set[int] = set()
    for kind in (True, False):
        images = [i for i, c in enumerate(lib.complete) if c == kind]
        held.update(images[::every])
    train = [i for i, inst in enumerate(lib.instances) if inst.image not in held]
    val = [i for i, inst in enumerate(lib.instances) if inst.image in held]
    return train, val


def square_of_box(box: F32, margin: float = BOX_MARGIN) -> tuple[F32, float]:
    """Box x0 y0 x1 y1 -> (centre [2], side) of the square that is cut out for it."""
    side = max(float(max(box[2] - box[0], box[3] - box[1])) * margin, MIN_SIDE)
    return np.array([(box[0] + box[2]) / 2, (box[1] + box[3]) / 2], np.float32), side


def _affine(linear: F32, source: F32, target: F32) -> F32:
    """2x3 matrix for cv2 that maps point `source` to `target` with linear part `linear` (pixel centres +0.5)."""
    shift = target - linear @ source
    half = np.array([0.5, 0.5], np.float32)
    return np.concatenate([linear, (shift + linear @ half - half)[:, None]], 1).astype(np.float32)


def warp_image(levels: list[U8], linear: F32, source: F32, target: F32, size: int) -> U8:
    """Cut a `size` x `size` square: picture point `source` lands on `target`; `linear` is crop px per picture px."""
    scale = float(np.sqrt(abs(np.linalg.det(linear))))
    level = int(np.clip(round(np.log2(max(1.0 / scale, 1e-6))), 0, len(levels) - 1))
    factor = 2.0**level
    matrix = _affine(linear * factor, source / factor, target)
    return cv2.warpAffine(
        levels[level], matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=MEAN_RGB
    )


def warp_mask(inst: Instance, linear: F32, source: F32, target: F32, size: int) -> F32:
    """The instance's mask in the same square, [size,size] in 0..1 (area averaged when shrunk)."""
    mask, origin = inst.mask, np.array([inst.x0, inst.y0], np.float32)
    scale = float(np.sqrt(abs(np.linalg.det(linear))))
    factor = 1.0
    while scale * factor < 0.7 and min(mask.shape) > 8:
        h, w = mask.shape
        mask = cv2.copyMakeBorder(mask, 0, h % 2, 0, w % 2, cv2.BORDER_CONSTANT, value=0)
        mask = cv2.resize(mask, (mask.shape[1] // 2, mask.shape[0] // 2), interpolation=cv2.INTER_AREA)
        factor *= 2
    matrix = _affine(linear * factor, (source - origin) / factor, target)
    out = cv2.warpAffine(mask, matrix, (size, size), flags=cv2.INTER_LINEAR)
    return out.astype(np.float32) / 255.0


def valid_map(height: int, width: int, linear: F32, source: F32, target: F32, size: int) -> F32:
    """1 where the square lies on the picture, [size,size]."""
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    quad = (corners - source) @ linear.T + target - 0.5
    out = np.zeros((size, size), np.float32)
    cv2.fillConvexPoly(out, np.clip(np.round(quad * 16), -(2**28), 2**28).astype(np.int32), 1.0, shift=4)
    return out


@dataclass
class Sample:
    """One training square. `image` [s,s,3] uint8, `target`/`prior`/`valid` [s,s]; box and clicks in crop px."""

    image: U8
    target: F32
    valid: F32
    box: F32
    has_box: float
    clicks: F32  # [MAX_CLICKS,2]
    labels: F32  # [MAX_CLICKS]
    prior: F32  # -1..1, 0 = none


def mask_bounds(mask: F32) -> F32 | None:
    """Bounds x0 y0 x1 y1 of mask > 0.5, or None."""
    cols = np.flatnonzero((mask > 0.5).any(0))
    rows = np.flatnonzero((mask > 0.5).any(1))
    if len(cols) == 0:
        return None
    return np.array([cols[0], rows[0], cols[-1] + 1, rows[-1] + 1], np.float32)


def click_in(region: NDArray[np.bool_], rng: np.random.Generator, exact: float = 0.5) -> tuple[float, float] | None:
    """A click (x, y) in the region: its deepest point with probability `exact`, else a random deep enough one."""
    padded = np.pad(region.astype(np.uint8), 1)
    depth = cv2.distanceTransform(padded, cv2.DIST_L2, 3)[1:-1, 1:-1]
    top = depth.max()
    if top <= 0:
        return None
    if rng.random() < exact:
        y, x = np.unravel_index(int(depth.argmax()), depth.shape)
    else:
        ys, xs = np.nonzero(depth >= top * rng.uniform(0.15, 0.7))
        k = int(rng.integers(len(xs)))
        y, x = ys[k], xs[k]
    return float(x) + 0.5, float(y) + 0.5


def deepest_click(region: NDArray[np.bool_]) -> tuple[float, float] | None:
    """The maximum of the region's distance transform (x, y), or None for an empty region."""
    return click_in(region, np.random.default_rng(0), exact=1.0)


def _linear(rng: np.random.Generator, rotate: float) -> F32:
    """Random flip, stretch and (with probability 0.35) rotation of up to `rotate` degrees."""
    angle = np.deg2rad(rng.uniform(-rotate, rotate)) if rng.random() < 0.35 else 0.0
    stretch = np.exp(rng.uniform(-0.18, 0.18) / 2)
    flip = -1.0 if rng.random() < 0.5 else 1.0
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return (rotation @ np.diag([flip * stretch, 1 / stretch])).astype(np.float32)


def recolour(image: U8, rng: np.random.Generator, strength: float = 1.0) -> U8:
    """Random gain, contrast, gamma, saturation; now and then grey, blur, noise."""
    if rng.random() < 0.8:
        gain = rng.normal(0, 0.05 * strength, 3) + rng.normal(1, 0.12 * strength)
        contrast = np.exp(rng.normal(0, 0.18 * strength))
        level = np.arange(256)[:, None] / 255.0 * gain[None]
        level = np.clip((level - 0.45) * contrast + 0.45, 0, 1) ** np.exp(rng.normal(0, 0.15 * strength))
        image = cv2.LUT(image, (level * 255).astype(np.uint8)[None])
        saturation = max(0.0, rng.normal(1, 0.25 * strength))
        image = cv2.transform(image, np.eye(3) * saturation + (1 - saturation) / 3)
    if rng.random() < 0.04:
        image = cv2.transform(image, np.full((3, 3), 1 / 3))
    if rng.random() < 0.08:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.5, 1.5))
    if rng.random() < 0.08:
        noise = np.empty(image.shape, np.int16)
        cv2.randn(noise, 0, rng.uniform(2.5, 12))
        image = np.clip(image + noise, 0, 255).astype(np.uint8)
    return image


def _blob(size: int, centre: F32, radius: float, rng: np.random.Generator) -> F32:
    """A procedural smooth or angular shape, [size,size] in 0..1."""
    n = int(rng.integers(3, 14))
    angles = np.sort(rng.uniform(0, 2 * np.pi, n))
    radii = radius * rng.uniform(0.45, 1.0, n)
    if rng.random() < 0.6:  # smooth outline
        t = np.linspace(0, 2 * np.pi, 72, endpoint=False)
        wave = sum(rng.normal(0, 0.25 / k) * np.cos(k * t + rng.uniform(0, 6.28)) for k in range(1, 6))
        angles, radii = t, radius * np.clip(0.75 + wave, 0.2, 1.2)
    stretch = np.array([1.0, rng.uniform(0.35, 1.0)])
    pts = np.stack([np.cos(angles) * radii, np.sin(angles) * radii], 1) * stretch
    turn = rng.uniform(0, np.pi)
    pts = pts @ np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) + centre
    out = np.zeros((size, size), np.uint8)
    cv2.fillPoly(out, [np.round(pts * 16).astype(np.int32)], 255, lineType=cv2.LINE_AA, shift=4)
    return out.astype(np.float32) / 255.0


def degrade(mask: F32, rng: np.random.Generator) -> F32:
    """A plausible wrong earlier answer for the mask, [s,s] in -1..1."""
    size = mask.shape[0]
    out = (mask > 0.5).astype(np.uint8)
    k = int(rng.integers(1, max(2, size // 14)))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * k + 1, 2 * k + 1))
    kind = rng.random()
    if kind < 0.3:
        out = cv2.dilate(out, kernel)
    elif kind < 0.6:
        out = cv2.erode(out, kernel)
    bounds = mask_bounds(mask)
    extent = float(max(bounds[2] - bounds[0], bounds[3] - bounds[1])) if bounds is not None else size / 3
    for _ in range(int(rng.integers(0, 4))):
        where = rng.uniform(0, size, 2)
        if bounds is not None and rng.random() < 0.8:
            where = bounds[:2] + (bounds[2:] - bounds[:2]) * rng.uniform(-0.2, 1.2, 2)
        blob = _blob(size, where.astype(np.float32), extent * rng.uniform(0.1, 0.45), rng) > 0.5
        out[blob] = 1 if rng.random() < 0.5 else 0
    low = max(8, int(size / rng.uniform(2, 10)))
    soft = cv2.resize(cv2.resize(out.astype(np.float32), (low, low), interpolation=cv2.INTER_AREA), (size, size))
    if rng.random() < 0.5:
        soft = 1 / (1 + np.exp(-(soft - 0.5) * rng.uniform(4, 14)))
    return (soft * 2 - 1).astype(np.float32)


class Sampler:
    """Draws random training squares from a library."""

    def __init__(self, lib: Library, indices: list[int]) -> None:
        self.lib = lib
        self.pool = [lib.instances[i] for i in indices if lib.instances[i].area >= 80]
        self.images = sorted({inst.image for inst in self.pool})
        weight = np.array([np.clip(np.sqrt(i.area) / 90, 0.2, 1.0) for i in self.pool])
        self.weight = weight / weight.sum()
        self.pasteable = [i for i in self.pool if i.area >= 1200]

    def _pick(self, rng: np.random.Generator) -> Instance:
        return self.pool[int(rng.choice(len(self.pool), p=self.weight))]

    def _layer(
        self, size: int, centre: F32, extent: float, rng: np.random.Generator, procedural: bool
    ) -> tuple[U8, F32]:
        """Something to paste: (picture [s,s,3], alpha [s,s]) about `extent` px long around `centre`."""
        if procedural:
            image = self.images[int(rng.integers(len(self.images)))]
            levels = self.lib.pyramids[image]
            h, w = levels[0].shape[:2]
            linear = _linear(rng, 180) * np.float32(np.exp(rng.uniform(-0.7, 1.2)))
            at = np.array([rng.uniform(0.2, 0.8) * w, rng.uniform(0.2, 0.8) * h], np.float32)
            texture = warp_image(levels, linear, at, centre, size)
            if rng.random() < 0.35:
                shade = np.linspace(0, 1, size, dtype=np.float32)[None, :, None]
                two = rng.uniform(20, 235, (2, 1, 1, 3)).astype(np.float32)
                flat = np.broadcast_to(two[0] * shade + two[1] * (1 - shade), texture.shape)
                texture = (texture * 0.25 + flat * 0.75).astype(np.uint8)
            return recolour(texture, rng, 1.5), _blob(size, centre, extent / 2, rng)
        inst = self.pasteable[int(rng.integers(len(self.pasteable)))]
        box = inst.box
        linear = _linear(rng, 30) * np.float32(extent / max(box[2] - box[0], box[3] - box[1]))
        middle = (box[:2] + box[2:]) / 2
        image = warp_image(self.lib.pyramids[inst.image], linear, middle, centre, size)
        return recolour(image, rng), cv2.GaussianBlur(
            warp_mask(inst, linear, middle, centre, size), (0, 0), rng.uniform(0.4, 1.1)
        )

    def sample(self, rng: np.random.Generator, size: int) -> Sample:
        """One random square of `size` px with its first prompt."""
        with_box = rng.random() < 0.55
        inst = self._pick(rng)
        linear0 = _linear(rng, 20)
        moved = (inst.points - inst.points.mean(0)) @ linear0.T
        low, high = moved.min(0), moved.max(0)
        jitter = np.zeros(4, np.float32)
        if rng.random() > 0.35:
            spread = 0.04 if rng.random() < 0.75 else 0.1
            jitter = np.clip(rng.normal(0, spread, 4), -0.2, 0.2).astype(np.float32)
        extent = np.tile(high - low, 2)
        box0 = np.concatenate([low, high]) + jitter * extent
        if with_box:
            middle, side = square_of_box(box0, BOX_MARGIN * np.exp(rng.normal(0, 0.06)))
            middle = middle + rng.normal(0, 0.015, 2) * side
        else:
            middle, side = square_of_box(np.concatenate([low, high]), np.exp(rng.uniform(np.log(1.1), np.log(3.2))))
            slack = max(side - float((high - low).max()), 0.12 * side) / 2
            middle = middle + rng.uniform(-1, 1, 2) * slack
        zoom = np.float32(size / side)
        linear = (linear0 * zoom).astype(np.float32)
        source = inst.points.mean(0).astype(np.float32)
        target_at = (size / 2 - middle * zoom).astype(np.float32)
        levels = self.lib.pyramids[inst.image]
        height, width = levels[0].shape[:2]
        image = warp_image(levels, linear, source, target_at, size)
        target = warp_mask(inst, linear, source, target_at, size)
        valid = valid_map(height, width, linear, source, target_at, size)
        box = ((np.concatenate([low, high]) - np.tile(middle, 2)) * zoom + size / 2).astype(np.float32)

        kind = rng.random()
        length = float((high - low).max() * zoom)
        if kind < 0.22:  # something else in front of or behind the target
            turn = rng.uniform(0, 2 * np.pi)
            centre = (box[:2] + box[2:]) / 2 + length * rng.uniform(0.3, 0.8) * np.array([np.cos(turn), np.sin(turn)])
            layer, alpha = self._layer(
                size, centre.astype(np.float32), length * rng.uniform(0.3, 1.2), rng, rng.random() < 0.25
            )
            if rng.random() < 0.4:
                alpha = alpha * (1 - target)
            left = target * (1 - alpha)
            if left.sum() > 0.5 * target.sum():
                image = (image * (1 - alpha[..., None]) + layer * alpha[..., None]).astype(np.uint8)
                bounds = mask_bounds(left)
                if bounds is not None and (left < target - 0.5).any():
                    box = bounds
                target = left
        elif kind < 0.45:  # the target itself is pasted
            centre = ((box[:2] + box[2:]) / 2).astype(np.float32)
            layer, alpha = self._layer(size, centre, length, rng, rng.random() < 0.25)
            bounds = mask_bounds(alpha)
            if bounds is not None and (alpha > 0.5).sum() > 30:
                image = (image * (1 - alpha[..., None]) + layer * alpha[..., None]).astype(np.uint8)
                target, box, valid = alpha, bounds, np.maximum(valid, (alpha > 0.5).astype(np.float32))
        image = recolour(image, rng)

        clicks = np.zeros((MAX_CLICKS, 2), np.float32)
        labels = np.full(MAX_CLICKS, -1, np.float32)
        prior = np.zeros((size, size), np.float32)
        given = box + jitter * np.tile(box[2:] - box[:2], 2)
        if not with_box or rng.random() < 0.1:
            click = click_in(target > 0.5, rng)
            if click is not None:
                clicks[0], labels[0] = click, 1
            elif not with_box:
                with_box = True
        if not with_box and rng.random() < 0.6:
            prior = degrade(target, rng)
        return Sample(image, target.astype(np.float32), valid, given.astype(np.float32), float(with_box), clicks, labels, prior)
