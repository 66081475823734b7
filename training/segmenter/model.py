"""The embedded segmenter: a promptable mask network that looks at a square cut out of the image.

Frames (all in pixels, x right, y down, pixel centres at +0.5):

* S-frame: the encoder's padded square, ``SIZE`` x ``SIZE``; prompts and low-res masks live here.
* crop frame: the ``CROP`` x ``CROP`` square that `CropNet` sees.

`CropNet` is a MobileNetV2 (depth 0.5, output stride 16, batch norm folded) whose first convolution takes the prompt
maps beside the picture, and a small feature-pyramid head that answers at half the crop's resolution.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SIZE = 640
"""Side of the encoder's square, px."""
CROP = 256
"""Side of the square the mask network sees, px."""
OUT = CROP // 2
"""Side of the mask network's answer, px."""
LOW = 256
"""Side of SAM's low-resolution masks, px."""
PROMPT_CHANNELS = 6
CLICK_SIGMA = 5.0
"""Standard deviation of a click's bump in the crop frame, px."""
BOX_MARGIN = 1.4
"""Side of the square around a box prompt, in units of the box's longer side."""

# (channels out, expansion channels, stride, dilation); residual where the shape allows it.
_BLOCKS: tuple[tuple[int, int, int, int], ...] = (
    (12, 48, 2, 1),
    (12, 72, 1, 1),
    (16, 72, 2, 1),
    (16, 96, 1, 1),
    (16, 96, 1, 1),
    (32, 96, 2, 1),
    (32, 192, 1, 1),
    (32, 192, 1, 1),
    (32, 192, 1, 1),
    (48, 192, 1, 1),
    (48, 288, 1, 1),
    (48, 288, 1, 1),
    (80, 288, 1, 1),
    (80, 480, 1, 2),
    (80, 480, 1, 2),
    (160, 480, 1, 2),
)
_SKIP_BLOCKS = (0, 2, 5)  # their expansions are the features at strides 2, 4 and 8
_PRETRAINED_CONVS = 51  # convolutions 0..50 of the donor file are the backbone


class InvertedResidual(nn.Module):
    """MobileNetV2's block without batch norm (folded into the convolutions)."""

    def __init__(self, cin: int, cout: int, mid: int, stride: int, dilation: int) -> None:
        super().__init__()
        self.expand = nn.Conv2d(cin, mid, 1)
        self.depth = nn.Conv2d(mid, mid, 3, stride, dilation, dilation, groups=mid)
        self.project = nn.Conv2d(mid, cout, 1)
        self.residual = stride == 1 and cin == cout

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """[B,cin,H,W] -> (output [B,cout,H/s,W/s], expansion [B,mid,H,W])."""
        wide = F.relu6(self.expand(x))
        out = self.project(F.relu6(self.depth(wide)))
        return (out + x if self.residual else out), wide


class Backbone(nn.Module):
    """MobileNetV2 depth 0.5 at output stride 16; `extra` input channels start with zero weights."""

    def __init__(self, extra: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3 + extra, 16, 3, 2, 1)
        self.stem_depth = nn.Conv2d(16, 16, 3, 1, 1, groups=16)
        self.stem_project = nn.Conv2d(16, 8, 1)
        blocks, cin = [], 8
        for cout, mid, stride, dilation in _BLOCKS:
            blocks.append(InvertedResidual(cin, cout, mid, stride, dilation))
            cin = cout
        self.blocks = nn.ModuleList(blocks)

    def forward(self, x: Tensor) -> list[Tensor]:
        """[B,3+extra,H,W] -> features at strides 2 (48 ch), 4 (72), 8 (96), 16 (160)."""
        x = self.stem_project(F.relu6(self.stem_depth(F.relu6(self.stem(x)))))
        skips = []
        for i, block in enumerate(self.blocks):
            x, wide = block(x)
            if i in _SKIP_BLOCKS:
                skips.append(wide)
        return [*skips, x]

    def convs(self) -> list[nn.Conv2d]:
        """The convolutions in the donor file's order."""
        out = [self.stem, self.stem_depth, self.stem_project]
        for block in self.blocks:
            out += [block.expand, block.depth, block.project]
        return out

    def load_donor(self, onnx_path: Path) -> None:
        """Read the ImageNet/COCO/VOC weights out of a surrogate encoder (see the data set's README)."""
        import onnx
        from onnx import numpy_helper

        graph = onnx.load(str(onnx_path)).graph
        tensors = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
        convs = self.convs()
        assert len(convs) == _PRETRAINED_CONVS
        with torch.no_grad():
            for i, conv in enumerate(convs):
                weight = torch.from_numpy(tensors[f"dl.mods.{i}.weight"].copy())
                if i == 0:
                    conv.weight.zero_()
                    conv.weight[:, :3] = weight
                else:
                    conv.weight.copy_(weight)
                conv.bias.copy_(torch.from_numpy(tensors[f"dl.mods.{i}.bias"].copy()))


class Fuse(nn.Module):
    """1x1 convolution, batch norm, ReLU."""

    def __init__(self, cin: int, cout: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, 1, bias=False)
        self.norm = nn.BatchNorm2d(cout)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.norm(self.conv(x)))


