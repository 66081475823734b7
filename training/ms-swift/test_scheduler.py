"""The scheduler in ms-swift itself, on a CPU: its loops, its template, its reward; the real environment server.

Only the model's answers are scripted, because multi-turn rollouts need vLLM, and with it a GPU.

    npm run build && pytest training/ms-swift        (environment: see README.md)
"""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("swift")

from swift import get_processor, get_template  # noqa: E402
from swift.infer_engine import RequestConfig  # noqa: E402
from swift.infer_engine.protocol import (  # noqa: E402
    ChatCompletionResponse,
    ChatCompletionResponseChoice,
    ChatMessage,
    RolloutOutput,
    UsageInfo,
)
from swift.rl_core.data import OnPolicySample  # noqa: E402
from swift.rl_core.grpo_algorithm import score_completions  # noqa: E402
from swift.rlhf_trainers.utils import encode_sample  # noqa: E402
from swift.rollout.agent_loop import invoke_async_hook, run_multi_turn  # noqa: E402
from swift.rollout.multi_turn import multi_turns  # noqa: E402

from training.environment.client import EnvironmentClient  # noqa: E402
from training.environment.conversation import images_of, system_text, user_text  # noqa: E402

sys.path.insert(0, str(Path(__file__).parent))
import maskwright_scheduler  # noqa: E402, F401  (as --external_plugins does)

BOX = '<think>\nThere.\n</think>\n\n<tool_call>\n{"name": "segment_box", "arguments": {"x1": 200, "y1": 150, "x2": 900, "y2": 800}}\n</tool_call>'
POINT = '<tool_call>\n{"name": "add_point", "arguments": {"x": 500, "y": 500, "label": "positive"}}\n</tool_call>'
FINISH = '<tool_call>\n{"name": "finish", "arguments": {}}\n</tool_call>'
MODELS = ["qwen2_5_vl", "qwen3_vl"]
Engine = Callable[[list[str], str], object]


class Script:
    """Stands for the rollout engine: the answer of a turn is found by how many there were."""

    def __init__(self, answers: list[str], tokenizer, finish: str = "stop") -> None:
        self.answers = answers
        self.tokenizer = tokenizer
        self.finish = finish

    async def infer_async(self, request, _config, **_):
        return self.response(request)

    def response(self, request) -> ChatCompletionResponse:
        turn = sum(message["role"] == "assistant" for message in request.messages)
        text = self.answers[min(turn, len(self.answers) - 1)]
        ids = self.tokenizer.encode(f"{text}<|im_end|>", add_special_tokens=False)
        message = ChatMessage(role="assistant", content=text)
        choice = ChatCompletionResponseChoice(0, message, self.finish, token_ids=ids)
        return ChatCompletionResponse("script", [choice], UsageInfo(0, 0, 0))


def template_of(checkpoints: Path, model: str):
    processor = get_processor(str(checkpoints / model), model_type=model)
    template = get_template(processor, template_type=model)
    template.set_mode("train")
    return template


def sample_of(index: int) -> OnPolicySample:
    row = {"messages": [{"role": "user", "content": "unused"}], "index": index, "request_id": f"sample-{index}"}
    return OnPolicySample.from_row(row)


def in_server_mode(script: Script, template, indices: list[int], max_turns: int) -> list[RolloutOutput]:
    scheduler = multi_turns["maskwright"](script, max_turns, tokenizer=template.tokenizer, template=template)
    requests = [sample_of(index).to_infer_request(include_extra=True) for index in indices]

    async def run():
        return await asyncio.gather(*[scheduler.run(request, RequestConfig()) for request in requests])

    return list(asyncio.run(run()))


def in_colocate_mode(script: Script, template, indices: list[int], max_turns: int) -> list[RolloutOutput]:
    scheduler = multi_turns["maskwright"](None, max_turns, tokenizer=template.tokenizer, template=template)
    requests = [sample_of(index).to_infer_request(include_extra=True) for index in indices]
    invoke_async_hook(scheduler.on_trajectory_start(requests))

    def rollout(pending, _config):
        return [RolloutOutput(response=script.response(request)) for request in pending]

    first = rollout(requests, None)
    return run_multi_turn(requests, first, scheduler, rollout, RequestConfig(), max_turns)


