"""Both metric protocols computed from raw annotations and recorded answers, without any code of Maskwright.

Reads {"dataset": KIND, "run": DIR, ...} as JSON on standard input and prints totals and samples as JSON. Ground truth is
read anew: RefCOCO's by pycocotools, ReasonSeg's by OpenCV with LISA's rules, a folder's is empty. Answers are the masks in
DIR/progress.jsonl, decoded by pycocotools. `lisa` follows validate() of LISA's train_ds.py with its AverageMeter and
intersectionAndUnionGPU (two classes, ignore_index 255), `segzero` calculate_iou.py of Seg-Zero.
"""

import contextlib
import glob
import io
import json
import os
import sys

import cv2
import numpy as np
from pycocotools import mask as M
from pycocotools.coco import COCO


def refcoco(spec):
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(spec["instances"])
    for ref in json.load(open(spec["refs"])):
        annotation = coco.loadAnns([ref["ann_id"]])
        yield f"ref-{ref['ref_id']}", coco.annToMask(annotation[0]).astype(np.int32)


def reasonseg(spec):
    for file in sorted(glob.glob(os.path.join(spec["folder"], spec["split"], "*.json"))):
        try:
            text = open(file, encoding="utf-8").read()
        except UnicodeDecodeError:
            text = open(file, encoding="cp1252").read()
        content = json.loads(text)
        if "shapes" not in content:
            continue
        stem = os.path.splitext(os.path.basename(file))[0]
        height, width = cv2.imread(file[: -len(".json")] + ".jpg").shape[:2]

        def draw(canvas, shape, value):
            points = [np.array(shape["points"], dtype=np.int32)]
            cv2.polylines(canvas, points, True, value, 1)
            cv2.fillPoly(canvas, points, value)
            return canvas

        shapes = [shape for shape in content["shapes"] if shape["label"].lower() != "flag"]
        areas = [draw(np.zeros((height, width), np.uint8), shape, 1).sum() for shape in shapes]
        truth = np.zeros((height, width), np.uint8)
        for index in np.argsort(areas)[::-1]:
            shape = shapes[index]
            draw(truth, shape, 255 if "ignore" in shape["label"].lower() else 1)
        yield f"{spec['split']}/{stem}", truth.astype(np.int32)


def folder(spec):
    for sample in spec["empty"]:
        yield sample["id"], np.zeros((sample["height"], sample["width"]), np.int32)


def answers(run):
    """The union of the submitted masks by sample id; nothing for a sample that failed."""
    found = {}
    for line in open(os.path.join(run, "progress.jsonl"), encoding="utf-8"):
        result = json.loads(line)
        if not result["ok"]:
            continue
        image = result["trajectory"]["header"]["image"]
        union = np.zeros((image["height"], image["width"]), np.int32)
        for rle in result["trajectory"]["outcome"]["masks"]:
            union |= M.decode(rle).astype(np.int32)
        found[result["key"]] = union
    return found


def class_areas(output, target, classes=2, ignore=255):
    """Pixels of intersection and union of each class."""
    output, target = output.reshape(-1).copy(), target.reshape(-1)
    output[target == ignore] = ignore

    def histogram(values):
        return np.array([(values == value).sum() for value in range(classes)], np.float64)

    common = histogram(output[output == target])
    return common, histogram(output) + histogram(target) - common


def main():
    spec = json.load(sys.stdin)
    truths = {"refcoco": refcoco, "reasonseg": reasonseg, "folder": folder}[spec["dataset"]](spec)
    found = answers(spec["run"])
    samples = {}
    lisa = {"intersection": np.zeros(2), "union": np.zeros(2), "iou": np.zeros(2), "count": 0}
    segzero = []
    for name, truth in truths:
        answer = found.get(name)
        if answer is None:
            # LISA's code has no failures; here one counts as a miss, also where nothing was to be found.
            common, union = class_areas(np.zeros_like(truth), truth)
            iou = np.zeros(2)
            pair = (0, int((truth > 0).sum()))
        else:
            common, union = class_areas(answer, truth)
            iou = common / (union + 1e-5)
            iou[union == 0] += 1.0
            # Its published masks are booleans made of the same files, so what is 255 is foreground.
            published = truth > 0
            pair = (
                int(np.logical_and(answer > 0, published).sum()),
                int(np.logical_or(answer > 0, published).sum()),
            )
        lisa["intersection"] += common
        lisa["union"] += union
        lisa["iou"] += iou
        lisa["count"] += 1
        segzero.append(pair)
        samples[name] = {
            "lisa": {"intersection": int(common[1]), "union": int(union[1]), "iou": float(iou[1])},
            "segzero": {
                "intersection": pair[0],
                "union": pair[1],
                "iou": pair[0] / pair[1] if pair[1] > 0 else 0.0,
            },
            "gt_area": int((truth == 1).sum()),
            "ignore_area": int((truth == 255).sum()),
        }
    unions = sum(union for _, union in segzero)
    totals = {
        "lisa": {
            "gIoU": float((lisa["iou"] / (lisa["count"] + 1e-5))[1]),
            "cIoU": float((lisa["intersection"] / (lisa["union"] + 1e-10))[1]),
        },
        "segzero": {
            "gIoU": float(np.mean([common / union if union > 0 else 0.0 for common, union in segzero])),
            "cIoU": sum(common for common, _ in segzero) / unions if unions > 0 else 0.0,
        },
    }
    print(json.dumps({"n": len(samples), "totals": totals, "samples": samples}))


main()
