"""Outcomes: what became of every box at a detector's operating point, from its matches and one pass over the overlaps."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from detbench.data.columns import Flags, Floats, Indices, Ints, groups_from_offsets
from detbench.data.ground_truth import GroundTruth
from detbench.metrics.protocols.protocol import Protocol
from detbench.metrics.scoring.evaluation import Evaluation
from detbench.reports.curves import plotted_iou, threshold_curve

HIT, IGNORED, DUPLICATE, MISPLACED, CONFUSED, BACKGROUND = range(6)
OUTCOMES = ("hit", "ignored", "duplicate", "misplaced", "confused", "background")
"""Of a detection, in words: found an object; neither right nor wrong (difficult, crowd, beyond the limit); a second box on an object that
is found; the right class, but placed badly; on an object of another class; on nothing."""
LEAST_OVERLAP = 0.1
"""Below this IoU a detection has nothing to do with an object (TIDE, Bolya et al., ECCV 2020)."""


@dataclass(frozen=True, eq=False)
class Outcomes:
    """The D detections of one evaluation that are taken at the best threshold of their class, by class and falling score; N objects."""

    thresholds: Floats
    """(K,) the score of each class from which detections are taken: that of its best F1; infinite where there is none."""
    rows: Ints
    """(D,) row in `Detections`."""
    images: Indices
    """(D,) image position."""
    outcome: Ints
    """(D,) index into `OUTCOMES`."""
    partner: Ints
    """(D,) row of the object that the outcome is about (the one found, missed narrowly or mistaken), −1 for none."""
    to_find: Flags
    """(N,) objects that count."""
    found: Flags
    """(N,) objects found by a hit."""
    approached: Flags
    """(N,) objects on which a detection of the right class was placed badly."""


def outcomes(evaluation: Evaluation) -> Outcomes:
    """Return what became of the detections taken at the best F1 of each class and of the objects.

    The IoU threshold is 0.5, or the protocol's lowest. Hits and what is ignored are the evaluation's own. A false positive is a
    `duplicate` when its best overlap with an object of its class reaches the threshold, else `misplaced` from an overlap of 0.1, else
    `confused` when it overlaps an object of another class by the threshold, else `background`. Matches do not say which object a hit
    found; here each hit, by falling score, takes the best-overlapping object of its class that counts and is still free, which is the
    object the protocol gave it.
    """
    iou = plotted_iou(evaluation)
    truth, matches = evaluation.ground_truth, evaluation.matches
    t = int(np.argmin(np.abs(np.asarray(evaluation.protocol.iou_thresholds) - iou)))
    thresholds = _best_thresholds(evaluation, iou)
    classes = groups_from_offsets(matches.offsets)
    taken = np.flatnonzero(evaluation.detections.scores[matches.rows] >= thresholds[classes])
    rows = matches.rows[taken].astype(np.int64)
    images = groups_from_offsets(evaluation.detections.offsets)[rows]
    present, to_find = _roles(truth, evaluation.protocol)
    pair, object_row, overlap = _pairs(evaluation, rows, images, present)

    same = truth.class_index[object_row] == classes[taken][pair]
    best_same, at_same = _best(pair[same], object_row[same], overlap[same], len(rows))
    best_other, at_other = _best(pair[~same], object_row[~same], overlap[~same], len(rows))
    hit = (matches.hits[0, taken] >> t) & 1 == 1
    ignored = (matches.ignored[0, taken] >> t) & 1 == 1
    least = min(iou, 1 - 1e-10)
    cases = [hit, ignored, best_same >= least, best_same >= LEAST_OVERLAP, best_other >= least]
    outcome = np.select(cases, [HIT, IGNORED, DUPLICATE, MISPLACED, CONFUSED], BACKGROUND)

    usable = same & to_find[object_row] & hit[pair]
    claimed = _claims(
        pair[usable], object_row[usable], overlap[usable], len(rows), evaluation.protocol
    )
    partner = np.select(
        [hit, outcome == CONFUSED, (outcome == BACKGROUND) | (outcome == IGNORED)],
        [claimed, at_other, -1],
        at_same,
    )
    found, approached = np.zeros((2, len(truth)), np.bool_)
    found[claimed[claimed >= 0]] = True
    approached[partner[outcome == MISPLACED]] = True
    return Outcomes(thresholds, rows, images, outcome, partner, to_find, found, approached & ~found)


def _best_thresholds(evaluation: Evaluation, iou: float) -> Floats:
    thresholds = np.full(len(evaluation.ground_truth.class_names), np.inf)
    for k in range(len(thresholds)):
        curve = threshold_curve(evaluation, np.array([k]), iou)
        at = curve.best()
        if at is not None:
            thresholds[k] = curve.score[at]
    return thresholds


def _roles(truth: GroundTruth, protocol: Protocol) -> tuple[Flags, Flags]:
    """Return which objects are there at all under the protocol's rules, and which count."""
    present, counts = np.ones((2, len(truth)), np.bool_)
    for flags, rule in ((truth.difficult, protocol.difficult), (truth.iscrowd, protocol.crowd)):
        present &= ~flags | (rule != "drop")
        counts &= ~flags | (rule == "count")
    area = protocol.area_ranges[0]
    in_range = (truth.areas >= area.low) & (truth.areas <= area.high)
    return present, present & counts & in_range