def play(server: str, index: int, answers: list[str]) -> list[dict]:
    """The same episode without ms-swift."""
    client = EnvironmentClient(server)
    replies = [client.reset(index=index), *[client.step(text=answer) for answer in answers]]
    client.close()
    return replies


@pytest.mark.parametrize("mode", [in_server_mode, in_colocate_mode])
@pytest.mark.parametrize("model", MODELS)
def test_episodes_are_those_of_the_environment(model: str, mode, checkpoints: Path, server: str, monkeypatch) -> None:
    monkeypatch.setenv("MASKWRIGHT_ENVIRONMENTS", server)
    template = template_of(checkpoints, model)
    answers = [BOX, POINT, FINISH]
    outputs = mode(Script(answers, template.tokenizer), template, [3, 0], 8)
    samples = []
    for output, index in zip(outputs, [3, 0], strict=True):
        samples.append(sample_of(index))
        samples[-1].apply_rollout_output(rollout_output=output)
    rewards = score_completions(samples, [], [], True, "cpu")
    for sample, index, reward in zip(samples, [3, 0], rewards, strict=True):
        replies = play(server, index, answers)
        assert replies[-1]["done"]
        assert reward.item() == pytest.approx(replies[-1]["reward"])
        assert sample.rollout_infos["num_turns"] == 3
        metrics = [reply["observation"]["metrics"]["process"] for reply in replies[1:]]
        assert sample.rollout_infos["step_rewards"] == metrics

        encoded = encode_sample(sample, template)
        learnt = [label for label in encoded["labels"] if label != -100]
        assert template.tokenizer.decode(learnt) == "".join(f"{answer}<|im_end|>" for answer in answers)
        images = [image for reply in replies[:-1] for image in images_of(reply["observation"])]
        assert len(encoded["image_grid_thw"]) == len(images) == 3
        ids = whole_conversation(template.processor, replies, answers, images)
        got = list(encoded["input_ids"])
        assert got == ids[: len(got)]
        assert template.tokenizer.decode(ids[len(got) :]) in ("\n", "")


def whole_conversation(processor, replies, answers, images) -> list[int]:
    """The tokens of the conversation as the checkpoint's own template and processor give them."""
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


@pytest.mark.parametrize("mode", [in_server_mode, in_colocate_mode])
def test_an_answer_that_was_cut_ends_the_episode(mode, checkpoints: Path, server: str, monkeypatch) -> None:
    monkeypatch.setenv("MASKWRIGHT_ENVIRONMENTS", server)
    template = template_of(checkpoints, "qwen3_vl")
    [output] = mode(Script([BOX], template.tokenizer, finish="length"), template, [2], 8)
    assert output.rollout_infos["num_turns"] == 1
    assert output.rollout_infos["total_reward"] == pytest.approx(play(server, 2, [BOX, "", "", ""])[-1]["reward"])


@pytest.mark.parametrize("mode", [in_server_mode, in_colocate_mode])
def test_too_few_turns_still_give_a_reward(mode, checkpoints: Path, server: str, monkeypatch) -> None:
    monkeypatch.setenv("MASKWRIGHT_ENVIRONMENTS", server)
    template = template_of(checkpoints, "qwen3_vl")
    [output] = mode(Script([BOX, POINT], template.tokenizer), template, [1], 2)
    assert output.rollout_infos["num_turns"] == 2
    expected = play(server, 1, [BOX, POINT, "", ""])[-1]["reward"]
    assert output.rollout_infos["total_reward"] == pytest.approx(expected)


def test_a_reset_tries_another_server_when_one_is_gone(
    checkpoints: Path, server: str, start_server: Callable, monkeypatch
) -> None:
    gone, process = start_server("--turns", "4")
    process.kill()
    process.wait()
    order = iter([gone, server])
    monkeypatch.setenv("MASKWRIGHT_ENVIRONMENTS", f"{gone},{server}")
    monkeypatch.setattr("maskwright_scheduler.random.choice", lambda _: next(order))
    template = template_of(checkpoints, "qwen3_vl")
    [output] = in_server_mode(Script([BOX, FINISH], template.tokenizer), template, [0], 8)
    assert output.rollout_infos["total_reward"] == pytest.approx(play(server, 0, [BOX, FINISH])[-1]["reward"])
