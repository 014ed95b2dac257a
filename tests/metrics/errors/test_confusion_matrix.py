"""The confusion matrix against a plain reference, and cell by cell."""

from __future__ import annotations

import pytest

from detbench.metrics.errors.confusion_matrix import confusion_matrix
from detbench.metrics.kernels.columns import REGULAR
from detbench.metrics.protocols.crowd_and_difficult import object_kinds
from tests.metrics.random_evaluations import plain_rows, random_evaluation
from tests.metrics.scored import detections, scored, truth
from tests.references import confusion as reference

BOX = (10, 10, 60, 60)


def counts_of(ground_truth, rows):
    return confusion_matrix(scored(ground_truth, detections(ground_truth, rows))).counts


@pytest.mark.parametrize(("iou", "score"), [(0.5, 0.25), (0.3, 0.0), (0.75, 0.6)])
@pytest.mark.parametrize("protocol", ["coco", "voc2007"])
@pytest.mark.parametrize("seed", range(10))
def test_plain_reference(seed, protocol, iou, score):
    evaluation = random_evaluation(seed, protocol, ties=seed % 2 == 1)
    counts = confusion_matrix(evaluation, iou=iou, score=score).counts
    assert counts.tolist() == reference.confusion(*plain_rows(evaluation), 4, iou, score)
    regular = object_kinds(evaluation.ground_truth, evaluation.protocol) == REGULAR
    assert counts[:-1].sum() == regular.sum()


@pytest.mark.parametrize(
    ("rows", "cell"),
    [
        ([(0, 0, 0.9, BOX)], (0, 0)),
        ([(0, 1, 0.9, BOX)], (0, 1)),
        ([], (0, 2)),
        ([(0, 0, 0.1, BOX)], (0, 2)),
    ],
)
def test_one_object(rows, cell):
    counts = counts_of(truth([(0, 0, BOX)]), rows)
    assert counts[cell] == counts.sum() == 1


def test_no_objects():
    counts = counts_of(truth([]), [(0, 1, 0.9, BOX)])
    assert counts.tolist() == [[0, 0, 0], [0, 0, 0], [0, 1, 0]]


def test_own_class_wins_among_equal_overlaps():
    counts = counts_of(truth([(0, 1, BOX), (0, 0, BOX)]), [(0, 0, 0.9, BOX)])
    assert counts[0, 0] == counts[1, 2] == 1


def test_detections_on_difficult_objects_are_left_out():
    counts = counts_of(truth([(0, 0, BOX)], difficult=[True]), [(0, 0, 0.9, BOX)])
    assert counts.sum() == 0
