"""The embedded agent's network: Qwen2.5-VL, very small, and how pictures become its patches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration
from transformers.modeling_outputs import BaseModelOutputWithPooling

PATCH = 14
MERGE = 2
CELL = PATCH * MERGE
"""Side in pixels of what one image token stands for."""

MEAN = np.array([0.48145466, 0.4578275, 0.40821073], np.float32)
STD = np.array([0.26862954, 0.26130258, 0.27577711], np.float32)


@dataclass(frozen=True)
class Size:
    """Widths and depths; vision depth must be 4 at least, or llama.cpp's converter loses a projector's bias."""

    hidden: int
    intermediate: int
    layers: int
    heads: int
    key_value_heads: int
    vision_hidden: int
    vision_intermediate: int
    vision_depth: int
    vision_heads: int


SIZES = {
    "embedded": Size(192, 512, 5, 3, 1, 160, 448, 6, 5),  # 4.8 million parameters, the one that is shipped
    "tiny": Size(256, 768, 6, 4, 2, 192, 512, 6, 3),  # 8.6 million
    "nano": Size(128, 384, 4, 2, 1, 96, 256, 4, 3),  # 1.7 million, for a CPU
    "pico": Size(96, 256, 3, 3, 1, 48, 128, 4, 3),  # 0.6 million, to see all steps at work
}


NORM_EPS = 1e-12
"""Of the language model's norms; those of the vision tower are fixed at 1e-6. As good as none, which is what the app's runtime
computes with on a CPU, whatever the file says (training/README.md, traps). Values of a network this small are small too."""


def config(token: Callable[[str], int | None], vocabulary: int, size: Size = SIZES["tiny"]) -> Qwen2_5_VLConfig:
    """Tied embeddings. `token` gives the id of a token, `vocabulary` is the number of all tokens. All blocks of the vision
    tower see the whole picture: its windows are of 112 px, hardly less than a view."""
    depth, head = size.vision_depth, size.hidden // size.heads
    return Qwen2_5_VLConfig(
        text_config={
            "vocab_size": vocabulary, "hidden_size": size.hidden, "intermediate_size": size.intermediate,
            "num_hidden_layers": size.layers, "num_attention_heads": size.heads,
            "num_key_value_heads": size.key_value_heads, "max_position_embeddings": 8192,
            "rope_theta": 10_000.0, "rope_scaling": {"type": "mrope", "mrope_section": [head // 8, 3 * head // 16, 3 * head // 16]},
            "rms_norm_eps": NORM_EPS, "tie_word_embeddings": True,
            "bos_token_id": token("<|endoftext|>"), "eos_token_id": token("<|im_end|>"),
        },
        vision_config={
            "depth": depth, "hidden_size": size.vision_hidden, "intermediate_size": size.vision_intermediate,
            "num_heads": size.vision_heads, "out_hidden_size": size.hidden,
            "patch_size": PATCH, "spatial_merge_size": MERGE, "temporal_patch_size": 2, "window_size": 112,
            "fullatt_block_indexes": list(range(depth)), "hidden_act": "silu",
        },
        image_token_id=token("<|image_pad|>"), video_token_id=token("<|video_pad|>"),
        vision_start_token_id=token("<|vision_start|>"), vision_end_token_id=token("<|vision_end|>"),
        tie_word_embeddings=True,
    )  # fmt: skip


def patches(images: np.ndarray) -> Tensor:
    """uint8 [B,H,W,3] with sides in multiples of 28 -> float32 [B*H/14*W/14, 1176], in the order of Qwen2-VL's processor."""
    batch, height, width, _ = images.shape
    scaled = (images.astype(np.float32) / 255 - MEAN) / STD
    rows, columns = height // PATCH, width // PATCH
    cut = scaled.reshape(batch, rows // MERGE, MERGE, PATCH, columns // MERGE, MERGE, PATCH, 3)
    # batch, row, column, row in cell, column in cell, channel, y, x
    cut = cut.transpose(0, 1, 4, 2, 5, 7, 3, 6).reshape(batch * rows * columns, 3, 1, PATCH * PATCH)
    twice = np.repeat(cut, 2, axis=2)
    return torch.from_numpy(np.ascontiguousarray(twice.reshape(len(twice), -1)))


def see(visual: nn.Module, pixels: Tensor, rows: int, columns: int) -> Tensor:
    """What the vision tower says of a batch of pictures of one size: float32 [B*rows*columns, 1176] as `patches` gives
    them, rows and columns in patches -> [B, rows*columns/4, width]. The tower's own forward takes one picture after the
    other; this takes all at once and gives the same (test_model.py)."""
    count = rows * columns
    kernel = visual.patch_embed.proj.weight.flatten(1)
    hidden = F.linear(pixels, kernel).view(-1, count, visual.config.hidden_size)
    batch, _, width = hidden.shape
    heads = visual.config.num_heads
    cos, sin = (each.to(pixels.device) for each in _angles(visual, rows, columns))
    for block in visual.blocks:
        attention = block.attn
        query, key, value = attention.qkv(block.norm1(hidden)).view(batch, count, 3, heads, width // heads).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(_turned(query, cos, sin), _turned(key, cos, sin), value)
        hidden = hidden + attention.proj(mixed.transpose(1, 2).reshape(batch, count, width))
        hidden = hidden + block.mlp(block.norm2(hidden))
    return visual.merger(hidden.reshape(batch * count, width)).view(batch, count // MERGE**2, -1)


def hasten(net: nn.Module) -> None:
    """Lets a Qwen2.5-VL whose vision blocks all see the whole picture look at pictures of one size at once; others stay."""
    if not isinstance(net, Qwen2_5_VLForConditionalGeneration):
        return
    visual = net.model.visual
    if len(visual.fullatt_block_indexes) < visual.config.depth:
        return

    def forward(pixels: Tensor, grid_thw: Tensor, **_: object) -> BaseModelOutputWithPooling:
        grids = [(rows, columns) for _frames, rows, columns in grid_thw.tolist()]
        parts = pixels.split([rows * columns for rows, columns in grids])
        tokens: list[Tensor] = [pixels] * len(grids)
        for rows, columns in set(grids):
            members = [index for index, grid in enumerate(grids) if grid == (rows, columns)]
            seen = see(visual, torch.cat([parts[index] for index in members]), rows, columns)
            for index, one in zip(members, seen, strict=True):
                tokens[index] = one
        merged = torch.cat(tokens)
        return BaseModelOutputWithPooling(last_hidden_state=merged, pooler_output=merged)

    visual.forward = forward


def _angles(visual: nn.Module, rows: int, columns: int) -> tuple[Tensor, Tensor]:
    """Rotary angles of the patches in the order of `patches` -> cos and sin, [rows*columns, head]."""
    grid = torch.stack(torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij"))
    cells = grid.view(2, rows // MERGE, MERGE, columns // MERGE, MERGE).permute(0, 1, 3, 2, 4).reshape(2, -1)
    half = visual.config.hidden_size // visual.config.num_heads // 2
    frequency = 10_000.0 ** (-torch.arange(0, half, 2, dtype=torch.float32) / half)
    angle = (cells[..., None] * frequency).permute(1, 0, 2).flatten(1).repeat(1, 2)
    return angle.cos(), angle.sin()


def _turned(heads: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    low, high = heads.chunk(2, dim=-1)
    return heads * cos + torch.cat([-high, low], dim=-1) * sin


def build(tokenizer: Tokenizer, size: Size) -> Qwen2_5_VLForConditionalGeneration:
    settings = config(tokenizer.token_to_id, tokenizer.get_vocab_size(), size)
    return Qwen2_5_VLForConditionalGeneration._from_config(settings, attn_implementation="sdpa")
