"""Likely label errors: planted ones are found, and unchanged annotations are not suspected."""

from __future__ import annotations

import pytest

from detbench.metrics.errors.label_errors import AnalyzedDetector, label_errors
from tests.metrics.random_evaluations import random_evaluation
from tests.metrics.scored import detections, scored, truth

BOX, OTHER = (10, 10, 60, 60), (100, 20, 150, 70)
CORRECT = [(i, i % 2, BOX) for i in range(20)] + [(i, (i + 1) % 2, OTHER) for i in range(20)]
"""Objects that are really there: image, class, box."""
HITS = [(image, label, 0.9 - n / 100, box) for n, (image, label, box) in enumerate(CORRECT)]
"""Detections of all of them."""


def errors_of(*evaluations, **options):
    return label_errors([AnalyzedDetector.from_evaluation(each) for each in evaluations], **options)


def planted(rows, n_detectors=1):
    """Return ground truth of annotations, and the label errors of detectors with `HITS`."""
    ground_truth = truth(rows, images=21)
    evaluations = [
        scored(ground_truth, detections(ground_truth, HITS, name=f"detector {n}"))
        for n in range(n_detectors)
    ]
    return ground_truth, errors_of(*evaluations)


def fields(error):
    return error.kind, error.image, error.object, error.class_name, error.detected


@pytest.mark.parametrize("n_detectors", [1, 3])
def test_a_missing_object(n_detectors):
    _, [error] = planted(CORRECT[1:], n_detectors)
    assert fields(error) == ("missing", 0, None, "cat", "cat")
    assert error.box == BOX
    assert len(error.detectors) == n_detectors
    assert error.suspicion == pytest.approx(19 / 20)


@pytest.mark.parametrize("n_detectors", [1, 3])
def test_a_wrong_class(n_detectors):
    _, [error] = planted([(0, 1, BOX), *CORRECT[1:]], n_detectors)
    assert fields(error) == ("class", 0, 0, "dog", "cat")


def test_a_spurious_object():
    ground_truth, [error] = planted([*CORRECT, (20, 0, BOX)])
    assert fields(error) == ("spurious", 20, len(ground_truth) - 1, "cat", None)
    assert error.suspicion == pytest.approx(20 / 21)


def test_correct_annotations_are_not_suspected():
    assert planted(CORRECT)[1] == []


def test_a_detector_that_does_not_support_an_error_halves_its_suspicion():
    ground_truth = truth(CORRECT[1:], images=21)
    pair = [
        scored(ground_truth, detections(ground_truth, rows, name=name))
        for rows, name in ((HITS, "supports it"), (HITS[1:], "does not"))
    ]
    assert errors_of(*pair) == []
    [error] = errors_of(*pair, min_suspicion=0.4)
    assert error.detectors == ("supports it",)
    assert error.suspicion == pytest.approx(19 / 40)


def test_difficult_objects_explain_detections():
    ground_truth = truth(CORRECT, images=21, difficult=[True] + [False] * (len(CORRECT) - 1))
    image, _, score, box = HITS[0]
    rows = [(image, 1, score, box), *HITS[1:]]
    assert errors_of(scored(ground_truth, detections(ground_truth, rows))) == []


@pytest.mark.parametrize("seed", range(6))
def test_most_suspicious_first(seed):
    evaluation = random_evaluation(seed, "voc2007")
    errors = errors_of(evaluation, min_suspicion=0.1)
    suspicions = [error.suspicion for error in errors]
    assert suspicions == sorted(suspicions, reverse=True)
    assert all(0.1 <= suspicion <= 1 for suspicion in suspicions)
    assert errors_of(evaluation, min_suspicion=0.1, max_errors=2) == errors[:2]


def test_no_objects():
    ground_truth = truth([])
    assert errors_of(scored(ground_truth, detections(ground_truth, []))) == []