class Mix(nn.Module):
    """Residual depthwise-separable block with a 5x5 kernel."""

    def __init__(self, ch: int, dilation: int = 1) -> None:
        super().__init__()
        self.depth = nn.Conv2d(ch, ch, 5, 1, 2 * dilation, dilation, groups=ch, bias=False)
        self.norm1 = nn.BatchNorm2d(ch)
        self.point = nn.Conv2d(ch, ch, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(ch)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.norm2(self.point(F.relu(self.norm1(self.depth(x))))))


def upsample(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)


class CropNet(nn.Module):
    """Picture and prompts of one square -> mask logits and predicted IoU."""

    def __init__(self) -> None:
        super().__init__()
        p = PROMPT_CHANNELS
        self.backbone = Backbone(p)
        self.pool = nn.Linear(160, 96)
        self.f16 = Fuse(160 + p, 96)
        self.m16 = nn.Sequential(Mix(96), Mix(96, 2))
        self.s8 = Fuse(96, 64)
        self.f8 = Fuse(96 + 64 + p, 64)
        self.m8 = nn.Sequential(Mix(64), Mix(64))
        self.s4 = Fuse(72, 32)
        self.f4 = Fuse(64 + 32 + p, 48)
        self.m4 = nn.Sequential(Mix(48), Mix(48))
        self.s2 = Fuse(48, 24)
        self.f2 = Fuse(48 + 24 + p, 32)
        self.m2 = Mix(32)
        self.mask = nn.Conv2d(32, 1, 3, 1, 1)
        self.iou = nn.Sequential(nn.Linear(96 + 96 + 48 + 1, 64), nn.ReLU(), nn.Linear(64, 1))

    def forward(self, image: Tensor, maps: Tensor) -> tuple[Tensor, Tensor]:
        """image [B,3,CROP,CROP] in [-1,1], maps [B,P,CROP,CROP] -> (logits [B,1,OUT,OUT], IoU logit [B])."""
        c2, c4, c8, c16 = self.backbone(torch.cat([image, maps], 1))
        p2 = F.avg_pool2d(maps, 2)
        p4 = F.avg_pool2d(p2, 2)
        p8 = F.avg_pool2d(p4, 2)
        p16 = F.avg_pool2d(p8, 2)
        pooled = self.pool(c16.mean((2, 3)))
        x16 = self.m16(self.f16(torch.cat([c16, p16], 1)) + pooled[:, :, None, None])
        x8 = self.m8(self.f8(torch.cat([upsample(x16), self.s8(c8), p8], 1)))
        x4 = self.m4(self.f4(torch.cat([upsample(x8), self.s4(c4), p4], 1)))
        x2 = self.m2(self.f2(torch.cat([upsample(x4), self.s2(c2), p2], 1)))
        logits = self.mask(x2)
        prob4 = F.avg_pool2d(torch.sigmoid(logits.detach()), 2)
        area = prob4.mean((2, 3))
        inside = (x4 * prob4).mean((2, 3)) / (area + 1e-3)
        certainty = ((prob4 - 0.5).abs() * 2).mean((2, 3))
        iou = self.iou(torch.cat([x16.mean((2, 3)), x16.amax((2, 3)), inside, certainty], 1))
        return logits, iou[:, 0]


def prompt_maps(
    points: Tensor, labels: Tensor, box: Tensor, has_box: Tensor, prior: Tensor, valid: Tensor
) -> Tensor:
    """Draw the prompts into the crop frame.

    points [B,N,2] px, labels [B,N] (1, 0, else ignored), box [B,4] x0 y0 x1 y1 px, has_box [B] 0/1,
    prior [B,1,CROP,CROP] probability of the previous answer times two minus one (0 = none),
    valid [B,1,CROP,CROP] 1 inside the picture -> [B,P,CROP,CROP]:
    inside the box, position relative to the box, positive clicks, negative clicks, prior, valid.
    """
    size = prior.shape[-1]
    axis = torch.arange(size, dtype=points.dtype, device=points.device) + 0.5
    has = has_box[:, None, None, None]
    centre = (box[:, :2] + box[:, 2:]) / 2
    half = ((box[:, 2:] - box[:, :2]) / 2).clamp(min=1.0)
    u = (axis[None] - centre[:, 0:1]).abs() / half[:, 0:1]
    v = (axis[None] - centre[:, 1:2]).abs() / half[:, 1:2]
    depth = (1.0 - torch.maximum(u[:, None, None, :], v[:, None, :, None])).clamp(-1.0, 1.0) * has
    inside = (depth > 0).to(points.dtype) * has
    dx = (axis[None, None] - points[:, :, 0:1]) ** 2
    dy = (axis[None, None] - points[:, :, 1:2]) ** 2
    scale = -0.5 / (CLICK_SIGMA * size / CROP) ** 2
    bump = torch.exp(scale * dx)[:, :, None, :] * torch.exp(scale * dy)[:, :, :, None]
    positive = (bump * (labels == 1).to(points.dtype)[:, :, None, None]).amax(1, keepdim=True)
    negative = (bump * (labels == 0).to(points.dtype)[:, :, None, None]).amax(1, keepdim=True)
    return torch.cat([inside, depth, positive, negative, prior, valid], 1)
