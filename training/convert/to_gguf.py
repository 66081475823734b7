"""Converts a checkpoint folder (Qwen2.5-VL or Qwen3-VL) to a GGUF and its mmproj for llama.cpp.

The converter is llama.cpp's own. The package index has it inside the source distribution of llama-cpp-python, which is
fetched once with pip, checked by its hash and unpacked into a cache folder; pip asks it for metadata, nothing is compiled.

    python to_gguf.py CHECKPOINT OUT/NAME [--type f32|f16|bf16|q8_0]
        [--coordinates norm1000|pixel] [--prompt full|brief] [--view-pixels N]

writes OUT/NAME.gguf and OUT/NAME-mmproj.gguf. How the model was trained to be spoken to is written into the former as
maskwright.coordinates, maskwright.prompt and maskwright.view_pixels, and the app goes by it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import runpy
import subprocess
import sys
import tarfile
from pathlib import Path

PACKAGE, VERSION = "llama-cpp-python", "0.3.36"
SHA256 = "832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e"
NEEDED = ("vendor/llama.cpp/convert_hf_to_gguf.py", "vendor/llama.cpp/conversion/", "vendor/llama.cpp/gguf-py/gguf/")


def cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "maskwright" / "llama-convert" / VERSION


def fetch(folder: Path) -> Path:
    """The folder with convert_hf_to_gguf.py; downloads it where it is not there. Raises ValueError for another hash."""
    script = folder / "convert_hf_to_gguf.py"
    if script.exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{PACKAGE.replace('-', '_')}-{VERSION}.tar.gz"
    wanted = folder / "requirements.txt"
    wanted.write_text(f"{PACKAGE}=={VERSION} --hash=sha256:{SHA256}\n")
    # With the hash in the requirement pip checks it before it asks the package's own build system for metadata.
    command = [sys.executable, "-m", "pip", "download", "--require-hashes", "--no-deps", "--no-binary", PACKAGE]
    subprocess.run([*command, "--requirement", str(wanted), "--dest", str(folder)], check=True, stdout=sys.stderr)
    archive = folder / name
    with archive.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != SHA256:
        archive.unlink()
        raise ValueError(f"{name} has the hash {digest}, not {SHA256}: it is not used")
    with tarfile.open(archive) as tar:
        for member in tar:
            # The script comes last, so that a broken unpacking is done again.
            path = member.name.partition("/")[2]
            if member.isfile() and path.startswith(NEEDED) and not path.endswith("convert_hf_to_gguf.py"):
                _write(tar, member, folder / path.removeprefix("vendor/llama.cpp/"))
        _write(tar, tar.getmember(f"{name.removesuffix('.tar.gz')}/{NEEDED[0]}"), script)
    archive.unlink()
    return folder


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    data = tar.extractfile(member)
    assert data is not None
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data.read())


def convert(converter: Path, checkpoint: Path, out: Path, kind: str, mmproj: bool) -> None:
    """One file, in a process of its own, because the converter keeps global state."""
    options = ["--outfile", str(out), "--outtype", kind, *(["--mmproj"] if mmproj else []), str(checkpoint)]
    subprocess.run([sys.executable, str(Path(__file__).resolve()), "--inner", str(converter), *options], check=True)


def _inner(converter: Path, options: list[str]) -> None:
    """The converter knows tokenizers by the hash of what they give for a text; a vocabulary of our own splits as Qwen2's."""
    sys.path[:0] = [str(converter), str(converter / "gguf-py")]
    from conversion.base import TextModel  # type: ignore[import-not-found]

    known = TextModel.get_vocab_base_pre

    def splitting_rule(self: object, tokenizer: object) -> str:
        try:
            return known(self, tokenizer)
        except NotImplementedError:
            return "qwen2"

    TextModel.get_vocab_base_pre = splitting_rule

    from gguf import GGUFWriter  # type: ignore[import-not-found]

    add_pattern = GGUFWriter.add_vision_n_wa_pattern

    def window_pattern(writer: GGUFWriter, every: int) -> None:
        # llama.cpp takes 0 for "no block has windows"; at 1 it looks for a window's mask that its graph has not.
        add_pattern(writer, 0 if every == 1 else every)

    GGUFWriter.add_vision_n_wa_pattern = window_pattern
    sys.argv = ["convert_hf_to_gguf.py", *options]
    runpy.run_path(str(converter / "convert_hf_to_gguf.py"), run_name="__main__")


def declare(converter: Path, model: Path, conventions: dict[str, str | int]) -> None:
    """Writes the model's conventions into its metadata, with llama.cpp's own package; the tensors stay as they are."""
    sys.path.insert(0, str(converter / "gguf-py"))
    import gguf  # type: ignore[import-not-found]
    from gguf.scripts.gguf_new_metadata import MetadataDetails, copy_with_new_metadata  # type: ignore[import-not-found]

    reader = gguf.GGUFReader(model, "r")
    architecture = reader.get_field(gguf.Keys.General.ARCHITECTURE)
    declared = model.with_suffix(".declared")
    writer = gguf.GGUFWriter(declared, arch=architecture.contents(), endianess=reader.endianess)
    alignment = reader.get_field(gguf.Keys.General.ALIGNMENT)
    if alignment is not None:
        writer.data_alignment = alignment.contents()
    added = {
        f"maskwright.{name}": MetadataDetails(
            gguf.GGUFValueType.UINT32 if isinstance(value, int) else gguf.GGUFValueType.STRING, value
        )
        for name, value in conventions.items()
    }
    copy_with_new_metadata(reader, writer, added, [])
    del reader  # It maps the file.
    declared.replace(model)


def main() -> None:
    if sys.argv[1:2] == ["--inner"]:
        _inner(Path(sys.argv[2]), sys.argv[3:])
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("out", type=Path, help="path without its ending")
    parser.add_argument("--type", choices=["f32", "f16", "bf16", "q8_0"], default="f16")
    parser.add_argument("--coordinates", choices=["norm1000", "pixel"], help="how the model writes coordinates")
    parser.add_argument("--prompt", choices=["full", "brief"], help="the prompt that it was trained with")
    parser.add_argument("--view-pixels", type=int, help="pixels of each view image that it was trained with")
    parser.add_argument("--cache", type=Path, default=cache_folder(), help="where the converter is kept")
    args = parser.parse_args()
    converter = fetch(args.cache)
    model, mmproj = Path(f"{args.out}.gguf"), Path(f"{args.out}-mmproj.gguf")
    model.parent.mkdir(parents=True, exist_ok=True)
    convert(converter, args.checkpoint, model, args.type, mmproj=False)
    convert(converter, args.checkpoint, mmproj, args.type if args.type == "f32" else "f16", mmproj=True)
    given = {"coordinates": args.coordinates, "prompt": args.prompt, "view_pixels": args.view_pixels}
    conventions = {name: value for name, value in given.items() if value is not None}
    if conventions:
        declare(converter, model, conventions)
    print(json.dumps({str(file): file.stat().st_size for file in (model, mmproj)}))


if __name__ == "__main__":
    main()
