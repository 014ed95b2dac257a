"""Audit: the same boxes scored by pycocotools beside ours."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from typing import Any

import numpy as np

from detbench.data.columns import Floats, groups_from_offsets
from detbench.data.detections import Detections
from detbench.data.formats.parsing.exact_sizes import exact_sizes
from detbench.data.ground_truth import GroundTruth
from detbench.metrics.protocols.coco import COCO
from detbench.metrics.scoring.evaluate import evaluate


@dataclass(frozen=True)
class Audit:
    """The COCO protocol computed twice, and the largest absolute differences between the two."""

    ours: dict[str, float | None]
    pycocotools: dict[str, float | None]
    summary_difference: float
    """Over the 12 numbers."""
    array_difference: float
    """Over the precision, recall and scores arrays."""
    identical: bool
    """Whether the three arrays are equal bit for bit."""


def audit(ground_truth: GroundTruth, detections: Detections) -> Audit:
    """Score under the COCO protocol with pycocotools and with detbench. Takes as long as pycocotools takes, and its memory."""
    ours = evaluate(ground_truth, detections, COCO)
    with contextlib.redirect_stdout(io.StringIO()):
        theirs = _pycocotools(ground_truth, detections)
    pairs = [(theirs.eval[name], getattr(ours, name)) for name in ("precision", "recall", "scores")]
    names = [measure.name for measure in COCO.measures]
    numbers = {
        name: None if value == -1 else float(value)
        for name, value in zip(names, theirs.stats, strict=True)
    }
    return Audit(
        ours=ours.summary,
        pycocotools=numbers,
        summary_difference=max(
            abs(_minus_one(ours.summary[name]) - _minus_one(numbers[name])) for name in names
        ),
        array_difference=max((float(np.abs(a - b).max()) for a, b in pairs if a.size), default=0.0),
        identical=all(np.array_equal(a, b) for a, b in pairs),
    )


def _minus_one(value: float | None) -> float:
    return -1.0 if value is None else value


def _pycocotools(ground_truth: GroundTruth, detections: Detections) -> Any:
    from pycocotools import coco
    from pycocotools.cocoeval import COCOeval

    truth, found = coco.COCO(), coco.COCO()
    images = [{"id": i + 1} for i in range(len(ground_truth.image_ids))]
    categories = [{"id": k + 1, "name": name} for k, name in enumerate(ground_truth.class_names)]
    truth.dataset = {
        "images": images,
        "categories": categories,
        "annotations": _annotations(ground_truth),
    }
    found.dataset = {
        "images": images,
        "categories": categories,
        "annotations": _results(detections),
    }
    truth.createIndex()
    found.createIndex()
    evaluator = COCOeval(truth, found, "bbox")
    evaluator.evaluate()
    evaluator.accumulate()
    evaluator.summarize()
    return evaluator


def _xywh(boxes: Floats, box_areas: Floats) -> Floats:
    """Return boxes (N, 4) as x, y, w, h whose sums and products are those the boxes came from, bit for bit."""
    return np.concatenate([boxes[:, :2], exact_sizes(boxes, box_areas)], axis=1)


def _annotations(truth: GroundTruth) -> list[dict[str, Any]]:
    columns = (
        groups_from_offsets(truth.offsets),
        truth.class_index,
        _xywh(truth.boxes, truth.box_areas),
        truth.areas,
        truth.iscrowd,
    )
    return [
        {
            "id": n,
            "image_id": image + 1,
            "category_id": k + 1,
            "bbox": box,
            "area": area,
            "iscrowd": int(crowd),
        }
        for n, (image, k, box, area, crowd) in enumerate(
            zip(*(column.tolist() for column in columns), strict=True), 1
        )
    ]


def _results(found: Detections) -> list[dict[str, Any]]:
    columns = (
        groups_from_offsets(found.offsets),
        found.class_index,
        _xywh(found.boxes, found.box_areas),
        found.box_areas,
        found.scores,
    )
    return [
        {
            "id": n,
            "image_id": image + 1,
            "category_id": k + 1,
            "bbox": box,
            "area": area,
            "score": score,
            "iscrowd": 0,
        }
        for n, (image, k, box, area, score) in enumerate(
            zip(*(column.tolist() for column in columns), strict=True), 1
        )
    ]
