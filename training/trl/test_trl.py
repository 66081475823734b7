"""The TRL recipe on a tiny checkpoint: what is imitated, and episodes of the true server in the true GRPOTrainer."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("trl")
import torch  # noqa: E402
from PIL import Image  # noqa: E402
from transformers import AutoModelForImageTextToText, AutoProcessor  # noqa: E402
from trl import GRPOConfig  # noqa: E402

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "agent")]
from checkpoint import make  # noqa: E402
from episodes import OVER, Episode, describe  # noqa: E402
from grpo import Trainer, trainer_of  # noqa: E402
from rows import parse_row, read_rows  # noqa: E402
from sft import Collator  # noqa: E402
from template import system_with_tools  # noqa: E402

from training.environment.client import EnvironmentClient  # noqa: E402
from training.environment.conversation import system_text  # noqa: E402

BOX = {"x1": 100, "y1": 100, "x2": 900, "y2": 900}


def said(name: str, arguments: dict[str, Any], thought: str) -> str:
    call = json.dumps({"name": name, "arguments": arguments})
    return f"<think>\n{thought}\n</think>\n\n<tool_call>\n{call}\n</tool_call>"


def called(name: str, arguments: dict[str, Any], thought: str, loss: bool) -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    content = f"<think>\n{thought}\n</think>\n"
    return {"role": "assistant", "content": content, "tool_calls": [{"type": "function", "function": function}], "loss": loss}


@pytest.fixture
def rows_file(tmp_path: Path) -> Path:
    for name in ("a.png", "b.png"):
        Image.new("RGB", (56, 84), (200, 40, 40)).save(tmp_path / name)
    messages = [
        {"role": "system", "content": "Segment."}, {"role": "user", "content": "<image>\nQuery: the cup"},
        called("segment_box", BOX, "Wrong place.", loss=False), {"role": "tool", "content": "<image>\nTurn 1 of 4, 3 left."},
        called("finish", {}, "It fits.", loss=True),
    ]  # fmt: skip
    row = {"messages": json.dumps(messages), "tools": "[]", "images": ["a.png", "b.png"]}
    (tmp_path / "sft.jsonl").write_text(json.dumps(row) + "\n")
    return tmp_path / "sft.jsonl"


@pytest.fixture
def pico(rows_file: Path) -> Path:
    make(rows_file, rows_file.parent / "pico", "pico")
    return rows_file.parent / "pico"


def test_imitates_what_is_to_be_imitated_only(rows_file: Path, pico: Path) -> None:
    processor = AutoProcessor.from_pretrained(pico)
    batch = Collator(processor, read_rows(rows_file))([{"row": 0}, {"row": 0}])
    labels = batch["labels"][0]
    assert processor.tokenizer.decode(labels[labels >= 0]) == said("finish", {}, "It fits.") + "<|im_end|>\n"
    assert batch["image_grid_thw"].tolist() == [[1, 6, 4]] * 4
    assert int((batch["input_ids"][0] == processor.image_token_id).sum()) == 12


def test_refuses_a_row_with_an_image_too_few(rows_file: Path) -> None:
    row = json.loads(rows_file.read_text()) | {"images": ["a.png"]}
    with pytest.raises(ValueError, match="1 images and 2 places"):
        parse_row(json.dumps(row), rows_file.parent)


def test_prompts_hold_what_the_server_says(server: str) -> None:
    system, tools = describe(server)
    with EnvironmentClient(server) as client:
        observation = client.reset(index=0).observation
    assert system_with_tools([{"role": "system", "content": system}], tools) == system_text(observation)


def test_an_episode_is_the_servers(server: str) -> None:
    Episode.url = server
    episode = Episode()
    image, text = episode.reset(index=2)
    assert image["image"].width % 32 == 0 and text["text"].startswith("\nQuery: ")
    image, text = episode._step("segment_box", {"x1": "left"})
    assert text["text"].startswith("\nInvalid call:") and image["type"] == "image"
    image, text = episode.segment_box(**BOX)
    assert text["text"].startswith("\nTurn 2 of 4, 2 left.")
    before = episode._reward
    assert episode.finish() == OVER
    assert episode._reward > before and episode._iou > 0 and episode._calls == 3


class Scripted(Trainer):
    """Says a box and then the end; all else is the trainer's and the server's."""

    turns: list[str] = []
    seen: list[list[int]] = []
    made: dict[str, Any] = {}

    def _generate_single_turn(self, prompt_ids: Any, *args: Any, **kwargs: Any) -> Any:
        self.seen += [list(ids) for ids in prompt_ids]
        ids = self._tokenizer(self.turns.pop(0) + "<|im_end|>")["input_ids"]
        return [list(ids) for _ in prompt_ids], None

    def _generate(self, prompts: Any) -> Any:
        out = super()._generate(prompts)
        self.made.update(prompt=out[0], completion=out[1], mask=out[2], images=out[6])
        return out


def test_grpo_plays_whole_episodes(server: str, pico: Path, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    processor = AutoProcessor.from_pretrained(pico)
    model = AutoModelForImageTextToText.from_pretrained(pico, dtype=torch.float32)
    answers = [said("segment_box", BOX, "A box."), said("finish", {}, "It fits.")]
    Scripted.turns = list(answers)
    settings = GRPOConfig(
        output_dir=str(tmp_path), max_steps=1, per_device_train_batch_size=2, num_generations=2, steps_per_generation=1,
        max_completion_length=4000, report_to="none", use_cpu=True, bf16=False, save_strategy="no", beta=0.0, disable_tqdm=True,
        logging_steps=1,
    )  # fmt: skip
    trainer = trainer_of(model, processor, server, 2, settings, Scripted)
    trainer.train()
    made, decode = Scripted.made, processor.tokenizer.decode
    # The episode ends with its last call: nothing is generated behind it, and only what the model said is trained.
    assert not Scripted.turns
    for ids, mask, images in zip(made["completion"], made["mask"], made["images"], strict=True):
        trained = [token for token, learned in zip(ids, mask, strict=True) if learned]
        assert decode(trained) == "<|im_end|>".join(answers) + "<|im_end|>"
        assert len(images) == 2
    # The prompt of the second turn is what the template makes of the whole conversation.
    observed = trainer.environments[0]
    assert observed._calls == 2 and 0 < observed._reward <= 1
    rewards = [entry["reward"] for entry in trainer.state.log_history if "reward" in entry]
    assert rewards == [pytest.approx(observed._reward, abs=1e-4)]
    second = decode(Scripted.seen[-1])
    assert second.endswith("\n</tool_response><|im_end|>\n<|im_start|>assistant\n")
    assert "<tool_response>\n<|vision_start|><|image_pad|>" in second 
