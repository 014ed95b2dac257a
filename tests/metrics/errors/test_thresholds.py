"""Thresholds against an exhaustive search, and the parting of images."""

from __future__ import annotations

import math

import numpy as np
import pytest

from detbench.errors import DetbenchError
from detbench.metrics.errors.counted_detections import rank
from detbench.metrics.errors.thresholds import (
    best_threshold,
    check_beta,
    halves,
    operating,
    operating_replicates,
)
from tests.metrics.analysed import analysed, plain
from tests.metrics.scored import detections, perfect, scored, truth
from tests.references.calibration import rows_of

BOX = (10, 10, 60, 60)


def f_beta(rows, positives, threshold, beta):
    """F-beta from precision and recall, as van Rijsbergen defines it; 0 where nothing is found."""
    taken = [row for row in rows if row[1] >= threshold]
    hits = sum(row[2] is not None for row in taken)
    if not hits:
        return 0.0
    precision, recall = hits / len(taken), hits / positives
    return (1 + beta**2) * precision * recall / (beta**2 * precision + recall)


@pytest.mark.parametrize("beta", [1.0, 2.0, 0.5])
@pytest.mark.parametrize("seed", range(8))
def test_exhaustive_search(seed, beta):
    evaluation = analysed(seed, ties=seed % 2 == 1)
    chosen_on = halves(evaluation.ground_truth, seed)
    found = operating(rank(evaluation), chosen_on, beta=beta)
    objects, rows = plain(evaluation)
    for k in range(4):
        parts = []
        for images in (chosen_on, ~chosen_on):
            some = [row for row in objects if images[row[0]]]
            own = [
                row
                for row in rows_of(some, [row for row in rows if images[row[0]]], 0.5)
                if row[0] == k
            ]
            parts.append((own, sum(row[1] == k and row[3] == "regular" for row in some)))
        (own, positives), (others, other_positives) = parts
        if not positives:
            assert np.isnan(found.threshold[k])
            continue
        best = max((f_beta(own, positives, row[1], beta) for row in own), default=0.0)
        assert found.chosen[k] == pytest.approx(best, abs=1e-12)
        if best:
            assert f_beta(own, positives, found.threshold[k], beta) == pytest.approx(
                best, abs=1e-12
            )
        if other_positives:
            assert found.value[k] == pytest.approx(
                f_beta(others, other_positives, found.threshold[k], beta), abs=1e-12
            )


@pytest.mark.parametrize("seed", range(8))
def test_weights_are_repeated_images(seed):
    evaluation, weights = analysed(seed, ties=seed % 2 == 1), np.arange(12) % 3
    chosen_on = halves(evaluation.ground_truth, seed)
    ranked = rank(evaluation)
    found = operating(ranked, chosen_on, beta=2.0)
    [values] = operating_replicates(ranked, found, ~chosen_on, weights[None].astype(np.uint16))
    objects, rows = plain(evaluation)
    drawn = [
        [
            (12 * n + row[0], *row[1:])
            for row in some
            for n in range(weights[row[0]])
            if not chosen_on[row[0]]
        ]
        for some in (objects, rows)
    ]
    for k in range(4):
        own, positives = (
            [row for row in rows_of(*drawn, 0.5) if row[0] == k],
            sum(row[1] == k and row[3] == "regular" for row in drawn[0]),
        )
        if positives and not np.isnan(found.value[k]):
            assert values[k] == pytest.approx(
                f_beta(own, positives, found.threshold[k], 2.0), abs=1e-12
            )
        else:
            assert np.isnan(values[k])


@pytest.mark.parametrize("beta", [math.nan, math.inf, 0, -1, 1e200, 1e-9])
def test_beta_of_no_use(beta):
    with pytest.raises(DetbenchError, match=r"beta must be a number from 0\.01 to 100"):
        check_beta(beta)


def test_halves_are_halves_and_named_by_the_seed():
    images = truth([], images=101)
    first, again, other = (halves(images, seed) for seed in (1, 1, 2))
    assert first.sum() in (50, 51)
    assert (first == again).all()
    assert (first != other).any()


def test_a_group_is_not_parted():
    chosen_on = halves(truth([], images=40, groups=np.arange(40) // 4), 3).reshape(10, 4)
    assert chosen_on.all(axis=1).sum() == (~chosen_on).all(axis=1).sum() == 5


def test_perfect_detections():
    data = truth([(i, 0, BOX) for i in range(4)])
    ranked = rank(scored(data, perfect(data, scores=np.full(4, 0.7))))
    found = operating(ranked, np.array([True, True, False, False]))
    assert (
        found.threshold[0],
        found.chosen[0],
        found.value[0],
        found.precision[0],
        found.recall[0],
    ) == (0.7, 1, 1, 1, 1)
    assert best_threshold(ranked) == 0.7


def test_a_threshold_that_does_not_carry_over():
    data = truth([(i, 0, BOX) for i in range(2)], images=2)
    found = operating(rank(scored(data, perfect(data))), np.array([True, False]))
    assert (found.threshold[0], found.chosen[0], found.value[0]) == (0.9, 1, 0)


def test_nothing_found():
    data = truth([(0, 0, BOX)])
    assert best_threshold(rank(scored(data, detections(data, [])))) == math.inf
