"""Calibrated precision against the min-max formula of isotonic regression."""

from __future__ import annotations

from itertools import chain

import numpy as np
import pytest

from detbench.metrics.errors.calibrated_precision import calibrated_precision
from detbench.metrics.errors.counted_detections import count_detections
from tests.metrics.random_evaluations import plain_rows, random_evaluation
from tests.metrics.scored import detections, scored, truth
from tests.references.matching import matched

BOX = (10, 10, 60, 60)


@pytest.mark.parametrize("seed", range(10))
def test_min_max_formula(seed):
    evaluation = random_evaluation(seed, "voc2007", ties=seed % 2 == 1)
    objects, rows = plain_rows(evaluation)
    hits, ignored = matched(objects, rows, 0.5)
    values = calibrated_precision(count_detections(evaluation), len(rows))
    for k in range(4):
        of_class = [d for d in range(len(rows)) if rows[d][1] == k and not ignored[d]]
        scores = sorted({rows[d][2] for d in of_class}, reverse=True)
        groups = [
            [hits[d] is not None for d in of_class if rows[d][2] == score] for score in scores
        ]
        for n, score in enumerate(scores):
            expected = min(
                max(np.mean([*chain(*groups[a : b + 1])]) for b in range(n, len(groups)))
                for a in range(n + 1)
            )
            actual = [values[d] for d in of_class if rows[d][2] == score]
            assert actual == pytest.approx([expected] * len(groups[n]), abs=1e-12)
    assert not values[np.flatnonzero(ignored)].any()


def test_no_detections():
    ground_truth = truth([(0, 0, BOX)])
    counted = count_detections(scored(ground_truth, detections(ground_truth, [])))
    assert len(calibrated_precision(counted, 0)) == 0
