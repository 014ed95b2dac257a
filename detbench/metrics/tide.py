"""TIDE: how much AP each kind of error costs, as the AP that mending all errors of the kind would add.

Bolya et al., "TIDE: A General Toolbox for Identifying Object Detection Errors", ECCV 2020; numbers equal those of tidecv 1.0.1 (divided by
100) but for what `docs/analysis.md` lists. The base is TIDE's own AP: one IoU threshold, 101 recalls, detections matched best score first
with the best-overlapping object of their class that is still free.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detbench.data.columns import Floats, Indices, Ints, groups_from_offsets
from detbench.data.ground_truth import GroundTruth
from detbench.metrics.diagnosis import BKG, BOTH, CLS, CUT, DUPE, FOUND, HIT, LEFT_OUT, LOC, MISSED, Diagnosis, diagnose, kind_counts
from detbench.metrics.evaluation import Evaluation
from detbench.metrics.weighted import Averaging, Occurrences, weigh

ERRORS = ("Cls", "Loc", "Both", "Dupe", "Bkg", "Miss")
SPECIAL = ("FP", "FN")
_RADIX_SORTED = 1 << 16
"""Fewer classes than this are sorted in time proportional to the detections."""
_GRID = np.arange(101) / 100
_KINDS = {"Cls": CLS, "Loc": LOC, "Both": BOTH, "Dupe": DUPE, "Bkg": BKG}


@dataclass(frozen=True)
class Tide:
    """What the kinds of errors cost."""

    iou: float
    background: float
    base: float
    """AP at `iou`, 0..1, that `costs` are differences to."""
    costs: dict[str, float]
    """AP gained by mending all errors of a kind: Cls, Loc, Both, Dupe, Bkg, Miss (never below 0); FP: by scoring all false positives below
    all hits; FN: by taking all objects that were not found out of the count."""
    counts: dict[str, int]
    """Errors of each kind."""


@dataclass(frozen=True, eq=False)
class _World:
    """The detections and objects as they would be with some errors mended."""

    found: Occurrences
    positives: Ints
    """(I, K) objects to find."""


def tide(evaluation: Evaluation, *, iou: float = 0.5, background: float = 0.1, most: int | None = None) -> Tide:
    """Return what each kind of error costs.

    Args:
        evaluation: whose protocol says which objects do not count; its own thresholds are not used.
        iou: of a hit, 0..1.
        background: the greatest overlap that still is background.
        most: detections per image, best first, over all classes; None: all (tidecv takes 100 unless told).
    """
    worlds = _worlds(evaluation, diagnosis := diagnose(evaluation, iou=iou, background=background, most=most))
    ones = np.ones((1, len(evaluation.ground_truth.image_ids)), np.uint16)
    none = np.zeros((1, len(evaluation.ground_truth.class_names)), np.bool_)
    values = {name: float(_mean(world, ones, none)[0]) for name, world in worlds.items()}
    return Tide(iou, background, values["base"], _costs(values), kind_counts(diagnosis))


def tide_replicates(
    evaluation: Evaluation, count: int, draw: Callable[[int], NDArray[np.uint16]], *, iou: float = 0.5, background: float = 0.1,
    most: int | None = None,
) -> dict[str, Floats]:  # fmt: skip
    """Return (count,) what each kind of error costs under the weights (I,) that `draw(b)` gives; `base` is the AP itself.

    Kinds of errors are those of the whole dataset: whether a detection is one does not depend on how often its image counts. A class of
    which a replicate has no object to find is left out of it, as it is out of replicates of AP.
    """
    worlds = _worlds(evaluation, diagnose(evaluation, iou=iou, background=background, most=most))
    weights = np.stack([draw(b) for b in range(count)])
    positives = worlds["base"].positives
    left_out = (weights.astype(np.float64) @ positives == 0) & (positives.sum(axis=0) > 0)
    values = {name: _mean(world, weights, left_out) for name, world in worlds.items()}
    gains = {name: values[name] - values["base"] for name in (*ERRORS, *SPECIAL)}
    return {"base": values["base"], **gains}


def _costs(values: dict[str, float]) -> dict[str, float]:
    """Return the gains; those of the six kinds are 0 at least, as in tidecv."""
    gains = {name: values[name] - values["base"] for name in (*ERRORS, *SPECIAL)}
    return {name: max(gain, 0.0) if name in ERRORS else gain for name, gain in gains.items()}


def _worlds(evaluation: Evaluation, diagnosis: Diagnosis) -> dict[str, _World]:
    """Return the world as it is, and one for each kind of error with all errors of this kind mended."""
    truth, found = evaluation.ground_truth, evaluation.detections
    kinds, partners = diagnosis.detections, diagnosis.partners
    counted = (kinds != CUT) & ~diagnosis.ignored
    hits = kinds == HIT
    mending = np.zeros(len(kinds), np.bool_)
    mending[diagnosis.menders[diagnosis.menders >= 0]] = True
    regular = diagnosis.objects != LEFT_OUT
    falling = np.argsort(-found.scores, kind="stable")
    images = groups_from_offsets(found.offsets)

    def world(kept: NDArray[np.bool_], hit: NDArray[np.bool_], objects: NDArray[np.bool_], order: Ints = falling) -> _World:
        classes = np.where(hit & (partners >= 0), truth.class_index[partners], found.class_index) if len(truth) else found.class_index
        return _World(_occurrences(order[kept[order]], hit, classes, images, len(truth.class_names)), _positives(truth, objects))

    worlds = {"base": world(counted, hits, regular)}
    for name, kind in _KINDS.items():
        mended = mending & (kinds == kind)
        worlds[name] = world((counted & (kinds != kind)) | mended, hits | mended, regular)
    worlds["Miss"] = world(counted, hits, regular & (diagnosis.objects != MISSED))
    worlds["FP"] = world(counted, hits, regular, np.concatenate([falling[hits[falling]], falling[~hits[falling]]]))
    worlds["FN"] = world(counted, hits, diagnosis.objects == FOUND)
    return worlds


def _occurrences(rows: Ints, hit: NDArray[np.bool_], classes: Indices, images: Indices, class_count: int) -> Occurrences:
    """Return the detections `rows`, which are by falling score, by class; ties stay in the order of images."""
    found_classes = classes[rows].astype(np.uint16 if class_count < _RADIX_SORTED else np.int32)
    by_class = np.argsort(found_classes, kind="stable")
    order, offsets = rows[by_class], np.searchsorted(found_classes[by_class], np.arange(class_count + 1)).astype(np.int64)
    at = np.flatnonzero(hit[order])
    hit_offsets = np.searchsorted(at, offsets)
    places = (at - np.repeat(offsets[:-1], np.diff(hit_offsets))).astype(np.int32)
    nothing = np.zeros(class_count + 1, np.int64), np.zeros(0, np.int32)
    return Occurrences(offsets, images[order], hit_offsets.astype(np.int64), places, *nothing)


def _positives(truth: GroundTruth, objects: NDArray[np.bool_]) -> Ints:
    place = groups_from_offsets(truth.offsets)[objects].astype(np.int64) * len(truth.class_names) + truth.class_index[objects]
    shape = len(truth.image_ids), len(truth.class_names)
    return np.bincount(place, minlength=shape[0] * shape[1]).reshape(shape)


def _mean(world: _World, weights: NDArray[np.uint16], left_out: NDArray[np.bool_]) -> Floats:
    """Return (B,) mAP of a world without the classes left out (B, K).

    A class that has detections but, in this world, nothing to find counts as 0, as in tidecv.
    """
    positives = np.asarray(weights.astype(np.float64) @ world.positives).astype(np.int64)
    shape = (len(weights), positives.shape[1], 1)
    ap, recall = np.empty(shape), np.empty(shape)
    weigh(world.found, Averaging(_GRID, 0.0), weights, positives, ap, recall)
    values = ap[:, :, 0]
    there = np.diff(world.found.offsets) > 0
    values = np.where(left_out, np.nan, np.where(np.isnan(values) & there, 0.0, values))
    present = ~np.isnan(values)
    count = present.sum(axis=1)
    return np.asarray(np.divide(np.where(present, values, 0.0).sum(axis=1), count, out=np.zeros(len(values)), where=count > 0))
