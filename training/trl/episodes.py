"""Episodes of the running environment server (`maskwright env --metrics`) as TRL's `environment_factory` wants them.

TRL makes as many as there are completions in a batch, keeps them, and never closes them: the server needs as many
sessions.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from training.environment.client import EnvironmentClient, EnvironmentFailure  # noqa: E402
from training.environment.conversation import images_of, user_text  # noqa: E402

OVER = "<episode over>"
"""A tool's answer after the last turn. The app asks no policy once an episode is over; see grpo.Trainer."""

Blocks = list[dict[str, Any]]


class Episode:
    """One session. `url` is set before the trainer is made. TRL takes every public method for a tool, by its name."""

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

    def _step(self, name: str, arguments: dict[str, Any]) -> Blocks | str:
        """Any arguments: the server refuses wrong ones as it does for every policy, and counts them."""
        try:
            reply = self._client.step({"name": name, "arguments": arguments})
        except EnvironmentFailure as error:
            # TRL would tell the model any Exception as the tool's answer and train on.
            raise SystemExit(f"The environment server failed: {error}") from error
        self._calls += 1
        metrics = reply.observation["metrics"]
        self._iou = metrics["iou"]
        self._reward = metrics["reward"] if reply.reward is None else reply.reward
        if reply.done:
            return OVER
        text = {"type": "text", "text": "\n" + reply.observation["text"]}
        return [{"type": "image", "image": images_of(reply.observation)[-1]}, text]

    def segment_box(self, **arguments: Any) -> Blocks | str:
        return self._step("segment_box", arguments)

    def add_point(self, **arguments: Any) -> Blocks | str:
        return self._step("add_point", arguments)

    def zoom(self, **arguments: Any) -> Blocks | str:
        return self._step("zoom", arguments)

    def zoom_out(self, **arguments: Any) -> Blocks | str:
        return self._step("zoom_out", arguments)

    def revert(self, **arguments: Any) -> Blocks | str:
        return self._step("revert", arguments)

    def new_object(self, **arguments: Any) -> Blocks | str:
        return self._step("new_object", arguments)

    def finish(self, **arguments: Any) -> Blocks | str:
        return self._step("finish", arguments)

    def report_no_target(self, **arguments: Any) -> Blocks | str:
        return self._step("report_no_target", arguments)


def describe(url: str) -> tuple[str, list[dict[str, Any]]]:
    """System text and tools of a server, as the app's prompts hold them: a brief one holds none."""
    with EnvironmentClient(url) as client:
        observation = client.reset(index=0).observation
    tools = [
        {"name": tool["name"], "description": tool["description"], "parameters": tool["input_schema"]}
        for tool in observation["tools"]
    ]
    if observation.get("prompt") == "brief":
        return observation["system"], []
    return observation["system"], [{"type": "function", "function": tool} for tool in tools]


def rewards(environments: list[Episode], log_metric: Any, **_columns: Any) -> list[float]:
    """The server's rewards. Where an answer held no call TRL ends the episode: what stopping there was worth, or 0."""
    log_metric("episode/iou", sum(episode._iou for episode in environments) / len(environments))
    log_metric("episode/calls", sum(episode._calls for episode in environments) / len(environments))
    return [episode._reward for episode in environments]
