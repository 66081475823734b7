"""verl's agent loop in Maskwright's environment: observations with their images, and the reward, come from its server.

Registered by `agent_loop.yaml`. A row of the data set names the item in `extra_info.index`: its number in the data set
that the environment server was started with. The prompt is made from the server's own texts and image, so that rollouts
see what every other part of the project shows to a model; the row's own prompt is not used.
"""

from __future__ import annotations

import asyncio
import logging
import random
from typing import Any
from uuid import uuid4

from PIL import Image
from verl.experimental.agent_loop.agent_loop import AgentLoopBase, AgentLoopOutput
from verl.utils.profiler import simple_timer

from training.environment.client import EnvironmentClient, EnvironmentFailure
from training.environment.conversation import images_of, observation_text, system_text, user_text

logger = logging.getLogger(__name__)


class MaskwrightAgentLoop(AgentLoopBase):
    """
    One episode a sample.

    :param environments: addresses of environment servers, with commas between; an episode takes one of them
    :param attempts: how often an episode is begun anew when its server fails, before the rollout fails
    """

    def __init__(self, *args: Any, environments: str, attempts: int = 3, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.environments = [address.strip() for address in environments.split(",")]
        self.attempts = attempts
        self.response_length = self.rollout_config.response_length

    async def run(self, sampling_params: dict[str, Any], **kwargs: Any) -> AgentLoopOutput:
        """
        :raises EnvironmentFailure: when the servers fail again and again
        :raises ValueError: when the data set has no ground truth, or images are not supported
        """
        index = int(kwargs["extra_info"]["index"])
        for attempt in range(1, self.attempts + 1):
            address = random.choice(self.environments)
            try:
                client = await asyncio.to_thread(EnvironmentClient, address)
                try:
                    return await Episode(self, client, sampling_params, kwargs.get("priority", 0)).play(index)
                finally:
                    await asyncio.to_thread(client.close)
            except EnvironmentFailure as error:
                if attempt == self.attempts:
                    raise
                logger.warning("episode %d on %s failed, again: %s", index, address, error)
                await asyncio.sleep(2**attempt * random.random())
        raise AssertionError("unreachable")


class Episode:
    """The tokens of one episode: those of the model under the mask, those of observations not."""

    def __init__(self, loop: MaskwrightAgentLoop, client: EnvironmentClient, sampling: dict[str, Any], priority: int):
        self.loop = loop
        self.client = client
        self.sampling = sampling
        is_fixed = loop.rollout_config.full_determinism
        self.request_id = f"det-{priority}" if is_fixed else uuid4().hex
        self.messages: list[dict[str, Any]] = []
        self.images: list[Image.Image] = []
        self.ids: list[int] = []
        self.mask: list[int] = []
        self.logprobs: list[float] = []
        self.metrics: dict[str, Any] = {}
        self.fields: dict[str, Any] = {}
        self.process_rewards: list[float] = []
        self.answers = 0

    async def play(self, index: int) -> AgentLoopOutput:
        reply = await asyncio.to_thread(self.client.reset, index=index)
        await self._begin(reply["observation"])
        prompt_length = len(self.ids)
        while not reply["done"]:
            text = await self._generate()
            with simple_timer("tool_calls", self.metrics):
                reply = await asyncio.to_thread(self.client.step, text=text)
            self._note(reply)
            if not reply["done"] and not await self._observe(text, reply["observation"]):
                reply = await self._run_out(reply)
        return self._output(prompt_length, reply)

    async def _begin(self, observation: dict[str, Any]) -> None:
        self.images = images_of(observation)
        self.loop._assert_mm_supported(True)
        self.messages = [
            {"role": "system", "content": system_text(observation)},
            {"role": "user", "content": [*_image_blocks(self.images), _text_block(user_text(observation))]},
        ]
        self.ids = await self.loop.ct_build_initial_tokens(self.messages, images=self.images)

    async def _generate(self) -> str:
        with simple_timer("generate_sequences", self.metrics):
            output = await self.loop.server_manager.generate(
                request_id=self.request_id,
                prompt_ids=self.ids,
                sampling_params=self.sampling,
                image_data=self.images,
                mm_processor_kwargs=self.loop._get_mm_processor_kwargs(),
            )
        preempted = output.num_preempted if output.num_preempted is not None else -1
        self.metrics["num_preempted"] = max(self.metrics.get("num_preempted", -1), preempted)
        self.fields = {**output.extra_fields, **self.fields, **_newest_step(output.extra_fields)}
        has_logprobs = bool(self.logprobs or output.log_probs)
        merged, self.mask, logprobs = await self.loop.ct_merge_assistant_token(
            self.ids,
            output.token_ids,
            self.mask,
            self.logprobs if has_logprobs else None,
            assistant_logprobs=output.log_probs or None,
        )
        self.ids = merged.token_ids
        self.logprobs = logprobs or []
        self.answers += 1
        return self.loop.tokenizer.decode(output.token_ids, skip_special_tokens=True)

    async def _observe(self, text: str, observation: dict[str, Any]) -> bool:
        """Appends an observation; false, and nothing is appended, where the response has no room for it."""
        if len(self.mask) >= self.loop.response_length:
            return False
        images = images_of(observation)
        answered = [*self.messages, {"role": "assistant", "content": text}]
        content = [
            _text_block("<tool_response>\n"),
            *_image_blocks(images),
            _text_block(f"{observation_text(observation)}\n</tool_response>"),
        ]
        updated = [*answered, {"role": "user", "content": content}]
        merged, mask, logprobs = await self.loop.ct_merge_context_msg(
            answered, updated, self.ids, self.mask, self.logprobs or None
        )
        if len(mask) >= self.loop.response_length:
            return False
        self.messages, self.ids, self.mask, self.logprobs = updated, merged.token_ids, mask, logprobs or []
        self.images = [*self.images, *images]
        return True

    async def _run_out(self, reply: dict[str, Any]) -> dict[str, Any]:
        """Without room for tokens the agent has nothing more to say, and the environment ends it as it does others."""
        while not reply["done"]:
            reply = await asyncio.to_thread(self.client.step, text="")
        return reply

    def _note(self, reply: dict[str, Any]) -> None:
        process = reply["observation"].get("metrics", {}).get("process")
        if process is not None:
            self.process_rewards.append(process)

    def _output(self, prompt_length: int, reply: dict[str, Any]) -> AgentLoopOutput:
        if reply["reward"] is None:
            raise ValueError("The environment gives no reward: its data set has no ground truth.")
        observation = reply["observation"]
        end = self.loop.response_length
        known = observation.get("metrics", {})
        info = {"truncated": float(observation["truncated"]), **({"iou": known["iou"]} if "iou" in known else {})}
        return AgentLoopOutput(
            prompt_ids=self.ids[:prompt_length],
            response_ids=self.ids[prompt_length:][:end],
            response_mask=self.mask[:end],
            response_logprobs=self.logprobs[:end] or None,
            multi_modal_data={"images": self.images},
            reward_score=reply["reward"],
            num_turns=2 * self.answers,
            metrics=self.metrics,
            extra_fields={
                **self.fields,
                "turn_scores": self.process_rewards,
                "tool_rewards": [],
                "reward_extra_info": info,
            },
        )


def _newest_step(fields: dict[str, Any]) -> dict[str, Any]:
    step = fields.get("max_global_steps")
    return {"max_global_steps": step} if step else {}


def _image_blocks(images: list[Image.Image]) -> list[dict[str, Any]]:
    return [{"type": "image", "image": image} for image in images]


def _text_block(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}
