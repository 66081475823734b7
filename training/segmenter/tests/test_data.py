"""Samples, clicks and coordinate conventions, on a synthetic library."""

from __future__ import annotations

import numpy as np
import pytest

from data import Instance, Library, Sampler, deepest_click, pyramid, split, square_of_box, warp_image, warp_mask
from train import collate


@pytest.fixture()
def library() -> Library:
    rng = np.random.default_rng(0)
    lib = Library()
    for k in range(12):
        image = rng.integers(0, 255, (120, 160, 3), dtype=np.uint8)
        lib.pyramids.append(pyramid(image))
        lib.image_ids.append(k)
        lib.complete.append(k % 2 == 0)
        points = np.array([[30, 20], [90, 20], [90, 80], [30, 80]], np.float32)
        lib.instances.append(Instance(k, k, np.full((60, 60), 255, np.uint8), 30, 20, points, 3600.0))
    return lib


def test_split_keeps_pictures_apart(library: Library) -> None:
    train, val = split(library, every=3)
    assert val and not {library.instances[i].image for i in train} & {library.instances[i].image for i in val}


def test_samples_have_prompts_and_sane_ranges(library: Library) -> None:
    sampler = Sampler(library, list(range(12)))
    rng = np.random.default_rng(1)
    samples = [sampler.sample(rng, 64) for _ in range(40)]
    for s in samples:
        assert s.image.shape == (64, 64, 3) and 0 <= s.target.min() and s.target.max() <= 1 + 1e-6
        assert s.has_box or (s.labels == 1).any()
        assert np.abs(s.prior).max() <= 1
        for (x, y), label in zip(s.clicks, s.labels, strict=True):
            if label == 1:
                assert s.target[int(y), int(x)] > 0.5
    batch = collate(samples)
    assert batch["image"].shape == (40, 3, 64, 64) and float(batch["image"].abs().max()) <= 1


def test_square_lands_where_it_should(library: Library) -> None:
    """A box with margin 1.5 fills the middle two thirds of its square."""
    inst = library.instances[0]
    middle, side = square_of_box(inst.box, 1.5)
    zoom = np.float32(90 / side)
    mask = warp_mask(inst, np.eye(2, dtype=np.float32) * zoom, middle, np.array([45, 45], np.float32), 90)
    cols = np.flatnonzero((mask > 0.5).any(0))
    assert side == 90 and (cols[0], cols[-1]) == (15, 74)


def test_identity_warp_returns_the_picture(library: Library) -> None:
    levels = library.pyramids[0]
    centre = np.array([60, 60], np.float32)
    out = warp_image(levels, np.eye(2, dtype=np.float32), centre, centre, 120)
    assert np.array_equal(out, levels[0][:, :120])


def test_deepest_click() -> None:
    region = np.zeros((40, 60), bool)
    region[10:21, 30:41] = True
    assert deepest_click(region) == (35.5, 15.5)
    assert deepest_click(np.zeros((4, 4), bool)) is None
