"""Frames: values of evaluations in pandas tables, by name."""

from __future__ import annotations

import math

import numpy as np

from detbench.reports.frames import class_frame, curve_frame, summary_frame
from tests.metrics.scored import detections, perfect, random_pair, scored, truth

BOX = (10, 10, 60, 60)


def evaluations(protocol="voc2007"):
    ground_truth, found = random_pair(0)
    return [scored(ground_truth, found, protocol), scored(ground_truth, perfect(ground_truth, "second"), protocol)]


def test_summary_has_a_row_per_detector_and_a_column_per_measure():
    both = evaluations("coco")
    frame = summary_frame(both)
    assert frame.index.tolist() == ["finder", "second"]
    assert frame.index.name == "detector"
    assert frame.columns.tolist() == ["AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl"]
    for evaluation in both:
        for measure, value in evaluation.summary.items():
            shown = frame.loc[evaluation.detections.name, measure]
            assert math.isnan(shown) if value is None else shown == value


def test_classes_have_a_column_per_detector():
    both = evaluations()
    frame = class_frame(both)
    assert frame.columns.tolist() == ["finder", "second"]
    assert frame.index.tolist() == ["class0", "class1", "class2"]
    assert np.array_equal(frame["finder"], both[0].class_ap)
    recall = class_frame(both, "recall")
    assert recall["second"].tolist() == [1.0, 1.0, 1.0]


def test_classes_without_ground_truth_are_nan():
    ground_truth = truth([(0, 0, BOX)])
    frame = class_frame([scored(ground_truth, perfect(ground_truth))])
    assert math.isnan(frame.loc["dog", "finder"])
    assert not math.isnan(frame.loc["cat", "finder"])


def test_curves_in_long_form():
    both = evaluations()
    frame = curve_frame(both, "class0")
    assert frame.columns.tolist() == ["detector", "score", "recall", "precision"]
    for evaluation in both:
        precision, recall, score = evaluation.curve("class0")
        part = frame[frame["detector"] == evaluation.detections.name]
        assert np.array_equal(part[["score", "recall", "precision"]], np.stack([score, recall, precision], axis=1))


def test_the_curve_of_a_detector_without_detections_has_no_rows():
    ground_truth = truth([(0, 0, BOX)])
    nothing, something = scored(ground_truth, detections(ground_truth, [], "nothing")), scored(ground_truth, perfect(ground_truth))
    frame = curve_frame([nothing, something], "cat")
    assert frame["detector"].tolist() == ["finder"]
    assert frame.dtypes["score"] == np.float64
