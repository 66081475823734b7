"""Stage 0 of the embedded agent: it learns to say where a thing is (query -> box), with a dense loss on the image tokens.

One sequence holds a picture and one query for each of its things, so that a picture is looked at once for many
answers. Resumes from its checkpoint. The learning rate follows a cosine over the pictures seen.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import Tensor

from model import CELL, DenseHead, build, patches
from scenes import Prefetch, Scene, stream
from vocabulary import train as train_tokenizer

KINDS = [
    "apple", "ball", "bird", "boat", "book", "bottle", "car", "chair", "cup", "fish", "flower", "hat", "house", "key",
    "lamp", "leaf", "mushroom", "scissors", "tree", "umbrella",
]  # fmt: skip
COLOURS = ["red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "white", "black"]


def answer(scene: Scene, target: int | None) -> str:
    """The box of a thing in thousandths of the picture, or "none"."""
    if target is None:
        return " none\n"
    return "".join(f" {round(value * 1000 / scene.side)}" for value in scene.objects[target]["box"]) + "\n"


def questions(scene: Scene, rng: random.Random) -> list[tuple[str, str]]:
    """At most one query for each thing (a second answer could be copied from the first), and at most one for none."""
    by_target: dict[int | None, list[str]] = {}
    for query in scene.queries:
        if query["kind"] != "several":
            by_target.setdefault(query["targets"][0] if query["targets"] else None, []).append(query["text"])
    chosen = [(rng.choice(texts), target) for target, texts in by_target.items()]
    rng.shuffle(chosen)
    return [(text + ":", answer(scene, target)) for text, target in chosen]


def corpus() -> list[str]:
    """Texts for the tokenizer: queries and answers, and the words of the agent's turns."""
    texts: list[str] = []
    rng = random.Random(0)
    for scene in stream("val", 0, 1500, 112):
        texts += [query["text"] for query in scene.queries]
        texts += [text + said for text, said in questions(scene, rng)]
    turns = [
        '<think>\n</think>\n\n<tool_call>\n{"name": "segment_box", "arguments": {"x1": 1, "y1": 2, "x2": 3, "y2": 4}}\n</tool_call>',
        '<tool_call>\n{"name": "add_point", "arguments": {"x": 1, "y": 2, "label": "positive"}}\n</tool_call>',
        '{"name": "add_point", "arguments": {"x": 1, "y": 2, "label": "negative"}}',
        '{"name": "zoom", "arguments": {"x1": 1, "y1": 2, "x2": 3, "y2": 4}}', '{"name": "zoom_out", "arguments": {}}',
        '{"name": "revert", "arguments": {"turn": 1}}', '{"name": "new_object", "arguments": {}}',
        '{"name": "finish", "arguments": {}}', '{"name": "report_no_target", "arguments": {}}',
        "The mask covers the target. It is done. The mask misses a part of it. The mask covers something else.",
        "I mark it with a box. A point on it adds what is missing. A point off it takes away what does not belong.",
    ]  # fmt: skip
    return texts + turns * 50


