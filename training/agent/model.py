"""The embedded agent's network: Qwen2.5-VL, very small, and how pictures become its patches."""

from __future__ import annotations

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

PATCH = 14
MERGE = 2
CELL = PATCH * MERGE
"""Side in pixels of what one image token stands for."""

MEAN = np.array([0.48145466, 0.4578275, 0.40821073], np.float32)
STD = np.array([0.26862954, 0.26130258, 0.27577711], np.float32)


def config(tokenizer: Tokenizer) -> Qwen2_5_VLConfig:
    """About 8.5 million parameters with tied embeddings."""
    token = tokenizer.token_to_id
    return Qwen2_5_VLConfig(
        text_config={
            "vocab_size": tokenizer.get_vocab_size(), "hidden_size": 256, "intermediate_size": 768,
            "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 8192,
            "rope_theta": 10_000.0, "rope_scaling": {"type": "mrope", "mrope_section": [8, 12, 12]},
            "tie_word_embeddings": True, "bos_token_id": token("<|endoftext|>"), "eos_token_id": token("<|im_end|>"),
        },
        vision_config={
            "depth": 6, "hidden_size": 192, "intermediate_size": 512, "num_heads": 3, "out_hidden_size": 256,
            "patch_size": PATCH, "spatial_merge_size": MERGE, "temporal_patch_size": 2, "window_size": 112,
            "fullatt_block_indexes": [2, 5], "hidden_act": "silu",
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


class DenseHead(nn.Module):
    """Says of every image token which thing is centred there: dropped after the grounding stage."""

    def __init__(self, width: int, kinds: int, colours: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, 1 + kinds + colours + 4)
        self.sizes = (1, kinds, colours, 4)

    def forward(self, tokens: Tensor) -> tuple[Tensor, ...]:
        """[N,width] -> is there a centre (logit), kind, colour, box (left, top, right, bottom from the cell's middle, in cells)."""
        return self.out(self.norm(tokens)).split(self.sizes, dim=-1)


def build(tokenizer: Tokenizer) -> Qwen2_5_VLForConditionalGeneration:
    return Qwen2_5_VLForConditionalGeneration._from_config(config(tokenizer), attn_implementation="sdpa")
