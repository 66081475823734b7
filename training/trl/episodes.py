"""Episodes of the running environment server (`maskwright env --metrics`) as TRL's `environment_factory` wants them.

TRL makes as many as there are completions in a process's batch, keeps them, and never closes them: the server needs as
many sessions as all processes have.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from training.environment.client import EnvironmentClient, EnvironmentFailure  # noqa: E402
from training.environment.conversation import escape_control, images_of, observation_text, user_text  # noqa: E402

OVER = "<episode over>"
"""A tool's answer after the last turn. The app asks no policy once an episode is over; see grpo.Trainer."""

Blocks = list[dict[str, Any]]


class Episode:
    """One session. `url` is set before the trainer is made. TRL takes `answer` for a tool: every public method is one."""

    url = ""

    def __init__(self) -> None:
        self._client = EnvironmentClient(self.url)
        self._reward = 0.0
        self._iou = 0.0
        self._calls = 0

    def reset(self, index: int, **_row: Any) -> Blocks:
        reply = self._client.reset(index=index)
        self._reward, self._iou, self._calls = 0.0, 0.0, 0
        (image,) = images_of(reply.observation)
        return [{"type": "image", "image": image}, {"type": "text", "text": user_text(reply.observation)}]

    def answer(self, text: str, ended: bool) -> Blocks | str:
        """
        All that the model said in a turn: the server reads it as the app reads a policy's answers. No call, several or
        wrong ones are an invalid call, which costs a turn.

        :param ended: whether it was ended by the model, not by the limit of tokens
        """
        try:
            reply = self._client.step(text=text)
        except EnvironmentFailure as error:
            # TRL would tell the model any Exception as the tool's answer and train on.
            raise SystemExit(f"The environment server failed: {error}") from error
        self._calls += 1
        metrics = reply.observation["metrics"]
        self._iou = metrics["iou"]
        self._reward = metrics["reward"] if reply.reward is None else reply.reward
        if reply.done:
            return OVER
        image = {"type": "image", "image": images_of(reply.observation)[-1]}
        return [image, {"type": "text", "text": observation_text(reply.observation), "behind_cut": not ended}]


def describe(url: str) -> tuple[str, list[dict[str, Any]]]:
    """System text and tools of a server, as the app's prompts hold them: a brief one holds none."""
    with EnvironmentClient(url) as client:
        observation = client.reset(index=0).observation
    tools = [
        {"name": tool["name"], "description": tool["description"], "parameters": tool["input_schema"]}
        for tool in observation["tools"]
    ]
    system = escape_control(observation["system"])
    if observation.get("prompt") == "brief":
        return system, []
    return system, [{"type": "function", "function": tool} for tool in tools]


def rewards(environments: list[Episode], log_metric: Any, **_columns: Any) -> list[float]:
    """The server's rewards. Of an episode that had no room for further tokens: what stopping there was worth."""
    log_metric("episode/iou", sum(episode._iou for episode in environments) / len(environments))
    log_metric("episode/calls", sum(episode._calls for episode in environments) / len(environments))
    return [episode._reward for episode in environments]
