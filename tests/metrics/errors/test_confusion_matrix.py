"""The confusion matrix against a plain reference, and cell by cell."""

from __future__ import annotations

import pytest

from detbench.metrics.errors.confusion_matrix import confusion
from detbench.metrics.kernels.columns import REGULAR
from detbench.metrics.scoring.evaluate import object_kinds
from tests.metrics.analysed import analysed, plain
from tests.metrics.scored import detections, scored, truth
from tests.references import confusion as reference

BOX = (10, 10, 60, 60)


@pytest.mark.parametrize("levels", [(0.5, 0.25), (0.3, 0.0), (0.75, 0.6)])
@pytest.mark.parametrize("protocol", ["coco", "voc2007"])
@pytest.mark.parametrize("seed", range(10))
def test_plain_reference(seed, protocol, levels):
    evaluation = analysed(seed, protocol, ties=seed % 2 == 1)
    counts = confusion(evaluation, iou=levels[0], score=levels[1]).counts
    assert counts.tolist() == reference.confusion(*plain(evaluation), 4, *levels)
    regular = object_kinds(evaluation.ground_truth, evaluation.protocol) == REGULAR
    assert counts[:-1].sum() == regular.sum()


@pytest.mark.parametrize(
    ("found", "cell"),
    [
        ([(0, 0, 0.9, BOX)], (0, 0)),
        ([(0, 1, 0.9, BOX)], (0, 1)),
        ([], (0, 2)),
        ([(0, 0, 0.1, BOX)], (0, 2)),
    ],
)
def test_one_object(found, cell):
    data = truth([(0, 0, BOX)])
    counts = confusion(scored(data, detections(data, found))).counts
    assert counts[cell] == counts.sum() == 1


def test_nothing_there():
    data = truth([])
    assert confusion(scored(data, detections(data, [(0, 1, 0.9, BOX)]))).counts.tolist() == [
        [0, 0, 0],
        [0, 0, 0],
        [0, 1, 0],
    ]


def test_own_class_wins_among_equal_overlaps():
    data = truth([(0, 1, BOX), (0, 0, BOX)])
    counts = confusion(scored(data, detections(data, [(0, 0, 0.9, BOX)]))).counts
    assert counts[0, 0] == counts[1, 2] == 1


def test_detections_on_difficult_objects_are_left_out():
    data = truth([(0, 0, BOX)], difficult=[True])
    assert confusion(scored(data, detections(data, [(0, 0, 0.9, BOX)]))).counts.sum() == 0
