"""Drives the environment server with openenv-core's own clients; prints what they saw as JSON. Argument: the base URL."""

import asyncio
import json
import sys

from openenv.core.generic_client import GenericEnvClient
from openenv.core.mcp_client import MCPToolClient

BOX = {"x1": 200, "y1": 200, "x2": 700, "y2": 700}


async def message_of(awaitable) -> str:
    try:
        await awaitable
    except Exception as error:  # noqa: BLE001
        return f"{type(error).__name__}: {error}"
    return "no error"


async def play(env) -> dict:
    first = await env.reset(seed=7, episode_id="mine")
    boxed = await env.step({"name": "segment_box", "arguments": BOX})
    spoken = await env.step({"text": '<tool_call>{"name": "zoom_out", "arguments": {}}</tool_call>'})
    state = await env.state()
    refused = await message_of(env.step({"name": "finish", "colour": "red"}))
    last = await env.step({"name": "finish", "arguments": {}})
    over = await message_of(env.step({"name": "finish", "arguments": {}}))
    again = await env.reset(seed=7, episode_id="mine")
    return {
        "first": [first.done, first.reward, first.observation["turn"], len(first.observation["tools"])],
        "turns": [boxed.observation["turn"], spoken.observation["turn"]],
        "metrics": boxed.observation["metrics"]["iou"],
        "state": state,
        "refused": refused,
        "last": [last.done, last.reward],
        "over": over,
        "same": again.observation == first.observation,
    }


async def main(url: str) -> dict:
    seen: dict = {}
    async with GenericEnvClient(base_url=url) as env, GenericEnvClient(base_url=url) as other:
        seen["play"] = await play(env)
        await other.reset(index=1)
        late = GenericEnvClient(base_url=url)
        seen["late"] = await message_of(late.reset(index=0))
        await late.close()
    for _ in range(100):
        async with MCPToolClient(base_url=url) as tools:
            if (await message_of(tools.reset(index=0))) != "no error":
                await asyncio.sleep(0.05)
                continue
            seen["listed"] = [tool.name for tool in await tools.list_tools()]
            seen["called"] = (await tools.call_tool("segment_box", **BOX))["turn"]
            break
    production = MCPToolClient(base_url=url)
    production.use_production_mode = True
    seen["production"] = [tool.name for tool in await production.list_tools()]
    begun = await production.call_tool("new_episode", index=2)
    boxed = await production.call_tool("segment_box", **BOX)
    seen["direct"] = [begun["structuredContent"]["turn"], boxed["structuredContent"]["turn"], boxed["content"][1]["type"]]
    await production.close()
    return seen


print(json.dumps(asyncio.run(main(sys.argv[1]))))
