"""Several trainings: their mean, and how far it spreads by seed and by image."""

import math

import numpy as np
import pytest

from detbench.errors import DetbenchError, NotComparableError
from detbench.metrics.scoring.evaluate import evaluate
from detbench.metrics.uncertainty.difference import difference
from detbench.metrics.uncertainty.intervals import intervals
from detbench.metrics.uncertainty.replicates import resample
from detbench.metrics.uncertainty.seeds import average_over_seeds
from tests.metrics.scored import detections, perfect, random_pair, truth

T_975 = {2: 12.706, 3: 4.303, 5: 2.776}


@pytest.mark.parametrize("trainings", [2, 3, 5])
def test_seeds_alone_spread_by_students_t(trainings):
    rows = [(i, 0, [10 * n, 0, 10 * n + 8, 50]) for i in range(10) for n in range(10)]
    ground_truth = truth(rows, images=10)
    found = list(range(4, 4 + trainings))
    evaluations = [
        evaluate(
            ground_truth,
            detections(
                ground_truth, [(i, 0, 0.5, box) for i, _, box in rows if box[0] < 10 * count]
            ),
            "voc2012",
        )
        for count in found
    ]
    one = average_over_seeds([each[0] for each in resample(evaluations, resamples=20_000)], "trained")
    values = np.array(found) / 10
    assert one.values[0] == pytest.approx(values.mean())
    half = T_975[trainings] * values.std(ddof=1) / math.sqrt(trainings)
    overall, _ = intervals(one, method="percentile")
    unbounded = np.quantile(one.bootstrap[:, 0], [0.025, 0.975])
    np.testing.assert_allclose(
        unbounded, [values.mean() - half, values.mean() + half], atol=0.12 * half
    )
    assert overall.low == pytest.approx(max(unbounded[0], 0), abs=0.05 * half)


def test_equal_trainings_spread_by_image_alone():
    ground_truth, found = random_pair(4)
    trainings = [
        each[0] for each in resample([evaluate(ground_truth, found, "coco")] * 3, resamples=40)
    ]
    mean = average_over_seeds(trainings, "trained")
    np.testing.assert_allclose(mean.bootstrap, trainings[0].bootstrap, atol=1e-15)
    np.testing.assert_allclose(mean.halves, trainings[0].halves, atol=1e-15)
    np.testing.assert_allclose(mean.values, trainings[0].values)


def test_detectors_have_seeds_of_their_own():
    ground_truth, found = random_pair(4)
    evaluations = [
        evaluate(ground_truth, each, "voc2012") for each in (found, perfect(ground_truth))
    ]
    resampled = [each[0] for each in resample(evaluations, resamples=30)]
    first, again, other = (average_over_seeds(resampled, name) for name in ("a", "a", "b"))
    np.testing.assert_array_equal(first.bootstrap, again.bootstrap)
    assert not np.allclose(first.bootstrap, other.bootstrap, equal_nan=True)
    assert difference(first, other).interval.estimate == 0
    assert difference(first, other).standard_error > 0


def test_what_cannot_be_averaged():
    ground_truth, found = random_pair(4)
    evaluation = evaluate(ground_truth, found, "coco")
    one, other = (resample([evaluation], resamples=5, seed=seed)[0] for seed in (0, 1))
    with pytest.raises(
        DetbenchError,
        match="solo: variation over seeds needs at least two trainings, got 1",
    ):
        average_over_seeds([one[0]], "solo")
    with pytest.raises(NotComparableError, match="trainings of mixed were not resampled together"):
        average_over_seeds([one[0], other[0]], "mixed")
    with pytest.raises(NotComparableError, match="not resampled together"):
        average_over_seeds([one[0], one[1]], "mixed")
