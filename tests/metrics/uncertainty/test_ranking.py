"""Rankings against the pairwise tests they come from."""

import numpy as np
import pytest

from detbench.data.detections import Detections
from detbench.errors import DetbenchError, NotComparableError
from detbench.metrics.scoring.evaluate import evaluate
from detbench.metrics.uncertainty.intervals import p_values
from detbench.metrics.uncertainty.ranking import ranking
from detbench.metrics.uncertainty.replicates import resample
from tests.data.simulated_detections import simulated_detections
from tests.metrics.uncertainty.test_difference import many_images
from tests.metrics.uncertainty.test_multiple_testing import plain_step_down


def named(ground_truth, quality, name, seed=0):
    found = simulated_detections(ground_truth, quality, seed)
    columns = {column: getattr(found, column) for column in ("class_index", "scores", "boxes")}
    image = np.repeat(np.arange(len(found.image_ids)), np.diff(found.offsets))
    return evaluate(
        ground_truth,
        Detections.from_rows(ground_truth, image_index=image, name=name, **columns),
        "voc2012",
    )


def four():
    ground_truth = many_images()
    kinds = ((0.6, "b", 1), (0.95, "a", 0), (0.6, "c", 2), (0.2, "d", 0))
    return [
        each[0]
        for each in resample([named(ground_truth, *kind) for kind in kinds], resamples=1999)
    ]


def test_order_ties_and_corrected_p():
    resampled = four()
    by_name = {each.name: each for each in resampled}
    ranked = ranking(resampled)
    order = [place.name for place in ranked.detectors]
    assert order == sorted(by_name, key=lambda name: -by_name[name].values[0])
    raw, drawn = {}, []
    for row, first in enumerate(order):
        for column, second in enumerate(order):
            change = by_name[first].minus(by_name[second])
            assert ranked.differences[row, column] == pytest.approx(change.values[0])
            if row < column:
                raw[row, column] = p_values(change)[0]
                drawn.append(change.bootstrap[:, 0])
    estimates = [ranked.differences[pair] for pair in raw]
    corrected = dict(
        zip(raw, plain_step_down([*raw.values()], estimates, np.column_stack(drawn)), strict=True)
    )
    for (row, column), p in corrected.items():
        assert ranked.p[row, column] == ranked.p[column, row] == pytest.approx(p)
    for row, place in enumerate(ranked.detectors):
        better = sum(p <= 0.05 for (_, column), p in corrected.items() if column == row)
        worse = sum(p <= 0.05 for (upper, _), p in corrected.items() if upper == row)
        assert (place.best_rank, place.worst_rank) == (1 + better, 4 - worse)
        assert len(place.tied_with) == 3 - better - worse
    assert [
        (place.name, place.best_rank, place.worst_rank)
        for place in ranked.detectors
        if place.name in "ad"
    ] == [("a", 1, 1), ("d", 4, 4)]
    assert ranked.detectors[1].tied_with == (order[2],)
    assert (np.diag(ranked.p) == 1).all()


def test_equal_detectors_share_all_ranks():
    ground_truth = many_images(20)
    resampled = [
        each[0]
        for each in resample([named(ground_truth, 0.7, name) for name in "abc"], resamples=50)
    ]
    assert [
        (place.best_rank, place.worst_rank, len(place.tied_with))
        for place in ranking(resampled).detectors
    ] == [(1, 3, 2)] * 3


def test_twelve_detectors_can_be_told_apart():
    """Twelve ask 66 questions of 1,000 draws, more than the smallest p times the number of questions could ever answer."""
    ground_truth = many_images()
    found = [named(ground_truth, 0.9 if n < 6 else 0.3, str(n), n) for n in range(12)]
    ranked = ranking([each[0] for each in resample(found, resamples=1000)])
    assert {(place.best_rank <= 6, place.worst_rank <= 6) for place in ranked.detectors[:6]} == {
        (True, True)
    }
    assert {place.best_rank >= 7 for place in ranked.detectors[6:]} == {True}


def test_what_cannot_be_ranked():
    resampled = four()
    with pytest.raises(DetbenchError, match="a ranking needs at least two detectors, got 1"):
        ranking(resampled[:1])
    with pytest.raises(NotComparableError, match="not resampled together"):
        ranking([resampled[0], resample([named(many_images(20), 0.7, "e")], resamples=5)[0][0]])
