"""Permutation test: two detectors compared by swapping their detections image by image.

The null hypothesis is that the detectors are exchangeable on each image: swapping all detections
of the two there gives equally probable data. That says more than "their AP is the same". Detectors
that rank and place boxes differently but reach the same AP are not exchangeable, and p may then be
small or large for reasons other than AP. To test a difference of AP itself, use the bootstrap
(`detbench.metrics.uncertainty.difference`).

A swapped list contains detections of both, so their scores must mean the same. If they do not, only
the order that each detector gives to its own detections is kept: every score is replaced by its
rank in its class, so that the n-th best detection of one meets the n-th best of the other. That
changes neither detector's AP.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np

from detbench.data.columns import Floats, Ints, groups_from_offsets, rows_of_groups
from detbench.data.detections import Detections
from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchError, NotComparableError
from detbench.metrics.protocols.protocol import Measure
from detbench.metrics.scoring.comparable import check_comparable
from detbench.metrics.scoring.evaluate import evaluate
from detbench.metrics.scoring.evaluation import Evaluation
from detbench.metrics.uncertainty.clusters import (
    Weights,
    WeightsOf,
    check_cluster_count,
    cluster_count,
)
from detbench.metrics.uncertainty.weighted_scores import WeightedScores, weighted_scores

Scores = Literal["auto", "raw", "ranks"]
MAX_SCORE_DISTANCE = 0.1
"""Largest Kolmogorov–Smirnov distance between the scores of two detectors' hits at which they count
as being on one scale."""
_BY_CHANCE = 1.95
"""Times sqrt((n + m) / nm): the distance that samples of n and m values from one distribution
exceed once in a thousand times."""
_ROUNDING = 1e-12


@dataclass(frozen=True, eq=False)
class PermutationTest:
    """The result of a permutation test for one measure."""

    measure: Measure
    difference: float
    """Candidate − baseline; NaN without objects."""
    p: float
    """The share of swaps, including the original data, with at least this difference; NaN without
    objects."""
    class_differences: Floats
    """(K,) NaN for classes without ground truth."""
    class_p: Floats
    """(K,) not corrected for their number; NaN for classes without ground truth."""
    scores: Literal["raw", "ranks"]
    """Whether detections were swapped with their scores or with their ranks."""


def permutation_test(
    baseline: Evaluation,
    candidate: Evaluation,
    measures: Sequence[Measure] | None = None,
    *,
    permutations: int = 1000,
    seed: int = 0,
    scores: Scores = "auto",
    threads: int | None = None,
) -> list[PermutationTest]:
    """Test each measure by swapping the two detectors' detections in random images.

    Equal scores are ordered by image, also under VOC protocols: the order of files means nothing in
    a mixed list.

    Args:
        baseline: a detector.
        candidate: another one, on the same ground truth under the same protocol. Images of one
            group are swapped together.
        measures: of the protocol; None for all of its summary.
        permutations: number of swaps P; p is at least 1 / (P + 1).
        seed: random seed.
        scores: "raw" swaps detections with their scores, "ranks" with their ranks, "auto" with
            ranks if the scales of the scores differ.
        threads: maximum number of threads; None for all cores that the process may use.

    Raises:
        NotComparableError: the two have different ground truth or protocols, or their scores have
            different scales and `scores` is "raw".
        DetbenchError: there are fewer than two images or groups, no permutations, or no such
            `scores`.
    """
    check_comparable([baseline, candidate])
    check_cluster_count(baseline.ground_truth, "a permutation test")
    if permutations < 1:
        raise DetbenchError(f"permutations must be 1 or more, got {permutations}")
    if scores not in get_args(Scores):
        raise DetbenchError(f"scores must be one of {', '.join(get_args(Scores))}, got {scores!r}")
    used = _scores_to_use(baseline, candidate, scores)
    both = _side_by_side(baseline, candidate, ranks=used == "ranks")
    weights_of = _swaps(baseline.ground_truth, seed)
    measures = measures or baseline.protocol.measures
    swapped = weighted_scores([both], measures, 2 * (permutations + 1), weights_of, threads)[0]
    return [_test(measure_scores, used) for measure_scores in swapped]


def score_distance(baseline: Evaluation, candidate: Evaluation) -> float:
    """Return the Kolmogorov–Smirnov distance (0..1) between the scores of two detectors' hits.

    Hits are those at the lowest IoU threshold. The result is 0 if hits of one detector would differ
    as much once in a thousand times, or if one detector has no hits.
    """
    first, second = (np.sort(_hit_scores(evaluation)) for evaluation in (baseline, candidate))
    n, m = len(first), len(second)
    if n == 0 or m == 0:
        return 0.0
    # The largest distance between the two empirical distribution functions is at one of the values.
    at = np.concatenate([first, second])
    below_first = np.searchsorted(first, at, side="right") / n
    below_second = np.searchsorted(second, at, side="right") / m
    distance = float(np.abs(below_first - below_second).max())
    return distance if distance > _BY_CHANCE * float(np.sqrt((n + m) / (n * m))) else 0.0


def repeat_images(
    ground_truth: GroundTruth, detections: Sequence[Detections], positions: Ints
) -> tuple[GroundTruth, list[Detections]]:
    """Return ground truth and detections of the images at `positions` (I′,), in that order.

    Unlike `select_images`, an image may be there several times. The new images are numbered, so
    that ties among scores are broken by their order.
    """
    rows = rows_of_groups(ground_truth.offsets, positions)
    columns = (
        "class_index",
        "boxes",
        "box_areas",
        "areas",
        "iscrowd",
        "difficult",
        "truncated",
    )
    repeated = replace(
        ground_truth,
        image_ids=tuple(f"{n:09d}" for n in range(len(positions))),
        offsets=np.concatenate([[0], np.cumsum(np.diff(ground_truth.offsets)[positions])]),
        image_sizes=ground_truth.image_sizes[positions],
        image_files=tuple(ground_truth.image_files[i] for i in positions),
        groups=None if ground_truth.groups is None else ground_truth.groups[positions],
        **{column: getattr(ground_truth, column)[rows] for column in columns},
    )
    return repeated, [detector.select_images(repeated, positions) for detector in detections]


def _hit_scores(evaluation: Evaluation) -> Floats:
    matches = evaluation.matches
    return np.asarray(evaluation.detections.scores[matches.rows[matches.hits[0] & 1 == 1]])


def _scores_to_use(
    baseline: Evaluation, candidate: Evaluation, scores: Scores
) -> Literal["raw", "ranks"]:
    if scores == "ranks":
        return "ranks"
    distance = score_distance(baseline, candidate)
    if distance <= MAX_SCORE_DISTANCE:
        return "raw"
    if scores == "raw":
        names = f"{baseline.detections.name} and {candidate.detections.name}"
        raise NotComparableError(
            f"the scores of {names} are on different scales: the Kolmogorov–Smirnov distance of"
            f" their hits is {distance:.2f}, above the limit of {MAX_SCORE_DISTANCE:g};"
            ' use scores="ranks", or the bootstrap'
        )
    return "ranks"


def _side_by_side(baseline: Evaluation, candidate: Evaluation, *, ranks: bool) -> Evaluation:
    """Score a dataset with each image twice.

    The baseline's detections in image i are in image 2i, the candidate's in image 2i + 1.
    """
    ground_truth = baseline.ground_truth
    twice = np.repeat(np.arange(len(ground_truth.image_ids)), 2)
    doubled, _ = repeat_images(ground_truth, [], twice)
    pair = (baseline.detections, candidate.detections)
    image = np.concatenate(
        [
            2 * groups_from_offsets(detections.offsets).astype(np.int64) + side
            for side, detections in enumerate(pair)
        ]
    )
    score = np.concatenate(
        [
            _rank_scores(evaluation) if ranks else evaluation.detections.scores
            for evaluation in (baseline, candidate)
        ]
    )
    order = np.argsort(image, kind="stable")
    columns: dict[str, Any] = {
        column: np.concatenate([getattr(detections, column) for detections in pair])[order]
        for column in ("class_index", "boxes", "box_areas")
    }
    mixed = Detections.from_rows(
        doubled, image_index=image[order], scores=score[order], name="both", **columns
    )
    return evaluate(doubled, mixed, baseline.protocol)


def _rank_scores(evaluation: Evaluation) -> Floats:
    """Return (N,) 1 for the best detection of each class, 1/2 for the second, and so on."""
    matches = evaluation.matches
    starts = np.repeat(matches.offsets[:-1], np.diff(matches.offsets))
    rank = np.arange(len(matches.rows)) - starts
    scores = np.empty(len(rank))
    scores[matches.rows] = 1 / (1 + rank)
    return scores


def _swaps(ground_truth: GroundTruth, seed: int) -> WeightsOf:
    """Return the weights (2I,) of swapped lists, for `_side_by_side`.

    Set 2b is the baseline after swap b, set 2b + 1 the candidate. Swap 0 swaps nothing.
    """
    clusters, n_images = ground_truth.clusters, len(ground_truth.image_ids)
    n_clusters = cluster_count(ground_truth)

    def weights_of(b: int) -> Weights:
        swap, side = divmod(b, 2)
        coins = np.zeros(n_images, np.int64)
        if swap:
            coins = np.random.default_rng([seed, swap]).integers(0, 2, n_clusters)[clusters]
        weights = np.zeros((n_images, 2), np.uint16)
        weights[np.arange(n_images), coins ^ side] = 1
        return weights.reshape(-1)

    return weights_of


def _test(swapped: WeightedScores, scores: Literal["raw", "ranks"]) -> PermutationTest:
    overall = swapped.values[1::2] - swapped.values[::2]
    classes = swapped.classes[1::2] - swapped.classes[::2]
    return PermutationTest(
        measure=swapped.measure,
        difference=float(overall[0]),
        p=float(_share_at_least_first(overall[:, None])[0]),
        class_differences=classes[0],
        class_p=_share_at_least_first(classes),
        scores=scores,
    )


def _share_at_least_first(differences: Floats) -> Floats:
    """Return (n,) the share of rows (P + 1, n) at least as far from 0 as the first row.

    NaN if the first row is.
    """
    size = np.abs(differences)
    share = (size >= size[0] - _ROUNDING).mean(axis=0)
    return np.where(np.isnan(differences[0]), np.nan, share)
