"""Trains `Trunk` and `Finder` (clicks -> coarse mask) on a wall-clock budget; resumes from its checkpoint."""

from __future__ import annotations

import argparse
import copy
import json
import time
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from data import Library, recolour, click_in, deepest_click, load_library, split, warp_image, warp_mask
from finder import CELL, GRID, Finder, Trunk
from model import SIZE
from train import save, soft_iou

PROMPTS = 6
CLICKS = 3
FINE = 4
"""Clicks are drawn on masks this much smaller than the S-frame."""


class Scenes:
    """Whole pictures in the S-frame with several clicked objects each."""

    def __init__(self, lib: Library, indices: list[int]) -> None:
        self.lib = lib
        self.by_image: dict[int, list[int]] = {}
        for i in indices:
            if lib.instances[i].area >= 150:
                self.by_image.setdefault(lib.instances[i].image, []).append(i)
        self.images = sorted(self.by_image)
        # a picture with many objects teaches more than one with a single person
        weight = np.array([np.sqrt(len(self.by_image[i])) for i in self.images])
        self.weight = weight / weight.sum()

    def sample(self, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """image [3,S,S] in -1..1, targets [P,1,G,G], points [P,CLICKS,2] S-frame px, labels [P,CLICKS]."""
        image = self.images[int(rng.choice(len(self.images), p=self.weight))]
        levels = self.lib.pyramids[image]
        height, width = levels[0].shape[:2]
        zoom = SIZE / max(height, width)
        if rng.random() < 0.5:
            zoom *= float(np.exp(rng.uniform(-0.5, 0.6)))
        flip = -1.0 if rng.random() < 0.5 else 1.0
        linear = np.diag([flip * zoom, zoom]).astype(np.float32)
        source = np.array([width / 2, height / 2], np.float32)
        reach = np.maximum(np.array([width, height]) * zoom - SIZE, 0) / 2  # room to slide when larger than the frame
        target_at = (np.minimum(np.array([width, height]) * zoom, SIZE) / 2 + rng.uniform(-1, 1, 2) * reach).astype(np.float32)
        pixels = recolour(warp_image(levels, linear, source, target_at, SIZE), rng)
        right, bottom = int(min(target_at[0] + width * zoom / 2 + 0.5, SIZE)), int(min(target_at[1] + height * zoom / 2 + 0.5, SIZE))
        tensor = torch.from_numpy(pixels).permute(2, 0, 1).float() / 127.5 - 1
        tensor[:, bottom:] = 0
        tensor[:, :, right:] = 0
        choices = self.by_image[image]
        inst_weight = np.array([np.clip(np.sqrt(self.lib.instances[i].area) / 120, 0.15, 1.0) for i in choices])
        targets, points, labels = [], [], []
        for _ in range(PROMPTS * 3):
            inst = self.lib.instances[choices[int(rng.choice(len(choices), p=inst_weight / inst_weight.sum()))]]
            mask = warp_mask(inst, linear / FINE, source, target_at / FINE, SIZE // FINE)
            click = click_in(mask > 0.5, rng, 0.4)
            if click is None:
                continue
            xy = np.zeros((CLICKS, 2), np.float32)
            lab = np.full(CLICKS, -1, np.float32)
            xy[0], lab[0] = click, 1
            if rng.random() < 0.2:
                more = click_in(mask > 0.5, rng, 0.0)
                if more:
                    xy[1], lab[1] = more, 1
            if rng.random() < 0.25:
                ys, xs = np.nonzero(cv2.dilate((mask > 0.5).astype(np.uint8), np.ones((15, 15), np.uint8)) > (mask > 0.05))
                if len(xs):
                    k = int(rng.integers(len(xs)))
                    xy[2], lab[2] = (xs[k] + 0.5, ys[k] + 0.5), 0
            xy *= FINE
            targets.append(cv2.resize(mask, (GRID, GRID), interpolation=cv2.INTER_AREA))
            points.append(xy)
            labels.append(lab)
            if len(targets) == PROMPTS:
                break
        if not targets:
            return self.sample(rng)
        return (
            tensor, torch.from_numpy(np.stack(targets))[:, None], torch.from_numpy(np.stack(points)), torch.from_numpy(np.stack(labels))
        )  # fmt: skip


@torch.no_grad()
def validate(trunk: Trunk, finder: Finder, lib: Library, indices: list[int]) -> dict[str, float]:
    """Mean coarse IoU on the grid, and how well the coarse box matches, for one deepest click."""
    trunk.eval(), finder.eval()
    by_image: dict[int, list[int]] = {}
    for i in indices:
        if lib.instances[i].area >= 150:
            by_image.setdefault(lib.instances[i].image, []).append(i)
    scores, large = [], []
    for image, members in by_image.items():
        levels = lib.pyramids[image]
        height, width = levels[0].shape[:2]
        zoom = SIZE / max(height, width)
        linear = (np.eye(2) * zoom).astype(np.float32)
        origin = np.zeros(2, np.float32)
        pixels = warp_image(levels, linear, origin, origin, SIZE)
        tensor = torch.from_numpy(pixels).permute(2, 0, 1).float() / 127.5 - 1
        tensor[:, round(height * zoom) :] = 0
        tensor[:, :, round(width * zoom) :] = 0
        with torch.autocast("cpu", torch.bfloat16):
            features = trunk(tensor[None].contiguous(memory_format=torch.channels_last)).float()
        for k in members:
            mask = warp_mask(lib.instances[k], linear, origin, origin, SIZE)
            click = deepest_click(mask > 0.5)
            if click is None:
                continue
            logits = finder(features, torch.tensor([[click]]), torch.ones(1, 1))
            got = F.interpolate(logits, size=(SIZE, SIZE), mode="bilinear")[0, 0].numpy() > 0
            want = mask > 0.5
            iou = (got & want).sum() / max((got | want).sum(), 1)
            scores.append(iou)
            if lib.instances[k].area > 96**2:
                large.append(iou)
    return {"coarse": round(float(np.mean(scores)), 4), "coarse_large": round(float(np.mean(large)), 4), "n": len(scores)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--budget", type=float, default=900, help="seconds of training in all")
    parser.add_argument("--batch", type=int, default=3, help="pictures per step")
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--backbone-lr", type=float, default=4e-4)
    parser.add_argument("--frozen-blocks", type=int, default=6, help="first blocks of the backbone that stay as they are")
    parser.add_argument("--validate-every", type=float, default=900, help="seconds")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    cv2.setNumThreads(1)
    torch.manual_seed(args.seed)
    args.out.mkdir(parents=True, exist_ok=True)
    lib = load_library(args.data / "photos" / "coco_train")
    train_ids, val_ids = split(lib)
    trunk, finder = Trunk().to(memory_format=torch.channels_last), Finder().to(memory_format=torch.channels_last)
    trunk.backbone.load_donor(args.data / "models" / "surrogate_sam1_encoder.onnx")
    both = torch.nn.ModuleDict({"trunk": trunk, "finder": finder})
    for module in (trunk.backbone.stem, trunk.backbone.stem_depth, trunk.backbone.stem_project, *trunk.backbone.blocks[: args.frozen_blocks]):
        module.requires_grad_(False)
    ema = copy.deepcopy(both)
    optimiser = torch.optim.AdamW(
        [
            {"params": [p for p in trunk.backbone.parameters() if p.requires_grad], "base": args.backbone_lr},
            {"params": [p for n, p in both.named_parameters() if "backbone" not in n], "base": args.lr},
        ],
        weight_decay=0.02,
    )
    spent, step = 0.0, 0
    checkpoint = args.out / "finder.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        both.load_state_dict(state["net"])
        ema.load_state_dict(state["ema"])
        optimiser.load_state_dict(state["optimiser"])
        spent, step = state["spent"], state["step"]
    rng = np.random.default_rng(args.seed + step)
    scenes = Scenes(lib, train_ids)
    last = last_save = last_val = time.time()
    mean = 0.0

    def keep() -> None:
        save(checkpoint, {"net": both.state_dict(), "ema": ema.state_dict(), "optimiser": optimiser.state_dict(), "spent": spent, "step": step})

    while spent < args.budget:
        warm = min(1.0, (step + 1) / 100)
        for group in optimiser.param_groups:
            group["lr"] = float(group["base"] * warm * (0.01 + 0.99 * 0.5 * (1 + np.cos(np.pi * spent / args.budget))))
        drawn = [scenes.sample(rng) for _ in range(args.batch)]
        both.train()
        images = torch.stack([d[0] for d in drawn]).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            features = trunk(images)
            owner = torch.cat([torch.full((len(d[1]),), i) for i, d in enumerate(drawn)])
            logits = finder(features.float()[owner].contiguous(memory_format=torch.channels_last), torch.cat([d[2] for d in drawn]), torch.cat([d[3] for d in drawn])).float()
        target = torch.cat([d[1] for d in drawn])
        loss = F.binary_cross_entropy_with_logits(logits, target) * 2 + (1 - soft_iou(torch.sigmoid(logits), target)).mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        if torch.isfinite(torch.nn.utils.clip_grad_norm_(both.parameters(), 2.0)):
            optimiser.step()
        decay = min(0.997 - 0.012 * spent / args.budget, (1 + step) / (20 + step))
        with torch.no_grad():
            for a, b in zip(ema.parameters(), both.parameters(), strict=True):
                a.lerp_(b, 1 - decay)
            for a, b in zip(ema.buffers(), both.buffers(), strict=True):
                a.copy_(b if not a.is_floating_point() else torch.lerp(a, b, 1 - decay))
        step += 1
        mean = 0.98 * mean + 0.02 * float(loss.detach())
        now = time.time()
        spent, last = spent + now - last, now
        if step % 50 == 0:
            print(f"{step} {spent:.0f}s loss {mean / (1 - 0.98**min(step, 10000)):.3f}", flush=True)
        if now - last_save > 150:
            keep()
            last_save = now
        if now - last_val > args.validate_every:
            print("val", json.dumps(validate(ema["trunk"], ema["finder"], lib, val_ids)), flush=True)
            last_val = last = time.time()
    keep()
    print("val", json.dumps({"step": step, **validate(ema["trunk"], ema["finder"], lib, val_ids)}), flush=True)


if __name__ == "__main__":
    main()
