"""The tokenizer of the embedded agent: Qwen2's rules with a small vocabulary of our own.

The splitting rule is Qwen2's (digits one by one), so that llama.cpp's `qwen2` pre-tokenizer gives the same tokens.
"""

from __future__ import annotations

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

SPECIAL = [
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>",
    "<|image_pad|>", "<|video_pad|>",
]  # fmt: skip

# Tokens of their own that stay in decoded text, as in Qwen2.5 and Qwen3.
TAGS = ["<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>", "<think>", "</think>"]

# From Qwen2's tokenizer.json.
SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def empty(model: models.BPE) -> Tokenizer:
    """Byte-level with Qwen2's splitting rule; the special tokens are still to come."""
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(SPLIT), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def complete(tokenizer: Tokenizer) -> Tokenizer:
    """Adds special tokens and tags, which come last, as in Qwen2."""
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL])
    tokenizer.add_tokens([AddedToken(token, special=False, normalized=False) for token in TAGS])
    return tokenizer


def train(texts: list[str], size: int = 1024) -> Tokenizer:
    """A byte-level BPE tokenizer of at most `size` tokens."""
    tokenizer = empty(models.BPE())
    trainer = trainers.BpeTrainer(
        vocab_size=size - len(SPECIAL) - len(TAGS), initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    return complete(tokenizer)


def agent_texts() -> list[str]:
    """The agent's turns and what the environment says of them, often enough to be of few tokens."""
    numbers = '"x1": 1, "y1": 2, "x2": 3, "y2": 4'
    turns = [
        f'<think>\nIt is the small red cup.\n</think>\n\n<tool_call>\n{{"name": "segment_box", "arguments": {{{numbers}}}}}\n</tool_call>',
        f'<think>\nThe red cup is small.\n</think>\n\n<tool_call>\n{{"name": "zoom", "arguments": {{{numbers}}}}}\n</tool_call>',
        '<tool_call>\n{"name": "add_point", "arguments": {"x": 1, "y": 2, "label": "positive"}}\n</tool_call>',
        '{"name": "add_point", "arguments": {"x": 1, "y": 2, "label": "negative"}}',
        '<tool_call>\n{"name": "zoom_out", "arguments": {}}\n</tool_call>',
        '<tool_call>\n{"name": "revert", "arguments": {"turn": 1}}\n</tool_call>',
        '<tool_call>\n{"name": "new_object", "arguments": {}}\n</tool_call>',
        '<tool_call>\n{"name": "finish", "arguments": {}}\n</tool_call>',
        '<tool_call>\n{"name": "report_no_target", "arguments": {}}\n</tool_call>',
        "\nTurn 1 of 8, 7 left.\nView: whole image.\nObject 1 (active): no mask yet.",
        "<tool_response>\n\nTurn 2 of 4, 2 left.\nView: zoomed to 1 2 3 4 of the whole image.\n</tool_response>",
        "\nObject 1 (active): box 1 2 3 4, area 1.5 %, predicted IoU 0.87. Prompts: 1 box, 2 points.\nObject 2: no mask yet. 1 point.",
        "[earlier image left out]\nInvalid call: Nothing changed. No turns left: submitted as it is. Submitted: no target.",
        "The mask fits the red cup. The mask misses a part of it. The mask covers something else. There is no red cup.",
        "There are 3 cups: this is the first. This is the next one. This is the last one. All of them are covered. It is done.",
    ]  # fmt: skip
    return turns * 100
