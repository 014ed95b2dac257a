"""Several trainings: their mean, and how it varies with seeds and images."""

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
"""Student's t of S − 1 degrees of freedom by the number of trainings S, from a table."""


def resample_headline(evaluations, resamples):
    return [by_measure[0] for by_measure in resample(evaluations, resamples=resamples)]


@pytest.mark.parametrize("trainings", [2, 3, 5])
def test_without_variation_of_images_the_mean_varies_by_students_t(trainings):
    """In every image, each training finds the same share of ten objects."""
    boxes = [[10 * n, 0, 10 * n + 8, 50] for n in range(10)]
    ground_truth = truth([(i, 0, box) for i in range(10) for box in boxes], images=10)
    counts = list(range(4, 4 + trainings))
    evaluations = []
    for count in counts:
        rows = [(i, 0, 0.5, box) for i in range(10) for box in boxes[:count]]
        evaluations.append(evaluate(ground_truth, detections(ground_truth, rows), "voc2012"))
    mean = average_over_seeds(resample_headline(evaluations, 20_000), "trained")
    values = np.array(counts) / 10
    center, margin = values.mean(), T_975[trainings] * values.std(ddof=1) / math.sqrt(trainings)
    assert mean.values[0] == pytest.approx(center)
    ends = np.quantile(mean.bootstrap[:, 0], [0.025, 0.975])
    np.testing.assert_allclose(ends, [center - margin, center + margin], atol=0.12 * margin)
    overall, _ = intervals(mean, method="percentile")
    if ends[0] <= 0 and ends[1] >= 1:
        assert not overall.is_defined
    else:
        assert overall.low == pytest.approx(max(ends[0], 0), abs=0.05 * margin)


def test_equal_trainings_vary_with_images_alone():
    ground_truth, detector = random_pair(4)
    trainings = resample_headline([evaluate(ground_truth, detector, "coco")] * 3, 40)
    mean = average_over_seeds(trainings, "trained")
    np.testing.assert_allclose(mean.bootstrap, trainings[0].bootstrap, atol=1e-15)
    np.testing.assert_allclose(mean.halves, trainings[0].halves, atol=1e-15)
    np.testing.assert_allclose(mean.values, trainings[0].values)


def test_detectors_of_different_names_have_independent_seeds():
    ground_truth, detector = random_pair(4)
    pair = (detector, perfect(ground_truth))
    evaluations = [evaluate(ground_truth, each, "voc2012") for each in pair]
    trainings = resample_headline(evaluations, 30)
    first, again, other = (average_over_seeds(trainings, name) for name in ("a", "a", "b"))
    np.testing.assert_array_equal(first.bootstrap, again.bootstrap)
    assert not np.allclose(first.bootstrap, other.bootstrap, equal_nan=True)
    change = difference(first, other)
    assert change.interval.estimate == 0
    assert change.standard_error > 0


def test_one_training_and_unpaired_trainings_are_refused():
    ground_truth, detector = random_pair(4)
    evaluation = evaluate(ground_truth, detector, "coco")
    first, other = (resample([evaluation], resamples=5, seed=seed)[0] for seed in (0, 1))
    message = "solo: variation over seeds needs at least two trainings, got 1"
    with pytest.raises(DetbenchError, match=message):
        average_over_seeds([first[0]], "solo")
    with pytest.raises(NotComparableError, match="trainings of mixed were not resampled together"):
        average_over_seeds([first[0], other[0]], "mixed")
    with pytest.raises(NotComparableError, match="not resampled together"):
        average_over_seeds([first[0], first[1]], "mixed")
