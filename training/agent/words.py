"""What the grounding stage asks of a scene and how it is answered."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from dataclasses import dataclass

from scenes import Scene

PREFIX = "<|im_start|>system\nSegment what the query names.<|im_end|>\n<|im_start|>user\n"
"""What stands before the picture in a prompt of the app: places are told by the distance to what comes before."""
ZOOM_BELOW = 0.03
"""Share of the view below which a box is looked at closer first, as in the trajectories of `--size embedded`."""


@dataclass(frozen=True)
class Question:
    """Both texts with the marks of the chat format around them; targets by their number in the scene."""

    asked: str
    said: str
    targets: tuple[int, ...] = ()


def name(thing: dict) -> str:
    return f"{thing['size']} {thing['colour']} {thing['kind']}"


def answer(scene: Scene, query: dict) -> str:
    """What is meant, and its box in pixels of the view; all of them from left to right where several are meant."""
    things = [scene.objects[index] for index in query["targets"]]
    if not things:
        return f"There is no {query['text'].removeprefix('the ')}."
    boxes = sorted(thing["box"] for thing in things)
    numbers = ",".join("".join(f" {round(value)}" for value in box) for box in boxes)
    if len(things) > 1:
        return f"There are {len(things)}:{numbers}"
    return f"It is the {name(things[0])}:{numbers}"


def asked(query: dict) -> str:
    return f"\nQuery: {query['text']}<|im_end|>\n<|im_start|>assistant\n"


def call(name: str, **arguments: int) -> str:
    return f'<tool_call>\n{json.dumps({"name": name, "arguments": arguments})}\n</tool_call>'


def window(box: list[int], side: int) -> dict[str, int]:
    """Two and a half times as long as the thing, in the middle of it where the picture allows."""
    length = min(side, round(2.5 * max(box[2] - box[0], box[3] - box[1])))
    x1, y1 = (min(side - length, max(0, round((low + high - length) / 2))) for low, high in ((box[0], box[2]), (box[1], box[3])))
    return {"x1": x1, "y1": y1, "x2": x1 + length, "y2": y1 + length}


def first_call(scene: Scene, query: dict) -> str:
    """The turn that the agent begins with: it zooms to what is small, draws a box around what is not."""
    if not query["targets"]:
        return f"<think>\nThere is no {query['noun']}.\n</think>\n\n{call('report_no_target')}"
    box = min(scene.objects[index]["box"] for index in query["targets"])
    area = (box[2] - box[0]) * (box[3] - box[1])
    if not scene.is_zoomed and area < ZOOM_BELOW * scene.side**2:
        noun = query["noun"]
        thought = f"The {noun} needs a closer look." if noun.startswith("small ") else f"The {noun} is small."
        return f"<think>\n{thought}\n</think>\n\n{call('zoom', **window(box, scene.side))}"
    several = len(query["targets"]) > 1
    thought = f"There are {len(query['targets'])} {query['noun']}: this is the first." if several else f"It is the {query['noun']}."
    corners = dict(zip(("x1", "y1", "x2", "y2"), map(round, box), strict=True))
    return f"<think>\n{thought}\n</think>\n\n{call('segment_box', **corners)}"


def state(scene: Scene, rng: random.Random) -> str:
    """What the environment says before that turn; of a zoomed view, which window it might be."""
    if not scene.is_zoomed:
        return "Turn 0 of 8, 8 left.\nView: whole image.\nObject 1 (active): no mask yet."
    side = scene.side
    length = rng.randrange(30, 70)
    x, y = (rng.randrange(side - length) for _ in range(2))
    seen = f"{x} {y} {x + length} {y + length}"
    return f"Turn 1 of 8, 7 left.\nView: zoomed to {seen} of the whole image.\nObject 1 (active): no mask yet."


def by_names(scene: Scene) -> list[dict]:
    """Queries of a dense scene: what is alone with its kind and colour, by these."""
    names = [f"{thing['colour']} {thing['kind']}" for thing in scene.objects]
    return [
        {"kind": "referring", "text": f"the {name}", "targets": [index], "noun": name}
        for index, name in enumerate(names)
        if names.count(name) == 1 and scene.objects[index]["area"] >= 30
    ]


def questions(scene: Scene, rng: random.Random, count: int) -> list[Question]:
    """Up to `count` queries with their answers."""
    chosen = choose(scene, rng, count)
    return [Question(asked(query), f"{answer(scene, query)}<|im_end|>", tuple(query["targets"])) for query in chosen]


def first_turns(scene: Scene, rng: random.Random, count: int) -> list[Question]:
    """Up to `count` queries as the app asks them, with the turn that the agent begins with."""
    said = state(scene, rng)
    return [
        Question(
            f"\nQuery: {query['text']}\n{said}<|im_end|>\n<|im_start|>assistant\n",
            f"{first_call(scene, query)}<|im_end|>",
            tuple(query["targets"]),
        )
        for query in choose(scene, rng, count)
    ]


def choose(scene: Scene, rng: random.Random, count: int) -> list[dict]:
    """Up to `count` queries, targets and kinds of queries as even as the scene allows."""
    by_target: dict[tuple, dict[str, list[dict]]] = defaultdict(lambda: defaultdict(list))
    for query in scene.queries or by_names(scene):
        if scene.is_zoomed and query["kind"] == "none":
            continue  # What is meant may lie outside of the view.
        wording = query["text"].split()[0] if query["kind"] == "reasoning" else str(len(query["text"].split()))
        by_target[tuple(query["targets"])][f"{query['kind']} {wording}"].append(query)
    chosen: list[dict] = []
    targets = list(by_target)
    rng.shuffle(targets)
    while len(chosen) < count and targets:
        for target in list(targets):
            kinds = by_target[target]
            kind = rng.choice(list(kinds))
            chosen.append(kinds[kind].pop(rng.randrange(len(kinds[kind]))))
            if not kinds[kind]:
                del kinds[kind]
            if not kinds:
                targets.remove(target)
            if len(chosen) == count:
                break
    return chosen
