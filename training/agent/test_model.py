"""The fast forms of the network give what transformers' own give."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

sys.path.insert(0, str(Path(__file__).resolve().parent))
from model import SIZES, build, hasten, patches, see  # noqa: E402
from scenes import Scene  # noqa: E402
from train_grounding import Batch, run  # noqa: E402
from vocabulary import agent_texts  # noqa: E402
from vocabulary import train as train_vocabulary  # noqa: E402
from words import PREFIX, Question, asked  # noqa: E402


@pytest.fixture(scope="module")
def tokenizer():
    return train_vocabulary(agent_texts(), 600)


@pytest.fixture
def net(tokenizer):
    torch.manual_seed(0)
    return build(tokenizer, SIZES["embedded"]).eval()


def pictures(count: int, rows: int, columns: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (count, rows * 14, columns * 14, 3), np.uint8)


@torch.no_grad()
def test_sees_a_batch_as_the_tower_sees_each(net) -> None:
    pixels = patches(pictures(3, 6, 8))
    expected = net.model.visual(pixels, grid_thw=torch.tensor([[1, 6, 8]] * 3))
    expected = getattr(expected, "pooler_output", expected)
    torch.testing.assert_close(see(net.model.visual, pixels, 6, 8).flatten(0, 1), expected, atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_hastened_takes_sizes_mixed_in_their_order(net) -> None:
    pixels = torch.cat([patches(pictures(1, 6, 8)), patches(pictures(2, 4, 4)), patches(pictures(1, 6, 8) // 2)])
    grids = torch.tensor([[1, 6, 8], [1, 4, 4], [1, 4, 4], [1, 6, 8]])
    expected = net.model.get_image_features(pixels, grids).pooler_output
    hasten(net)
    found = net.model.get_image_features(pixels, grids).pooler_output
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_a_query_of_a_batch_is_answered_as_if_it_were_alone(net, tokenizer) -> None:
    """The words of the second query of a picture, against transformers' forward of a prompt with that query only."""
    side = 112
    scene = Scene(0, side, False, [], [], pictures(1, 8, 8)[0])
    answers = [("the red cup", "It is the red cup."), ("the lamp", "There is no lamp.")]
    queries = [Question(asked({"text": text}), said) for text, said in answers]
    batch = Batch(tokenizer, [scene], [queries])
    tokens = see(net.model.visual, patches(scene.rgb[None]), 8, 8)
    logits = net.lm_head(run(net, batch, tokens)[0])[0]
    count = len(tokenizer.encode(queries[1].asked + queries[1].said).ids)

    token = tokenizer.token_to_id
    ids = tokenizer.encode(PREFIX).ids + [token("<|vision_start|>"), *[token("<|image_pad|>")] * 16, token("<|vision_end|>")]
    ids = torch.tensor([ids + tokenizer.encode(queries[1].asked + queries[1].said).ids])
    alone = net(
        input_ids=ids, attention_mask=torch.ones_like(ids), mm_token_type_ids=(ids == token("<|image_pad|>")).int(),
        pixel_values=patches(scene.rgb[None]), image_grid_thw=torch.tensor([[1, 8, 8]]),
    ).logits[0]  # fmt: skip
    torch.testing.assert_close(logits[-count:], alone[-count:], atol=1e-4, rtol=1e-3)
