"""What the grounding stage asks and how that is answered."""

from __future__ import annotations

import json
import random
import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))
from scenes import Scene  # noqa: E402
from words import by_names, first_turns, questions, state, window  # noqa: E402

OBJECTS = [
    {"kind": "cup", "colour": "red", "size": "small", "area": 200, "box": [100, 10, 118, 30]},
    {"kind": "tree", "colour": "green", "size": "large", "area": 1800, "box": [20, 40, 70, 100]},
]
QUERIES = [
    {"kind": "referring", "text": "the cup", "targets": [0], "noun": "cup"},
    {"kind": "reasoning", "text": "what has a trunk", "targets": [1], "noun": "tree"},
    {"kind": "several", "text": "all things", "targets": [0, 1], "noun": "things"},
    {"kind": "none", "text": "the blue cup", "targets": [], "noun": "blue cup"},
]
SCENE = Scene(1, 168, False, OBJECTS, QUERIES, np.zeros((168, 168, 3), np.uint8))


def call_of(said: str) -> tuple[str, dict]:
    """Name and arguments, read as the app reads them."""
    (text,) = re.findall(r"</think>\n\n<tool_call>\n(.*)\n</tool_call><\|im_end\|>$", said)
    call = json.loads(text)
    return call["name"], call["arguments"]


def test_answers_name_what_is_meant_and_where():
    said = {each.asked.split("<")[0]: each.said for each in questions(SCENE, random.Random(0), 9)}
    assert said == {
        "\nQuery: the cup": "It is the small red cup: 100 10 118 30<|im_end|>",
        "\nQuery: what has a trunk": "It is the large green tree: 20 40 70 100<|im_end|>",
        "\nQuery: all things": "There are 2: 20 40 70 100, 100 10 118 30<|im_end|>",
        "\nQuery: the blue cup": "There is no blue cup.<|im_end|>",
    }


def test_first_turns_zoom_to_what_is_small_and_box_what_is_not():
    turns = {each.asked.split("\n")[1]: call_of(each.said) for each in first_turns(SCENE, random.Random(0), 9)}
    assert turns["Query: the cup"] == ("zoom", window(OBJECTS[0]["box"], 168))
    assert turns["Query: what has a trunk"] == ("segment_box", {"x1": 20, "y1": 40, "x2": 70, "y2": 100})
    assert turns["Query: all things"][0] == "segment_box"
    assert turns["Query: the blue cup"] == ("report_no_target", {})
    zoomed = first_turns(replace(SCENE, is_zoomed=True), random.Random(0), 9)
    assert len(zoomed) == 3 and all("View: zoomed to" in each.asked for each in zoomed)
    assert all(call_of(each.said)[0] == "segment_box" for each in zoomed)


def test_says_what_the_environment_says():
    sample = Path(__file__).resolve().parents[2] / "resources" / "samples" / "first-steps" / "trajectories.jsonl"
    recorded = [json.loads(line) for line in sample.read_text().splitlines()]
    assert {each["root"]["text"] for each in recorded} == {state(SCENE, random.Random(0))}


def test_a_window_stays_in_the_picture():
    rng = random.Random(1)
    for _ in range(500):
        x, y = rng.randrange(160), rng.randrange(160)
        box = [x, y, min(168, x + rng.randrange(2, 60)), min(168, y + rng.randrange(2, 60))]
        seen = window(box, 168)
        assert 0 <= seen["x1"] <= x and 0 <= seen["y1"] <= y
        assert box[2] <= seen["x2"] <= 168 and box[3] <= seen["y2"] <= 168


def test_dense_scenes_ask_for_what_is_alone_with_its_name():
    twice = [*OBJECTS, {**OBJECTS[0], "box": [0, 0, 20, 20]}]
    assert [query["text"] for query in by_names(replace(SCENE, objects=twice, queries=[]))] == ["the green tree"]
