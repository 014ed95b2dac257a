"""Conventions: the same detections scored under every convention in use.

The table shows why the numbers of two papers differ.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import Literal, get_args

from detbench.data.detections import Detections
from detbench.data.ground_truth import GroundTruth
from detbench.metrics.protocols.coco import COCO
from detbench.metrics.protocols.protocol import RECALLS_101, Measure, Protocol
from detbench.metrics.protocols.voc import VOC2007, VOC2012
from detbench.metrics.scoring.evaluate import evaluate

Difficult = Literal["ignore", "count", "drop"]
INTERPOLATIONS = {
    "11-point": VOC2007,
    "area": VOC2012,
    "101-point": replace(VOC2007, recall_grid=RECALLS_101),
}
"""Three ways from a curve to AP, all with VOC's matching at IoU 0.5."""


@dataclass(frozen=True)
class Convention:
    """One combination of switches and its mAP; None if there is no object to find."""

    interpolation: str
    difficult: Difficult
    plus_one: bool
    strict_overlap: bool
    value: float | None


def protocol_of(
    interpolation: str, difficult: Difficult, plus_one: bool, strict_overlap: bool
) -> Protocol:
    """Return VOC's protocol with these switches."""
    return replace(
        INTERPOLATIONS[interpolation],
        name=f"{interpolation} convention",
        difficult=difficult,
        plus_one=plus_one,
        strict_overlap=strict_overlap,
    )


def convention_table(ground_truth: GroundTruth, detections: Detections) -> list[Convention]:
    """Score under all 36 combinations at IoU 0.5.

    They combine interpolation, difficult objects, "+1", and >= or >. A dataset without difficult
    objects gets only the combinations that ignore them, because the others would repeat these.
    """
    difficult_rules: tuple[Difficult, ...] = ("ignore",)
    if ground_truth.difficult.any():
        difficult_rules = get_args(Difficult)
    rows = []
    for switches in product(INTERPOLATIONS, difficult_rules, (True, False), (False, True)):
        evaluation = evaluate(ground_truth, detections, protocol_of(*switches))
        rows.append(Convention(*switches, evaluation.summary["mAP"]))
    return rows


def coco_numbers(ground_truth: GroundTruth, detections: Detections) -> dict[str, float | None]:
    """Return AP, AP50 and AP75 under the COCO protocol.

    Unlike the table, it has COCO's matching, 101 recalls, at most 100 detections per image and
    class, and counts difficult objects.
    """
    measures = (Measure("AP"), Measure("AP50", iou=0.5), Measure("AP75", iou=0.75))
    return evaluate(ground_truth, detections, replace(COCO, measures=measures)).summary
