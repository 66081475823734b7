"""The agent loop in verl itself, on a CPU: AgentLoopWorker, a tiny checkpoint, the real environment server.

Only the model's answers are scripted, because verl generates on GPUs alone.

    npm run build && pytest training/verl        (environment: see README.md)
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("verl")

import verl  # noqa: E402
from hydra import compose, initialize_config_dir  # noqa: E402
from omegaconf import OmegaConf  # noqa: E402
from verl.experimental.agent_loop.agent_loop import AgentLoopWorker  # noqa: E402
from verl.protocol import DataProto  # noqa: E402
from verl.utils.config import omega_conf_to_dataclass  # noqa: E402
from verl.workers.rollout.replica import TokenOutput  # noqa: E402

from training.environment.client import EnvironmentClient  # noqa: E402
from training.environment.conversation import images_of, system_text, user_text  # noqa: E402

BOX = '<think>\nThere.\n</think>\n\n<tool_call>\n{"name": "segment_box", "arguments": {"x1": 200, "y1": 150, "x2": 900, "y2": 800}}\n</tool_call>'
POINT = '<tool_call>\n{"name": "add_point", "arguments": {"x": 500, "y": 500, "label": "positive"}}\n</tool_call>'
FINISH = '<tool_call>\n{"name": "finish", "arguments": {}}\n</tool_call>'
MODELS = ["qwen2_5_vl", "qwen3_vl"]


class Script:
    """Stands for the rollout engine: answers of each episode in turn, the last one again and again."""

    def __init__(self, answers: list[str]) -> None:
        self.answers = answers
        self.tokenizer = None
        self.asked: dict[str, list[dict]] = defaultdict(list)

    async def generate(self, request_id, *, prompt_ids, sampling_params, image_data=None, **_):
        asked = self.asked[request_id]
        asked.append({"ids": list(prompt_ids), "images": len(image_data), "sampling": sampling_params})
        text = self.answers[min(len(asked), len(self.answers)) - 1]
        ids = self.tokenizer.encode(f"{text}<|im_end|>", add_special_tokens=False)
        return TokenOutput(token_ids=ids, log_probs=[-0.5] * len(ids))


def rollout(checkpoint: Path, server: str, script: Script, indices: list[int], monkeypatch, response: int = 8192):
    monkeypatch.setenv("MASKWRIGHT_ENVIRONMENTS", server)
    with initialize_config_dir(str(Path(verl.__file__).parent / "trainer" / "config"), version_base=None):
        config = compose(
            "ppo_trainer",
            [
                "actor_rollout_ref.rollout.name=vllm",
                f"actor_rollout_ref.model.path={checkpoint}",
                "actor_rollout_ref.rollout.prompt_length=8192",
                f"actor_rollout_ref.rollout.response_length={response}",
                "actor_rollout_ref.rollout.multi_turn.enable=true",
                "actor_rollout_ref.rollout.calculate_log_probs=true",
                f"actor_rollout_ref.rollout.agent.agent_loop_config_path={Path(__file__).with_name('agent_loop.yaml')}",
            ],
        )
    worker = AgentLoopWorker(config, script)
    script.tokenizer = worker.tokenizer
    batch = DataProto.from_dict(
        non_tensors={
            "agent_name": np.array(["maskwright"] * len(indices), dtype=object),
            "raw_prompt": np.array([[{"role": "user", "content": "unused"}]] * len(indices), dtype=object),
            "extra_info": np.array([{"index": index} for index in indices], dtype=object),
            "index": np.array(indices),
        },
    )
    return worker, asyncio.run(worker.generate_sequences(batch))


def play(server: str, index: int, answers: list[str]) -> tuple[list[dict], list[float]]:
    """The same episode without verl: its replies, and its process rewards."""
    client = EnvironmentClient(server)
    replies = [client.reset(index=index)]
    for answer in answers:
        replies.append(client.step(text=answer))
    client.close()
    return replies, [reply["observation"]["metrics"]["process"] for reply in replies[1:]]


@pytest.mark.parametrize("model", MODELS)
def test_episodes_are_those_of_the_environment(model: str, checkpoints: Path, server: str, monkeypatch) -> None:
    answers = [BOX, POINT, FINISH]
    worker, out = rollout(checkpoints / model, server, Script(answers), [3, 0], monkeypatch)
    for row, index in enumerate([3, 0]):
        replies, process = play(server, index, answers)
        assert replies[-1]["done"]
        scores = out.batch["rm_scores"][row]
        attention = out.batch["attention_mask"][row][8192:]
        assert scores.sum().item() == pytest.approx(replies[-1]["reward"])
        assert scores[attention.sum() - 1].item() == pytest.approx(replies[-1]["reward"])
        assert out.non_tensor_batch["turn_scores"][row] == process
        assert out.non_tensor_batch["__num_turns__"][row] == 6
        assert out.non_tensor_batch["iou"][row] == replies[-1]["observation"]["metrics"]["iou"]

        # What is under the mask is what the model said, and nothing else.
        response, mask = out.batch["responses"][row], out.batch["response_mask"][row].bool()
        assert worker.tokenizer.decode(response[mask]) == "".join(f"{answer}<|im_end|>" for answer in answers)
        assert (out.batch["rollout_log_probs"][row][mask] == -0.5).all()

        # The tokens are those of the whole conversation, rendered at once.
        images = [image for reply in replies[:-1] for image in images_of(reply["observation"])]
        ids = whole_conversation(worker.processor, replies, answers, images)
        got = out.batch["input_ids"][row][out.batch["attention_mask"][row].bool()].tolist()
        assert got == ids[: len(got)]
        assert worker.tokenizer.decode(ids[len(got) :]) == "\n"
        inputs = out.non_tensor_batch["multi_modal_inputs"][row]
        assert len(inputs["image_grid_thw"]) == len(images) == 3
        merge = worker.processor.image_processor.merge_size**2
        pads = got.count(worker.tokenizer.convert_tokens_to_ids("<|image_pad|>"))
        assert pads == (inputs["image_grid_thw"].prod(-1).sum() // merge).item()


def whole_conversation(processor, replies, answers, images) -> list[int]:
    first = replies[0]["observation"]
    messages = [
        {"role": "system", "content": system_text(first)},
        {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": user_text(first)}]},
    ]
    for answer, reply in zip(answers, replies[1:], strict=True):
        messages.append({"role": "assistant", "content": answer})
        if not reply["done"]:
            text = f"<tool_response>\n<|vision_start|><|image_pad|><|vision_end|>\n{reply['observation']['text']}\n</tool_response>"
            messages.append({"role": "user", "content": text})
    text = processor.apply_chat_template(messages, tokenize=False)
    return processor(text=[text], images=images)["input_ids"][0]


def test_what_is_no_call_costs_a_turn_and_the_budget_ends_it(checkpoints: Path, server: str, monkeypatch) -> None:
    script = Script(["I do not know."])
    _, out = rollout(checkpoints / "qwen3_vl", server, script, [1], monkeypatch)
    replies, _ = play(server, 1, ["I do not know."] * 4)
    assert out.batch["rm_scores"].sum().item() == pytest.approx(replies[-1]["reward"])
    assert out.non_tensor_batch["truncated"][0] == 1
    [asked] = script.asked.values()
    assert [turn["images"] for turn in asked] == [1, 2, 3, 4]


def test_a_response_without_room_is_ended_and_keeps_its_images_whole(checkpoints: Path, server: str, monkeypatch) -> None:
    worker, out = rollout(checkpoints / "qwen2_5_vl", server, Script([BOX]), [2], monkeypatch, response=300)
    replies, _ = play(server, 2, [BOX, "", "", ""])
    assert out.batch["rm_scores"].sum().item() == pytest.approx(replies[-1]["reward"])
    mask = out.batch["response_mask"][0].bool()
    assert worker.tokenizer.decode(out.batch["responses"][0][mask]) == f"{BOX}<|im_end|>"
    assert len(out.non_tensor_batch["multi_modal_inputs"][0]["image_grid_thw"]) == 1


def test_an_episode_begins_anew_when_its_server_is_gone(
    checkpoints: Path, server: str, start_server: Callable, monkeypatch
) -> None:
    gone, process = start_server("--metrics", "--turns", "4")
    process.kill()
    process.wait()
    order = iter([gone, server])
    monkeypatch.setattr("training.verl.maskwright_agent_loop.random.choice", lambda _: next(order))
    _, out = rollout(checkpoints / "qwen3_vl", f"{gone}, {server}", Script([BOX, FINISH]), [0], monkeypatch)
    assert out.batch["rm_scores"].sum().item() == pytest.approx(play(server, 0, [BOX, FINISH])[0][-1]["reward"])


def test_the_configurations_compose(monkeypatch) -> None:
    monkeypatch.setenv("MASKWRIGHT_ROWS", "rows")
    for name in ("qwen2_5_vl_7b", "qwen3_vl_8b"):
        ours = OmegaConf.load(Path(__file__).with_name(f"{name}.yaml"))
        with initialize_config_dir(str(Path(__file__).parent), version_base=None):
            config = compose(name)
        assert config.algorithm.adv_estimator == "grpo"
        assert config.actor_rollout_ref.rollout.agent.default_agent_loop == "maskwright"
        # Every key of ours is one of verl's: what it does not know would be added without a word.
        with initialize_config_dir(str(Path(verl.__file__).parent / "trainer" / "config"), version_base=None):
            known = compose("ppo_trainer", ["+actor_rollout_ref.rollout.limit_images=null"])
        assert omega_conf_to_dataclass(config.actor_rollout_ref.rollout).limit_images == 9
        OmegaConf.set_struct(known, True)
        for section in ours:
            if section not in ("defaults", "hydra"):
                OmegaConf.merge(known, {section: ours[section]})


def test_its_data_set_reads_our_rows(tmp_path: Path, checkpoints: Path) -> None:
    from training.environment.rl_rows import write
    from verl.utils.dataset.rl_dataset import RLHFDataset
    from verl.utils.tokenizer import hf_processor, hf_tokenizer

    write(tmp_path / "train.parquet", range(5, 8))
    path = str(checkpoints / "qwen3_vl")
    config = OmegaConf.create({"return_raw_chat": True, "filter_overlong_prompts": False, "max_prompt_length": 3072})
    data = RLHFDataset(str(tmp_path / "train.parquet"), hf_tokenizer(path), config, hf_processor(path))
    assert [row["extra_info"]["index"] for row in data] == [5, 6, 7]
    assert {row["agent_name"] for row in data} == {"maskwright"}
