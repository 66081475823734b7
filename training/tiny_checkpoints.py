"""Makes very small random checkpoints of Qwen2.5-VL and Qwen3-VL, to drive training engines on a CPU.

    python tiny_checkpoints.py DIR      makes DIR/qwen2_5_vl and DIR/qwen3_vl

Special tokens have Qwen's own ids, because engines name some of them by number: the vocabulary is bytes, and names that
never occur up to the first special token. Vision and text have hidden sizes of 64, two layers of text.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from tokenizers import AddedToken
from tokenizers.pre_tokenizers import ByteLevel
from transformers import (
    GenerationConfig,
    PreTrainedModel,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5_VLProcessor,
    Qwen2Tokenizer,
    Qwen2VLImageProcessor,
    Qwen2VLVideoProcessor,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
    Qwen3VLProcessor,
    Qwen3VLVideoProcessor,
)

FIRST_SPECIAL = 151_643
SPECIAL = [
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>", "<|box_start|>",
    "<|box_end|>", "<|quad_start|>", "<|quad_end|>", "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>",
    "<|image_pad|>", "<|video_pad|>", "<tool_call>", "</tool_call>", "<|fim_prefix|>", "<|fim_middle|>",
    "<|fim_suffix|>", "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>", "<tool_response>", "</tool_response>",
    "<think>", "</think>",
]  # fmt: skip
VOCABULARY = 151_680
CHAT_TEMPLATE = """{%- for message in messages %}
{{- '<|im_start|>' + message.role + '\\n' }}
{%- if message.content is string %}{{- message.content }}
{%- else %}{%- for block in message.content %}
{%- if block.type == 'image' %}{{- '<|vision_start|><|image_pad|><|vision_end|>' }}
{%- else %}{{- block.text }}{%- endif %}{%- endfor %}{%- endif %}
{{- '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"""
TOKENS = {
    "image_token_id": 151_655, "video_token_id": 151_656, "vision_start_token_id": 151_652, "vision_end_token_id": 151_653,
}  # fmt: skip


def tokenizer() -> Qwen2Tokenizer:
    names = sorted(ByteLevel.alphabet())
    names += [f"unused-{number}" for number in range(FIRST_SPECIAL - len(names))] + SPECIAL
    made = Qwen2Tokenizer(
        vocab={name: number for number, name in enumerate(names)}, merges=[], eos_token="<|im_end|>",
        pad_token="<|endoftext|>", unk_token=None, bos_token=None, model_max_length=32_768,
    )  # fmt: skip
    made.add_tokens([AddedToken(name, special=name.startswith("<|"), normalized=False) for name in SPECIAL])
    assert [made.convert_tokens_to_ids(name) for name in SPECIAL] == [*range(FIRST_SPECIAL, FIRST_SPECIAL + len(SPECIAL))]
    return made


def _text(head: int, sections: list[int]) -> dict[str, object]:
    return {
        "vocab_size": VOCABULARY, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": head, "max_position_embeddings": 32_768,
        "rope_theta": 10_000.0, "tie_word_embeddings": True, "bos_token_id": FIRST_SPECIAL, "eos_token_id": 151_645,
        "rope_scaling": {"type": "mrope", "rope_type": "default", "mrope_section": sections, "mrope_interleaved": head == 16},
    }  # fmt: skip


def qwen2_5_vl() -> tuple[PreTrainedModel, Qwen2_5_VLProcessor]:
    vision = {
        "depth": 4, "hidden_size": 64, "intermediate_size": 128, "num_heads": 4, "out_hidden_size": 64,
        "patch_size": 14, "spatial_merge_size": 2, "temporal_patch_size": 2, "window_size": 112,
        "fullatt_block_indexes": [1, 3],
    }  # fmt: skip
    text = {key: value for key, value in _text(16, [2, 3, 3]).items() if key != "head_dim"}
    text["rope_scaling"] = {"type": "mrope", "mrope_section": [2, 3, 3]}
    config = Qwen2_5_VLConfig(text_config=text, vision_config=vision, tie_word_embeddings=True, **TOKENS)
    size = {"shortest_edge": 28 * 28, "longest_edge": 28 * 28 * 4096}
    images, videos = Qwen2VLImageProcessor(size=size), Qwen2VLVideoProcessor(size=size)
    processor = Qwen2_5_VLProcessor(images, tokenizer(), videos, chat_template=CHAT_TEMPLATE)
    return Qwen2_5_VLForConditionalGeneration(config), processor


def qwen3_vl() -> tuple[PreTrainedModel, Qwen3VLProcessor]:
    vision = {
        "depth": 2, "hidden_size": 64, "intermediate_size": 128, "num_heads": 4, "out_hidden_size": 64,
        "patch_size": 16, "spatial_merge_size": 2, "temporal_patch_size": 2, "deepstack_visual_indexes": [0],
        "num_position_embeddings": 64,
    }  # fmt: skip
    config = Qwen3VLConfig(text_config=_text(16, [4, 2, 2]), vision_config=vision, tie_word_embeddings=True, **TOKENS)
    size = {"shortest_edge": 32 * 32, "longest_edge": 32 * 32 * 4096}
    means = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3, "patch_size": 16}
    images, videos = Qwen2VLImageProcessor(size=size, **means), Qwen3VLVideoProcessor(size=size, **means)
    processor = Qwen3VLProcessor(images, tokenizer(), videos, chat_template=CHAT_TEMPLATE)
    return Qwen3VLForConditionalGeneration(config), processor


def save(folder: Path) -> None:
    for make in (qwen2_5_vl, qwen3_vl):
        torch.manual_seed(0)
        model, processor = make()
        model.generation_config = GenerationConfig(eos_token_id=151_645, pad_token_id=FIRST_SPECIAL)
        model.save_pretrained(folder / make.__name__)
        processor.save_pretrained(folder / make.__name__)


if __name__ == "__main__":
    save(Path(sys.argv[1]))
