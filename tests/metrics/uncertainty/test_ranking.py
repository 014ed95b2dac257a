"""Rankings: order, ranks and ties follow from the tests of all pairs."""

from itertools import combinations

import numpy as np
import pytest

from detbench.errors import DetbenchError, NotComparableError
from detbench.metrics.scoring.evaluate import evaluate
from detbench.metrics.uncertainty.intervals import p_values
from detbench.metrics.uncertainty.ranking import ranking, resample_for_ranking
from detbench.metrics.uncertainty.replicates import resample
from tests.metrics.scored import perfect, truth
from tests.metrics.simulated import evaluate_simulated, four_detectors, many_images
from tests.references import step_down as reference


def resample_all(evaluations, resamples):
    return [replicates for [replicates] in resample(evaluations, resamples=resamples)]


def test_order_ranks_ties_and_corrected_p():
    by_name = {replicates.name: replicates for replicates in four_detectors()}
    ranked = ranking([*by_name.values()])
    order = [detector.name for detector in ranked.detectors]
    assert order == sorted(by_name, key=lambda name: -by_name[name].values[0])

    pairs = list(combinations(range(4), 2))
    changes = [by_name[order[a]].minus(by_name[order[b]]) for a, b in pairs]
    estimates = [change.values[0] for change in changes]
    p = reference.step_down(
        [p_values(change)[0] for change in changes],
        estimates,
        np.column_stack([change.bootstrap[:, 0] for change in changes]),
    )
    for (a, b), estimate, pair_p in zip(pairs, estimates, p, strict=True):
        assert ranked.differences[a, b] == -ranked.differences[b, a] == pytest.approx(estimate)
        assert ranked.p[a, b] == ranked.p[b, a] == pytest.approx(pair_p)
    assert (np.diag(ranked.p) == 1).all()

    significant = [pair for pair, pair_p in zip(pairs, p, strict=True) if pair_p <= 0.05]
    for row, detector in enumerate(ranked.detectors):
        better = sum(b == row for _, b in significant)
        worse = sum(a == row for a, _ in significant)
        assert (detector.best_rank, detector.worst_rank) == (1 + better, 4 - worse)
        assert len(detector.tied_with) == 3 - better - worse
    ranks = {
        detector.name: (detector.best_rank, detector.worst_rank) for detector in ranked.detectors
    }
    assert (ranks["a"], ranks["d"]) == ((1, 1), (4, 4))
    assert ranked.detectors[1].tied_with == (order[2],)
    assert [pair.significant for pair in ranked.pairs()] == [pair in significant for pair in pairs]


def test_equal_detectors_share_all_ranks():
    ground_truth = many_images(20)
    evaluations = [evaluate_simulated(ground_truth, 0.7, name) for name in "abc"]
    for detector in ranking(resample_all(evaluations, 50)).detectors:
        assert (detector.best_rank, detector.worst_rank) == (1, 3)
        assert len(detector.tied_with) == 2


def test_twelve_detectors_have_significant_differences():
    """With 66 pairs and 1,000 resamples, Holm's correction could call none of them."""
    ground_truth = many_images()
    evaluations = [
        evaluate_simulated(ground_truth, 0.9 if n < 6 else 0.3, str(n), n) for n in range(12)
    ]
    ranked = ranking(resample_all(evaluations, 1000))
    assert all(detector.worst_rank <= 6 for detector in ranked.detectors[:6])
    assert all(detector.best_rank >= 7 for detector in ranked.detectors[6:])


def test_replicates_for_a_ranking_are_empty_without_anything_to_rank():
    ground_truth = many_images(5)
    evaluations = [evaluate_simulated(ground_truth, 0.7, name) for name in "ab"]
    assert [replicates.name for replicates in resample_for_ranking(evaluations)] == ["a", "b"]
    assert resample_for_ranking(evaluations[:1]) == []
    one_image, no_object = truth([(0, 0, [0, 0, 9, 9])], images=1), truth([])
    for empty in (one_image, no_object):
        assert resample_for_ranking([evaluate(empty, perfect(empty))] * 2) == []


def test_one_detector_and_other_resamples_are_refused():
    detectors = four_detectors()
    with pytest.raises(DetbenchError, match="a ranking needs at least two detectors, got 1"):
        ranking(detectors[:1])
    other = resample_all([evaluate_simulated(many_images(20), 0.7, "e")], 5)
    with pytest.raises(NotComparableError, match="not resampled together"):
        ranking([detectors[0], *other])


def test_a_detector_without_a_value_is_refused():
    ground_truth = truth([], images=4)
    detectors = resample_all([evaluate(ground_truth, perfect(ground_truth))] * 2, 5)
    with pytest.raises(
        DetbenchError, match="mAP cannot be ranked: the ground truth has no objects"
    ):
        ranking(detectors)
