"""ms-swift's multi-turn scheduler in Maskwright's environment: observations with their images, and the reward.

    swift rlhf --external_plugins training/ms-swift/maskwright_scheduler.py --multi_turn_scheduler maskwright
               --use_gym_env true …

A row of the data set names the item in its column `index`: its number in the data set that the environment server was
started with. The row's own messages are replaced by the server's texts and image, so that rollouts see what every other
part of the project shows to a model. `max_turns` is to be no less than the server's turn budget.

MASKWRIGHT_ENVIRONMENTS: addresses of environment servers, with commas between; an episode takes one of them.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from swift.infer_engine.protocol import ChatCompletionResponseChoice, RolloutInferRequest
from swift.rollout.multi_turn import MultiTurnScheduler, multi_turns

from training.environment.client import EnvironmentClient, EnvironmentFailure
from training.environment.conversation import observation_text, system_text, user_text

ATTEMPTS = 3


@dataclass
class Episode:
    client: EnvironmentClient
    process_rewards: list[float] = field(default_factory=list)
    observation: Mapping[str, Any] | None = None


class MaskwrightScheduler(MultiTurnScheduler):
    """One episode a request, in server mode (`run`) and in colocate mode (`run_multi_turn`)."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        addresses = os.environ.get("MASKWRIGHT_ENVIRONMENTS", "http://127.0.0.1:8000")
        self.environments = [address.strip() for address in addresses.split(",")]
        self.episodes: dict[str, Episode] = {}

    async def on_trajectory_start(self, requests: list[RolloutInferRequest]) -> None:
        """:raises EnvironmentFailure: when the servers fail again and again"""
        await asyncio.gather(*[asyncio.to_thread(self._begin, request) for request in requests])

    async def on_turn_end(
        self, infer_request: RolloutInferRequest, response_choice: ChatCompletionResponseChoice, current_turn: int
    ) -> dict[str, Any]:
        """
        :raises EnvironmentFailure: when the server fails
        :raises ValueError: when the data set has no ground truth
        """
        episode = self.episodes[infer_request.uuid]
        reply = await asyncio.to_thread(episode.client.step, text=response_choice.message.content)
        process = reply["observation"].get("metrics", {}).get("process")
        if process is not None:
            episode.process_rewards.append(process)
        if self.check_finished(infer_request, response_choice, current_turn):
            # Without room for tokens the agent has nothing more to say, and the environment ends it as it does others.
            while not reply["done"]:
                reply = await asyncio.to_thread(episode.client.step, text="")
        if not reply["done"]:
            episode.observation = reply["observation"]
            return {"done": False}
        del self.episodes[infer_request.uuid]
        await asyncio.to_thread(episode.client.close)
        if reply["reward"] is None:
            raise ValueError("The environment gives no reward: its data set has no ground truth.")
        infos = {"total_reward": reply["reward"], "step_rewards": episode.process_rewards}
        return {"done": True, "rollout_infos": infos}

    def step(
        self, infer_request: RolloutInferRequest, response_choice: ChatCompletionResponseChoice, current_turn: int
    ) -> dict[str, Any]:
        """Appends the observation of the turn that ended, with its image."""
        episode = self.episodes[infer_request.uuid]
        assert episode.observation is not None
        content = [
            _text("<tool_response>\n"),
            *_images(episode.observation),
            _text(f"{observation_text(episode.observation)}\n</tool_response>"),
        ]
        infer_request.messages.append({"role": "user", "content": content})
        episode.observation = None
        return {"infer_request": infer_request}

    def _begin(self, request: RolloutInferRequest) -> None:
        client, reply = self._reset(int(request.data_dict["index"]))
        observation = reply["observation"]
        self.episodes[request.uuid] = Episode(client)
        request.tools = None
        request.messages = [
            {"role": "system", "content": system_text(observation)},
            {"role": "user", "content": [*_images(observation), _text(user_text(observation))]},
        ]

    def _reset(self, index: int) -> tuple[EnvironmentClient, dict[str, Any]]:
        for attempt in range(ATTEMPTS):
            try:
                client = EnvironmentClient(random.choice(self.environments))
                try:
                    return client, client.reset(index=index)
                except BaseException:
                    client.close()
                    raise
            except EnvironmentFailure:
                if attempt == ATTEMPTS - 1:
                    raise
        raise AssertionError("unreachable")


def _images(observation: Mapping[str, Any]) -> list[dict[str, str]]:
    """Base64, because requests travel as JSON; in the messages, because samples do not take over a request's images."""
    return [{"type": "image", "image": png} for png in observation["images"]]


def _text(text: str) -> dict[str, str]:
    return {"type": "text", "text": text}


multi_turns["maskwright"] = MaskwrightScheduler
