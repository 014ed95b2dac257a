"""Thresholds against an exhaustive search, and the halves that they are chosen on."""

from __future__ import annotations

import math

import numpy as np
import pytest

from detbench.errors import DetbenchError
from detbench.metrics.errors.counted_detections import count_detections
from detbench.metrics.errors.thresholds import (
    best_threshold,
    check_beta,
    choose_thresholds,
    choosing_half,
    held_out_replicates,
)
from tests.metrics.random_evaluations import plain_rows, random_evaluation
from tests.metrics.scored import detections, perfect, scored, truth
from tests.references.calibration import rows_of

BOX = (10, 10, 60, 60)


def f_beta(rows, positives, threshold, beta):
    """Return F-beta of precision and recall, as van Rijsbergen defines it; 0 without hits."""
    kept = [row for row in rows if row[1] >= threshold]
    hits = sum(row[2] is not None for row in kept)
    if not hits:
        return 0.0
    precision, recall = hits / len(kept), hits / positives
    return (1 + beta**2) * precision * recall / (beta**2 * precision + recall)


def of_class(objects, rows, k):
    """Return the counted detections of a class, and how many objects of it are to be found."""
    counted = [row for row in rows_of(objects, rows, 0.5) if row[0] == k]
    return counted, sum(row[1] == k and row[3] == "regular" for row in objects)


@pytest.mark.parametrize("beta", [1.0, 2.0, 0.5])
@pytest.mark.parametrize("seed", range(8))
def test_exhaustive_search(seed, beta):
    evaluation = random_evaluation(seed, ties=seed % 2 == 1)
    chosen_on = choosing_half(evaluation.ground_truth, seed)
    choice = choose_thresholds(count_detections(evaluation), chosen_on, beta=beta)
    halves = [
        [[row for row in rows if images[row[0]]] for rows in plain_rows(evaluation)]
        for images in (chosen_on, ~chosen_on)
    ]
    for k in range(4):
        (rows, positives), (other_rows, other_positives) = (of_class(*half, k) for half in halves)
        if not positives:
            assert np.isnan(choice.threshold[k])
            continue
        best = max((f_beta(rows, positives, row[1], beta) for row in rows), default=0.0)
        assert choice.f_chosen[k] == pytest.approx(best, abs=1e-12)
        threshold = choice.threshold[k]
        if best:
            assert f_beta(rows, positives, threshold, beta) == pytest.approx(best, abs=1e-12)
        if other_positives:
            expected = f_beta(other_rows, other_positives, threshold, beta)
            assert choice.f_held_out[k] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("seed", range(8))
def test_weights_are_repeated_images(seed):
    evaluation, weights = random_evaluation(seed, ties=seed % 2 == 1), np.arange(12) % 3
    held_out = ~choosing_half(evaluation.ground_truth, seed)
    counted = count_detections(evaluation)
    choice = choose_thresholds(counted, ~held_out, beta=2.0)
    [values] = held_out_replicates(counted, choice, held_out, weights[None].astype(np.uint16))
    repeated = [
        [
            (12 * copy + row[0], *row[1:])
            for row in rows
            for copy in range(weights[row[0]])
            if held_out[row[0]]
        ]
        for rows in plain_rows(evaluation)
    ]
    for k in range(4):
        rows, positives = of_class(*repeated, k)
        if positives and not np.isnan(choice.f_held_out[k]):
            expected = f_beta(rows, positives, choice.threshold[k], 2.0)
            assert values[k] == pytest.approx(expected, abs=1e-12)
        else:
            assert np.isnan(values[k])


@pytest.mark.parametrize("beta", [math.nan, math.inf, 0, -1, 1e200, 1e-9])
def test_invalid_beta(beta):
    with pytest.raises(DetbenchError, match=r"beta must be a number from 0\.01 to 100"):
        check_beta(beta)


def test_halves_are_halves_and_depend_on_the_seed():
    ground_truth = truth([], images=101)
    first, again, other = (choosing_half(ground_truth, seed) for seed in (1, 1, 2))
    assert first.sum() in (50, 51)
    assert (first == again).all()
    assert (first != other).any()


def test_halves_do_not_share_the_random_stream_of_bootstrap_replicate_3():
    shared = np.random.default_rng([0, 3]).permutation(101) % 2 == 0
    assert (choosing_half(truth([], images=101), 0) != shared).any()


def test_a_group_is_not_split():
    groups = np.arange(40) // 4
    chosen_on = choosing_half(truth([], images=40, groups=groups), 3).reshape(10, 4)
    assert chosen_on.all(axis=1).sum() == (~chosen_on).all(axis=1).sum() == 5


def test_perfect_detections():
    ground_truth = truth([(i, 0, BOX) for i in range(4)])
    evaluation = scored(ground_truth, perfect(ground_truth, scores=np.full(4, 0.7)))
    counted = count_detections(evaluation)
    choice = choose_thresholds(counted, np.array([True, True, False, False]))
    assert (choice.threshold[0], choice.f_chosen[0], choice.f_held_out[0]) == (0.7, 1, 1)
    assert (choice.precision[0], choice.recall[0]) == (1, 1)
    assert best_threshold(counted) == 0.7


def test_a_threshold_that_does_not_carry_over():
    ground_truth = truth([(i, 0, BOX) for i in range(2)], images=2)
    counted = count_detections(scored(ground_truth, perfect(ground_truth)))
    choice = choose_thresholds(counted, np.array([True, False]))
    assert (choice.threshold[0], choice.f_chosen[0], choice.f_held_out[0]) == (0.9, 1, 0)


def test_no_detections():
    ground_truth = truth([(0, 0, BOX)])
    evaluation = scored(ground_truth, detections(ground_truth, []))
    assert best_threshold(count_detections(evaluation)) == math.inf
