"""Trains `CropNet` on a wall-clock budget; resumes from its checkpoint.

The learning rate follows a cosine over the *time* trained so far, so that a run on a busy machine still ends in time.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import queue
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from data import MAX_CLICKS, Library, Sample, Sampler, click_in, deepest_click, load_library, split, square_of_box
from data import valid_map, warp_image, warp_mask
from model import CropNet, prompt_maps

Batch = dict[str, Tensor]


def collate(samples: list[Sample]) -> Batch:
    """Samples -> tensors; pictures as [B,3,s,s] in -1..1 with zeros outside the picture."""
    image = torch.from_numpy(np.stack([s.image for s in samples])).permute(0, 3, 1, 2).float() / 127.5 - 1.0
    valid = torch.from_numpy(np.stack([s.valid for s in samples]))[:, None]
    return {
        "image": (image * valid).contiguous(memory_format=torch.channels_last),
        "valid": valid,
        "target": torch.from_numpy(np.stack([s.target for s in samples]))[:, None],
        "box": torch.from_numpy(np.stack([s.box for s in samples])),
        "has_box": torch.tensor([s.has_box for s in samples]),
        "clicks": torch.from_numpy(np.stack([s.clicks for s in samples])),
        "labels": torch.from_numpy(np.stack([s.labels for s in samples])),
        "prior": torch.from_numpy(np.stack([s.prior for s in samples]))[:, None],
    }


class Loader(threading.Thread):
    """Draws batches in a thread of its own."""

    def __init__(self, sampler: Sampler, batch: int, size: int, seed: int) -> None:
        super().__init__(daemon=True)
        self.sampler, self.batch, self.size = sampler, batch, size
        self.rng = np.random.default_rng(seed)
        self.queue: queue.Queue[tuple[int, Batch]] = queue.Queue(4)
        self.start()

    def run(self) -> None:
        while True:
            size = self.size
            self.queue.put((size, collate([self.sampler.sample(self.rng, size) for _ in range(self.batch)])))

    def next(self) -> Batch:
        """The next batch of the wanted size (older ones of another size are dropped)."""
        while True:
            size, batch = self.queue.get()
            if size == self.size:
                return batch


def forward(net: CropNet, batch: Batch) -> tuple[Tensor, Tensor]:
    """Logits [B,1,s/2,s/2] and IoU logits [B], both float32."""
    maps = prompt_maps(
        batch["clicks"], batch["labels"], batch["box"], batch["has_box"], batch["prior"], batch["valid"]
    ).contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        logits, iou = net(batch["image"], maps)
    return logits.float(), iou.float()


def add_error_clicks(batch: Batch, logits: Tensor, rng: np.random.Generator, exact: float = 0.6) -> None:
    """Put one click into the larger wrong region of every answer and make the answer the prior (in place)."""
    prob = torch.sigmoid(logits)
    wanted = F.avg_pool2d(batch["target"], 2) > 0.5
    answer = prob > 0.5
    scale = batch["target"].shape[-1] / logits.shape[-1]
    for i in range(len(prob)):
        free = int((batch["labels"][i] >= 0).sum())
        if free >= MAX_CLICKS:
            continue
        best: tuple[float, tuple[float, float], int] | None = None
        for label, region in ((1, wanted[i, 0] & ~answer[i, 0]), (0, answer[i, 0] & ~wanted[i, 0])):
            wrong = region.numpy()
            depth = float(cv2.distanceTransform(np.pad(wrong.astype(np.uint8), 1), cv2.DIST_L2, 3).max())
            click = click_in(wrong, rng, exact) if depth > 0 else None
            if click is not None and (best is None or depth > best[0]):
                best = (depth, click, label)
        if best is not None:
            batch["clicks"][i, free] = torch.tensor(best[1]) * scale
            batch["labels"][i, free] = best[2]
    size = batch["target"].shape[-1]
    low = int(size / rng.uniform(2, 8)) if rng.random() < 0.5 else logits.shape[-1]
    coarse = F.interpolate(prob, size=(low, low), mode="bilinear", antialias=True)
    batch["prior"] = F.interpolate(coarse, size=(size, size), mode="bilinear") * 2 - 1


def soft_iou(prob: Tensor, target: Tensor) -> Tensor:
    """Soft intersection over union per sample, [B]."""
    inter = (prob * target).sum((1, 2, 3))
    return (inter + 1) / (prob.sum((1, 2, 3)) + target.sum((1, 2, 3)) - inter + 1)


def losses(logits: Tensor, iou: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Loss (focal-tempered BCE + soft IoU + IoU head) and the hard mean IoU of the batch."""
    low = F.avg_pool2d(target, 2)
    prob = torch.sigmoid(logits)
    bce = F.binary_cross_entropy_with_logits(logits, low, reduction="none")
    focal = (bce * (0.25 + (prob - low).abs())).mean((1, 2, 3))
    hard = (prob > 0.5).float()
    wanted = (low > 0.5).float()
    inter = (hard * wanted).sum((1, 2, 3))
    true_iou = inter / ((hard + wanted) > 0).float().sum((1, 2, 3)).clamp(min=1)
    head = (torch.sigmoid(iou) - true_iou.detach()) ** 2
    total = (2.0 * focal + (1 - soft_iou(prob, low)) + 0.3 * head).mean()
    return total, true_iou.mean()


