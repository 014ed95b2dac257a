"""Permutation test: whether two detectors can be told apart, by swapping their detections image by image.

The null hypothesis is that the detectors are exchangeable on each image: swapping everything that the two found there changes nothing that
is probable. That says more than "their AP is the same": detectors that rank and place boxes differently but reach the same AP are not
exchangeable, and then p may be small or large for reasons other than AP. To test a difference of AP itself, use the bootstrap
(`detbench.metrics.uncertainty.difference`).

A swapped list holds detections of both, so that their scores must mean the same. Where they do not, only the order that each
detector gives its own detections is kept: every score is replaced by its rank in its class, so that the n-th best of one meets the n-th
best of the other. That changes neither detector's AP.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from detbench.data.columns import Floats, groups_from_offsets
from detbench.data.detections import Detections
from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchError, NotComparableError
from detbench.metrics.protocols.protocol import Measure
from detbench.metrics.scoring.comparable import check_comparable
from detbench.metrics.scoring.evaluate import evaluate
from detbench.metrics.scoring.evaluation import Evaluation
from detbench.metrics.uncertainty.bootstrap import Replicates, weighted_replicates
from detbench.metrics.uncertainty.clusters import Weights, check_units, unit_count
from detbench.metrics.uncertainty.copies import with_copies

Scores = Literal["auto", "raw", "ranks"]
FARTHEST_SCORES = 0.1
"""Kolmogorov–Smirnov distance between the scores of two detectors' hits up to which they count as being on one scale."""
_BY_CHANCE = 1.95
"""Times sqrt((n + m) / nm): the distance that samples of n and m from one distribution exceed once in a thousand times."""
_ROUNDING = 1e-12


@dataclass(frozen=True, eq=False)
class PermutationTest:
    """What a permutation test found for one measure."""

    measure: Measure
    difference: float
    """Candidate − baseline; NaN where nothing is to be found."""
    p: float
    """The share of swaps, with the one that happened, that differ at least as much; NaN where nothing is to be found."""
    class_differences: Floats
    """(K,) NaN for classes without ground truth."""
    class_p: Floats
    """(K,) not corrected for their number; NaN for classes without ground truth."""
    scores: Literal["raw", "ranks"]
    """What was swapped: detections with their scores, or with their ranks."""


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
    """Test each measure by swapping the two detectors' detections on images chosen by coin.

    Args:
        baseline: a detector.
        candidate: another on the same ground truth under the same protocol; images of one of its groups are swapped together.
        measures: of the protocol; None for all of its summary.
        permutations: how many swaps; p is at least 1 / (permutations + 1).
        seed: names the swaps.
        scores: "raw" swaps detections with their scores, "ranks" with their ranks, "auto" with ranks where the scales differ.
        threads: at most this many; None for all the process may use.

    Equal scores are ordered by image here, also under VOC, whose order of files means nothing in a mixed list.

    Raises:
        NotComparableError: other ground truth or protocols; or scales differ and `scores` is "raw".
        DetbenchError: for fewer than two images or groups, no permutations, or no such `scores`.
    """
    check_comparable([baseline, candidate])
    check_units(baseline.ground_truth, "a permutation test")
    if permutations < 1:
        raise DetbenchError(f"permutations must be 1 or more, got {permutations}")
    if scores not in get_args(Scores):
        raise DetbenchError(f"scores must be one of {', '.join(get_args(Scores))}, got {scores!r}")
    used = _scores_to_use(baseline, candidate, scores)
    both = _side_by_side(baseline, candidate, ranks=used == "ranks")
    draw = _swaps(baseline.ground_truth, seed)
    asked = measures or baseline.protocol.measures
    found = weighted_replicates([both], asked, 2 * (permutations + 1), draw, threads)[0]
    return [_tested(replicates, used) for replicates in found]


