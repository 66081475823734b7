"""The shipped agent's weights come back from its files: converted and read again they are the same."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "agent")]
from checkpoint import processor_of  # noqa: E402
from from_gguf import load  # noqa: E402
from model import SIZES, build  # noqa: E402
from to_gguf import cache_folder, convert, fetch  # noqa: E402

SHIPPED = HERE.parents[1] / "resources" / "models" / "embedded-vlm.gguf"


@pytest.fixture(scope="module")
def converter() -> Path:
    return fetch(cache_folder())


def test_gives_the_weights_that_the_converter_was_given(converter: Path, tmp_path: Path) -> None:
    state, tokenizer = load(SHIPPED, "embedded", converter)
    net = build(tokenizer, SIZES["embedded"])
    net.load_state_dict(state)
    net.save_pretrained(tmp_path / "checkpoint")
    processor_of(tokenizer, tmp_path / "checkpoint").save_pretrained(tmp_path / "checkpoint")
    for name, is_mmproj in (("again", False), ("again-mmproj", True)):
        convert(converter, tmp_path / "checkpoint", tmp_path / f"{name}.gguf", "f16", mmproj=is_mmproj)
    again, vocabulary = load(tmp_path / "again.gguf", "embedded", converter)
    assert state.keys() == again.keys()
    assert all(torch.equal(state[name], again[name]) for name in state)
    text = "the small red cup: 12 34 56 78<|im_end|>\n<tool_call>"
    assert vocabulary.encode(text).ids == tokenizer.encode(text).ids
    assert vocabulary.decode(tokenizer.encode(text).ids, skip_special_tokens=False) == text


def test_refuses_a_quantised_file(converter: Path, tmp_path: Path) -> None:
    state, tokenizer = load(SHIPPED, "embedded", converter)
    net = build(tokenizer, SIZES["embedded"])
    net.load_state_dict(state)
    net.save_pretrained(tmp_path / "checkpoint")
    processor_of(tokenizer, tmp_path / "checkpoint").save_pretrained(tmp_path / "checkpoint")
    convert(converter, tmp_path / "checkpoint", tmp_path / "small.gguf", "q8_0", mmproj=False)
    with pytest.raises(ValueError, match="Q8_0"):
        load(tmp_path / "small.gguf", "embedded", converter)


def test_refuses_a_network_of_another_size(converter: Path) -> None:
    with pytest.raises(ValueError, match="size nano"):
        load(SHIPPED, "nano", converter)
