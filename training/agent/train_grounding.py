"""Stage 0 of the embedded agent: it learns to see the things of a scene and to say where one is (query -> name and box).

First the vision tower alone, by a dense loss on its tokens (which thing is centred there, and its box). Then the whole
network: a picture is looked at once for several queries, which do not see each other (`Batch`), and image tokens are
asked for their place in the language model too, because neither tower has absolute positions, and one head of attention is
shown where to look while it answers: at the thing that is meant. In the end (--calls-from) answers are the agent's first
turns, so that what was learned is there in the form of its calls. What only serves these losses is dropped afterwards. The
learning rate follows a cosine in each part; resumes from OUT's checkpoint.

On a CPU every core has a process of its own, and their gradients are averaged: matrices this small gain little from a
second thread. Batches are small, because steps count more than pictures here (same pictures, a quarter of the batch: the
dense loss is a sixth lower).
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import shutil
import socket
import threading
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import apply_rotary_pos_emb

from model import CELL, SIZES, build, patches, see
from scenes import Scene, Store, Views
from vocabulary import agent_texts
from vocabulary import train as train_vocabulary
from words import PREFIX, Question, first_turns, questions
from words import asked as asked_of

KINDS = [
    "apple", "ball", "bird", "boat", "book", "bottle", "car", "chair", "cup", "fish", "flower", "hat", "house", "key",
    "lamp", "leaf", "mushroom", "scissors", "tree", "umbrella",
]  # fmt: skip
COLOURS = ["red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "white", "black"]
DENSE = 0.75
DENSE_WITH_WORDS = 0.4
"""Shares of dense scenes among what the vision tower alone is shown and what the whole network is: they hold 25 things to
learn from, others five."""
STRANGE = 2400
"""Pictures after which a network that has learned (`--begin`) learns from its heads, which are new to it and would pull it
anywhere before."""
PLACE_LAYER = 2
"""Layers of the language model after which image tokens have to know their place. The first head of the next one is the
one that is shown where to look: without that, the loss of the words rests on what answers are like for thousands of steps."""


class Heads(nn.Module):
    """What image tokens are asked for in training alone."""

    def __init__(self, width: int, cells: int, words: Tensor) -> None:
        """`words`: token ids of the names of all kinds and colours."""
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.things = nn.Linear(width, 1 + 4)
        self.scale = nn.Parameter(torch.tensor(4.0))
        self.places = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 2 * cells + 4))
        self.cells = cells
        self.register_buffer("words", words, persistent=False)

    def told(self, tokens: Tensor, embeddings: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Image tokens [N,width] -> whether a thing is centred there [N,1], its kind, its colour, its box [N,4]. Kinds and
        colours are scored by the embeddings of their words, so that words and pictures speak of them alike."""
        normed = self.norm(tokens)
        there, box = self.things(normed).split([1, 4], dim=-1)
        named = F.linear(normed, embeddings[self.words]) * self.scale
        kind, colour = named.split([len(KINDS), len(COLOURS)], dim=-1)
        return there, kind, colour, box

    def things_loss(self, tokens: Tensor, embeddings: Tensor, labels: Tensor, boxes: Tensor) -> Tensor:
        """[N,width] vision tokens; labels [N,2] kind and colour or -1; boxes [N,4] in cells from the token's middle."""
        there, kind, colour, box = self.told(tokens, embeddings)
        full = labels[:, 0] >= 0
        loss = F.binary_cross_entropy_with_logits(there[:, 0], full.float(), pos_weight=tokens.new_tensor(4.0))
        if not full.any():
            # The mean of none would be no number; all processes have the same gradients.
            return loss + 0 * (kind.sum() + colour.sum())
        loss = loss + F.cross_entropy(kind[full], labels[full, 0]) + 0.5 * F.cross_entropy(colour[full], labels[full, 1])
        return loss + F.smooth_l1_loss(box[full], boxes[full], beta=0.2)

    def right(self, tokens: Tensor, embeddings: Tensor, labels: Tensor) -> tuple[float, float]:
        """Shares of things whose kind and colour are told rightly where they are centred."""
        _, kind, colour, _ = self.told(tokens, embeddings)
        full = labels[:, 0] >= 0
        kinds = kind[full].argmax(-1) == labels[full, 0]
        colours = colour[full].argmax(-1) == labels[full, 1]
        return kinds.float().mean().item(), colours.float().mean().item()

    def places_loss(self, tokens: Tensor, labels: Tensor, boxes: Tensor) -> Tensor:
        """[B,cells²,width] hidden states of the language model: row and column of each, box in the picture where centred."""
        batch, count, _ = tokens.shape
        row, column, box = self.places(tokens).split([self.cells, self.cells, 4], dim=-1)
        index = torch.arange(count, device=tokens.device).expand(batch, -1)
        loss = F.cross_entropy(row.flatten(0, 1), (index // self.cells).flatten())
        loss = loss + F.cross_entropy(column.flatten(0, 1), (index % self.cells).flatten())
        full = (labels[:, 0] >= 0).view(batch, count)
        if not full.any():
            return 0.5 * loss
        middle = torch.stack([index % self.cells, index // self.cells] * 2, dim=-1) + 0.5
        return 0.5 * loss + F.smooth_l1_loss(box[full], (boxes.view(batch, count, 4) + middle)[full], beta=0.2)


def embeddings_of(net: nn.Module) -> Tensor:
    return net.model.language_model.embed_tokens.weight


def word_of(tokenizer: Tokenizer, name: str) -> int:
    """The token of a name within a sentence: every kind and colour is one."""
    tokens = tokenizer.encode(f" {name}").ids
    if len(tokens) != 1:
        raise ValueError(f'"{name}" is {len(tokens)} tokens: make the vocabulary from more scenes')
    return tokens[0]


def cell_of(thing: dict, cells: int) -> int:
    """Number of the cell, row by row, where the middle of what is visible lies."""
    x1, y1, x2, y2 = (value / CELL for value in thing["box"])
    return min(cells - 1, int((y1 + y2) / 2)) * cells + min(cells - 1, int((x1 + x2) / 2))


def dense_targets(scenes: list[Scene], device: torch.device) -> tuple[Tensor, Tensor]:
    """For every cell [B*cells²]: kind and colour of the thing centred there (-1 where none) and its box in cells."""
    cells = scenes[0].side // CELL
    labels = np.full((len(scenes), cells, cells, 2), -1, np.int64)
    boxes = np.zeros((len(scenes), cells, cells, 4), np.float32)
    for index, scene in enumerate(scenes):
        for thing in scene.objects:
            if thing["box"] is None or thing["area"] < 20:
                continue
            x1, y1, x2, y2 = (value / CELL for value in thing["box"])
            row, column = divmod(cell_of(thing, cells), cells)
            labels[index, row, column] = KINDS.index(thing["kind"]), COLOURS.index(thing["colour"])
            boxes[index, row, column] = np.array([x1, y1, x2, y2]) - (np.array([column, row] * 2) + 0.5)
    return torch.from_numpy(labels.reshape(-1, 2)).to(device), torch.from_numpy(boxes.reshape(-1, 4)).to(device)


class Batch:
    """Scenes and their queries as one padded batch. Each query follows the picture directly and sees no other one."""

    def __init__(self, tokenizer: Tokenizer, scenes: list[Scene], asked: list[list[Question]]) -> None:
        token = tokenizer.token_to_id
        cells = scenes[0].side // CELL
        head = [*tokenizer.encode(PREFIX).ids, token("<|vision_start|>")]
        self.start = len(head)
        self.image = slice(self.start, self.start + cells**2)
        common = [*head, *[token("<|image_pad|>")] * cells**2, token("<|vision_end|>")]
        grid = torch.arange(cells**2)
        zeros = torch.zeros_like(grid)
        picture = torch.stack([zeros, grid // cells, grid % cells]) + self.start
        before = torch.arange(self.start).expand(3, -1)
        end = self.start + cells
        shared = torch.cat([before, picture, torch.full((3, 1), end)], 1)
        rows, labels, positions, owners, looks = [], [], [], [], []
        for scene, queries in zip(scenes, asked, strict=True):
            ids, wanted, places, owner = list(common), [-100] * len(common), [shared], [0] * len(common)
            look = [-1] * len(common)
            for number, query in enumerate(queries, 1):
                question, told = tokenizer.encode(query.asked).ids, tokenizer.encode(query.said).ids
                ids += question + told
                wanted += [-100] * len(question) + told
                length = len(question) + len(told)
                # The last token of the question answers with the first of what is told.
                cell = self.start + cell_of(scene.objects[query.targets[0]], cells) if len(query.targets) == 1 else -1
                look += [-1] * (len(question) - 1) + [cell] * len(told) + [-1]
                places.append((torch.arange(length) + end + 1).expand(3, -1))
                owner += [number] * length
            rows.append(ids)
            labels.append(wanted)
            positions.append(torch.cat(places, 1))
            owners.append(owner)
            looks.append(look)
        width = max(map(len, rows))
        pad = token("<|endoftext|>")
        self.ids = torch.tensor([row + [pad] * (width - len(row)) for row in rows])
        self.looks = torch.tensor([row + [-1] * (width - len(row)) for row in looks])
        """[B,L] position of the image token that an answering token has to look at; -1: it may look anywhere."""
        self.labels = torch.tensor([row + [-100] * (width - len(row)) for row in labels])
        self.positions = torch.stack([F.pad(each, (0, width - each.shape[1])) for each in positions], 1)
        owner = torch.tensor([row + [-1] * (width - len(row)) for row in owners])
        sees = (owner[:, None, :] == 0) | (owner[:, None, :] == owner[:, :, None])
        sees &= torch.tril(torch.ones(width, width, dtype=torch.bool))
        self.mask = sees[:, None]

    def to(self, device: torch.device) -> Batch:
        for name in ("ids", "labels", "looks", "positions", "mask"):
            setattr(self, name, getattr(self, name).to(device))
        return self


def run(net: nn.Module, batch: Batch, tokens: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Image tokens [B,cells²,width] -> last hidden states [B,L,width], those of the picture after PLACE_LAYER, and the loss of
    the head that is shown where to look."""
    language = net.model.language_model
    embeds = language.embed_tokens(batch.ids)
    embeds = torch.cat([embeds[:, : batch.image.start], tokens, embeds[:, batch.image.stop :]], 1)
    turns = language.rotary_emb(embeds, batch.positions)
    hidden, placed, looked = embeds, embeds, embeds.new_zeros(())
    for number, layer in enumerate(language.layers, 1):
        hidden = layer(hidden, attention_mask=batch.mask, position_embeddings=turns)
        if number == PLACE_LAYER:
            placed = hidden[:, batch.image]
            looked = looks_loss(language.layers[number], hidden, turns, batch)
    return language.norm(hidden), placed, looked


def looks_loss(layer: nn.Module, hidden: Tensor, turns: tuple[Tensor, Tensor], batch: Batch) -> Tensor:
    """Cross-entropy between the attention of the layer's first head and the cell of what is meant, while it is told."""
    asked = batch.looks >= 0
    if not asked.any():
        return hidden.new_zeros(())
    attention, normed = layer.self_attn, layer.input_layernorm(hidden)
    size = attention.head_dim
    query = F.linear(normed, attention.q_proj.weight[:size], attention.q_proj.bias[:size])
    key = F.linear(normed, attention.k_proj.weight[:size], attention.k_proj.bias[:size])
    query, key = apply_rotary_pos_emb(query[:, None], key[:, None], *turns)
    scores = (query[:, 0] @ key[:, 0].transpose(1, 2) * attention.scaling).masked_fill(~batch.mask[:, 0], -1e9)
    return F.cross_entropy(scores[asked], batch.looks[asked])


def words_loss(net: nn.Module, hidden: Tensor, labels: Tensor) -> Tensor:
    """Mean over the tokens of answers; logits are made for these alone."""
    wanted = labels[:, 1:]
    told = wanted >= 0
    if not told.any():
        return hidden.sum() * 0
    return F.cross_entropy(net.lm_head(hidden[:, :-1][told]), wanted[told])


def box_iou(one: list[float], two: list[float]) -> float:
    width = min(one[2], two[2]) - max(one[0], two[0])
    height = min(one[3], two[3]) - max(one[1], two[1])
    if width <= 0 or height <= 0:
        return 0.0
    area = (one[2] - one[0]) * (one[3] - one[1]) + (two[2] - two[0]) * (two[3] - two[1])
    return width * height / (area - width * height)


@torch.no_grad()
def validate(net: nn.Module, heads: Heads, tokenizer: Tokenizer, scenes: list[Scene], words: bool) -> dict[str, float]:
    """Kinds and colours told rightly by the dense head; greedy answers to one query of each scene: mean IoU of single boxes by kind
    of query, share of right answers to what is not there."""
    side = scenes[0].side // 14
    device = net.device
    seen = see(net.model.visual, patches(np.stack([scene.rgb for scene in scenes])).to(device), side, side)
    kinds, colours = heads.right(seen.flatten(0, 1), embeddings_of(net), dense_targets(scenes, device)[0])
    result = {"kinds": kinds, "colours": colours}
    if words:
        rng = random.Random(1)
        scores: dict[str, list[float]] = {}
        chosen = [rng.choice([query for query in scene.queries if query["kind"] != "several"]) for scene in scenes]
        said = greedy(net, tokenizer, scenes, seen, [asked_of(query) for query in chosen])
        for scene, query, text in zip(scenes, chosen, said, strict=True):
            if query["kind"] == "none":
                scores.setdefault("none", []).append(float(text.startswith("There is no")))
                continue
            numbers = [float(word) for word in text.split(":")[-1].replace(",", " ").split() if word.isdigit()]
            truth = scene.objects[query["targets"][0]]["box"]
            iou = box_iou(numbers, truth) if len(numbers) == 4 else 0.0
            scores.setdefault(query["kind"], []).append(iou)
            scores.setdefault("iou", []).append(iou)
            scores.setdefault("above 0.5", []).append(float(iou > 0.5))
            size = scene.objects[query["targets"][0]]["size"]
            scores.setdefault(size, []).append(iou)
        result |= {key: float(np.mean(values)) for key, values in scores.items()}
    return {key: round(value, 3) for key, value in result.items()}


def greedy(net: nn.Module, tokenizer: Tokenizer, scenes: list[Scene], seen: Tensor, asked: list[str], limit: int = 40) -> list[str]:
    """Likeliest answers, without a cache: short, and few."""
    end = tokenizer.token_to_id("<|im_end|>")
    texts: list[list[int]] = [[] for _ in scenes]
    for chunk in range(0, len(scenes), 32):
        members = range(chunk, min(chunk + 32, len(scenes)))
        alive = set(members)
        for _ in range(limit):
            if not alive:
                break
            order = sorted(alive)
            suffix = [[Question(asked[index] + tokenizer.decode(texts[index], skip_special_tokens=False), "")] for index in order]
            batch = Batch(tokenizer, [scenes[index] for index in order], suffix).to(net.device)
            hidden, _, _ = run(net, batch, seen[order])
            lengths = [len(tokenizer.encode(question.asked).ids) for [question] in suffix]
            at = torch.tensor(lengths, device=net.device) + batch.image.stop
            logits = net.lm_head(hidden[torch.arange(len(order)), at])
            for index, token in zip(order, logits.argmax(-1).tolist(), strict=True):
                if token == end:
                    alive.discard(index)
                else:
                    texts[index].append(token)
    return [tokenizer.decode(text) for text in texts]


def save(path: Path, state: dict) -> None:
    """Atomic replace, so that a kill never leaves half a checkpoint."""
    temporary = path.with_suffix(".tmp")
    torch.save(state, temporary)
    os.replace(temporary, path)


def rate_at(spent: float, start: float, length: float, peak: float, least: float) -> float:
    """Warm-up over 2 % of the stage, then a cosine from `peak` to `least`."""
    progress = min(1.0, max(0.0, (spent - start) / length))
    if progress < 0.02:
        return peak * (0.05 + 0.95 * progress / 0.02)
    return least + (peak - least) * 0.5 * (1 + math.cos(math.pi * progress))


def average_gradients(parameters: list[nn.Parameter]) -> None:
    """Over all processes, in one message. Parameters that a stage leaves alone have no gradient anywhere."""
    used = [each for each in parameters if each.grad is not None]
    flat = torch.cat([each.grad.flatten() for each in used])
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    for each, mean in zip(used, flat.split([each.numel() for each in used]), strict=True):
        each.grad.copy_(mean.view_as(each))


def agreed(value: float) -> float:
    """The first process's value, for all: clocks decide about stages and the end."""
    if not dist.is_initialized():
        return value
    told = torch.tensor([value], dtype=torch.float64)
    dist.broadcast(told, 0)
    return told.item()


def mirrored(scenes: list[Scene], rng: random.Random) -> list[Scene]:
    """Half of them with left and right exchanged, without their queries: more to see for the dense loss."""
    return [mirror(scene) if rng.random() < 0.5 else scene for scene in scenes]


def mirror(scene: Scene) -> Scene:
    side = scene.side
    flipped = lambda box: box and [side - box[2], box[1], side - box[0], box[3]]  # noqa: E731
    objects = [{**thing, "box": flipped(thing["box"])} for thing in scene.objects]
    return replace(scene, objects=objects, queries=[], rgb=scene.rgb[:, ::-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for scenes, tokenizer, checkpoint and log")
    parser.add_argument("--scenes", type=int, default=60_000, help="training scenes that are drawn and gone through again")
    parser.add_argument("--dense-scenes", type=int, default=12_000, help="scenes full of things, for all parts")
    parser.add_argument("--zoom", type=float, default=0.35, help="share of the other scenes that are zoomed views")
    parser.add_argument("--side", type=int, default=168, help="side of the pictures, px; a multiple of 28")
    parser.add_argument("--size", choices=SIZES, default="embedded")
    parser.add_argument("--vision-seconds", type=float, default=2400, help="time for the vision tower alone")
    parser.add_argument("--seconds", type=float, default=7200, help="time in all, resumptions included")
    parser.add_argument("--calls-from", type=float, default=math.inf, help="time from which on answers are the agent's first turns")
    parser.add_argument("--batch", type=int, default=8, help="pictures of a step, all processes together")
    parser.add_argument("--queries", type=int, default=6, help="queries of a picture")
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--threads", type=int, default=2, help="processes of one thread each; one process with a GPU")
    parser.add_argument("--begin", type=Path, help="start.pt of from_gguf.py, tokenizer.json beside it: weights to go on from")
    parser.add_argument("--validate-every", type=float, default=600, help="seconds")
    args = parser.parse_args()
    processes = 1 if torch.cuda.is_available() else args.threads
    if args.batch % processes:
        parser.error(f"--batch {args.batch} cannot be shared by {processes} processes")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    if processes == 1:
        train(0, args, 1, port)
    else:
        torch.multiprocessing.spawn(train, (args, processes, port), processes)


def end_with(parent: int) -> None:
    """Ends this process when its parent is gone: it would wait for the other ones for an hour."""
    while os.getppid() == parent:
        time.sleep(2)
    os._exit(1)


def train(rank: int, args: argparse.Namespace, processes: int, port: int) -> None:
    if processes > 1:
        threading.Thread(target=end_with, args=(os.getppid(),), daemon=True).start()
    torch.set_num_threads(1)
    if processes > 1:
        address = f"tcp://127.0.0.1:{port}"
        dist.init_process_group("gloo", address, rank=rank, world_size=processes, timeout=timedelta(hours=1))
    first = rank == 0
    torch.manual_seed(0)
    args.out.mkdir(parents=True, exist_ok=True)
    if first:
        held_back = Store(args.out / "scenes", Views("val", args.side), 192)
        held_back.wait_for(192)
        validation = [held_back[index] for index in range(192)]
    store = Store(args.out / "scenes", Views("train", args.side, args.zoom), args.scenes, draws=first)
    dense = Store(args.out / "scenes", Views("train", args.side, is_dense=True), args.dense_scenes, draws=first)
    if first:
        store.wait_for(min(2000, args.scenes))
        dense.wait_for(min(1000, args.dense_scenes))
    agreed(0)  # Nobody goes on before the first one.
    for each in (store, dense):
        each.refresh()

    vocabulary = args.out / "tokenizer.json"
    checkpoint = args.out / "grounding.pt"
    begins = args.begin is not None and not checkpoint.exists()
    if first and begins:
        shutil.copyfile(args.begin.with_name("tokenizer.json"), vocabulary)
    elif first and not vocabulary.exists():
        rng = random.Random(0)
        said = [each.asked + each.said for index in range(min(1500, args.scenes)) for each in questions(store[index], rng, 20)]
        train_vocabulary(said + agent_texts()).save(str(vocabulary))
    agreed(0)  # Nobody goes on before the first one.
    tokenizer = Tokenizer.from_file(str(vocabulary))
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    net = build(tokenizer, SIZES[args.size]).to(device)
    named = torch.tensor([word_of(tokenizer, name) for name in KINDS + COLOURS])
    heads = Heads(SIZES[args.size].hidden, args.side // CELL, named).to(device)
    parameters = [*net.parameters(), *heads.parameters()]
    # Words that no answer has yet would be forgotten.
    decayed = [each for each in parameters if each.ndim > 1 and each is not embeddings_of(net)]
    plain = [each for each in parameters if each.ndim <= 1 or each is embeddings_of(net)]
    groups = [{"params": decayed, "weight_decay": 0.05}, {"params": plain, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=args.lr, betas=(0.9, 0.98), fused=True)
    if first:
        size = sum(each.numel() for each in net.parameters()) / 1e6
        print(f"{size:.2f} M parameters, {tokenizer.get_vocab_size()} tokens", flush=True)
    seen, spent, strange = 0, 0.0, STRANGE if begins else 0
    if begins:
        net.load_state_dict(torch.load(args.begin, weights_only=True, map_location=device)["net"])
    elif checkpoint.exists():
        saved = torch.load(checkpoint, weights_only=True, map_location=device)
        net.load_state_dict(saved["net"])
        heads.load_state_dict(saved["heads"])
        optimiser.load_state_dict(saved["optimiser"])
        seen, spent, strange = saved["seen"], saved["spent"], saved.get("strange", 0)
        if first:
            print(f"resumed at {seen} pictures, {spent:.0f} s", flush=True)
    rng = random.Random(f"{seen} {rank}")
    last = last_save = last_report = time.time()
    means: dict[str, float] = {}
    side = args.side // 14

    def state() -> dict:
        weights = {"net": net.state_dict(), "heads": heads.state_dict(), "optimiser": optimiser.state_dict()}
        return {**weights, "seen": seen, "spent": spent, "strange": strange}

    def report() -> None:
        line = {"step": seen, "spent": round(spent), **validate(net, heads, tokenizer, validation, args.vision_seconds < spent < args.calls_from)}
        print("val", json.dumps(line), flush=True)
        with (args.out / "log.jsonl").open("a") as log:
            log.write(json.dumps(line) + "\n")

    step = 0
    while spent < args.seconds:
        words = spent >= args.vision_seconds
        calls = spent >= args.calls_from
        if not words:
            rate = rate_at(spent, 0, args.vision_seconds, args.lr, args.lr / 3)
        else:
            start, end = (args.calls_from, args.seconds) if calls else (args.vision_seconds, min(args.calls_from, args.seconds))
            rate = rate_at(spent, start, end - start, args.lr, args.lr / 60)
        for group in optimiser.param_groups:
            group["lr"] = rate
        dense_share = DENSE_WITH_WORDS if words else DENSE
        sources = [dense if rng.random() < dense_share else store for _ in range(args.batch // processes)]
        scenes = [source[rng.randrange(len(source))] for source in sources]
        if not words:
            scenes = mirrored(scenes, rng)
        labels, boxes = dense_targets(scenes, device)
        tokens = see(net.model.visual, patches(np.stack([scene.rgb for scene in scenes])).to(device), side, side)
        shown = torch.detach if seen < strange else (lambda whole: whole)
        losses = {"things": heads.things_loss(shown(tokens).flatten(0, 1), shown(embeddings_of(net)), labels, boxes)}
        if words:
            ask = first_turns if calls else questions
            asked = [ask(scene, rng, args.queries) for scene in scenes]
            batch = Batch(tokenizer, scenes, asked).to(device)
            hidden, placed, losses["looks"] = run(net, batch, tokens)
            losses["places"] = heads.places_loss(shown(placed), labels, boxes)
            losses["words"] = words_loss(net, hidden, batch.labels)
        loss = sum(losses.values(), tokens.new_zeros(()))
        if words:
            loss = loss + losses["words"]  # What counts in the end counts twice.
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        if processes > 1:
            average_gradients(parameters)
        norm = torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        if torch.isfinite(norm):
            optimiser.step()
        seen += len(scenes) * processes
        step += 1
        for key, value in losses.items():
            means[key] = means.get(key, value.item()) * 0.98 + 0.02 * value.item()
        now = time.time()
        spent = agreed(spent + min(now - last, 60))  # A pause of the process does not count.
        last = now
        if step % 200 == 0:
            store.refresh()
            dense.refresh()
        if not first:
            continue
        if step % 200 == 0:
            print(f"{seen} {spent:.0f}s " + " ".join(f"{key} {value:.3f}" for key, value in means.items()), flush=True)
        if now - last_save > 150:
            save(checkpoint, state())
            last_save = now
        if now - last_report > args.validate_every:
            report()
            last_report = last = time.time()
    if first:
        save(checkpoint, state())
        report()
    if dist.is_initialized():
        dist.destroy_process_group()


if __name__ == "__main__":
    main()
