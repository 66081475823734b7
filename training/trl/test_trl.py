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
from checkpoint import make, text_example, warm_up  # noqa: E402
from episodes import OVER, Episode, describe  # noqa: E402
from grpo import Trainer, never_written, trainer_of  # noqa: E402
from rows import Row, parse_row, read_rows  # noqa: E402
from sft import Collator  # noqa: E402
from template import system_with_tools  # noqa: E402

from training.environment.client import EnvironmentClient  # noqa: E402
from training.environment.conversation import observation_text, system_text  # noqa: E402

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


def test_the_warm_up_imitates_the_same(rows_file: Path, pico: Path) -> None:
    processor = AutoProcessor.from_pretrained(pico)
    (row,) = read_rows(rows_file)
    ids, labels = text_example(processor, row)
    assert processor.tokenizer.decode(labels[labels >= 0]) == said("finish", {}, "It fits.") + "<|im_end|>\n"
    assert processor.tokenizer.decode(ids).startswith("<|im_start|>user\n\nQuery: the cup<|im_end|>\n")
    assert not set(ids.tolist()) & {processor.image_token_id}
    short, long = (make(rows_file, rows_file.parent / f"warm-{n}", "pico", warm_up_steps=n)["warm_up_loss"] for n in (5, 40))
    assert long < short / 2
    silent = Row([{**message, "loss": False} for message in row.messages], [], row.images)
    model = AutoModelForImageTextToText.from_pretrained(pico, dtype=torch.float32)
    with pytest.raises(ValueError, match="under loss"):
        warm_up(model, processor, [silent], 1)


def test_refuses_a_row_with_an_image_too_few(rows_file: Path) -> None:
    row = json.loads(rows_file.read_text()) | {"images": ["a.png"]}
    with pytest.raises(ValueError, match="1 images and 2 places"):
        parse_row(json.dumps(row), rows_file.parent)


def test_texts_of_a_row_act_as_nothing_else(rows_file: Path) -> None:
    end = "<|im_end|>"
    messages = [
        {"role": "system", "content": f"S{end}"},
        {"role": "user", "content": [{"type": "image", "text": None}, {"type": "text", "text": f"cup{end}</tool_response>"}]},
        called("finish", {"why": end}, "<|im_start|>", loss=True), {"role": "tool", "content": "<image><video><think>"},
    ]  # fmt: skip
    row = parse_row(json.dumps({"messages": messages, "images": ["a.png", "b.png"]}), rows_file.parent)
    system, user, said_, tool = row.messages
    assert system["content"] == [{"type": "text", "text": "S< |im_end|>"}]
    assert user["content"] == [{"type": "image"}, {"type": "text", "text": "cup< |im_end|>< /tool_response>"}]
    assert said_["content"][0]["text"] == "<think>\n< |im_start|>\n</think>\n"
    assert said_["tool_calls"][0]["function"] == {"name": "finish", "arguments": {"why": "< |im_end|>"}}
    assert tool["content"] == [{"type": "image"}, {"type": "text", "text": "< video>< think>"}]


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
    image, text = episode.answer(said("segment_box", {"x1": "left"}, "There."), ended=True)
    assert text["text"].startswith("\nInvalid call:") and image["type"] == "image"
    image, text = episode.answer(said("segment_box", BOX, "A box."), ended=True)
    assert text["text"].startswith("\nTurn 2 of 4, 2 left.")
    before = episode._reward
    assert episode.answer(said("finish", {}, "It fits."), ended=True) == OVER
    assert episode._reward > before and episode._iou > 0 and episode._calls == 3


class Scripted(Trainer):
    """Says what is written; all else is the trainer's and the server's."""

    turns: list[str] = []
    seen: list[list[int]] = []
    made: dict[str, Any] = {}

    def _generate_single_turn(self, prompt_ids: Any, *args: Any, **kwargs: Any) -> Any:
        self.seen += [list(ids) for ids in prompt_ids]
        ids = self._tokenizer(self.turns.pop(0))["input_ids"]
        return [list(ids) for _ in prompt_ids], None

    def _generate(self, prompts: Any) -> Any:
        out = super()._generate(prompts)
        self.made.update(prompt=out[0], completion=out[1], mask=out[2], images=out[6])
        return out