class Sequences:
    """Turns scenes into one padded batch."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        token = tokenizer.token_to_id
        self.pad, self.image = token("<|endoftext|>"), token("<|image_pad|>")
        self.start, self.end = token("<|vision_start|>"), token("<|vision_end|>")

    def batch(self, scenes: list[Scene], rng: random.Random) -> dict[str, Tensor]:
        rows, labels = [], []
        for scene in scenes:
            cells = (scene.side // CELL) ** 2
            ids = [self.start, *[self.image] * cells, self.end]
            wanted = [-100] * len(ids)
            for text, said in questions(scene, rng):
                asked, told = self.tokenizer.encode(text).ids, self.tokenizer.encode(said).ids
                ids += asked + told
                wanted += [-100] * len(asked) + told
            rows.append(ids)
            labels.append(wanted)
        width = max(map(len, rows))
        ids = torch.tensor([row + [self.pad] * (width - len(row)) for row in rows])
        side = scenes[0].side // 14
        return {
            "input_ids": ids,
            "labels": torch.tensor([row + [-100] * (width - len(row)) for row in labels]),
            "attention_mask": torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows]),
            "mm_token_type_ids": (ids == self.image).int(),
            "pixel_values": patches(np.stack([scene.rgb for scene in scenes])),
            "image_grid_thw": torch.tensor([[1, side, side]] * len(scenes)),
        }


def dense_targets(scenes: list[Scene]) -> tuple[Tensor, Tensor]:
    """For every cell [B*cells]: number of the thing centred there (kind, colour; -1 where none) and its box in cells."""
    labels, boxes = [], []
    for scene in scenes:
        count = scene.side // CELL
        label = np.full((count, count, 2), -1, np.int64)
        box = np.zeros((count, count, 4), np.float32)
        for thing in scene.objects:
            if thing["box"] is None or thing["area"] < 20:
                continue
            x1, y1, x2, y2 = (value / CELL for value in thing["box"])
            column, row = min(count - 1, int((x1 + x2) / 2)), min(count - 1, int((y1 + y2) / 2))
            label[row, column] = KINDS.index(thing["kind"]), COLOURS.index(thing["colour"])
            middle = np.array([column + 0.5, row + 0.5] * 2)
            box[row, column] = np.array([x1, y1, x2, y2]) - middle
        labels.append(label.reshape(-1, 2))
        boxes.append(box.reshape(-1, 4))
    return torch.from_numpy(np.concatenate(labels)), torch.from_numpy(np.concatenate(boxes))


def dense_loss(head: DenseHead, tokens: Tensor, scenes: list[Scene]) -> Tensor:
    labels, boxes = dense_targets(scenes)
    there, kind, colour, box = head(tokens.float())
    is_there = labels[:, 0] >= 0
    loss = F.binary_cross_entropy_with_logits(there[:, 0], is_there.float(), pos_weight=torch.tensor(4.0))
    if is_there.any():
        loss = loss + F.cross_entropy(kind[is_there], labels[is_there, 0])
        loss = loss + 0.5 * F.cross_entropy(colour[is_there], labels[is_there, 1])
        loss = loss + F.smooth_l1_loss(box[is_there], boxes[is_there], beta=0.2)
    return loss


def box_iou(one: list[float], two: list[float]) -> float:
    width = min(one[2], two[2]) - max(one[0], two[0])
    height = min(one[3], two[3]) - max(one[1], two[1])
    if width <= 0 or height <= 0:
        return 0.0
    area = (one[2] - one[0]) * (one[3] - one[1]) + (two[2] - two[0]) * (two[3] - two[1])
    return width * height / (area - width * height)


@torch.no_grad()
def validate(net: torch.nn.Module, sequences: Sequences, scenes: list[Scene], limit: int = 16) -> dict[str, float]:
    """Greedy answers to one query of each scene: mean box IoU and share above 0.5 by kind of query; share of right "none"."""
    net.eval()
    rng = random.Random(1)
    scores: dict[str, list[float]] = {}
    for scene in scenes:
        query = rng.choice([query for query in scene.queries if query["kind"] != "several"])
        batch = sequences.batch([scene], rng)
        cells = (scene.side // CELL) ** 2 + 2
        asked = sequences.tokenizer.encode(query["text"] + ":").ids
        ids = torch.cat([batch["input_ids"][:, :cells], torch.tensor([asked])], 1)
        said: list[int] = []
        vision = {name: batch[name] for name in ("pixel_values", "image_grid_thw")}
        for _ in range(limit + 4):
            out = net(input_ids=ids, attention_mask=torch.ones_like(ids), mm_token_type_ids=(ids == sequences.image).int(), **vision)
            token = int(out.logits[0, -1].argmax())
            said.append(token)
            ids = torch.cat([ids, torch.tensor([[token]])], 1)
            if "\n" in sequences.tokenizer.decode([token]):
                break
        words = sequences.tokenizer.decode(said).split()
        if query["kind"] == "none":
            scores.setdefault("none", []).append(float(words == ["none"]))
            continue
        numbers = [float(word) * scene.side / 1000 for word in words if word.isdigit()]
        truth = scene.objects[query["targets"][0]]["box"]
        scores.setdefault(query["kind"], []).append(box_iou(numbers, truth) if len(numbers) == 4 else 0.0)
    net.train()
    result = {name: round(float(np.mean(values)), 3) for name, values in scores.items()}
    boxes = scores.get("referring", []) + scores.get("reasoning", [])
    result["iou"] = round(float(np.mean(boxes)), 3)
    result["above 0.5"] = round(float(np.mean([value > 0.5 for value in boxes])), 3)
    return result


def save(path: Path, state: dict) -> None:
    """Atomic replace, so that a kill never leaves half a checkpoint."""
    temporary = path.with_suffix(".tmp")
    torch.save(state, temporary)
    os.replace(temporary, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for tokenizer, checkpoint and log")
    parser.add_argument("--pictures", type=int, default=400_000, help="training pictures in all, resumptions included")
    parser.add_argument("--side", type=int, default=168, help="side of the pictures, px; a multiple of 28")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0, help="first scene; give another one for another stage")
    parser.add_argument("--validate-every", type=float, default=900, help="seconds")
    parser.add_argument("--init", type=Path, help="start from the weights of this checkpoint")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    args.out.mkdir(parents=True, exist_ok=True)

    words = args.out / "tokenizer.json"
    if not words.exists():
        train_tokenizer(corpus()).save(str(words))
    tokenizer = Tokenizer.from_file(str(words))
    sequences = Sequences(tokenizer)
    net = build(tokenizer)
    head = DenseHead(256, len(KINDS), len(COLOURS))
    seen_tokens: list[Tensor] = []

    def keep(_module: object, _given: object, output: object) -> None:
        tokens = getattr(output, "pooler_output", output)
        seen_tokens[:] = [torch.cat(list(tokens)) if isinstance(tokens, (list, tuple)) else tokens]

    net.model.visual.register_forward_hook(keep)
    parameters = [*net.parameters(), *head.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=args.lr, betas=(0.9, 0.98), weight_decay=0.02)
    print(f"{sum(p.numel() for p in net.parameters()) / 1e6:.2f} M parameters, {tokenizer.get_vocab_size()} tokens", flush=True)
    seen, spent = 0, 0.0
    checkpoint = args.out / "grounding.pt"
    if args.init and not checkpoint.exists():
        state = torch.load(args.init, weights_only=True)
        net.load_state_dict(state["net"])
        head.load_state_dict(state["head"])
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        net.load_state_dict(state["net"])
        head.load_state_dict(state["head"])
        optimiser.load_state_dict(state["optimiser"])
        seen, spent = state["seen"], state["spent"]
        print(f"resumed at {seen} pictures, {spent:.0f} s", flush=True)

    held_back = list(stream("val", 100_000, 96, args.side))
    scenes = Prefetch(args.seed + seen, args.side, args.batch)
    rng = random.Random(args.seed + seen)
    last = last_save = last_report = time.time()
    means = {"words": 0.0, "dense": 0.0}
    step = 0

    def state() -> dict:
        return {
            "net": net.state_dict(), "head": head.state_dict(), "optimiser": optimiser.state_dict(),
            "seen": seen, "spent": spent,
        }  # fmt: skip

    def report() -> None:
        line = {"seen": seen, "spent": round(spent), "side": args.side, **validate(net, sequences, held_back)}
        print("val", json.dumps(line), flush=True)
        with (args.out / "log.jsonl").open("a") as log:
            log.write(json.dumps(line) + "\n")

    while seen < args.pictures:
        progress = seen / args.pictures
        rate = args.lr * min(1.0, (seen + args.batch) / 6400) * (0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * progress)))
        for group in optimiser.param_groups:
            group["lr"] = float(rate)
        batch_scenes = scenes.next()
        batch = sequences.batch(batch_scenes, rng)
        wanted = batch.pop("labels")
        with torch.autocast("cpu", torch.bfloat16):
            logits = net(**batch).logits
        words_loss = F.cross_entropy(logits[:, :-1].flatten(0, 1).float(), wanted[:, 1:].flatten(), ignore_index=-100)
        seen_loss = dense_loss(head, seen_tokens[0], batch_scenes)
        optimiser.zero_grad(set_to_none=True)
        (words_loss + seen_loss).backward()
        norm = torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        if torch.isfinite(norm):
            optimiser.step()
        seen += len(batch_scenes)
        step += 1
        for name, value in (("words", words_loss), ("dense", seen_loss)):
            means[name] = 0.98 * means[name] + 0.02 * float(value.detach())
        now = time.time()
        spent += now - last
        last = now
        if step % 25 == 0:
            fix = 1 - 0.98**step
            print(
                f"{seen} {spent:.0f}s words {means['words'] / fix:.3f} dense {means['dense'] / fix:.3f} norm {float(norm):.2f}",
                flush=True,
            )
        if now - last_save > 150:
            save(checkpoint, state())
            last_save = now
        if now - last_report > args.validate_every:
            report()
            last_report = last = time.time()
    save(checkpoint, state())
    report()


if __name__ == "__main__":
    main()
