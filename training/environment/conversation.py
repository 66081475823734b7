"""The conversation of an episode as every part of the project writes it: prompts, training rows, rollouts.

The texts are Qwen's Hermes form, which both chat templates (Qwen2.5-VL, Qwen3-VL) write from tools and tool messages.
They are made here as plain text, so that no template has to know tools; the rows for training hold the same texts.
`src/shared/tools/prompt-text.ts` and `src/engine/agent/prompt.ts` are the origin.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping
from typing import Any

from PIL import Image

Observation = Mapping[str, Any]

_TOOLS = """# Tools

You may call one or more functions to assist with the user query.

You are provided with function signatures within <tools></tools> XML tags:
<tools>
{tools}
</tools>

For each function call, return a json object with function name and arguments within <tool_call></tool_call> XML tags:
<tool_call>
{{"name": <function-name>, "arguments": <args-json-object>}}
</tool_call>"""


def system_text(observation: Observation) -> str:
    """The system text with the tools section, from the observation of a reset; a brief prompt has no such section."""
    if observation.get("prompt") == "brief":
        return observation["system"]
    tools = "\n".join(map(_signature, observation["tools"]))
    return f"{observation['system']}\n\n{_TOOLS.format(tools=tools)}"


def user_text(observation: Observation) -> str:
    """What stands behind the first image, from the observation of a reset."""
    return f"\nQuery: {observation['query']}\n{observation['text']}"


def images_of(observation: Observation) -> list[Image.Image]:
    """RGB, in the order of the observation."""
    return [Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB") for png in observation["images"]]


def _signature(tool: Mapping[str, Any]) -> str:
    function = {"name": tool["name"], "description": tool["description"], "parameters": tool["input_schema"]}
    return json.dumps({"type": "function", "function": function}, ensure_ascii=False)
