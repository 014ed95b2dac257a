"""Outcomes of detections and objects at the best F1 of each class, for examples on a page."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from detbench.data.columns import Flags, Floats, Indices, Ints, groups_from_offsets, pairs_in_groups
from detbench.data.ground_truth import GroundTruth
from detbench.metrics.errors.error_kinds import BACKGROUND_IOU
from detbench.metrics.kernels.error_kinds import (
    BACKGROUND,
    BOTH,
    CLASSIFICATION,
    DUPLICATE,
    HIT,
    LOCALIZATION,
    NOT_EVALUATED,
    error_kinds_of,
)
from detbench.metrics.protocols.protocol import Protocol
from detbench.metrics.scoring.evaluation import Evaluation
from detbench.reports.curves import plotted_iou, threshold_curve

IGNORED = NOT_EVALUATED
"""Neither right nor wrong: difficult, crowd, or beyond the limit of detections."""
OUTCOMES = {
    HIT: "hit",
    CLASSIFICATION: "confused",
    LOCALIZATION: "misplaced",
    BOTH: "confused and misplaced",
    DUPLICATE: "duplicate",
    BACKGROUND: "background",
    IGNORED: "ignored",
}
"""The outcome of a detection in words: a hit, an error of one of TIDE's kinds, or ignored."""


@dataclass(frozen=True, eq=False)
class Outcomes:
    """The D detections from the score of the best F1 of their class, and the N objects.

    Detections are in the order of class and falling score.
    """

    thresholds: Floats
    """(K,) the score of the best F1 of each class; infinite without detections or objects."""
    rows: Ints
    """(D,) row in `Detections`."""
    images: Indices
    """(D,) image position."""
    outcome: Ints
    """(D,) key of `OUTCOMES`."""
    partner: Ints
    """(D,) row of the object that the outcome is about, −1 for none."""
    to_find: Flags
    """(N,) objects that count."""
    is_found: Flags
    """(N,) objects found by a hit."""
    approached: Flags
    """(N,) objects not found, but with a misplaced detection of their class."""


def outcomes(evaluation: Evaluation) -> Outcomes:
    """Return the outcomes of detections, at the best F1 of each class, and of the objects.

    The IoU threshold is 0.5, or the protocol's lowest. Hits and ignored detections are those of the
    evaluation. A false positive is an error of one of TIDE's kinds, see
    `detbench.metrics.kernels.error_kinds`.
    """
    iou = plotted_iou(evaluation)
    ground_truth, matches = evaluation.ground_truth, evaluation.matches
    level = int(np.argmin(np.abs(np.asarray(evaluation.protocol.iou_thresholds) - iou)))
    thresholds = _best_thresholds(evaluation, iou)
    classes = groups_from_offsets(matches.offsets)
    kept = np.flatnonzero(evaluation.detections.scores[matches.rows] >= thresholds[classes])
    rows = matches.rows[kept].astype(np.int64)
    images = groups_from_offsets(evaluation.detections.offsets)[rows]
    is_hit = (matches.hits[0, kept] >> level) & 1 == 1
    is_ignored = (matches.ignored[0, kept] >> level) & 1 == 1

    present, to_find = _roles(ground_truth, evaluation.protocol)
    pairs = _overlapping_pairs(evaluation, rows, images, present)
    same_class = ground_truth.class_index[pairs.objects] == classes[kept][pairs.detections]
    hit_pairs = same_class & to_find[pairs.objects] & is_hit[pairs.detections]
    matched = _matched_objects(pairs.where(hit_pairs), evaluation.protocol)
    is_found = np.zeros(len(ground_truth), np.bool_)
    is_found[matched[matched >= 0]] = True

    # The greatest overlap, and the object it is with, among objects of the detection's own class,
    # of other classes, and of its own class that are found.
    own, own_object = _best(pairs.where(same_class))
    other, other_object = _best(pairs.where(~same_class))
    duplicate, duplicate_object = _best(pairs.where(same_class & is_found[pairs.objects]))
    kinds = error_kinds_of(own, other, duplicate, min(iou, 1 - 1e-10), BACKGROUND_IOU)
    outcome = np.select([is_hit, is_ignored], [HIT, IGNORED], kinds)
    partner_of = {
        HIT: matched,
        LOCALIZATION: own_object,
        CLASSIFICATION: other_object,
        DUPLICATE: duplicate_object,
    }
    cases = [outcome == kind for kind in partner_of]
    partner = np.select(cases, list(partner_of.values()), -1)
    approached = np.zeros(len(ground_truth), np.bool_)
    approached[partner[outcome == LOCALIZATION]] = True
    return Outcomes(
        thresholds, rows, images, outcome, partner, to_find, is_found, approached & ~is_found
    )


