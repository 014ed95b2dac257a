"""Diagnosis: what is wrong with every detection that is no hit, and with every object that was not found, across classes.

The kinds are TIDE's (Bolya et al., "TIDE: A General Toolbox for Identifying Object Detection Errors", ECCV 2020), decided as
`tidecv.quantify` 1.0.1 does. `docs/analysis.md` numbers what differs from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detbench.data.columns import Indices
from detbench.metrics.kernels.columns import IGNORED, REGION, REGULAR
from detbench.metrics.kernels.compile import kernel
from detbench.metrics.kernels.order import descending
from detbench.metrics.kernels.overlap import box_areas, intersection
from detbench.metrics.scoring.evaluate import object_kinds
from detbench.metrics.scoring.evaluation import Evaluation

HIT, CLS, LOC, BOTH, DUPE, BKG, CUT = range(7)
"""Kinds of detections: a hit; right place but wrong class; right class but badly placed; both wrong; a second hit; nothing there; beyond
the number of detections per image, and not looked at."""
FOUND, MISSED, MISTAKEN, LEFT_OUT = range(4)
"""Kinds of objects: found; missed by all detections; not found, but a detection in error is near enough to be mended; not to be found."""


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """The kinds of N detections and G objects at one IoU threshold."""

    detections: NDArray[np.uint8]
    """(N,) HIT … CUT, by row of the evaluation's `Detections`."""
    ignored: NDArray[np.bool_]
    """(N,) no hit, but on an object that does not count: neither reward nor punishment, whatever its kind."""
    partners: Indices
    """(N,) the object that a HIT, CLS or LOC is on, that a DUPE is on a second time; −1 for others."""
    objects: NDArray[np.uint8]
    """(G,) FOUND … LEFT_OUT, by row of the `GroundTruth`."""
    menders: Indices
    """(G,) for a MISTAKEN object the best-scoring CLS or LOC detection on it: mended, it would be a hit; −1 for others."""


def diagnose(
    evaluation: Evaluation, *, iou: float = 0.5, background: float = 0.1, most: int | None = None
) -> Diagnosis:
    """Diagnose every detection and object.

    Args:
        evaluation: whose protocol says which objects do not count.
        iou: a hit needs at least this overlap.
        background: a detection that overlaps nothing by more than this is on background.
        most: only the best so many detections of an image are looked at, over all classes; None: all.
    """
    truth, found = evaluation.ground_truth, evaluation.detections
    kinds = object_kinds(truth, evaluation.protocol)
    detections, ignored = np.full(len(found), CUT, np.uint8), np.zeros(len(found), np.bool_)
    partners, menders = np.full(len(found), -1, np.int32), np.full(len(truth), -1, np.int32)
    objects = np.full(len(truth), LEFT_OUT, np.uint8)
    _diagnose_images(
        found.offsets, found.class_index, found.scores, found.boxes, box_areas(found.boxes),
        truth.offsets, truth.class_index, kinds, truth.boxes, box_areas(truth.boxes),
        (iou, background), np.iinfo(np.int64).max if most is None else most,
        detections, ignored, partners, objects, menders,
    )  # fmt: skip
    return Diagnosis(detections, ignored, partners, objects, menders)


@kernel
def _diagnose_images(
    found_offsets: NDArray[np.int64], found_class: NDArray[np.int32], scores: NDArray[np.float64], found_box: NDArray[np.float64],
    found_area: NDArray[np.float64], truth_offsets: NDArray[np.int64], truth_class: NDArray[np.int32], kinds: NDArray[np.uint8],
    truth_box: NDArray[np.float64], truth_area: NDArray[np.float64], levels: tuple[float, float], most: int,
    detections: NDArray[np.uint8], ignored: NDArray[np.bool_], partners: NDArray[np.int32], objects: NDArray[np.uint8],
    menders: NDArray[np.int32],
) -> None:  # fmt: skip
    """Fill the last five arrays, image by image."""
    threshold, background = levels
    for image in range(len(found_offsets) - 1):
        first, begin, end = found_offsets[image], truth_offsets[image], truth_offsets[image + 1]
        order = descending(scores[first : found_offsets[image + 1]])
        looked_at = min(len(order), most)
        overlap = np.zeros((looked_at, end - begin))
        for n in range(looked_at):
            row = first + order[n]
            for g in range(begin, end):
                common = intersection(found_box[row], truth_box[g], 0.0)
                if common > 0.0:
                    whole = (
                        found_area[row]
                        if kinds[g] == REGION
                        else found_area[row] + truth_area[g] - common
                    )
                    overlap[n, g - begin] = common / whole
        regular = 0
        for g in range(begin, end):
            if kinds[g] == REGULAR:
                objects[g] = MISSED
                regular += 1
        for n in range(looked_at):
            row = first + order[n]
            best, at = 0.0, -1
            for g in range(begin, end):
                if (
                    objects[g] == MISSED
                    and truth_class[g] == found_class[row]
                    and overlap[n, g - begin] > best
                ):
                    best, at = overlap[n, g - begin], g
            if at >= 0 and best >= threshold:
                objects[at] = FOUND
                detections[row], partners[row] = HIT, at
        for n in range(looked_at):
            row = first + order[n]
            if detections[row] == HIT:
                continue
            same, same_at, used, used_at, other, other_at = 0.0, -1, 0.0, -1, 0.0, -1
            for g in range(begin, end):
                value, alike = overlap[n, g - begin], truth_class[g] == found_class[row]
                if kinds[g] != REGULAR:
                    if alike and (
                        (kinds[g] == REGION and value > threshold)
                        or (kinds[g] == IGNORED and value >= threshold)
                    ):
                        ignored[row] = True
                    continue
                if alike and value > same:
                    same, same_at = value, g
                if alike and objects[g] == FOUND and value > used:
                    used, used_at = value, g
                if not alike and value > other:
                    other, other_at = value, g
            if regular == 0:
                detections[row] = BKG
            elif background <= same <= threshold:
                detections[row], partners[row] = LOC, same_at
            elif other >= threshold:
                detections[row], partners[row] = CLS, other_at
            elif used >= threshold:
                detections[row], partners[row] = DUPE, used_at
            elif max(same, other) <= background:
                detections[row] = BKG
            else:
                detections[row] = BOTH
            at = partners[row]
            if detections[row] in (LOC, CLS) and objects[at] != FOUND and menders[at] < 0:
                menders[at], objects[at] = row, MISTAKEN


def kind_counts(diagnosis: Diagnosis) -> dict[str, int]:
    """Return how many detections, and objects for Miss, are of each kind of error; ignored detections are no errors."""
    kinds: dict[str, Any] = {"Cls": CLS, "Loc": LOC, "Both": BOTH, "Dupe": DUPE, "Bkg": BKG}
    counts = {
        name: int(((diagnosis.detections == kind) & ~diagnosis.ignored).sum())
        for name, kind in kinds.items()
    }
    return counts | {"Miss": int((diagnosis.objects == MISSED).sum())}
