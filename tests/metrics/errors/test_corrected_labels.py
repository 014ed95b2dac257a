"""Corrected labels: the annotations as they should be, and scores as if they were."""

from __future__ import annotations

import numpy as np
import pytest

from detbench.metrics.errors.corrected_labels import corrected_labels, corrected_values
from tests.metrics.errors.test_label_errors import BOX, CORRECT, HITS, planted
from tests.metrics.random_evaluations import random_evaluation
from tests.metrics.scored import detections, scored, truth


def rows_of(ground_truth):
    images = np.repeat(np.arange(len(ground_truth.image_ids)), np.diff(ground_truth.offsets))
    columns = images, ground_truth.class_index, ground_truth.boxes, ground_truth.areas
    return sorted(zip(*(column.tolist() for column in columns), strict=True))


def test_planted_errors_are_corrected():
    wrong, errors = planted([(1, 0, BOX), *CORRECT[2:], (20, 0, BOX)])
    assert {error.kind for error in errors} == {"missing", "class", "spurious"}
    right = truth(CORRECT, images=21)
    assert rows_of(corrected_labels(wrong, errors)) == rows_of(right)
    evaluation = scored(wrong, detections(wrong, HITS))
    values = corrected_values(evaluation, errors)
    assert values["as annotated"] == evaluation.average_precision < 1
    assert values["all"] == pytest.approx(1)


@pytest.mark.parametrize("seed", range(6))
def test_no_errors_change_nothing(seed):
    ground_truth = random_evaluation(seed, "voc2007").ground_truth
    assert corrected_labels(ground_truth, []).digest == ground_truth.digest
