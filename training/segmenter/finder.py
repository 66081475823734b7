"""The finder: from clicks alone, a coarse mask of the whole picture, so that a square can be cut around the object.

`Trunk` runs once per picture (it is part of the encoder), `Finder` once per prompt. Both work on a grid of
``GRID`` x ``GRID`` cells over the S-frame, i.e. cells of 8 x 8 px.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model import SIZE, Backbone, Fuse, Mix, upsample

GRID = SIZE // 8
CELL = SIZE // GRID
FEATURES = 48
KEY = 16
"""Channels of `Trunk`'s output used to compare cells with the clicked one."""


class Trunk(nn.Module):
    """Picture -> features of the whole S-frame."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = Backbone(0)
        self.deep = Fuse(160, 96)
        self.pool = nn.Linear(160, 96)
        self.mix16 = nn.Sequential(Mix(96), Mix(96, 2))
        self.skip = Fuse(96, 48)
        self.out = nn.Conv2d(96 + 48, FEATURES, 1)

    def forward(self, image: Tensor) -> Tensor:
        """[B,3,SIZE,SIZE] in -1..1 -> [B,FEATURES,GRID,GRID]."""
        _, _, c8, c16 = self.backbone(image)
        deep = self.mix16(self.deep(c16) + self.pool(c16.mean((2, 3)))[:, :, None, None])
        return self.out(torch.cat([upsample(deep), self.skip(c8)], 1))


class Finder(nn.Module):
    """Features and clicks -> coarse mask logits."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(5.0))
        self.enter = Fuse(FEATURES + 7, 48)
        self.down = Fuse(48, 80)
        self.body = nn.Sequential(Mix(80), Mix(80, 2), Mix(80, 4), Mix(80, 2), Mix(80))
        self.up = Fuse(48 + 80, 48)
        self.last = Mix(48)
        self.leave = nn.Conv2d(48, 1, 3, 1, 1)

    def forward(self, features: Tensor, points: Tensor, labels: Tensor) -> Tensor:
        """features [B,FEATURES,G,G], points [B,N,2] S-frame px, labels [B,N] (1, 0, else ignored) -> [B,1,G,G]."""
        axis = (torch.arange(GRID, dtype=points.dtype, device=points.device) + 0.5) * CELL
        dx = axis[None, None] - points[:, :, 0:1]  # [B,N,G]
        dy = axis[None, None] - points[:, :, 1:2]
        square = (dx**2)[:, :, None, :] + (dy**2)[:, :, :, None]  # [B,N,G,G]
        positive = (labels == 1).to(points.dtype)[:, :, None, None]
        negative = (labels == 0).to(points.dtype)[:, :, None, None]
        near = torch.exp(square * (-0.5 / (1.0 * CELL) ** 2))
        wide = torch.exp(square * (-0.5 / (6.0 * CELL) ** 2))
        broad = torch.exp(square * (-0.5 / (20.0 * CELL) ** 2))
        keys = F.normalize(features[:, :KEY], dim=1, eps=1e-4).flatten(2)  # [B,K,G*G]
        weights = (near / (near.sum((2, 3), keepdim=True) + 1e-6)).flatten(2)  # [B,N,G*G]
        clicked = weights @ keys.transpose(1, 2)  # [B,N,K]
        alike = (clicked @ keys).reshape(square.shape)  # cosine with the clicked cell
        alike = torch.exp(self.scale.clamp(1.0, 12.0) * (alike - 1.0))
        maps = [
            (near * positive).amax(1, keepdim=True),
            (wide * positive).amax(1, keepdim=True),
            (broad * positive).amax(1, keepdim=True),
            (alike * positive).amax(1, keepdim=True),
            (near * negative).amax(1, keepdim=True),
            (wide * negative).amax(1, keepdim=True),
            (alike * negative).amax(1, keepdim=True),
        ]
        fine = self.enter(torch.cat([features, *maps], 1))
        deep = self.body(self.down(F.avg_pool2d(fine, 2)))
        return self.leave(self.last(self.up(torch.cat([fine, upsample(deep)], 1))))
