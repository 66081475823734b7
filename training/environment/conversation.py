"""The conversation of an episode as every part of the project writes it: prompts, training rows, rollouts.

The texts are Qwen's Hermes form, which both chat templates (Qwen2.5-VL, Qwen3-VL) write from tools and tool messages.
They are made here as plain text, so that no template has to know tools; the rows for training hold the same texts.
`src/shared/tools/prompt-text.ts` and `src/engine/agent/prompt.ts` are the origin, and `src/engine/policies/chatml.ts` that
of the escaping.
"""

from __future__ import annotations

import base64
import io
import json
import re
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


# What a JavaScript regular expression takes for white space; Python's \s is another set.
_NO_NAME = r"<>\t-\r \xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
_CONTROL_NAMES = re.compile(rf"<(?=\|[^{_NO_NAME}]{{0,64}}\|>|__[^{_NO_NAME}]{{0,64}}__>|(?:image|video|audio)>)")
_HERMES_TAGS = re.compile(r"<(?=/?(?:tool_call|tool_response|think|tools)>)")


def escape_control(text: str) -> str:
    """Text in which nothing acts as a control token or a place for media: a space goes after the `<` of each such name."""
    return _CONTROL_NAMES.sub("< ", text)


def escape_user_text(text: str) -> str:
    """As `escape_control`, for text of people and tools, which may not open or close a turn's tags either."""
    return _HERMES_TAGS.sub("< ", escape_control(text))


def system_text(observation: Observation) -> str:
    """The system text with the tools section, from the observation of a reset; a brief prompt has no such section."""
    if observation.get("prompt") == "brief":
        return observation["system"]
    tools = "\n".join(map(_signature, observation["tools"]))
    return escape_control(f"{observation['system']}\n\n{_TOOLS.format(tools=tools)}")


def user_text(observation: Observation) -> str:
    """What stands behind the first image, from the observation of a reset."""
    return escape_user_text(f"\nQuery: {observation['query']}\n{observation['text']}")


def observation_text(observation: Observation) -> str:
    """What stands behind the image of a later observation, from that of a step."""
    return escape_user_text(f"\n{observation['text']}")


def images_of(observation: Observation) -> list[Image.Image]:
    """RGB, in the order of the observation."""
    return [Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB") for png in observation["images"]]


def _signature(tool: Mapping[str, Any]) -> str:
    function = {"name": tool["name"], "description": tool["description"], "parameters": tool["input_schema"]}
    return json.dumps({"type": "function", "function": function}, ensure_ascii=False)
