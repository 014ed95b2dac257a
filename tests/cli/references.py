"""AP of the small dataset by the devkit and by pycocotools, from its files."""

from __future__ import annotations

import contextlib
import io
import json
import xml.etree.ElementTree as ET
from pathlib import Path

from tests.references.voc_devkit import eleven_point, evaluate_class

SHAPES = ("circle", "square", "triangle", "word")
COCO_NAMES = [
    "AP",
    "AP50",
    "AP75",
    "APs",
    "APm",
    "APl",
    "AR1",
    "AR10",
    "AR100",
    "ARs",
    "ARm",
    "ARl",
]


def parsed(outcome) -> dict:
    assert outcome.code == 0, outcome.err
    return json.loads(outcome.out)


def by_devkit(files, average=eleven_point, drop=False, count=False, **switches) -> dict[str, float]:
    """AP of each class of the small dataset, from its files, by the devkit in plain Python."""
    year = files.ground_truth("voc")
    results = {}
    for name in SHAPES:
        objects = {}
        for image in (year / "ImageSets/Main/test.txt").read_text().split():
            for element in ET.parse(year / "Annotations" / f"{image}.xml").iter("object"):  # noqa: S314
                is_difficult = element.findtext("difficult") == "1"
                if element.findtext("name") == name and not (is_difficult and drop):
                    corners = [
                        float(element.findtext(f"bndbox/{corner}"))
                        for corner in ("xmin", "ymin", "xmax", "ymax")
                    ]
                    objects.setdefault(image, []).append((*corners, is_difficult and not count))
        lines = (files.detections("voc") / f"comp4_det_test_{name}.txt").read_text().splitlines()
        rows = [(image, *map(float, numbers)) for image, *numbers in map(str.split, lines)]
        recall, precision, _ = evaluate_class(objects, rows, **switches)
        results[name] = average(recall, precision)
    return results


def by_pycocotools(annotations: Path, detections: Path, **params) -> dict[str, float]:
    """The 12 numbers as the reference computes them from the files."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):
        ground_truth = COCO(str(annotations))
        evaluator = COCOeval(ground_truth, ground_truth.loadRes(str(detections)), "bbox")
        for name, value in params.items():
            setattr(evaluator.params, name, value)
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()
    return dict(zip(COCO_NAMES, evaluator.stats.tolist(), strict=True))
