"""Replicates: a measure of a detector on all images, on resamples of them and on parts of them.

Intervals, differences, rankings and power analyses are functions of these numbers. The overall
value and the classes stand side by side, as 1 + K columns.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from detbench.data.columns import Flags, Floats, Ints
from detbench.data.ground_truth import GroundTruth
from detbench.errors import NotComparableError
from detbench.metrics.protocols.protocol import Measure
from detbench.metrics.scoring.evaluation import Evaluation
from detbench.metrics.uncertainty.bootstrap import RESAMPLES, bootstrap
from detbench.metrics.uncertainty.clusters import (
    WeightsOf,
    cluster_count,
    clusters_of_classes,
    split_halves,
)
from detbench.metrics.uncertainty.weighted_detections import (
    ImageClasses,
    images_with_hits_and_misses,
    images_with_objects,
)
from detbench.metrics.uncertainty.weighted_scores import WeightedScores, weighted_scores

PARTS = 100
"""Number of parts of the images that are left out in turn: a jackknife over parts."""
HALVES = 2000
"""Number of random halves of the images. The ends of intervals then vary with the random seed by
about 1.5% of their width (standard deviation)."""
FEWER_HALVES = 1000
"""Number of halves of large datasets, where halves cost more; the ends vary by about 2.2%."""
_MAX_LEVELS = 20_000
"""Images times IoU thresholds up to which `HALVES` are drawn."""
MIN_WITH_HITS = 5
"""Minimum number of images, or groups of images, with a hit for the interval of a value."""
MIN_WITH_MISSES = 2
"""Minimum number of images, or groups of images, with a miss for the interval of a value."""
MIN_WITH_HITS_PER_CLASS = 2
"""Minimum mean over the classes of the number of images with a hit, for that of the overall value:
with fewer, half of the images has no hit of most classes."""

_PARTS_STREAM = 1
"""Distinguishes the random stream of parts from others of the same seed."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Replicates:
    """A measure of one detector, or the difference of two.

    Column 0 of the arrays is the overall value, column 1 + k that of class k.
    """

    name: str
    measure: Measure
    class_names: tuple[str, ...]
    values: Floats
    """(1 + K,) on all images; NaN without objects."""
    bootstrap: Floats
    """(B, 1 + K) on each bootstrap resample; NaN if it has no objects."""
    left_out: Floats
    """(G, 1 + K) without each of G parts of the images."""
    halves: Floats
    """(H, 1 + K) on each of H halves of the images; each pair of rows is one split."""
    clusters: Ints
    """(1 + K,) the number of images, or groups of images, with objects: the evidence there is."""
    resampling: str
    """Identifies the resamples and the protocol; only values with the same text are paired."""
    varies: Flags | None = None
    """(1 + K,) whether enough images have hits and misses to show how a measure varies; None for
    differences, means over trainings and other statistics."""
    bounds: tuple[float, float] = (0.0, 1.0)
    """The smallest and largest possible value."""
    is_difference: bool = False

    @property
    def overall(self) -> Replicates:
        """The overall value alone, without classes."""
        columns = {
            name: getattr(self, name)[..., :1]
            for name in ("values", "bootstrap", "left_out", "halves", "clusters")
        }
        varies = None if self.varies is None else self.varies[:1]
        return replace(self, class_names=(), varies=varies, **columns)

    def minus(self, other: Replicates) -> Replicates:
        """Return the paired difference: this detector's values − those of another one.

        It is exactly 0 for equal detections.

        Raises:
            NotComparableError: the two have different measures, images or resamples.
        """
        ours = (self.measure, self.resampling, self.class_names)
        if ours != (other.measure, other.resampling, other.class_names):
            raise NotComparableError(
                f"{self.name} and {other.name} were not resampled together;"
                " resample both in one call"
            )
        return replace(
            self,
            name=f"{self.name} − {other.name}",
            values=self.values - other.values,
            bootstrap=self.bootstrap - other.bootstrap,
            left_out=self.left_out - other.left_out,
            halves=self.halves - other.halves,
            varies=None,
            bounds=(-1.0, 1.0),
            is_difference=True,
        )


def resample(
    evaluations: Sequence[Evaluation],
    measures: Sequence[Measure] | None = None,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    threads: int | None = None,
) -> list[list[Replicates]]:
    """Return the replicates of each measure of each detector, [evaluation][measure].

    Replicates of one call are paired: all detectors see the same resamples. Arguments and errors
    are those of `detbench.metrics.uncertainty.bootstrap.bootstrap`.
    """
    measures = tuple(measures or evaluations[0].protocol.measures)
    bootstrap_scores = bootstrap(
        evaluations, measures, resamples=resamples, seed=seed, threads=threads
    )
    ground_truth = evaluations[0].ground_truth
    parts = min(PARTS, cluster_count(ground_truth))
    left_out = weighted_scores(
        evaluations, measures, parts, _without_part(ground_truth, parts, seed), threads
    )
    return _with_halves(
        evaluations, measures, seed, threads, bootstrap=bootstrap_scores, left_out=left_out
    )


