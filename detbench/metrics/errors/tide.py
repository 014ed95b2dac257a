"""TIDE: how much AP each kind of error costs, as the AP gained by fixing all errors of the kind.

Bolya et al., "TIDE: A General Toolbox for Identifying Object Detection Errors", ECCV 2020. Each
detection that is no hit is an error of the first kind that applies, with t_f the IoU of a hit (0.5)
and t_b the background threshold (0.1):

    Loc   overlap with an object of its class from t_b to t_f
    Cls   overlap with an object of another class of t_f or more
    Dupe  overlap with an object of its class that is found already of t_f or more
    Bkg   no overlap above t_b with any object (background error)
    Both  everything else: wrong class and badly localized
    Miss  an object that is not found, and that no Loc or Cls error is about

`detbench.metrics.kernels.error_kinds` assigns these kinds. This file fixes them: of the Loc and Cls
errors on an object the best-scored one becomes a hit; all others disappear, for Miss the object.
FP gives all false positives a score below all hits; FN leaves out all objects not found.

The numbers equal those of tidecv 1.0.1, divided by 100, except for what `docs/analysis.md` lists.
The base is TIDE's own AP: one IoU threshold, 101 recalls, mean over the classes with objects.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detbench.data.columns import (
    Flags,
    Floats,
    Indices,
    Ints,
    groups_from_offsets,
    offsets_from_groups,
)
from detbench.metrics.errors.counted_detections import count_objects, weighted_at_one_iou
from detbench.metrics.errors.counts_by_image import CountsByImage
from detbench.metrics.errors.error_kinds import BACKGROUND_IOU, error_kinds
from detbench.metrics.errors.means import masked_mean
from detbench.metrics.kernels.error_kinds import (
    BACKGROUND,
    BOTH,
    CLASSIFICATION,
    DUPLICATE,
    FOUND,
    HIT,
    LOCALIZATION,
    MISSED,
    NOT_COUNTED,
    NOT_EVALUATED,
    ErrorKinds,
)
from detbench.metrics.kernels.weighted import Averaging, WeightedDetections, fill_ap_and_recall
from detbench.metrics.scoring.evaluation import Evaluation
from detbench.metrics.uncertainty.clusters import Weights

MAIN_ERRORS = ("Cls", "Loc", "Both", "Dupe", "Bkg", "Miss")
SPECIAL_ERRORS = ("FP", "FN")
MEANINGS = {
    "Cls": "right place, wrong class",
    "Loc": "right class, badly localized",
    "Both": "wrong class and badly localized",
    "Dupe": "an object that is found already",
    "Bkg": "no object there",
    "Miss": "object not found",
    "FP": "all false positives",
    "FN": "all objects not found",
}
"""Each kind in a few words."""
TIDECV_MAX_DETECTIONS = 100
"""Detections per image that tidecv 1.0.1 evaluates by default."""
_KINDS = {
    "Cls": CLASSIFICATION,
    "Loc": LOCALIZATION,
    "Both": BOTH,
    "Dupe": DUPLICATE,
    "Bkg": BACKGROUND,
}
_RADIX_SORTED = 1 << 16
"""Fewer classes than this are sorted in time proportional to the detections."""
_RECALLS = np.arange(101) / 100


@dataclass(frozen=True, eq=False)
class Tide:
    """The cost of each kind of error."""

    iou: float
    background: float
    base: float
    """AP at `iou`, 0..1, that the costs are added to; NaN, like the costs, without objects."""
    costs: dict[str, float]
    """AP gained by fixing all errors of a kind: the main errors (never below 0), FP and FN."""
    counts: dict[str, int]
    """Errors of each main kind."""
    classes: int
    """Number of classes that the base is a mean over."""
    as_tidecv: bool
    """Whether classes without objects count as 0, and only the best 100 detections of each image
    are evaluated."""
    replicates: dict[str, Floats]
    """(B,) `base` and each cost, not clipped, in each replicate."""

    @property
    def base_rule(self) -> str:
        """What the base is, without a full stop."""
        which = "with objects"
        if self.as_tidecv:
            which += " or detections (0 without objects), best 100 detections of an image"
        noun = "class" if self.classes == 1 else "classes"
        mean = f"mean over the {self.classes:,} {noun} {which}"
        return f"AP at IoU {self.iou:g}, 101 recalls, {mean}"


@dataclass(frozen=True, eq=False)
class _Dataset:
    """Detections and objects, as they are or with the errors of one kind fixed."""

    detections: WeightedDetections
    positives: CountsByImage
    """The objects to find."""

    @property
    def has_detections(self) -> Flags:
        """(K,) which classes have detections."""
        return np.asarray(np.diff(self.detections.offsets) > 0)


def tide(
    evaluation: Evaluation,
    *,
    iou: float = 0.5,
    background: float = BACKGROUND_IOU,
    as_tidecv: bool = False,
    weights: Weights | None = None,
) -> Tide:
    """Return the cost of each kind of error.

    Args:
        evaluation: its protocol says which objects do not count; its IoU thresholds are not used.
        iou: t_f, by which a hit overlaps its object at least.
        background: t_b, the greatest overlap that still is background.
        as_tidecv: evaluate the best 100 detections of each image only, over all classes, and count
            classes with detections but no objects as 0, as tidecv 1.0.1 does. Otherwise evaluate
            all detections and take the mean over the classes with objects.
        weights: (B, I) how often each image counts in each replicate; None for no replicates. The
            kinds of errors are those of the whole dataset: they do not depend on how often an image
            counts.
    """
    limit = TIDECV_MAX_DETECTIONS if as_tidecv else None
    kinds = error_kinds(evaluation, iou=iou, background=background, max_detections=limit)
    datasets = _fixed_datasets(evaluation, kinds)
    in_mean = _classes_in_mean(datasets["base"], as_tidecv)
    # The first row has all images once: the values themselves. The others are their replicates.
    all_once = np.ones((1, len(evaluation.ground_truth.image_ids)), np.uint16)
    weights = all_once if weights is None else np.concatenate([all_once, weights])
    values = _values(datasets, in_mean, weights)
    # Fixing can lower AP where hits and errors have equal scores; tidecv shows no loss.
    costs = {name: float(values[name][0]) for name in (*MAIN_ERRORS, *SPECIAL_ERRORS)}
    costs |= {name: 0.0 for name in MAIN_ERRORS if costs[name] < 0}
    return Tide(
        iou=iou,
        background=background,
        base=float(values["base"][0]),
        costs=costs,
        counts=_count_errors(kinds),
        classes=int(in_mean.sum()),
        as_tidecv=as_tidecv,
        replicates={name: column[1:] for name, column in values.items()},
    )


def _values(datasets: dict[str, _Dataset], in_mean: Flags, weights: Weights) -> dict[str, Floats]:
    """Return (B,) the base, and what each fix adds to it, under weights (B, I)."""
    # A class that lost all its objects in a replicate is left out of it, as in replicates of AP.
    positives = datasets["base"].positives
    lost = (positives.of_classes > 0) & (positives.weighted(weights) == 0)
    ap = {name: _mean_ap(dataset, weights, in_mean & ~lost) for name, dataset in datasets.items()}
    gains = {name: ap[name] - ap["base"] for name in (*MAIN_ERRORS, *SPECIAL_ERRORS)}
    return {"base": ap["base"], **gains}


def _count_errors(kinds: ErrorKinds) -> dict[str, int]:
    """Return the number of errors of each main kind; ignored detections are no errors."""
    counts = {
        name: int(((kinds.detections == kind) & ~kinds.ignored).sum())
        for name, kind in _KINDS.items()
    }
    return counts | {"Miss": int((kinds.objects == MISSED).sum())}


def _classes_in_mean(base: _Dataset, as_tidecv: bool) -> Flags:
    """Return (K,) the classes that are part of the mean; none without any object."""
    has_objects: Flags = base.positives.of_classes > 0
    if as_tidecv and has_objects.any():
        return has_objects | base.has_detections
    return has_objects


def _fixed_datasets(evaluation: Evaluation, kinds: ErrorKinds) -> dict[str, _Dataset]:
    """Return the dataset as it is, as `base`, and with all errors of each kind fixed."""
    ground_truth, detections = evaluation.ground_truth, evaluation.detections
    images = groups_from_offsets(detections.offsets)
    by_score = np.argsort(-detections.scores, kind="stable")
    counted = (kinds.detections != NOT_EVALUATED) & ~kinds.ignored
    hits = kinds.detections == HIT
    becomes_hit = np.zeros(len(hits), np.bool_)
    becomes_hit[kinds.fixes[kinds.fixes >= 0]] = True
    to_find = kinds.objects != NOT_COUNTED

    def dataset(kept: Flags, is_hit: Flags, objects: Flags, order: Ints = by_score) -> _Dataset:
        # A fixed Cls error has the class of its object.
        classes = detections.class_index
        if len(ground_truth):
            target_class = ground_truth.class_index[kinds.targets]
            has_target = is_hit & (kinds.targets >= 0)
            classes = np.where(has_target, target_class, classes)
        rows = order[kept[order]]
        n_classes = len(ground_truth.class_names)
        weighted = _by_class(rows, is_hit, classes, images, n_classes)
        return _Dataset(weighted, count_objects(ground_truth, objects))

    datasets = {"base": dataset(counted, hits, to_find)}
    for name, kind in _KINDS.items():
        fixed = becomes_hit & (kinds.detections == kind)
        kept = (counted & (kinds.detections != kind)) | fixed
        datasets[name] = dataset(kept, hits | fixed, to_find)
    datasets["Miss"] = dataset(counted, hits, to_find & (kinds.objects != MISSED))
    hits_first = np.concatenate([by_score[hits[by_score]], by_score[~hits[by_score]]])
    datasets["FP"] = dataset(counted, hits, to_find, hits_first)
    datasets["FN"] = dataset(counted, hits, kinds.objects == FOUND)
    return datasets


def _by_class(
    rows: Ints, is_hit: Flags, classes: Indices, images: Indices, n_classes: int
) -> WeightedDetections:
    """Return the detections `rows`, sorted by falling score, by class; ties stay in their order."""
    class_of_rows = classes[rows]
    sortable = class_of_rows.astype(np.uint16 if n_classes < _RADIX_SORTED else np.int32)
    by_class = rows[np.argsort(sortable, kind="stable")]
    offsets = offsets_from_groups(class_of_rows, n_classes)
    return weighted_at_one_iou(is_hit[by_class], offsets, images[by_class])


def _mean_ap(dataset: _Dataset, weights: Weights, in_mean: Flags) -> Floats:
    """Return (B,) mAP over the classes in the mean (B, K); NaN where there is none.

    As in tidecv, a class with detections but nothing to find is 0, and one with neither is left
    out.
    """
    positives = dataset.positives.weighted(weights)
    ap, recall = np.empty((2, *positives.shape, 1))
    fill_ap_and_recall(dataset.detections, Averaging(_RECALLS, 0.0), weights, positives, ap, recall)
    values = ap[:, :, 0]
    values = np.where(np.isnan(values) & dataset.has_detections, 0.0, values)
    means = masked_mean(values, in_mean & ~np.isnan(values))
    # All classes in the mean may be left out; the mean is NaN only if none is in it at all.
    return np.where(np.isnan(means) & in_mean.any(axis=1), 0.0, means)
