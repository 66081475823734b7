"""What the tests of the training adapters share: the environment server as it is built, and tiny checkpoints.

MASKWRIGHT_SHARED_DATA names the folder with photos/coco20 and models; MASKWRIGHT_CHECKPOINTS one with the checkpoints
of tiny_checkpoints.py, which are made where it is not given.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("MASKWRIGHT_SHARED_DATA", ROOT.parent / "shared" / "data"))
CLI = ROOT / "out" / "main" / "cli.js"
sys.path.insert(0, str(ROOT))


@pytest.fixture(scope="session")
def start_server() -> Iterator[Callable[..., tuple[str, subprocess.Popen[str]]]]:
    """Starts an environment server over photographs; gives its address and process."""
    coco = DATA / "photos" / "coco20"
    if not (CLI.exists() and coco.exists()):
        pytest.skip("no build (npm run build), or no shared data (MASKWRIGHT_SHARED_DATA)")
    segmenter = ",".join(str(DATA / "models" / f"surrogate_sam1_{part}.onnx") for part in ("encoder", "decoder"))
    running: list[subprocess.Popen[str]] = []

    def start(*options: str) -> tuple[str, subprocess.Popen[str]]:
        data = ["--dataset", f"refcoco:{coco / 'refs_authored.json'}", "--images", str(coco / "images"), "--segmenter", segmenter]
        command = ["node", str(CLI), "env", *data, "--port", "0", *options]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        running.append(server)
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        assert address, "the server did not start"
        return address, server

    yield start
    for server in running:
        server.terminate()
        server.wait(30)


@pytest.fixture(scope="session")
def server(start_server: Callable[..., tuple[str, subprocess.Popen[str]]]) -> str:
    return start_server("--metrics", "--turns", "4")[0]


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if "MASKWRIGHT_CHECKPOINTS" in os.environ:
        return Path(os.environ["MASKWRIGHT_CHECKPOINTS"])
    from tiny_checkpoints import save

    folder = tmp_path_factory.mktemp("checkpoints")
    save(folder)
    return folder
