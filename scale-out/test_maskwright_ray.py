"""A real Ray cluster on this machine, the built command line, real photographs; a worker is killed on the way.

    pip install ray pytest psutil
    npm run build && pytest scale-out

MASKWRIGHT_SHARED_DATA names the folder with photos/coco20 and models.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("MASKWRIGHT_SHARED_DATA", ROOT.parent / "shared" / "data"))
CLI = ROOT / "out" / "main" / "cli.js"
MODELS = ",".join(str(DATA / "models" / f"surrogate_sam1_{part}.onnx") for part in ("encoder", "decoder"))
COCO = DATA / "photos" / "coco20"
TIMES = {"createdAt", "timings", "at", "ms"}

pytestmark = pytest.mark.skipif(not (CLI.exists() and COCO.exists()), reason="no build, or no shared data")


def annotate(out: Path, *options: str, images: Path = COCO / "images") -> list[str]:
    return [
        *("annotate", "--images", str(images), "--refs", str(COCO / "refs_authored.json")),
        *("--instances", str(COCO / "instances.json"), "--policy", "simulated", "--segmenter", MODELS),
        *("--out", str(out), *options),
    ]


def start(*arguments: str) -> subprocess.Popen[str]:
    job = [sys.executable, str(Path(__file__).with_name("maskwright_ray.py")), "--progress", "1"]
    return subprocess.Popen([*job, *arguments], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def wait_for(what, seconds: float = 600):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := what():
            return found
        time.sleep(0.05)
    raise TimeoutError(what)


def lines(log: Path) -> int:
    return log.read_bytes().count(b"\n") if log.exists() else 0


def worker_of(job: int, shard: str) -> psutil.Process | None:
    """The worker whose child is the command of this shard."""
    for process in psutil.Process(job).children(recursive=True):
        try:
            arguments = process.cmdline()
            if "--shard" in arguments and arguments[arguments.index("--shard") + 1] == shard:
                return process.parent()
        except psutil.NoSuchProcess:
            continue
    return None


def without_times(value):
    if isinstance(value, dict):
        return {key: without_times(inner) for key, inner in value.items() if key not in TIMES}
    return [without_times(inner) for inner in value] if isinstance(value, list) else value


def assert_same(out: Path, single: Path) -> None:
    for file in ("coco.json", "run.json", "report.json"):
        assert (out / file).read_bytes() == (single / file).read_bytes(), file
    ours, theirs = [(folder / "trajectories.jsonl").read_text().splitlines() for folder in (out, single)]
    assert [without_times(json.loads(line)) for line in ours] == [without_times(json.loads(line)) for line in theirs]


@pytest.fixture(scope="module")
def single(tmp_path_factory) -> Path:
    """What one process writes."""
    out = tmp_path_factory.mktemp("single")
    subprocess.run(["node", str(CLI), *annotate(out)], check=True, capture_output=True)
    return out


def test_a_killed_worker_loses_nothing(tmp_path: Path, single: Path) -> None:
    job = start("--shards", "2", "--cpus", "1", *annotate(tmp_path))
    log = tmp_path / "shards" / "2-of-2" / "progress.jsonl"
    wait_for(lambda: lines(log) >= 3)
    worker = worker_of(job.pid, "2/2")
    assert worker is not None
    command = worker.children()
    worker.kill()
    _, alive = psutil.wait_procs(command, timeout=60)
    assert alive == [], "the command outlived its worker"
    kept = lines(log)
    assert kept < 16, "the shard was done before its worker was killed"
    _, stderr = job.communicate(timeout=1200)
    assert job.returncode == 0, stderr
    assert "shard 2/2 was lost" in stderr
    assert "32/32 items, 0 failed" in stderr
    # No item was done twice.
    assert lines(log) == 16
    assert_same(tmp_path, single)


def test_an_interrupted_job_goes_on(tmp_path: Path, single: Path) -> None:
    arguments = ("--shards", "3", "--cpus", "1", *annotate(tmp_path))
    job = start(*arguments)
    logs = [tmp_path / "shards" / f"{i}-of-3" / "progress.jsonl" for i in (1, 2, 3)]
    wait_for(lambda: sum(map(lines, logs)) >= 6)
    children = psutil.Process(job.pid).children(recursive=True)
    job.kill()
    job.wait()
    psutil.wait_procs(children, timeout=120)
    with logs[0].open("ab") as log:
        log.write(b'{"ok":true,"key":"ref-')
    again = start(*arguments)
    _, stderr = again.communicate(timeout=1200)
    assert again.returncode == 0, stderr
    assert sum(map(lines, logs)) == 32
    assert_same(tmp_path, single)
    other = start("--shards", "5", *annotate(tmp_path))
    _, stderr = other.communicate(timeout=1200)
    assert other.returncode == 2 and "other shards" in stderr


@pytest.mark.parametrize(
    ("command", "files"),
    [
        (["eval", "--sweep", "2"], ["report.json", "samples.jsonl", "turns-2/samples.jsonl"]),
        (["synthesize", "--per-target", "2"], ["report.json", "trajectories.jsonl"]),
    ],
    ids=["eval", "synthesize"],
)
def test_other_commands_give_what_one_process_gives(command: list[str], files: list[str], tmp_path: Path) -> None:
    common = ["--dataset", f"refcoco:{COCO / 'refs_authored.json'}", "--images", str(COCO / "images"), "--limit", "6"]
    arguments = [*command, *common, "--policy", "simulated", "--segmenter", MODELS, "--turns", "4"]
    single, out = tmp_path / "single", tmp_path / "out"
    subprocess.run(["node", str(CLI), *arguments, "--out", str(single)], check=True, capture_output=True)
    job = start("--shards", "2", "--cpus", "1", *arguments, "--out", str(out))
    _, stderr = job.communicate(timeout=1200)
    assert job.returncode == 0, stderr
    assert "12/12 items, 0 failed" in stderr
    for file in files:
        ours, theirs = [json_of(folder / file) for folder in (out, single)]
        assert ours == theirs, file


def json_of(file: Path):
    text = file.read_text()
    return without_times([json.loads(line) for line in text.splitlines()] if file.suffix == ".jsonl" else json.loads(text))


def test_failed_items_are_counted_as_one_process_does(tmp_path: Path) -> None:
    images = tmp_path / "images"
    shutil.copytree(COCO / "images", images)
    (images / json.loads((COCO / "instances.json").read_text())["images"][0]["file_name"]).unlink()
    single, out = tmp_path / "single", tmp_path / "out"
    run = subprocess.run(["node", str(CLI), *annotate(single, images=images)], capture_output=True, check=False)
    job = start("--shards", "2", "--cpus", "1", *annotate(out, images=images))
    _, stderr = job.communicate(timeout=1200)
    assert (run.returncode, job.returncode) == (1, 1), stderr
    assert json.loads((out / "report.json").read_text())["failed"] > 0
    assert_same(out, single)


def test_a_wrong_command_ends_at_once_with_its_message(tmp_path: Path) -> None:
    job = start("--shards", "2", "--cpus", "1", *annotate(tmp_path, "--turns", "0"))
    _, stderr = job.communicate(timeout=1200)
    assert job.returncode == 2, stderr
    assert "whole number" in stderr and "Traceback" not in stderr


def test_a_shard_that_fails_for_good_is_named(tmp_path: Path) -> None:
    command = annotate(tmp_path, "--segmenter", "nowhere.onnx,nowhere.onnx")
    job = start("--shards", "2", "--cpus", "1", "--attempts", "2", *command)
    _, stderr = job.communicate(timeout=1200)
    assert job.returncode == 3, stderr
    assert "shard 1/2: maskwright:" in stderr and "nowhere.onnx" in stderr
    assert not (tmp_path / "coco.json").exists()


def test_a_command_line_that_crashes_is_no_success(tmp_path: Path) -> None:
    broken = tmp_path / "broken.js"
    broken.write_text('require("nothing-of-that-name");')
    job = start("--shards", "2", "--cpus", "1", "--attempts", "1", "--cli", f"node {broken}", *annotate(tmp_path))
    _, stderr = job.communicate(timeout=1200)
    assert job.returncode == 3, stderr
    assert "shard 1/2" in stderr and "nothing-of-that-name" in stderr