def validation_batches(lib: Library, indices: list[int], size: int, factor: float | None, batch: int = 16) -> list[Batch]:
    """Exact boxes (factor None) or one deepest click in a square `factor` times the object, no augmentation."""
    out, samples = [], []
    for k in indices:
        inst = lib.instances[k]
        if inst.area < 80:
            continue
        middle, side = square_of_box(inst.box) if factor is None else square_of_box(inst.box, factor)
        zoom = np.float32(size / side)
        linear = np.eye(2, dtype=np.float32) * zoom
        centre = np.array([size / 2, size / 2], np.float32)
        levels = lib.pyramids[inst.image]
        height, width = levels[0].shape[:2]
        target = warp_mask(inst, linear, middle, centre, size)
        clicks = np.zeros((MAX_CLICKS, 2), np.float32)
        labels = np.full(MAX_CLICKS, -1, np.float32)
        if factor is not None:
            click = deepest_click(target > 0.5)
            if click is not None:
                clicks[0], labels[0] = click, 1
        box = (inst.box - np.tile(middle, 2)) * zoom + size / 2
        samples.append(
            Sample(
                warp_image(levels, linear, middle, centre, size), target,
                valid_map(height, width, linear, middle, centre, size), box.astype(np.float32),
                float(factor is None), clicks, labels, np.zeros((size, size), np.float32),
            )
        )  # fmt: skip
    for i in range(0, len(samples), batch):
        out.append(collate(samples[i : i + batch]))
    return out


@torch.no_grad()
def validate(net: CropNet, lib: Library, indices: list[int], size: int) -> dict[str, float]:
    """Mean IoU in the square for box, box + 1 and 2 error clicks, and one click (+ 1)."""
    net.eval()
    rng = np.random.default_rng(0)
    result: dict[str, float] = {}
    for name, factor, extra in (("box", None, 2), ("point", 1.8, 1)):
        scores: list[list[Tensor]] = [[] for _ in range(extra + 1)]
        for batch in validation_batches(lib, indices, size, factor):
            for turn in range(extra + 1):
                logits, _ = forward(net, batch)
                full = F.interpolate(logits, scale_factor=2.0, mode="bilinear") > 0
                wanted = batch["target"] > 0.5
                inter = (full & wanted).sum((1, 2, 3)).float()
                scores[turn].append(inter / (full | wanted).sum((1, 2, 3)).clamp(min=1))
                add_error_clicks(batch, logits, rng, exact=1.0)
        for turn, values in enumerate(scores):
            result[name if turn == 0 else f"{name}+{turn}"] = round(float(torch.cat(values).mean()), 4)
    return result


