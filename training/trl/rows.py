"""Reads conversations to learn from: the rows that `maskwright export-training` writes for TRL.

A row is `{"messages": …, "images": [paths], "tools": …}`; messages and tools are JSON text or JSON, paths are relative
to the file; rows of brief prompts have no tools. `<image>` in a message's text stands for the next image. An assistant's
message with `loss: false` is context and not imitated. Names of control tokens in texts are broken, as the app and the
export do it.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from training.environment.conversation import escape_control, escape_user_text  # noqa: E402

MARK = "<image>"


@dataclass
class Row:
    messages: list[dict[str, Any]]
    tools: list[dict[str, Any]]
    images: list[Path]


def _json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def _blocks(content: Any, escape: Callable[[str], str]) -> list[dict[str, Any]]:
    """Text with marks -> content blocks, as the template wants them; blocks stay."""
    if isinstance(content, str):
        parts = re.split(f"({re.escape(MARK)})", content)
        content = [{"type": "image"} if part == MARK else {"type": "text", "text": part} for part in parts if part]
    blocks = [{key: value for key, value in block.items() if value is not None} for block in content]
    return [{**block, "text": escape(block["text"])} if block["type"] == "text" else block for block in blocks]


def _call(given: dict[str, Any]) -> dict[str, Any]:
    function = given.get("function", given)
    call = {"name": function["name"], "arguments": _json(function["arguments"])}
    return {"type": "function", "function": json.loads(escape_control(json.dumps(call, ensure_ascii=False)))}


def _message(given: dict[str, Any]) -> dict[str, Any]:
    escape = escape_control if given["role"] in ("system", "assistant") else escape_user_text
    message = {"role": given["role"], "content": _blocks(given.get("content") or "", escape)}
    if given.get("tool_calls"):
        message["tool_calls"] = [_call(call) for call in given["tool_calls"]]
    if given.get("loss") is False:
        message["loss"] = False
    return message


def parse_row(line: str, folder: Path) -> Row:
    """Raises ValueError for a row whose images and marks differ in number: engines would train it silently wrong."""
    given = json.loads(line)
    messages = [_message(message) for message in _json(given["messages"])]
    images = [folder / path for path in given["images"]]
    marks = sum(block["type"] == "image" for message in messages for block in message["content"])
    if marks != len(images):
        raise ValueError(f"A row has {len(images)} images and {marks} places for them")
    return Row(messages, _json(given.get("tools") or []), images)


def read_rows(file: Path) -> list[Row]:
    with file.open(encoding="utf-8") as lines:
        return [parse_row(line, file.parent) for line in lines if line.strip()]


def plain_texts(row: Row) -> list[str]:
    """Texts of a row without its system text."""
    said = [block["text"] for message in row.messages[1:] for block in message["content"] if block["type"] == "text"]
    calls = [json.dumps(call["function"]) for message in row.messages for call in message.get("tool_calls", [])]
    return said + calls


def with_images(row: Row) -> list[dict[str, Any]]:
    """The messages with their pictures in place, for a processor."""
    pictures = iter(row.images)

    def block(given: dict[str, Any]) -> dict[str, Any]:
        if given["type"] != "image":
            return given
        return {"type": "image", "image": Image.open(next(pictures)).convert("RGB")}

    return [{**message, "content": [block(given) for given in message["content"]]} for message in row.messages]