def score_distance(baseline: Evaluation, candidate: Evaluation) -> float:
    """Return the Kolmogorov–Smirnov distance (0..1) between the scores of the two detectors' hits at the lowest IoU threshold.

    0 is returned where it is not beyond what hits of one detector show once in a thousand times, or where one has no hits.
    """
    first, second = (np.sort(_hit_scores(evaluation)) for evaluation in (baseline, candidate))
    n, m = len(first), len(second)
    if n == 0 or m == 0:
        return 0.0
    at = np.concatenate([first, second])
    below = [np.searchsorted(each, at, side="right") / len(each) for each in (first, second)]
    distance = float(np.abs(below[0] - below[1]).max())
    return distance if distance > _BY_CHANCE * float(np.sqrt((n + m) / (n * m))) else 0.0


def _hit_scores(evaluation: Evaluation) -> Floats:
    matches = evaluation.matches
    return np.asarray(evaluation.detections.scores[matches.rows[matches.hits[0] & 1 == 1]])


def _scores_to_use(
    baseline: Evaluation, candidate: Evaluation, scores: Scores
) -> Literal["raw", "ranks"]:
    if scores == "ranks":
        return "ranks"
    distance = score_distance(baseline, candidate)
    if distance <= FARTHEST_SCORES:
        return "raw"
    if scores == "raw":
        raise NotComparableError(
            f"the scores of {baseline.detections.name} and {candidate.detections.name} are on different scales "
            f"(Kolmogorov–Smirnov distance {distance:.2f} between those of hits, at most {FARTHEST_SCORES:g} can be mixed); "
            "swap ranks, or use the bootstrap"
        )
    return "ranks"


def _side_by_side(baseline: Evaluation, candidate: Evaluation, *, ranks: bool) -> Evaluation:
    """Score a dataset that holds each image twice: what the baseline found is on image 2i, what the candidate found on 2i + 1."""
    truth = baseline.ground_truth
    twice, _ = with_copies(truth, [], np.repeat(np.arange(len(truth.image_ids)), 2))
    pair = (baseline.detections, candidate.detections)
    image = np.concatenate(
        [
            2 * groups_from_offsets(each.offsets).astype(np.int64) + side
            for side, each in enumerate(pair)
        ]
    )
    score = np.concatenate(
        [_rank_scores(each) if ranks else each.detections.scores for each in (baseline, candidate)]
    )
    order = np.argsort(image, kind="stable")
    columns: dict[str, Any] = {
        column: np.concatenate([getattr(each, column) for each in pair])[order]
        for column in ("class_index", "boxes", "box_areas")
    }
    mixed = Detections.from_rows(
        twice, image_index=image[order], scores=score[order], name="both", **columns
    )
    return evaluate(twice, mixed, baseline.protocol)


def _rank_scores(evaluation: Evaluation) -> Floats:
    """Return (N,) 1 for the best detection of each class, 1/2 for the second, and so on."""
    matches = evaluation.matches
    place = np.arange(len(matches.rows)) - np.repeat(matches.offsets[:-1], np.diff(matches.offsets))
    scores = np.empty(len(place))
    scores[matches.rows] = 1 / (1 + place)
    return scores


def _swaps(truth: GroundTruth, seed: int) -> Callable[[int], Weights]:
    """Return what gives the weights (2I,) of set 2b, the baseline after swap b, and 2b + 1, the candidate; swap 0 changes nothing."""
    number, images = truth.clusters, len(truth.image_ids)

    def draw(b: int) -> Weights:
        swap, side = divmod(b, 2)
        coins = (
            np.random.default_rng([seed, swap]).integers(0, 2, unit_count(truth))[number]
            if swap
            else np.zeros(images, np.int64)
        )
        weights = np.zeros((images, 2), np.uint16)
        weights[np.arange(images), coins ^ side] = 1
        return weights.reshape(-1)

    return draw


def _tested(found: Replicates, scores: Literal["raw", "ranks"]) -> PermutationTest:
    overall = found.values[1::2] - found.values[::2]
    classes = found.classes[1::2] - found.classes[::2]
    return PermutationTest(
        found.measure,
        float(overall[0]),
        float(_p(overall[:, None])[0]),
        classes[0],
        _p(classes),
        scores,
    )


def _p(differences: Floats) -> Floats:
    """Return (n,) the share of rows (P + 1, n) at least as far from 0 as the first; NaN where that is NaN."""
    size = np.abs(differences)
    share = (size >= size[0] - _ROUNDING).mean(axis=0)
    return np.where(np.isnan(differences[0]), np.nan, share)