def save(path: Path, state: dict) -> None:
    """Atomic replace, so that a kill never leaves half a checkpoint."""
    temporary = path.with_suffix(".tmp")
    torch.save(state, temporary)
    os.replace(temporary, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with photos/coco_train and models/")
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoints and logs")
    parser.add_argument("--budget", type=float, default=4500, help="seconds of training in all, resumptions included")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--small", type=int, default=192, help="side of the squares at first, px")
    parser.add_argument("--large", type=int, default=256, help="side of the squares in the last part, px")
    parser.add_argument("--switch", type=float, default=1.1, help="fraction of the budget after which squares are large (over 1: never)")
    parser.add_argument("--lr", type=float, default=1.5e-3)
    parser.add_argument("--backbone-lr", type=float, default=5e-4)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--validate-every", type=float, default=900, help="seconds")
    parser.add_argument("--init", type=Path, help="start from this checkpoint's averaged weights")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    cv2.setNumThreads(1)
    torch.manual_seed(args.seed)
    args.out.mkdir(parents=True, exist_ok=True)

    lib = load_library(args.data / "photos" / "coco_train")
    train_ids, val_ids = split(lib)
    net = CropNet().to(memory_format=torch.channels_last)
    net.backbone.load_donor(args.data / "models" / "surrogate_sam1_encoder.onnx")
    if args.init:
        net.load_state_dict(torch.load(args.init, weights_only=True)["ema"])
    ema = copy.deepcopy(net)
    backbone = list(net.backbone.parameters())
    head = [p for n, p in net.named_parameters() if not n.startswith("backbone.")]
    optimiser = torch.optim.AdamW(
        [{"params": backbone, "base": args.backbone_lr}, {"params": head, "base": args.lr}], lr=args.lr, weight_decay=0.02
    )
    spent, step, seen = 0.0, 0, 0
    checkpoint = args.out / "crop.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        net.load_state_dict(state["net"])
        ema.load_state_dict(state["ema"])
        optimiser.load_state_dict(state["optimiser"])
        spent, step, seen = state["spent"], state["step"], state["seen"]
        print(f"resumed at step {step}, {spent:.0f} s", flush=True)

    rng = np.random.default_rng(args.seed + 1 + step)
    loader = Loader(Sampler(lib, train_ids), args.batch, args.small, args.seed + 100003 * (step + 1))
    last = time.time()
    last_save = last_val = last
    mean_loss = mean_iou = 0.0

    def state() -> dict:
        return {
            "net": net.state_dict(), "ema": ema.state_dict(), "optimiser": optimiser.state_dict(),
            "spent": spent, "step": step, "seen": seen,
        }  # fmt: skip

    def report() -> None:
        scores = validate(ema, lib, val_ids, loader.size)
        line = {"step": step, "seen": seen, "spent": round(spent), "size": loader.size, **scores}
        print("val", json.dumps(line), flush=True)
        with (args.out / "log.jsonl").open("a") as log:
            log.write(json.dumps(line) + "\n")

    while spent < args.budget:
        progress = spent / args.budget
        loader.size = args.large if progress >= args.switch else args.small
        warm = min(1.0, (step + 1) / 300)
        for group in optimiser.param_groups:
            group["lr"] = float(group["base"] * warm * (0.01 + 0.99 * 0.5 * (1 + np.cos(np.pi * min(progress, 1.0)))))
        batch = loader.next()
        turns = int(rng.choice(3, p=[0.55, 0.3, 0.15]))
        if turns and step > 300:
            net.eval()
            with torch.no_grad():
                for _ in range(turns):
                    logits, _ = forward(net, batch)
                    add_error_clicks(batch, logits, rng)
        net.train()
        logits, iou = forward(net, batch)
        loss, hard = losses(logits, iou, batch["target"])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(net.parameters(), 2.0)
        if torch.isfinite(norm):
            optimiser.step()
        decay = min(0.9985 - 0.0085 * progress, (1 + step) / (20 + step))  # shorter as the learning rate falls
        with torch.no_grad():
            for a, b in zip(ema.parameters(), net.parameters(), strict=True):
                a.lerp_(b, 1 - decay)
            for a, b in zip(ema.buffers(), net.buffers(), strict=True):
                a.copy_(b if not a.is_floating_point() else torch.lerp(a, b, 1 - decay))
        step += 1
        seen += args.batch
        mean_loss = 0.98 * mean_loss + 0.02 * float(loss.detach())
        mean_iou = 0.98 * mean_iou + 0.02 * float(hard)
        now = time.time()
        spent += now - last
        last = now
        if step % 50 == 0:
            fix = 1 - 0.98 ** min(step, 10000)
            print(f"{step} {spent:.0f}s loss {mean_loss / fix:.3f} iou {mean_iou / fix:.3f} norm {float(norm):.2f} size {loader.size}", flush=True)
        if now - last_save > 150:
            save(checkpoint, state())
            last_save = now
        if now - last_val > args.validate_every:
            report()
            last_val = last = time.time()
    save(checkpoint, state())
    report()


if __name__ == "__main__":
    main()