def resample_halves(
    evaluations: Sequence[Evaluation], measures: Sequence[Measure] | None = None
) -> list[list[Replicates]]:
    """Return replicates on halves only, which is what the intervals of single detectors need.

    Raises:
        NotComparableError: the evaluations have different ground truth or protocols.
    """
    measures = tuple(measures or evaluations[0].protocol.measures)
    none = [
        [
            WeightedScores(measure, np.empty((0, len(evaluation.ground_truth.class_names))))
            for measure in measures
        ]
        for evaluation in evaluations
    ]
    return _with_halves(evaluations, measures, 0, None, bootstrap=none, left_out=none)


def halves_of(evaluation: Evaluation) -> int:
    """Return the number of halves; it depends on the images and the protocol only.

    A detector has the same interval whatever it is compared with.
    """
    n_levels = len(evaluation.ground_truth.image_ids) * len(evaluation.protocol.iou_thresholds)
    return HALVES if n_levels <= _MAX_LEVELS else FEWER_HALVES


def _with_halves(
    evaluations: Sequence[Evaluation],
    measures: Sequence[Measure],
    seed: int,
    threads: int | None,
    *,
    bootstrap: list[list[WeightedScores]],
    left_out: list[list[WeightedScores]],
) -> list[list[Replicates]]:
    """Score halves of the images and put all replicates together."""
    first = evaluations[0]
    ground_truth = first.ground_truth
    weights_of = split_halves(ground_truth, seed)
    halves = weighted_scores(evaluations, measures, halves_of(first), weights_of, threads)
    groups = zlib.crc32(ground_truth.clusters.tobytes())
    resamples = len(bootstrap[0][0].classes)
    resampling = f"{ground_truth.digest} {first.protocol} {resamples} {seed} {groups}"
    return [
        [
            Replicates(
                name=evaluation.detections.name,
                measure=measure,
                class_names=evaluation.ground_truth.class_names,
                values=_values(evaluation, measure),
                bootstrap=_columns(bootstrap[e][m]),
                left_out=_columns(left_out[e][m]),
                halves=_columns(halves[e][m]),
                clusters=_clusters_with(ground_truth, images_with_objects(first, measure)),
                varies=_varies(evaluation, measure, ground_truth),
                resampling=resampling,
            )
            for m, measure in enumerate(measures)
        ]
        for e, evaluation in enumerate(evaluations)
    ]


def _values(evaluation: Evaluation, measure: Measure) -> Floats:
    overall = evaluation.value(measure)
    first = np.nan if overall is None else overall
    return np.concatenate([[first], evaluation.class_values(measure)])


def _columns(scores: WeightedScores) -> Floats:
    return np.column_stack([scores.values, scores.classes])


def _without_part(ground_truth: GroundTruth, parts: int, seed: int) -> WeightsOf:
    """Return the weights of everything but part b; parts are random and of equal size."""
    rng = np.random.default_rng([seed, 0, _PARTS_STREAM])
    part_of_cluster = rng.permutation(cluster_count(ground_truth)) % parts
    part = part_of_cluster[ground_truth.clusters]
    return lambda b: (part != b).astype(np.uint16)


def _varies(evaluation: Evaluation, measure: Measure, ground_truth: GroundTruth) -> Flags:
    """Return (1 + K,) whether enough clusters have hits and misses.

    A value that rests on a few hits, or falls short of 1 by a few misses, has no visible variation:
    most halves of the images have none of them, or all.
    """
    hits, misses = images_with_hits_and_misses(evaluation, measure)
    with_objects = _clusters_with(ground_truth, images_with_objects(evaluation, measure))
    with_hits = _clusters_with(ground_truth, hits)
    with_misses = _clusters_with(ground_truth, misses)
    varies = (with_hits >= MIN_WITH_HITS) & (with_misses >= MIN_WITH_MISSES)
    present = np.flatnonzero(with_objects[1:])
    hits_of_present = with_hits[1:][present]
    varies[0] &= len(present) > 0 and hits_of_present.mean() >= MIN_WITH_HITS_PER_CLASS
    return np.asarray(varies)


def _clusters_with(ground_truth: GroundTruth, there: ImageClasses) -> Ints:
    """Return (1 + K,) the number of clusters with something of any class, and of each class."""
    n_classes = len(ground_truth.class_names)
    n_of_classes = clusters_of_classes(ground_truth, there.images, there.classes, n_classes)
    return np.array([len(np.unique(ground_truth.clusters[there.images])), *n_of_classes])