def scripted(server: str, pico: Path, out: Path, answers: list[str]) -> tuple[Scripted, Any]:
    """A step of training in which every episode consists of these answers; gives the trainer and its tokenizer."""
    torch.set_num_threads(1)
    processor = AutoProcessor.from_pretrained(pico)
    model = AutoModelForImageTextToText.from_pretrained(pico, dtype=torch.float32)
    Scripted.turns, Scripted.seen, Scripted.made = list(answers), [], {}
    settings = GRPOConfig(
        output_dir=str(out), max_steps=1, per_device_train_batch_size=2, num_generations=2, steps_per_generation=1,
        max_completion_length=6000, report_to="none", use_cpu=True, bf16=False, save_strategy="no", beta=0.0, disable_tqdm=True,
        logging_steps=1,
    )  # fmt: skip
    trainer = trainer_of(model, processor, server, 1, settings, Scripted)
    trainer.train()
    # The episode ends with its last call: nothing is generated behind it, and only what the model said is trained.
    assert not Scripted.turns
    for ids, mask, images in zip(*(Scripted.made[name] for name in ("completion", "mask", "images")), strict=True):
        trained = [token for token, learned in zip(ids, mask, strict=True) if learned]
        assert processor.tokenizer.decode(trained) == "".join(answers)
        assert len(images) == len(answers)
    return trainer, processor.tokenizer


def last_reward(trainer: Scripted) -> float:
    (reward,) = [entry["reward"] for entry in trainer.state.log_history if "reward" in entry]
    return reward


END = "<|im_end|>"


def test_a_model_never_writes_what_stands_for_a_picture(pico: Path) -> None:
    processor = AutoProcessor.from_pretrained(pico)
    model = AutoModelForImageTextToText.from_pretrained(pico)
    banned = never_written(processor)
    prompt = processor.tokenizer(["the cup"] * 32, return_tensors="pt")

    def written(**options: Any) -> set[int]:
        # So hot that every token comes up.
        torch.manual_seed(0)
        out = model.generate(**prompt, do_sample=True, temperature=1e4, top_k=0, max_new_tokens=64, **options)
        return set(out[:, prompt["input_ids"].shape[1] :].flatten().tolist())

    assert written() & set(banned)
    assert not written(suppress_tokens=banned) & set(banned)


def test_grpo_plays_whole_episodes(server: str, pico: Path, tmp_path: Path) -> None:
    answers = [said("segment_box", BOX, "A box.") + END, said("finish", {}, "It fits.") + END]
    trainer, tokenizer = scripted(server, pico, tmp_path, answers)
    observed = trainer.environments[0]
    assert observed._calls == 2 and 0 < observed._reward <= 1
    assert last_reward(trainer) == pytest.approx(observed._reward, abs=1e-4)
    # The prompt of the second turn is what the template makes of the whole conversation.
    second = tokenizer.decode(Scripted.seen[-1])
    assert second.endswith("\n</tool_response><|im_end|>\n<|im_start|>assistant\n")
    assert "<tool_response>\n<|vision_start|><|image_pad|>" in second
    # What reads the answers goes into no file.
    trainer.processing_class.save_pretrained(tmp_path / "final")
    assert AutoProcessor.from_pretrained(tmp_path / "final").tokenizer.get_vocab() == tokenizer.get_vocab()


def test_an_answer_that_is_not_one_call_costs_grpo_a_turn(server: str, pico: Path, tmp_path: Path) -> None:
    box = said("segment_box", BOX, "A box.")
    answers = [box + said("finish", {}, "It fits.") + END, "I do not know." + END, box[:60], box + box + END]
    trainer, tokenizer = scripted(server, pico, tmp_path, answers)
    with EnvironmentClient(server) as client:
        # The same answers without TRL.
        replies = [client.reset(index=0)]
        replies += [client.step(text=answer.removesuffix(END)) for answer in answers]
    two, none, cut, last = replies[1:]
    assert "2 different tool calls" in two.observation["text"] and "no tool call" in none.observation["text"]
    assert not cut.done and last.done and last.observation["truncated"]
    assert last_reward(trainer) == pytest.approx(last.reward, abs=1e-4)
    # What the next prompt shows is what the server said, and the turn that was cut is closed.
    prompt = tokenizer.decode(Scripted.seen[-1])
    assert observation_text(two.observation) in prompt and observation_text(none.observation) in prompt
    assert f"{box[:60]}<|im_end|>\n<|im_start|>user\n<tool_response>" in prompt
