"""Headings: the dataset, its size, and the protocol with its changed switches."""

from __future__ import annotations

from detbench.metrics.protocols.voc import VOC2007
from detbench.reports.dataset_and_protocol import evaluation_heading
from tests.metrics.scored import perfect, scored, truth

BOX = (10, 10, 60, 60)


def test_evaluation_heading():
    ground_truth = truth([(0, 0, BOX), (0, 1, BOX)], difficult=[False, True])
    finder = perfect(ground_truth)
    heading = evaluation_heading(scored(ground_truth, finder))
    assert heading == "made: 4 images, 1 objects, protocol voc2007"
    strict = VOC2007.with_thresholds((0.5, 0.75))
    heading = evaluation_heading(scored(ground_truth, finder, strict))
    assert heading == "made: 4 images, 1 objects, protocol voc2007 but iou_thresholds 0.5 0.75"
