"""Plans against tables of the normal distribution, and against each other."""

import math

import numpy as np
import pytest

from detbench.errors import DetbenchError
from detbench.metrics.scoring.evaluate import evaluate
from detbench.metrics.uncertainty.intervals import standard_error
from detbench.metrics.uncertainty.power import (
    CORRELATION,
    images_needed,
    power_analysis,
    smallest_difference,
)
from detbench.metrics.uncertainty.replicates import resample
from tests.metrics.scored import detections, perfect, truth
from tests.metrics.uncertainty.test_ranking import four


def test_known_values():
    assert smallest_difference(0.0043) == pytest.approx((1.959964 + 0.841621) * 0.0043, abs=1e-8)
    assert smallest_difference(1, power=0.9, level=0.01) == pytest.approx(
        2.575829 + 1.281552, abs=1e-5
    )
    assert images_needed(0.012, 4952, 0.006) == 4 * 4952
    assert images_needed(0.001, 4952, 0.5) == 2


def test_two_detectors_plan_from_their_paired_difference():
    first, second = four()[:2]
    found = power_analysis([first, second], 120, difference=0.02)
    change = second.minus(first)
    spread = [np.var(each.bootstrap[:, 0], ddof=1) for each in (first, second)]
    assert found.standard_error == standard_error(change)
    assert found.standard_error**2 == pytest.approx(
        sum(spread) - 2 * found.correlation * math.sqrt(math.prod(spread))
    )
    assert found.smallest == smallest_difference(found.standard_error)
    assert found.needed == math.ceil(120 * (found.smallest / 0.02) ** 2)
    assert (found.assumed, found.values) == (False, (first.values[0], second.values[0]))
    assert found.classes == tuple(
        (name, smallest_difference(standard_error(change, 1 + k))) for k, name in enumerate("abc")
    )


def test_one_detector_assumes_a_rival_of_its_kind():
    first = four()[0]
    found = power_analysis([first], 120)
    assert (found.assumed, found.correlation, found.difference, found.needed) == (
        True,
        CORRELATION,
        None,
        None,
    )
    assert found.standard_error == pytest.approx(
        math.sqrt(2 * (1 - CORRELATION)) * standard_error(first)
    )
    closer = power_analysis([first], 120, correlation=0.98)
    assert closer.smallest == pytest.approx(found.smallest * math.sqrt(0.02 / (1 - CORRELATION)))


@pytest.mark.parametrize("detectors", [1, 2])
def test_what_does_not_vary_cannot_be_told(detectors):
    box, far = [10, 10, 60, 60], [100, 10, 150, 60]
    ground_truth = truth([(0, 0, box), (1, 0, box), (1, 1, far)], "abc", images=2)
    pair = [evaluate(ground_truth, perfect(ground_truth), "voc2007")] * detectors
    found = power_analysis([each[0] for each in resample(pair, resamples=50)], 2, difference=0.01)
    assert found.needed is None
    assert all(
        map(
            math.isnan,
            (found.standard_error, found.smallest, *(smallest for _, smallest in found.classes)),
        )
    )
    assert all(value <= 1 for value in found.values)


def test_a_class_that_one_image_shows_cannot_be_told():
    box = [10, 10, 60, 60]
    ground_truth = truth(
        [(0, 0, box), (1, 0, box), (2, 0, box), (1, 1, [100, 10, 150, 60])], "ab", images=3
    )
    some = detections(
        ground_truth, [(0, 0, 0.9, box), (1, 1, 0.8, box), (1, 1, 0.7, [100, 10, 150, 60])]
    )
    (a, b) = power_analysis(
        [resample([evaluate(ground_truth, some, "voc2007")], resamples=50)[0][0]], 3
    ).classes
    assert a[1] > 0
    assert math.isnan(b[1])


@pytest.mark.parametrize(
    ("count", "options", "problem"),
    [
        (3, {}, "a power analysis needs one or two detectors, got 3"),
        (
            1,
            {"power": 0.01},
            "power must lie between the level and 1, got power 0.01 and level 0.05",
        ),
        (1, {"power": 1.0}, "power must lie between"),
        (1, {"difference": 0.0}, "difference must lie between 0 and 100 points, got 0"),
        (1, {"difference": 1.5}, "between 0 and 100 points, got 150"),
        (1, {"correlation": 1.0}, "correlation must be at least -1 and less than 1, got 1"),
        (2, {"correlation": 0.5}, "correlation of two detectors is measured"),
    ],
)
def test_what_cannot_be_planned(count, options, problem):
    with pytest.raises(DetbenchError, match=problem):
        power_analysis(four()[:count], 120, **options)
