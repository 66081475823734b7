"""ms-swift's own commands on a CPU with a tiny checkpoint: two steps of SFT on exported rows, two of GRPO in the environment.

Some minutes on a busy machine. Generation is by transformers; the weights are random, so that what is seen is that
episodes of several turns, with their images and rewards, reach the optimiser, not that anything is learnt.

    npm run build && pytest training/ms-swift        (environment: see README.md)
"""

import json
import os
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
import yaml

pytest.importorskip("swift")
from swift.arguments import RLHFArguments, SftArguments  # noqa: E402

from training.conftest import CLI, DATA, ROOT  # noqa: E402

HERE = Path(__file__).parent
MODELS = ["qwen2_5_vl", "qwen3_vl"]

# Random weights never end an answer: cut ones are taken as they are, so that an episode has more than one turn.
PLUGIN = f"""
import sys
sys.path.insert(0, {str(HERE)!r})
from maskwright_scheduler import MaskwrightScheduler
from swift.rollout.multi_turn import multi_turns

class Patient(MaskwrightScheduler):
    def check_finished(self, infer_request, response_choice, current_turn):
        return False

multi_turns["patient"] = Patient
"""


def swift(arguments: list[str], cwd: Path, **env: str) -> list[dict]:
    """Runs a command of ms-swift; gives the lines of its log."""
    out = cwd / "trained"
    command = [str(Path(sys.executable).with_name("swift")), *arguments, "--output_dir", str(out)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", **env}
    run = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    [log] = out.rglob("logging.jsonl")
    return [json.loads(line) for line in log.read_text().splitlines()]


@pytest.fixture(scope="session")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows as our command line makes them: synthesised over photographs, exported for ms-swift."""
    coco = DATA / "photos" / "coco20"
    if not (CLI.exists() and coco.exists()):
        pytest.skip("no build (npm run build), or no shared data (MASKWRIGHT_SHARED_DATA)")
    folder = tmp_path_factory.mktemp("rows")
    models = ",".join(str(DATA / "models" / f"surrogate_sam1_{part}.onnx") for part in ("encoder", "decoder"))
    images = ["--images", str(coco / "images")]
    made, out = folder / "made", folder / "rows"
    data = ["--dataset", f"refcoco:{coco / 'refs_authored.json'}", *images, "--limit", "3", "--turns", "4"]
    for command in (
        ["synthesize", *data, "--policy", "simulated", "--segmenter", models, "--out", str(made)],
        [
            *("export-training", "sft", "--engine", "ms-swift", "--trajectories", str(made / "trajectories.jsonl")),
            *(*images, "--observation-images", "all", "--min-iou", "0", "--out", str(out)),
        ],
    ):
        subprocess.run(["node", str(CLI), *command], check=True, capture_output=True)
    return out


@pytest.mark.parametrize("model", MODELS)
def test_sft(model: str, checkpoints: Path, rows: Path, tmp_path: Path) -> None:
    (tmp_path / "images").symlink_to(rows / "images")
    arguments = ["sft", str(HERE / "sft_cpu.yaml"), "--model", str(checkpoints / model), "--dataset", str(rows / "sft.jsonl")]
    steps = swift([*arguments, "--model_type", model, "--template", model], tmp_path)
    losses = [float(step["loss"]) for step in steps if "loss" in step]
    assert len(losses) == 2 and 0 < losses[1] < losses[0]


def test_grpo(checkpoints: Path, start_server, tmp_path: Path) -> None:
    server, _ = start_server("--metrics", "--turns", "2")
    (tmp_path / "patient.py").write_text(PLUGIN)
    rl_rows = tmp_path / "rows.jsonl"
    script = ROOT / "training" / "environment" / "rl_rows.py"
    subprocess.run([sys.executable, str(script), "--count", "4", "--out", str(rl_rows)], check=True)
    arguments = [str(HERE / "grpo_cpu.yaml"), "--model", str(checkpoints / "qwen3_vl"), "--dataset", str(rl_rows)]
    plugin = ["--external_plugins", str(tmp_path / "patient.py"), "--multi_turn_scheduler", "patient"]
    steps = swift(["rlhf", *arguments, *plugin], tmp_path, MASKWRIGHT_ENVIRONMENTS=server)
    turns = [float(step["num_turns"]) for step in steps if "num_turns" in step]
    assert turns == [2, 2]
    assert all(0 <= float(step["reward"]) <= 1 for step in steps if "reward" in step)


@pytest.mark.parametrize("file", sorted(HERE.glob("*.yaml")), ids=lambda file: file.name)
def test_every_key_is_one_of_ms_swift(file: Path) -> None:
    kind = RLHFArguments if file.name.startswith("grpo") else SftArguments
    assert set(yaml.safe_load(file.read_text())) - {field.name for field in fields(kind)} <= {"ENV"}
