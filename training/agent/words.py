"""What the grounding stage asks of a scene and how it is answered."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass

from scenes import Scene

PREFIX = "<|im_start|>system\nSegment what the query names.<|im_end|>\n<|im_start|>user\n"
"""What stands before the picture in a prompt of the app: places are told by the distance to what comes before."""


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


def questions(scene: Scene, rng: random.Random, count: int) -> list[Question]:
    """Up to `count` queries with their answers, targets and kinds of queries as even as the scene allows."""
    by_target: dict[tuple, dict[str, list[dict]]] = defaultdict(lambda: defaultdict(list))
    for query in scene.queries:
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
    return [Question(asked(query), f"{answer(scene, query)}<|im_end|>", tuple(query["targets"])) for query in chosen]
