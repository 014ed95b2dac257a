"""Kinds of errors: the rules of TIDE (Bolya et al., ECCV 2020) for each detection and object.

The order of the rules and what happens at the thresholds themselves follow `TIDERun._eval_image`
and `TIDEExample._run` of tidecv 1.0.1 (quantify.py).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detbench.metrics.kernels.boxes_by_image import (
    DetectionsByImage,
    ObjectsByImage,
    box_overlap,
    excuses,
)
from detbench.metrics.kernels.columns import REGULAR
from detbench.metrics.kernels.compile import inlined, kernel
from detbench.metrics.kernels.order import descending

HIT, CLASSIFICATION, LOCALIZATION, BOTH, DUPLICATE, BACKGROUND, NOT_EVALUATED = range(7)
"""Kinds of detections: a hit; TIDE's errors Cls, Loc, Both, Dupe and Bkg; beyond the maximum
number of detections per image."""
FOUND, MISSED, FIXABLE, NOT_COUNTED = range(4)
"""Kinds of objects: matched by a hit; TIDE's error Miss; not matched, but a Cls or Loc error on it
would be a hit once fixed; not to be found (difficult, crowd)."""


class ErrorKinds(NamedTuple):
    """The kinds of N detections and G objects at one IoU threshold."""

    detections: NDArray[np.uint8]
    """(N,) HIT … NOT_EVALUATED."""
    ignored: NDArray[np.bool_]
    """(N,) no hit, but on an object that does not count."""
    targets: NDArray[np.int32]
    """(N,) the object that a hit, Cls, Loc or Dupe error is about; −1 for others."""
    objects: NDArray[np.uint8]
    """(G,) FOUND … NOT_COUNTED."""
    fixes: NDArray[np.int32]
    """(G,) the Cls or Loc error that becomes a hit on a FIXABLE object; −1 for others."""


@kernel
def assign_error_kinds(
    detections: DetectionsByImage,
    objects: ObjectsByImage,
    min_iou: float,
    max_background_iou: float,
    max_detections: int,
    kinds: ErrorKinds,
) -> None:
    """Fill the columns image by image.

    Args:
        detections: all detections.
        objects: all objects.
        min_iou: a hit overlaps its object by at least this.
        max_background_iou: a background error overlaps no object by more than this.
        max_detections: number of detections of an image that are evaluated, best scores first.
        kinds: NOT_EVALUATED, false, −1, NOT_COUNTED and −1 before.
    """
    for image in range(len(detections.offsets) - 1):
        first = detections.offsets[image]
        order = descending(detections.scores[first : detections.offsets[image + 1]])
        rows = first + order[: min(len(order), max_detections)]
        span = objects.offsets[image], objects.offsets[image + 1]
        overlaps = _overlaps(detections, rows, objects, span)
        for g in range(span[0], span[1]):
            if objects.kinds[g] == REGULAR:
                kinds.objects[g] = MISSED  # until a detection is matched to it
        _match(detections, rows, objects, span, overlaps, min_iou, kinds)
        _explain(detections, rows, objects, span, overlaps, min_iou, max_background_iou, kinds)

        # Of the Cls and Loc errors on an object, the one with the best score can be fixed to a hit
        # (`BestGTMatch` in tidecv). The object is then no Miss (`usable` in tidecv).
        for row in rows:
            kind, g = kinds.detections[row], kinds.targets[row]
            fixable = kind in (LOCALIZATION, CLASSIFICATION)
            if fixable and kinds.objects[g] == MISSED:
                kinds.fixes[g], kinds.objects[g] = row, FIXABLE


@kernel
def _overlaps(
    detections: DetectionsByImage,
    rows: NDArray[np.int64],
    objects: ObjectsByImage,
    span: tuple[int, int],
) -> NDArray[np.float64]:
    """Return the overlap of each of the detections `rows` with each object of its image."""
    overlaps = np.zeros((len(rows), span[1] - span[0]))
    for n in range(len(rows)):
        for g in range(span[0], span[1]):
            overlaps[n, g - span[0]] = box_overlap(detections, rows[n], objects, g)
    return overlaps


@kernel
def _match(
    detections: DetectionsByImage,
    rows: NDArray[np.int64],
    objects: ObjectsByImage,
    span: tuple[int, int],
    overlaps: NDArray[np.float64],
    min_iou: float,
    kinds: ErrorKinds,
) -> None:
    """Find the hits: best score first, each takes the free object of its class it overlaps most."""
    for n in range(len(rows)):
        row = rows[n]
        best, target = 0.0, -1
        for g in range(span[0], span[1]):
            free = kinds.objects[g] == MISSED and objects.classes[g] == detections.classes[row]
            if free and overlaps[n, g - span[0]] > best:
                best, target = overlaps[n, g - span[0]], g
        if target >= 0 and best >= min_iou:
            kinds.objects[target] = FOUND
            kinds.detections[row], kinds.targets[row] = HIT, target


@kernel
def _explain(
    detections: DetectionsByImage,
    rows: NDArray[np.int64],
    objects: ObjectsByImage,
    span: tuple[int, int],
    overlaps: NDArray[np.float64],
    min_iou: float,
    max_background_iou: float,
    kinds: ErrorKinds,
) -> None:
    """Give each detection that is no hit its kind of error, and mark those that do not count."""
    for n in range(len(rows)):
        row = rows[n]
        if kinds.detections[row] == HIT:
            continue
        # The greatest overlap, and the object it is with, among the objects of the detection's
        # own class, of other classes, and of its own class that a hit has found.
        own, other, duplicate = 0.0, 0.0, 0.0
        own_g, other_g, duplicate_g = -1, -1, -1
        any_regular = False
        for g in range(span[0], span[1]):
            overlap = overlaps[n, g - span[0]]
            same_class = objects.classes[g] == detections.classes[row]
            if objects.kinds[g] != REGULAR:
                if same_class and excuses(objects.kinds[g], overlap, min_iou):
                    kinds.ignored[row] = True
                continue
            any_regular = True
            if same_class and overlap > own:
                own, own_g = overlap, g
            if same_class and kinds.objects[g] == FOUND and overlap > duplicate:
                duplicate, duplicate_g = overlap, g
            if not same_class and overlap > other:
                other, other_g = overlap, g
        kind = BACKGROUND  # in an image without objects, whatever the thresholds
        if any_regular:
            kind = error_kind(own, other, duplicate, min_iou, max_background_iou)
        kinds.detections[row] = kind
        if kind == LOCALIZATION:
            kinds.targets[row] = own_g
        elif kind == CLASSIFICATION:
            kinds.targets[row] = other_g
        elif kind == DUPLICATE:
            kinds.targets[row] = duplicate_g


@kernel
def error_kinds_of(
    own: NDArray[np.float64],
    other: NDArray[np.float64],
    duplicate: NDArray[np.float64],
    min_iou: float,
    max_background_iou: float,
) -> NDArray[np.int64]:
    """Return (N,) the kinds of N false positives, whose overlaps are those of `error_kind`."""
    kinds = np.empty(len(own), np.int64)
    for n in range(len(own)):
        kinds[n] = error_kind(own[n], other[n], duplicate[n], min_iou, max_background_iou)
    return kinds


@inlined
def error_kind(
    own: float, other: float, duplicate: float, min_iou: float, max_background_iou: float
) -> int:
    """Return TIDE's kind of error of a false positive: the first rule that applies.

    Args:
        own: greatest overlap with an object of the detection's class.
        other: greatest overlap with an object of another class.
        duplicate: greatest overlap with an object of the detection's class that a hit has found.
        min_iou: a hit overlaps its object by at least this.
        max_background_iou: a background error overlaps no object by more than this.
    """
    kind = BOTH  # wrong class and badly localized
    if max_background_iou <= own <= min_iou:
        kind = LOCALIZATION  # right class, badly localized
    elif other >= min_iou:
        kind = CLASSIFICATION  # right place, wrong class
    elif duplicate >= min_iou:
        kind = DUPLICATE  # an object that a better-scored detection has found
    elif max(own, other) <= max_background_iou:
        kind = BACKGROUND  # no object there
    return kind
