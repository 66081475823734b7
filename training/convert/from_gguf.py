"""The weights and the vocabulary of an embedded agent, from its GGUF and mmproj: to_gguf.py the other way round.

    python from_gguf.py NAME.gguf OUT [--size embedded]

reads NAME.gguf and NAME-mmproj.gguf beside it and writes OUT/start.pt and OUT/tokenizer.json, from which
train_grounding.py begins (`--begin`) and checkpoint.py makes a checkpoint folder (`--grounding`). Matrices are as exact as
the file has them (f16), so training can go on from what is shipped when no checkpoint of it is left.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer, models
from torch import Tensor

from to_gguf import cache_folder, fetch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "agent"))
from model import SIZES, build  # noqa: E402
from vocabulary import SPECIAL, TAGS, complete, empty  # noqa: E402

LANGUAGE = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
}  # fmt: skip
VISION = {
    "attn.proj": "attn_out", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
    "norm1": "ln1", "norm2": "ln2",
}  # fmt: skip
SINGLE = {
    "model.language_model.embed_tokens.weight": "token_embd.weight",
    "lm_head.weight": "token_embd.weight",
    "model.language_model.norm.weight": "output_norm.weight",
    "model.visual.merger.ln_q.weight": "v.post_ln.weight",
    **{f"model.visual.merger.mlp.{layer}.{part}": f"mm.{layer}.{part}" for layer in (0, 2) for part in ("weight", "bias")},
}
PATCHES = "model.visual.patch_embed.proj.weight"


def weight(name: str, tensors: dict[str, Tensor]) -> Tensor:
    """The parameter that transformers calls `name`, from llama.cpp's tensors; raises KeyError where there is none."""
    if name in SINGLE:
        return tensors[SINGLE[name]]
    if name == PATCHES:
        return torch.stack([tensors["v.patch_embd.weight"], tensors["v.patch_embd.weight.1"]], dim=2)
    _model, tower, _blocks, number, *inner, part = name.split(".")
    layer = ".".join(inner)
    if tower == "language_model":
        return tensors[f"blk.{number}.{LANGUAGE[layer]}.{part}"]
    if layer == "attn.qkv":
        return torch.cat([tensors[f"v.blk.{number}.attn_{each}.{part}"] for each in "qkv"])
    return tensors[f"v.blk.{number}.{VISION[layer]}.{part}"]


def vocabulary(tokens: list[str], merges: list[str]) -> Tokenizer:
    """The byte-level BPE tokenizer; our own tokens come last in the file, as vocabulary.py puts them."""
    added = SPECIAL + TAGS
    plain = tokens[: len(tokens) - len(added)]
    if tokens[len(plain) :] != added:
        raise ValueError("The last tokens of the file are not those of vocabulary.py: it is no embedded agent")
    pairs = [tuple(merge.split(" ")) for merge in merges]
    return complete(empty(models.BPE({token: number for number, token in enumerate(plain)}, pairs)))


def read(file: Path, gguf: Any) -> tuple[dict[str, Tensor], Any]:
    """All tensors of a file as float32, and its reader.

    :raises ValueError: for a quantised file, whose weights would not be those that were trained"""
    reader = gguf.GGUFReader(file)
    types = {each.tensor_type.name for each in reader.tensors} - {"F32", "F16"}
    if types:
        raise ValueError(f"{file.name} holds {', '.join(sorted(types))}: only files in F32 and F16 can be trained on from")
    return {each.name: torch.from_numpy(each.data.astype(np.float32)) for each in reader.tensors}, reader


def load(model: Path, size: str, converter: Path) -> tuple[dict[str, Tensor], Tokenizer]:
    """State dict of the network of `size` and its tokenizer.

    :raises ValueError: where a file is quantised or holds another network or vocabulary"""
    sys.path.insert(0, str(converter / "gguf-py"))
    import gguf  # type: ignore[import-not-found]

    language, reader = read(model, gguf)
    vision, _ = read(model.with_name(f"{model.stem}-mmproj.gguf"), gguf)
    told = {key: reader.get_field(f"tokenizer.ggml.{key}").contents() for key in ("tokens", "merges")}
    tokenizer = vocabulary(told["tokens"], told["merges"])
    tensors = language | vision
    state: dict[str, Tensor] = {}
    for name, wanted in build(tokenizer, SIZES[size]).state_dict().items():
        try:
            found = weight(name, tensors)
        except KeyError as missing:
            raise ValueError(f"{model.name} has no {missing} for {name}: it is not of the size {size}") from missing
        if found.shape != wanted.shape:
            raise ValueError(f"{name} is {tuple(found.shape)} in {model.name}, and {tuple(wanted.shape)} in the size {size}")
        state[name] = found
    return state, tokenizer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="NAME.gguf, with NAME-mmproj.gguf beside it")
    parser.add_argument("out", type=Path, help="folder for start.pt and tokenizer.json")
    parser.add_argument("--size", choices=SIZES, default="embedded")
    parser.add_argument("--cache", type=Path, default=cache_folder(), help="where llama.cpp's converter is kept")
    args = parser.parse_args()
    state, tokenizer = load(args.model, args.size, fetch(args.cache))
    args.out.mkdir(parents=True, exist_ok=True)
    torch.save({"net": state}, args.out / "start.pt")
    tokenizer.save(str(args.out / "tokenizer.json"))
    print(f"{len(state)} parameters, {tokenizer.get_vocab_size()} tokens")


if __name__ == "__main__":
    main()
