"""The exported pair: SAM 1's signature, parity with torch, coordinates, file metadata. Random weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from torch import Tensor, nn

from evaluate import Segmenter
from export import EMBEDDING, INPUTS, OUTPUTS, Decoder, Encoder, Recipe, bounds, build, hat, write
from finder import GRID
from model import LOW, SIZE

Pair = tuple[Encoder, Decoder, Path, Path]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    torch.manual_seed(0)
    torch.set_num_threads(2)
    encoder, decoder = build(None, None, Recipe())
    with torch.no_grad():  # random weights answer with nearly nothing; make the answers differ
        decoder.net.mask.weight.mul_(30)
        decoder.finder.leave.weight.mul_(30)
    return encoder, decoder, *write(encoder, decoder, tmp_path_factory.mktemp("onnx"))


@pytest.fixture(scope="module")
def embeddings(pair: Pair) -> Tensor:
    image = torch.randn(1, 3, SIZE, SIZE)
    image[:, :, 480:] = 0
    with torch.no_grad():
        return pair[0](image)


def test_signature_and_metadata(pair: Pair) -> None:
    for path, role in ((pair[2], "encoder"), (pair[3], "decoder")):
        meta = {p.key: p.value for p in onnx.load(str(path)).metadata_props}
        assert meta["name"] == "maskwright-embedded-seg" and meta["input_size"] == str(SIZE) and meta["role"] == role
    encoder, decoder = (ort.InferenceSession(str(p)) for p in pair[2:])
    assert [(i.name, i.shape) for i in encoder.get_inputs()] == [("input_image", [1, 3, SIZE, SIZE])]
    assert [(o.name, o.shape) for o in encoder.get_outputs()] == [("image_embeddings", [1, EMBEDDING, GRID, GRID])]
    assert [i.name for i in decoder.get_inputs()] == INPUTS
    assert [o.name for o in decoder.get_outputs()] == OUTPUTS


@pytest.mark.parametrize(
    ("points", "labels", "has_mask", "size"),
    [
        ([[100, 100], [300, 260]], [2, 3], 0, (480, 640)),
        ([[100, 100], [300, 260], [150, 150], [90, 200]], [2, 3, 1, 0], 1, (333, 444)),
        ([[200, 200], [0, 0]], [1, -1], 0, (480, 640)),
        ([[200, 200], [330, 90], [0, 0]], [1, 0, -1], 1, (960, 1280)),
        ([[200, 200], [0, 0]], [0, -1], 0, (48, 64)),
    ],
)
def test_parity(
    pair: Pair, embeddings: Tensor, points: list[list[float]], labels: list[float], has_mask: float, size: tuple[int, int]
) -> None:
    torch.manual_seed(1)
    inputs = (
        embeddings, torch.tensor([points], dtype=torch.float32), torch.tensor([labels], dtype=torch.float32),
        torch.randn(1, 1, LOW, LOW), torch.tensor([float(has_mask)]), torch.tensor([float(s) for s in size]),
    )  # fmt: skip
    with torch.no_grad():
        expected = pair[1](*inputs)
    session = ort.InferenceSession(str(pair[3]))
    got = session.run(None, {n: t.numpy() for n, t in zip(INPUTS, inputs, strict=True)})
    assert [g.shape for g in got] == [(1, 1, *size), (1, 1), (1, 1, LOW, LOW)]
    for g, e in zip(got, expected, strict=True):
        assert np.isfinite(g).all()
        # a box found from an earlier answer may move by a cell where a logit is zero to rounding
        assert float(np.mean(np.abs(g - e.numpy()) > 1e-2)) < 1e-3
    assert 0 <= float(got[1][0, 0]) <= 1


def test_encoder_parity(pair: Pair, embeddings: Tensor) -> None:
    torch.manual_seed(2)
    image = torch.randn(1, 3, SIZE, SIZE)
    with torch.no_grad():
        expected = pair[0](image).numpy()
    got = ort.InferenceSession(str(pair[2])).run(None, {"input_image": image.numpy()})[0]
    assert np.abs(got - expected).max() < 1e-3


class _Bright(nn.Module):
    """Stands in for the mask network: what is bright is the object."""

    def forward(self, image: Tensor, maps: Tensor) -> tuple[Tensor, Tensor]:
        return torch.nn.functional.avg_pool2d(image[:, :1], 2) * 10, torch.zeros(len(image))


@pytest.mark.parametrize("size", [(480, 640), (640, 300), (200, 320), (900, 1200)])
@pytest.mark.parametrize("kind", ["box", "mask"])
def test_coordinates(size: tuple[int, int], kind: str, tmp_path: Path) -> None:
    """A bright rectangle comes back where it is, through preprocessing, cutting, pasting and both frames."""
    height, width = size
    encoder, decoder = build(None, None, Recipe())
    decoder.net = _Bright()  # type: ignore[assignment]
    image = np.full((height, width, 3), 20, np.uint8)
    x0, y0, x1, y1 = int(width * 0.3), int(height * 0.4), int(width * 0.62), int(height * 0.7)
    image[y0:y1, x0:x1] = 240
    scale = SIZE / max(size)
    probe = Segmenter.__new__(Segmenter)
    probe.size = SIZE
    with torch.no_grad():
        embeddings = encoder(torch.from_numpy(probe.preprocess(image)))
        low = torch.full((1, 1, LOW, LOW), -5.0)
        cells = [round(v * scale * LOW / SIZE) for v in (x0, y0, x1, y1)]
        low[..., cells[1] : cells[3], cells[0] : cells[2]] = 5.0
        box = torch.tensor([[[x0, y0], [x1, y1]]]) * scale
        click = torch.tensor([[[(x0 + x1) / 2, (y0 + y1) / 2], [0, 0]]]) * scale
        points, labels = (box, [2.0, 3.0]) if kind == "box" else (click, [1.0, -1.0])
        masks, _, lows = decoder(
            embeddings, points, torch.tensor([labels]), low, torch.tensor([float(kind == "mask")]), torch.tensor([float(height), float(width)])
        )  # fmt: skip
    expected = np.zeros(size, bool)
    expected[y0:y1, x0:x1] = True
    answer = masks[0, 0].numpy() > 0
    assert (answer & expected).sum() / (answer | expected).sum() > 0.97
    ys, xs = np.nonzero(lows[0, 0].numpy() > 0)
    found = np.array([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1])
    assert np.abs(found - np.array([x0, y0, x1, y1]) * scale * LOW / SIZE).max() <= 1.5


def test_bounds_and_hat() -> None:
    mask = torch.zeros(1, 1, 10, 20)
    mask[..., 3:5, 7:12] = 1
    box, found = bounds(mask, 2.0)
    assert box.tolist() == [[14, 6, 24, 10]] and found.tolist() == [1]
    assert bounds(torch.zeros(1, 1, 4, 4), 1.0)[1].tolist() == [0]
    rows = hat(torch.tensor([0.5, 1.0, 2.25]), 3)
    assert torch.allclose(rows, torch.tensor([[1.0, 0, 0], [0.5, 0.5, 0], [0, 0.25, 0.75]]))
