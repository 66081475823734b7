"""The chat template that all engines and the app agree on: Qwen3-VL's, for Qwen2.5-VL too.

Qwen2.5-VL's own template knows neither tools nor tool calls. TRL carries both forms of Qwen3-VL's in its package; it
knows a template only when it is the same byte for byte.
"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

_FOLDER = files("trl") / "chat_templates"
QWEN3_VL_TEMPLATE = (_FOLDER / "qwen3_vl.jinja").read_text(encoding="utf-8")


def _with_message_loss(template: str) -> str:
    """A training template in which messages with `loss: false` are no generation, so that nothing of them is imitated."""
    start, end = "{%- generation -%}", "{%- endgeneration -%}"
    head, rest = template.split(start)
    body, tail = rest.split(end)
    silent = "{%- if message.loss is defined and message.loss is false -%}" + body + "{%- else -%}"
    return head + silent + start + body + end + "{%- endif -%}" + tail


TRAINING_TEMPLATE = _with_message_loss((_FOLDER / "qwen3_vl_training.jinja").read_text(encoding="utf-8"))
"""Marks what the assistant says; for the collator of supervised training."""


def system_with_tools(messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> str:
    """The system text as the template writes it, for those who make a vocabulary of it."""
    system = next((text_of(message) for message in messages if message["role"] == "system"), "")
    if not tools:
        return system
    listed = "\n".join(json.dumps(tool, ensure_ascii=False) for tool in tools)
    return (
        f"{system}\n\n# Tools\n\nYou may call one or more functions to assist with the user query.\n\n"
        f"You are provided with function signatures within <tools></tools> XML tags:\n<tools>\n{listed}\n</tools>\n\n"
        "For each function call, return a json object with function name and arguments within "
        "<tool_call></tool_call> XML tags:\n<tool_call>\n"
        '{"name": <function-name>, "arguments": <args-json-object>}\n</tool_call>'
    )


def text_of(message: dict[str, Any]) -> str:
    content = message["content"]
    if isinstance(content, str):
        return content
    return "".join(block.get("text", "") for block in content)
