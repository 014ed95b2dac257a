"""TIDE: how much AP each kind of error costs, as the AP that mending all errors of the kind would add.

Bolya et al., "TIDE: A General Toolbox for Identifying Object Detection Errors", ECCV 2020; numbers equal those of tidecv 1.0.1 (divided by
100) but for what `docs/analysis.md` lists. The base is TIDE's own AP: one IoU threshold, 101 recalls, detections matched best score first
with the best-overlapping object of their class that is still free, and the mean over classes with objects.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detbench.data.columns import Floats, Indices, Ints, groups_from_offsets
from detbench.data.ground_truth import GroundTruth
from detbench.metrics.errors.diagnosis import (
    BKG,
    BOTH,
    CLS,
    CUT,
    DUPE,
    FOUND,
    HIT,
    LEFT_OUT,
    LOC,
    MISSED,
    Diagnosis,
    diagnose,
    kind_counts,
)
from detbench.metrics.scoring.evaluation import Evaluation
from detbench.metrics.uncertainty.weighted_scores import Averaging, Occurrences, weigh

ERRORS = ("Cls", "Loc", "Both", "Dupe", "Bkg", "Miss")
SPECIAL = ("FP", "FN")
MEANINGS = {
    "Cls": "right place, wrong class",
    "Loc": "right class, badly placed",
    "Both": "wrong class and badly placed",
    "Dupe": "an object found a second time",
    "Bkg": "nothing there",
    "Miss": "not found at all",
    "FP": "all false positives",
    "FN": "all that is not found",
}
"""What each kind says, in a few words."""
TIDECV_MOST = 100
"""Detections per image that tidecv 1.0.1 looks at unless told."""
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
    """AP at `iou`, 0..1, that `costs` are differences to; NaN, as they are, where there is nothing to find."""
    costs: dict[str, float]
    """AP gained by mending all errors of a kind: Cls, Loc, Both, Dupe, Bkg, Miss (never below 0); FP: by scoring all false positives below
    all hits; FN: by taking all objects that were not found out of the count."""
    counts: dict[str, int]
    """Errors of each kind."""
    classes: int
    """Over how many classes the base is a mean."""
    as_tidecv: bool
    """Whether classes without objects are among them, as 0, and only 100 detections of each image were looked at."""

    @property
    def rule(self) -> str:
        """What the base is, in a sentence without its end."""
        which = (
            "with objects"
            if not self.as_tidecv
            else "with objects or detections (0 without objects), best 100 detections of an image"
        )
        return f"AP at IoU {self.iou:g}, 101 recalls, mean over the {self.classes:,} {'class' if self.classes == 1 else 'classes'} {which}"


@dataclass(frozen=True, eq=False)
class _World:
    """The detections and objects as they would be with some errors mended."""

    found: Occurrences
    positives: Ints
    """(I, K) objects to find."""


def tide(
    evaluation: Evaluation, *, iou: float = 0.5, background: float = 0.1, as_tidecv: bool = False
) -> Tide:
    """Return what each kind of error costs.

    Args:
        evaluation: whose protocol says which objects do not count; its own thresholds are not used.
        iou: of a hit, 0..1.
        background: the greatest overlap that still is background.
        as_tidecv: look at the best 100 detections of each image only, over all classes, and count classes of which there are detections
            but no objects as 0, as tidecv 1.0.1 does; else all detections, and the mean is over classes with objects.
    """
    diagnosis = diagnose(
        evaluation, iou=iou, background=background, most=TIDECV_MOST if as_tidecv else None
    )
    worlds = _worlds(evaluation, diagnosis)
    counted = _counted(worlds["base"], as_tidecv)
    ones = np.ones((1, len(evaluation.ground_truth.image_ids)), np.uint16)
    values = {name: float(_mean(world, ones, counted[None])[0]) for name, world in worlds.items()}
    return Tide(
        iou,
        background,
        values["base"],
        _costs(values),
        kind_counts(diagnosis),
        int(counted.sum()),
        as_tidecv,
    )


def tide_replicates(
    evaluation: Evaluation,
    weights: NDArray[np.uint16],
    *,
    iou: float = 0.5,
    background: float = 0.1,
    as_tidecv: bool = False,
) -> dict[str, Floats]:
    """Return (B,) what each kind of error costs when image i counts `weights[b, i]` times; weights is (B, I); `base` is the AP itself.

    Kinds of errors are those of the whole dataset: whether a detection is one does not depend on how often its image counts. A class of
    which a replicate has no object to find is left out of it, as it is out of replicates of AP.
    """
    worlds = _worlds(
        evaluation,
        diagnose(
            evaluation, iou=iou, background=background, most=TIDECV_MOST if as_tidecv else None
        ),
    )
    positives = worlds["base"].positives
    lost = (weights.astype(np.float64) @ positives == 0) & (positives.sum(axis=0) > 0)
    counted = _counted(worlds["base"], as_tidecv) & ~lost
    values = {name: _mean(world, weights, counted) for name, world in worlds.items()}
    gains = {name: values[name] - values["base"] for name in (*ERRORS, *SPECIAL)}
    return {"base": values["base"], **gains}


def _counted(world: _World, as_tidecv: bool) -> NDArray[np.bool_]:
    """Return (K,) which classes are part of the mean; none where there is nothing to find at all."""
    known = world.positives.sum(axis=0) > 0
    there = np.diff(world.found.offsets) > 0
    return np.asarray(known | there if as_tidecv and known.any() else known)


def _costs(values: dict[str, float]) -> dict[str, float]:
    """Return the gains; those of the six kinds are 0 at least, as in tidecv."""
    gains = {name: values[name] - values["base"] for name in (*ERRORS, *SPECIAL)}
    return {name: 0.0 if name in ERRORS and gain < 0 else gain for name, gain in gains.items()}


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

    def world(
        kept: NDArray[np.bool_],
        hit: NDArray[np.bool_],
        objects: NDArray[np.bool_],
        order: Ints = falling,
    ) -> _World:
        classes = (
            np.where(hit & (partners >= 0), truth.class_index[partners], found.class_index)
            if len(truth)
            else found.class_index
        )
        return _World(
            _occurrences(order[kept[order]], hit, classes, images, len(truth.class_names)),
            _positives(truth, objects),
        )

    worlds = {"base": world(counted, hits, regular)}
    for name, kind in _KINDS.items():
        mended = mending & (kinds == kind)
        worlds[name] = world((counted & (kinds != kind)) | mended, hits | mended, regular)
    worlds["Miss"] = world(counted, hits, regular & (diagnosis.objects != MISSED))
    worlds["FP"] = world(
        counted, hits, regular, np.concatenate([falling[hits[falling]], falling[~hits[falling]]])
    )
    worlds["FN"] = world(counted, hits, diagnosis.objects == FOUND)
    return worlds


def _occurrences(
    rows: Ints, hit: NDArray[np.bool_], classes: Indices, images: Indices, class_count: int
) -> Occurrences:
    """Return the detections `rows`, which are by falling score, by class; ties stay in the order of images."""
    found_classes = classes[rows].astype(np.uint16 if class_count < _RADIX_SORTED else np.int32)
    by_class = np.argsort(found_classes, kind="stable")
    order, offsets = (
        rows[by_class],
        np.searchsorted(found_classes[by_class], np.arange(class_count + 1)).astype(np.int64),
    )
    at = np.flatnonzero(hit[order])
    hit_offsets = np.searchsorted(at, offsets)
    places = (at - np.repeat(offsets[:-1], np.diff(hit_offsets))).astype(np.int32)
    nothing = np.zeros(class_count + 1, np.int64), np.zeros(0, np.int32)
    return Occurrences(offsets, images[order], hit_offsets.astype(np.int64), places, *nothing)


def _positives(truth: GroundTruth, objects: NDArray[np.bool_]) -> Ints:
    place = (
        groups_from_offsets(truth.offsets)[objects].astype(np.int64) * len(truth.class_names)
        + truth.class_index[objects]
    )
    shape = len(truth.image_ids), len(truth.class_names)
    return np.bincount(place, minlength=shape[0] * shape[1]).reshape(shape)


def _mean(world: _World, weights: NDArray[np.uint16], counted: NDArray[np.bool_]) -> Floats:
    """Return (B,) mAP of a world over the classes that count (B, K); NaN where none does.

    A class that, in this world, has detections but nothing to find is 0, one with neither is left out, as in tidecv.
    """
    positives = np.asarray(weights.astype(np.float64) @ world.positives).astype(np.int64)
    shape = (len(weights), positives.shape[1], 1)
    ap, recall = np.empty(shape), np.empty(shape)
    weigh(world.found, Averaging(_GRID, 0.0), weights, positives, ap, recall)
    there = np.diff(world.found.offsets) > 0
    values = np.where(np.isnan(ap[:, :, 0]) & there, 0.0, ap[:, :, 0])
    present = counted & ~np.isnan(values)
    count, total = present.sum(axis=1), np.where(present, values, 0.0).sum(axis=1)
    nothing = np.where(counted.any(axis=1), 0.0, np.nan)
    return np.asarray(
        np.divide(total, count, out=np.broadcast_to(nothing, len(weights)).copy(), where=count > 0)
    )
