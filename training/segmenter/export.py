"""Joins `Trunk`, `Finder` and `CropNet` into SAM 1's encoder/decoder pair and writes two ONNX files.

`image_embeddings` [1,EMBEDDING,GRID,GRID] is a container, not a feature map: the picture at full, half and quarter
resolution (RGB in -1..1, 3 planes each) and the trunk's features, flattened one after the other.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from finder import CELL, FEATURES, GRID, Finder, Trunk
from model import BOX_MARGIN, LOW, SIZE, CropNet, prompt_maps

MEAN = (123.675, 116.28, 103.53)
STD = (58.395, 57.12, 57.375)
LEVELS = (SIZE, SIZE // 2, SIZE // 4)
EMBEDDING = sum(3 * s * s for s in LEVELS) // (GRID * GRID) + FEATURES
NAME = "maskwright-embedded-seg"
VERSION = "1"
MIN_SQUARE = 40.0
"""Smallest square that is looked at, S-frame px."""
FLOOD_STEPS = 40
OUTSIDE = 12.0
"""Minus this is the logit outside the square."""


class Encoder(nn.Module):
    """input_image [1,3,SIZE,SIZE], normalised and zero padded -> image_embeddings [1,EMBEDDING,GRID,GRID]."""

    def __init__(self, trunk: Trunk) -> None:
        super().__init__()
        self.trunk = trunk
        std, mean = torch.tensor(STD), torch.tensor(MEAN)
        self.register_buffer("gain", (std / 127.5)[None, :, None, None])
        self.register_buffer("shift", (mean / 127.5 - 1.0)[None, :, None, None])

    def forward(self, input_image: Tensor) -> Tensor:
        full = input_image * self.gain + self.shift
        # padding (exactly zero in all channels) stays zero
        full = full * (input_image.abs().sum(1, keepdim=True) > 0).to(full.dtype)
        half = F.avg_pool2d(full, 2)
        quarter = F.avg_pool2d(half, 2)
        features = self.trunk(full)
        flat = [t.reshape(1, -1, GRID, GRID) for t in (full, half, quarter, features)]
        return torch.cat(flat, 1)


def bounds(mask: Tensor, cell: float) -> tuple[Tensor, Tensor]:
    """Bounds of a 0/1 map [1,1,H,W] -> (box [1,4] in px of `cell` per cell, any [1] 0/1)."""
    height, width = mask.shape[-2:]
    xs = torch.arange(width, dtype=mask.dtype)
    ys = torch.arange(height, dtype=mask.dtype)
    cols = mask.amax((0, 1, 2))
    rows = mask.amax((0, 1, 3))
    big = 1e6
    x0 = (xs + big * (1 - cols)).amin()
    x1 = (xs + 1 - big * (1 - cols)).amax()
    y0 = (ys + big * (1 - rows)).amin()
    y1 = (ys + 1 - big * (1 - rows)).amax()
    found = mask.amax().reshape(1)
    return torch.stack([x0, y0, x1, y1])[None] * cell, found


def choose(flag: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """`a` where flag [1] is 1, else `b`; both [1,...]."""
    return torch.where(flag.reshape(1, *([1] * (a.dim() - 1))) > 0.5, a, b)


def hat(positions: Tensor, cells: int) -> Tensor:
    """Linear interpolation as a matrix: positions [K] in cells (centres at +0.5) -> [K,cells]."""
    index = torch.arange(cells, dtype=positions.dtype) + 0.5
    return (1.0 - (positions[:, None] - index[None]).abs()).clamp(min=0.0)


@dataclass(frozen=True)
class Recipe:
    """How the decoder looks at a picture; chosen on the validation pictures."""

    given_passes: int = 2
    """Looks at the square of a box or of an earlier mask."""
    search_passes: int = 2
    """Looks after a search from clicks alone."""
    crop: int = 224
    """Side of the square in the last look, px (a multiple of 16)."""
    first_crop: int = 192
    """Side of the square in the looks before it, px."""
    given_flip: bool = False
    """Average with the mirrored square in the last look (box or earlier mask)."""
    search_flip: bool = False
    finder_margin: float = 2.4
    mask_margin: float = 1.5
    box_margin: float = BOX_MARGIN
    second_margin: float = 1.4


@dataclass
class Prompts:
    """Parsed prompts, S-frame px: points [1,N,2], labels [1,N], box [1,4], has_box [1], any_positive [1],
    clicked [1,4] = bounds of the positive clicks (inverted where there are none)."""

    points: Tensor
    labels: Tensor
    box: Tensor
    has_box: Tensor
    any_positive: Tensor
    clicked: Tensor

    @staticmethod
    def parse(point_coords: Tensor, point_labels: Tensor) -> Prompts:
        # a padding point, so that the reductions below always have something to reduce
        points = F.pad(point_coords, (0, 0, 0, 1))
        labels = F.pad(point_labels, (0, 1), value=-1.0)
        corner_a = (labels == 2).to(points.dtype)[:, :, None]
        corner_b = (labels == 3).to(points.dtype)[:, :, None]
        has_box = corner_a.amax((1, 2)) * corner_b.amax((1, 2))
        a, b = (points * corner_a).sum(1), (points * corner_b).sum(1)
        box = torch.cat([torch.minimum(a, b), torch.maximum(a, b)], 1)
        positive = (labels == 1).to(points.dtype)[:, :, None]
        far = 1e6
        clicked = torch.cat(
            [(points + far * (1 - positive)).amin(1), (points - far * (1 - positive)).amax(1)], 1
        )
        return Prompts(points, labels, box, has_box, positive.amax((1, 2)), clicked)

    def grow(self, region: Tensor) -> Tensor:
        """The region [1,4] widened so that every positive click lies in it."""
        grown = torch.cat(
            [torch.minimum(region[:, :2], self.clicked[:, :2]), torch.maximum(region[:, 2:], self.clicked[:, 2:])], 1
        )
        return choose(self.any_positive, grown, region)


@dataclass
class Look:
    """One answer: logits [1,1,s/2,s/2] of the square at corner [1,2] with side [1] (S-frame px), IoU [1]."""

    logits: Tensor
    iou: Tensor
    corner: Tensor
    side: Tensor

    def paste(self, xs: Tensor, ys: Tensor) -> Tensor:
        """Logits at S-frame positions xs [W], ys [H] -> [1,1,H,W]."""
        cells = self.logits.shape[-1]
        left = hat((ys - self.corner[0, 1]) * (cells / self.side), cells)
        right = hat((xs - self.corner[0, 0]) * (cells / self.side), cells)
        lifted = self.logits[0, 0].clamp(-OUTSIDE, OUTSIDE) + OUTSIDE
        return (left @ lifted @ right.T - OUTSIDE)[None, None]

    def low(self) -> Tensor:
        """Logits of the whole S-frame, [1,1,LOW,LOW]."""
        axis = (torch.arange(LOW, dtype=self.logits.dtype) + 0.5) * (SIZE / LOW)
        return self.paste(axis, axis)

    def region(self, otherwise: Tensor) -> Tensor:
        """Bounds of the answer, S-frame px [1,4]; `otherwise` where it is empty."""
        box, found = bounds((self.logits > 0).to(self.logits.dtype), 1.0)
        box = box * (self.side / self.logits.shape[-1]) + self.corner.repeat(1, 2)
        return choose(found, box, otherwise)


class Decoder(nn.Module):
    """SAM 1's decoder signature with `orig_im_size`; answers one mask."""

    def __init__(self, finder: Finder, net: CropNet, recipe: Recipe) -> None:
        super().__init__()
        self.finder = finder
        self.net = net
        self.recipe = recipe

    def cut(self, levels: list[Tensor], corner: Tensor, side: Tensor, size: int) -> Tensor:
        """Cut the square (corner [1,2], side [1], S-frame px) out of the pyramid -> [1,3,size,size]."""
        step = (torch.arange(size, dtype=corner.dtype) + 0.5) / size
        x = (corner[0, 0] + step * side) * (2.0 / SIZE) - 1.0
        y = (corner[0, 1] + step * side) * (2.0 / SIZE) - 1.0
        grid = torch.stack([x[None].expand(size, size), y[:, None].expand(size, size)], -1)[None]
        detail = torch.log2((side / size).clamp(1.0, 4.0))
        layers = [
            F.grid_sample(level, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
            * (1.0 - (detail - k).abs()).clamp(min=0.0)
            for k, level in enumerate(levels)
        ]
        return layers[0] + layers[1] + layers[2]

    def look(
        self, levels: list[Tensor], region: Tensor, margin: Tensor, prompts: Prompts,
        prior: Tensor, has_prior: Tensor, extent: Tensor, size: int, flip: bool,
    ) -> Look:  # fmt: skip
        """Look at the square around `region` [1,4] (S-frame px), `margin` [1] times its longer side.

        prior [1,1,G,G] probabilities over the S-frame, extent [2] = width, height of the picture in S-frame px.
        """
        side = ((region[:, 2:] - region[:, :2]).amax(1) * margin).clamp(min=MIN_SQUARE)
        corner = (region[:, :2] + region[:, 2:]) / 2 - side[:, None] / 2
        zoom = size / side
        axis = (torch.arange(size, dtype=region.dtype) + 0.5) / size
        xs, ys = corner[0, 0] + axis * side, corner[0, 1] + axis * side
        in_x = ((xs > 0) & (xs < extent[0])).to(region.dtype)
        in_y = ((ys > 0) & (ys < extent[1])).to(region.dtype)
        valid = (in_y[:, None] * in_x[None])[None, None]
        cell = prior.shape[-1] / SIZE
        seen = hat(ys * cell, prior.shape[-1]) @ prior[0, 0] @ hat(xs * cell, prior.shape[-1]).T
        past = (seen[None, None] * 2.0 - 1.0) * has_prior.reshape(1, 1, 1, 1)
        maps = prompt_maps(
            (prompts.points - corner[:, None]) * zoom, prompts.labels,
            (prompts.box - corner.repeat(1, 2)) * zoom, prompts.has_box, past, valid,
        )  # fmt: skip
        image = self.cut(levels, corner, side, size) * valid
        if flip:
            logits, iou = self.net(torch.cat([image, image.flip(3)]), torch.cat([maps, maps.flip(3)]))
            logits = (logits[:1] + logits[1:].flip(3)) / 2
            iou = iou.mean(0, keepdim=True)
        else:
            logits, iou = self.net(image, maps)
        return Look(logits, torch.sigmoid(iou), corner, side)

    def find(self, features: Tensor, prompts: Prompts) -> tuple[Tensor, Tensor, Tensor]:
        """Clicks -> (coarse probabilities [1,1,G,G], box of the part connected to them [1,4], found [1])."""
        points, labels = prompts.points, prompts.labels
        prob = torch.sigmoid(self.finder(features, points, labels))
        inside = (prob > 0.4).to(prob.dtype)
        axis = (torch.arange(GRID, dtype=points.dtype) + 0.5) * CELL
        near_x = ((axis[None, None] - points[:, :, 0:1]).abs() < 1.5 * CELL).to(prob.dtype)
        near_y = ((axis[None, None] - points[:, :, 1:2]).abs() < 1.5 * CELL).to(prob.dtype)
        seed = near_y[:, :, :, None] * near_x[:, :, None, :] * (labels == 1).to(prob.dtype)[:, :, None, None]
        small = F.max_pool2d(inside, 2)
        flood = F.max_pool2d(seed.amax(1, keepdim=True) * inside, 2)
        for _ in range(FLOOD_STEPS):
            flood = F.max_pool2d(flood, 3, 1, 1) * small
        flood = F.interpolate(flood, scale_factor=2.0, mode="nearest") * inside
        box, found = bounds(flood, float(CELL))
        return prob * F.max_pool2d(flood, 3, 1, 1), box, found

    def unpack(self, image_embeddings: Tensor, orig_im_size: Tensor) -> tuple[list[Tensor], Tensor, Tensor, Tensor]:
        """-> (pyramid, features [1,FEATURES,GRID,GRID], S-frame px per picture px [], extent [2])."""
        levels, start = [], 0
        for size in LEVELS:
            planes = 3 * size * size // (GRID * GRID)
            levels.append(image_embeddings[:, start : start + planes].reshape(1, 3, size, size))
            start += planes
        zoom = SIZE / orig_im_size.amax()
        extent = torch.stack([orig_im_size[1], orig_im_size[0]]) * zoom
        return levels, image_embeddings[:, start:], zoom, extent

    def given(
        self, image_embeddings: Tensor, point_coords: Tensor, point_labels: Tensor,
        mask_input: Tensor, has_mask_input: Tensor, orig_im_size: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
        """The square is known: from a box, or else from the earlier mask."""
        levels, _, zoom, extent = self.unpack(image_embeddings, orig_im_size)
        prompts = Prompts.parse(point_coords, point_labels)
        has_prior = has_mask_input.reshape(1).to(image_embeddings.dtype)
        mask_box, found = bounds((mask_input > 0).to(image_embeddings.dtype), SIZE / LOW)
        whole = torch.cat([torch.zeros(1, 2), extent[None]], 1)
        start = choose(prompts.has_box, prompts.box, choose(found, mask_box, whole))
        margin = choose(prompts.has_box, torch.tensor([self.recipe.box_margin]), torch.tensor([self.recipe.mask_margin]))
        prior = torch.sigmoid(mask_input)
        for turn in range(self.recipe.given_passes):
            last = turn == self.recipe.given_passes - 1
            found_look = self.look(
                levels, prompts.grow(start), margin, prompts, prior, has_prior, extent,
                self.recipe.crop if last else self.recipe.first_crop, self.recipe.given_flip and last,
            )  # fmt: skip
            prior, has_prior = torch.sigmoid(found_look.low()), torch.ones(1)
        return self.answer(found_look, zoom, orig_im_size)

    def search(
        self, image_embeddings: Tensor, point_coords: Tensor, point_labels: Tensor,
        mask_input: Tensor, has_mask_input: Tensor, orig_im_size: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
        """Clicks alone: the finder says where to look."""
        levels, features, zoom, extent = self.unpack(image_embeddings, orig_im_size)
        prompts = Prompts.parse(point_coords, point_labels)
        coarse, region, found = self.find(features, prompts)
        whole = torch.cat([torch.zeros(1, 2), extent[None]], 1)
        around = torch.cat([prompts.clicked[:, :2] - 48.0, prompts.clicked[:, 2:] + 48.0], 1)
        region = choose(prompts.any_positive, choose(found, region, around), whole)
        prior, has_prior = coarse, found * prompts.any_positive
        margin = self.recipe.finder_margin
        for turn in range(self.recipe.search_passes):
            last = turn == self.recipe.search_passes - 1
            found_look = self.look(
                levels, prompts.grow(region), torch.tensor([margin]), prompts, prior, has_prior, extent,
                self.recipe.crop if last else self.recipe.first_crop, self.recipe.search_flip and last,
            )  # fmt: skip
            region, margin = found_look.region(region), self.recipe.second_margin
            prior, has_prior = torch.sigmoid(found_look.low()), torch.ones(1)
        return self.answer(found_look, zoom, orig_im_size)

    def answer(self, found: Look, zoom: Tensor, orig_im_size: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """-> masks [1,1,h,w], iou_predictions [1,1], low_res_masks [1,1,LOW,LOW]."""
        height, width = orig_im_size[0].to(torch.int64), orig_im_size[1].to(torch.int64)
        ys = (torch.arange(height).to(zoom.dtype) + 0.5) * zoom
        xs = (torch.arange(width).to(zoom.dtype) + 0.5) * zoom
        return found.paste(xs, ys), found.iou[:, None], found.low()

    def forward(
        self, image_embeddings: Tensor, point_coords: Tensor, point_labels: Tensor,
        mask_input: Tensor, has_mask_input: Tensor, orig_im_size: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
        """The reference for the exported graph's `If`: a box or a non-empty earlier mask, or else a search."""
        boxed = bool((point_labels == 2).any())
        known = boxed or (bool(has_mask_input.max() > 0) and bool(mask_input.max() > 0))
        branch = self.given if known else self.search
        return branch(image_embeddings, point_coords, point_labels, mask_input, has_mask_input, orig_im_size)


class _Branch(nn.Module):
    """One of the decoder's methods as a module of its own, for the exporter."""

    def __init__(self, decoder: Decoder, method: str) -> None:
        super().__init__()
        self.decoder = decoder
        self.method = method

    def forward(self, *inputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return getattr(self.decoder, self.method)(*inputs)


def fold(module: nn.Module) -> nn.Module:
    """Batch norms folded into the convolutions before them."""
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    from model import Fuse, Mix

    for part in module.modules():
        if isinstance(part, Fuse) and isinstance(part.norm, nn.BatchNorm2d):
            part.conv, part.norm = fuse_conv_bn_eval(part.conv, part.norm), nn.Identity()
        elif isinstance(part, Mix) and isinstance(part.norm1, nn.BatchNorm2d):
            part.depth, part.norm1 = fuse_conv_bn_eval(part.depth, part.norm1), nn.Identity()
            part.point, part.norm2 = fuse_conv_bn_eval(part.point, part.norm2), nn.Identity()
    return module


def build(crop: Path | None, finder: Path | None, recipe: Recipe = Recipe()) -> tuple[Encoder, Decoder]:
    """The pair from checkpoints (random weights where None), ready for inference."""
    net, trunk, find = CropNet(), Trunk(), Finder()
    if crop:
        net.load_state_dict(torch.load(crop, weights_only=True)["ema"])
    if finder:
        state = torch.load(finder, weights_only=True)["ema"]
        trunk.load_state_dict({k[6:]: v for k, v in state.items() if k.startswith("trunk.")})
        find.load_state_dict({k[7:]: v for k, v in state.items() if k.startswith("finder.")})
    for module in (net, trunk, find):
        fold(module.eval()).requires_grad_(False)
    return Encoder(trunk).eval(), Decoder(find, net, recipe).eval()


def example(points: int = 3, height: int = 480, width: int = 640) -> tuple[Tensor, ...]:
    """Decoder inputs of the right shapes."""
    return (
        torch.zeros(1, EMBEDDING, GRID, GRID), torch.rand(1, points, 2) * 400 + 50, torch.tensor([[2.0, 3.0, 1.0][:points]]),
        torch.zeros(1, 1, LOW, LOW), torch.zeros(1), torch.tensor([float(height), float(width)]),
    )  # fmt: skip


INPUTS = ["image_embeddings", "point_coords", "point_labels", "mask_input", "has_mask_input", "orig_im_size"]
OUTPUTS = ["masks", "iou_predictions", "low_res_masks"]
_AXES = {"point_coords": {1: "num_points"}, "point_labels": {1: "num_points"}, "masks": {2: "height", 3: "width"}}


def _export(module: nn.Module, example_inputs: tuple[Tensor, ...], inputs: list[str], outputs: list[str]) -> onnx.ModelProto:
    """TorchScript export in memory."""
    buffer = io.BytesIO()
    axes = {k: v for k, v in _AXES.items() if k in inputs + outputs}
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module, example_inputs, buffer, input_names=inputs, output_names=outputs,
            dynamic_axes=axes, opset_version=17, dynamo=False, do_constant_folding=True,
        )  # fmt: skip
    return onnx.load_from_string(buffer.getvalue())


def join(given: onnx.ModelProto, search: onnx.ModelProto) -> onnx.ModelProto:
    """Both branches under one `If`.

    Each branch keeps its own copy of the weights: onnxruntime's convolution layout pass leaves weights of an outer
    graph alone, which costs a third of the speed.
    """
    helper, numpy_helper = onnx.helper, onnx.numpy_helper

    def adopt(model: onnx.ModelProto, prefix: str) -> onnx.GraphProto:
        names: dict[str, str] = {name: name for name in INPUTS}
        names[""] = ""
        weights = []
        for tensor in model.graph.initializer:
            names[tensor.name] = prefix + tensor.name
            weights.append(numpy_helper.from_array(numpy_helper.to_array(tensor), names[tensor.name]))
        nodes = []
        for node in model.graph.node:
            copy = onnx.NodeProto()
            copy.CopyFrom(node)
            for output in node.output:
                names.setdefault(output, prefix + output)
            copy.ClearField("input")
            copy.input.extend(names[i] for i in node.input)
            copy.ClearField("output")
            copy.output.extend(names[o] for o in node.output)
            copy.name = prefix + node.name
            nodes.append(copy)
        outputs = []
        for value in model.graph.output:
            renamed = onnx.ValueInfoProto()
            renamed.CopyFrom(value)
            renamed.name = names[value.name]
            outputs.append(renamed)
        return helper.make_graph(nodes, prefix.strip("/"), [], outputs, weights)

    then_branch, else_branch = adopt(given, "given/"), adopt(search, "search/")
    constants = [
        numpy_helper.from_array(np.array(2, np.float32), "label_of_box"),
        numpy_helper.from_array(np.array(0, np.float32), "zero"),
    ]
    nodes = [
        helper.make_node("Equal", ["point_labels", "label_of_box"], ["is_box"]),
        helper.make_node("Cast", ["is_box"], ["is_box_f"], to=onnx.TensorProto.FLOAT),
        helper.make_node("ReduceMax", ["is_box_f"], ["any_box"], keepdims=0),
        helper.make_node("Greater", ["any_box", "zero"], ["boxed"]),
        helper.make_node("ReduceMax", ["mask_input"], ["top"], keepdims=0),
        helper.make_node("Greater", ["top", "zero"], ["has_top"]),
        helper.make_node("ReduceMax", ["has_mask_input"], ["flag"], keepdims=0),
        helper.make_node("Greater", ["flag", "zero"], ["has_flag"]),
        helper.make_node("And", ["has_top", "has_flag"], ["masked"]),
        helper.make_node("Or", ["boxed", "masked"], ["known"]),
        helper.make_node("If", ["known"], OUTPUTS, then_branch=then_branch, else_branch=else_branch),
    ]
    graph = helper.make_graph(nodes, "decoder", given.graph.input, given.graph.output, constants)
    model = helper.make_model(graph, opset_imports=given.opset_import, producer_name=NAME)
    model.ir_version = given.ir_version
    return model


def halve(graph: onnx.GraphProto, least: int = 64) -> None:
    """Store weights as float16 with a `Cast` to float32 after them (onnxruntime folds it when loading), in place."""
    casts = []
    for tensor in graph.initializer:
        array = onnx.numpy_helper.to_array(tensor)
        if array.dtype != np.float32 or array.size < least:
            continue
        name = tensor.name
        tensor.CopyFrom(onnx.numpy_helper.from_array(array.astype(np.float16), name + "_half"))
        casts.append(onnx.helper.make_node("Cast", [name + "_half"], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    graph.ClearField("node")
    graph.node.extend(nodes)
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                halve(attribute.g, least)


def write(
    encoder: Encoder, decoder: Decoder, folder: Path, half: bool = False, extra: dict[str, str] | None = None
) -> tuple[Path, Path]:
    """Write both files into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    branches = [_export(_Branch(decoder, m), example(), INPUTS, OUTPUTS) for m in ("given", "search")]
    models = {
        "encoder": _export(encoder, (torch.zeros(1, 3, SIZE, SIZE),), ["input_image"], ["image_embeddings"]),
        "decoder": join(*branches),
    }
    paths = []
    for role, model in models.items():
        if half:
            halve(model.graph)
        meta = {"name": NAME, "version": VERSION, "role": role, "input_size": str(SIZE), "license": "Apache-2.0", **(extra or {})}
        onnx.helper.set_model_props(model, meta)
        onnx.checker.check_model(model)
        paths.append(folder / f"embedded-seg-{role}.onnx")
        onnx.save(model, str(paths[-1]))
    return paths[0], paths[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--crop", type=Path, required=True, help="checkpoint of train.py")
    parser.add_argument("--finder", type=Path, required=True, help="checkpoint of train_finder.py")
    parser.add_argument("--out", type=Path, required=True, help="folder for the two ONNX files")
    parser.add_argument("--half", action="store_true", help="store the weights as float16")
    parser.add_argument("--recipe", type=json.loads, default={}, help="fields of Recipe as JSON")
    args = parser.parse_args()
    for path in write(*build(args.crop, args.finder, Recipe(**args.recipe)), args.out, args.half):
        print(path.name, path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest())


if __name__ == "__main__":
    main()