def _pairs(
    evaluation: Evaluation, rows: Ints, images: Indices, present: Flags
) -> tuple[Ints, Ints, Floats]:
    """Return every pair of a taken detection and an object of its image that overlap: place of the detection, row of the object, IoU.

    IoU as the protocol measures it: one pixel less in width and height without "+1", by the detection's area where a crowd is a region.
    """
    truth, found = evaluation.ground_truth, evaluation.detections
    first, counts = truth.offsets[images], np.diff(truth.offsets)[images]
    pair = np.repeat(np.arange(len(rows)), counts)
    objects = np.repeat(first - (np.cumsum(counts) - counts), counts) + np.arange(len(pair))
    a, b = found.boxes[rows[pair]], truth.boxes[objects]
    less = 0.0 if evaluation.protocol.plus_one else 1.0
    common = _side(a, b, 0, less) * _side(a, b, 1, less)
    overlapping = (common > 0) & present[objects]
    pair, objects, common, a, b = (
        pair[overlapping],
        objects[overlapping],
        common[overlapping],
        a[overlapping],
        b[overlapping],
    )
    area = found.box_areas[rows[pair]] if not less else _smaller_areas(a)
    union = area + (truth.box_areas[objects] if not less else _smaller_areas(b)) - common
    region = truth.iscrowd[objects] & (evaluation.protocol.crowd == "region")
    return pair, objects, common / np.where(region, area, union)


def _side(a: Floats, b: Floats, side: int, less: float) -> Floats:
    """Return how long two columns of boxes overlap along x (0) or y (1)."""
    return np.maximum(
        np.minimum(a[:, side + 2], b[:, side + 2]) - np.maximum(a[:, side], b[:, side]) - less, 0.0
    )


def _smaller_areas(boxes: Floats) -> Floats:
    return (boxes[:, 2] - boxes[:, 0] - 1) * (boxes[:, 3] - boxes[:, 1] - 1)


def _best(pair: Ints, objects: Ints, overlap: Floats, detections: int) -> tuple[Floats, Ints]:
    """Return for each detection its best overlap (0 without any) and the object it is with (−1), the first among equals."""
    best, at = np.zeros(detections), np.full(detections, -1, np.int64)
    order = np.lexsort((objects, -overlap, pair))
    first = order[np.flatnonzero(np.diff(pair[order], prepend=-1))]
    best[pair[first]], at[pair[first]] = overlap[first], objects[first]
    return best, at


def _claims(
    pair: Ints, objects: Ints, overlap: Floats, detections: int, protocol: Protocol
) -> Ints:
    """Return which object each hit found (−1 where none is left): the best free one, the later (COCO) or first (VOC) among equals."""
    claimed = np.full(detections, -1, np.int64)
    later = protocol.assignment == "best_available"
    order = np.lexsort((-objects if later else objects, -overlap, pair))
    free = set(objects.tolist())
    ends = np.flatnonzero(np.diff(pair[order], prepend=-1, append=detections + 1))
    candidates, hits = objects[order].tolist(), pair[order].tolist()
    for begin, end in pairwise(ends.tolist()):
        for candidate in candidates[begin:end]:
            if candidate in free:
                claimed[hits[begin]] = candidate
                free.remove(candidate)
                break
    return claimed