@dataclass(frozen=True, eq=False)
class _Pairs:
    """P pairs of one of D detections and an object of its image that overlap."""

    detections: Ints
    """(P,) number of the detection, rising."""
    objects: Ints
    """(P,) row of the object."""
    overlaps: Floats
    """(P,) their IoU."""
    n_detections: int

    def where(self, chosen: Flags) -> _Pairs:
        """Return some of the pairs."""
        columns = self.detections[chosen], self.objects[chosen], self.overlaps[chosen]
        return _Pairs(*columns, self.n_detections)


def _best_thresholds(evaluation: Evaluation, iou: float) -> Floats:
    thresholds = np.full(len(evaluation.ground_truth.class_names), np.inf)
    for k in range(len(thresholds)):
        curve = threshold_curve(evaluation, np.array([k]), iou)
        best = curve.best()
        if best is not None:
            thresholds[k] = curve.score[best]
    return thresholds


def _roles(ground_truth: GroundTruth, protocol: Protocol) -> tuple[Flags, Flags]:
    """Return which objects the protocol does not drop, and which of them count."""
    present, counts = np.ones((2, len(ground_truth)), np.bool_)
    for flags, rule in (
        (ground_truth.difficult, protocol.difficult),
        (ground_truth.iscrowd, protocol.crowd),
    ):
        present &= ~flags | (rule != "drop")
        counts &= ~flags | (rule == "count")
    area = protocol.area_ranges[0]
    in_range = (ground_truth.areas >= area.low) & (ground_truth.areas <= area.high)
    return present, present & counts & in_range


def _overlapping_pairs(
    evaluation: Evaluation, rows: Ints, images: Indices, present: Flags
) -> _Pairs:
    """Return the pairs of the detections `rows` and the present objects that overlap.

    IoU is that of the protocol: widths and heights are one pixel smaller without its "+1", and the
    union with a crowd region is the detection's own area.
    """
    ground_truth, detections = evaluation.ground_truth, evaluation.detections
    pair, objects = pairs_in_groups(ground_truth.offsets, images.astype(np.int64))
    a, b = detections.boxes[rows[pair]], ground_truth.boxes[objects]
    shrink = 0.0 if evaluation.protocol.plus_one else 1.0
    common = _common_side(a, b, 0, shrink) * _common_side(a, b, 1, shrink)
    kept = (common > 0) & present[objects]
    pair, objects, common, a, b = pair[kept], objects[kept], common[kept], a[kept], b[kept]
    if shrink:
        area, object_area = _smaller_areas(a), _smaller_areas(b)
    else:
        area, object_area = detections.box_areas[rows[pair]], ground_truth.box_areas[objects]
    is_region = ground_truth.iscrowd[objects] & (evaluation.protocol.crowd == "region")
    union = np.where(is_region, area, area + object_area - common)
    return _Pairs(pair, objects, common / union, len(rows))


def _common_side(a: Floats, b: Floats, axis: int, shrink: float) -> Floats:
    """Return the length of the overlap of boxes a and b along x (0) or y (1)."""
    end = np.minimum(a[:, axis + 2], b[:, axis + 2])
    return np.maximum(end - np.maximum(a[:, axis], b[:, axis]) - shrink, 0.0)


def _smaller_areas(boxes: Floats) -> Floats:
    return (boxes[:, 2] - boxes[:, 0] - 1) * (boxes[:, 3] - boxes[:, 1] - 1)


def _best(pairs: _Pairs) -> tuple[Floats, Ints]:
    """Return the best overlap (D,), 0 if none, and its object, −1 if none; the first of equals."""
    best, best_object = np.zeros(pairs.n_detections), np.full(pairs.n_detections, -1, np.int64)
    order = np.lexsort((pairs.objects, -pairs.overlaps, pairs.detections))
    first = order[np.flatnonzero(np.diff(pairs.detections[order], prepend=-1))]
    detections = pairs.detections[first]
    best[detections], best_object[detections] = pairs.overlaps[first], pairs.objects[first]
    return best, best_object


def _matched_objects(pairs: _Pairs, protocol: Protocol) -> Ints:
    """Return (D,) the object of each hit, −1 for others.

    Matches do not record it. By falling score, each hit takes the free object of its class that it
    overlaps most; of equal ones the last (COCO) or the first (VOC). That is the object which the
    protocol gave it.
    """
    matched = np.full(pairs.n_detections, -1, np.int64)
    last_of_equals = protocol.assignment == "best_available"
    ranks = -pairs.objects if last_of_equals else pairs.objects
    order = np.lexsort((ranks, -pairs.overlaps, pairs.detections))
    detections, objects = pairs.detections[order].tolist(), pairs.objects[order].tolist()
    starts = np.diff(pairs.detections[order], prepend=-1, append=pairs.n_detections + 1)
    free = set(objects)
    for start, end in pairwise(np.flatnonzero(starts).tolist()):
        for candidate in objects[start:end]:
            if candidate in free:
                matched[detections[start]] = candidate
                free.remove(candidate)
                break
    return matched
