"""Evaluate: what it accepts, what it refuses, and that it changes no input."""

from dataclasses import replace

import numpy as np
import pytest

from detbench.errors import DetbenchError, NotComparableError
from detbench.metrics.protocols.coco import COCO
from detbench.metrics.protocols.table import PROTOCOLS
from detbench.metrics.scoring.evaluate import evaluate
from tests.metrics.scored import detections, perfect, truth

BOX, FAR = (10, 10, 60, 60), (100, 10, 160, 60)


def test_the_default_protocol_is_the_datasets():
    ground_truth = truth([(0, 0, BOX)], protocol="voc2012")
    assert evaluate(ground_truth, perfect(ground_truth)).protocol.name == "voc2012"


def test_an_unknown_protocol_is_refused():
    ground_truth = truth([(0, 0, BOX)])
    with pytest.raises(DetbenchError, match="coco, voc2007, voc2012"):
        evaluate(ground_truth, perfect(ground_truth), "pascal")


def test_detections_of_another_ground_truth_are_refused():
    ground_truth = truth([(0, 0, BOX)], images=2)
    detector = perfect(ground_truth)
    with pytest.raises(NotComparableError, match="other images"):
        evaluate(replace(ground_truth, image_ids=("a", "c")), detector)
    with pytest.raises(NotComparableError, match="other classes"):
        evaluate(replace(ground_truth, class_names=("dog", "cat")), detector)


@pytest.mark.parametrize("threads", [0, -1])
def test_no_threads_are_refused(threads):
    ground_truth = truth([(0, 0, BOX)])
    with pytest.raises(DetbenchError, match=f"threads must be 1 or more, got {threads}"):
        evaluate(ground_truth, perfect(ground_truth), threads=threads)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_input_is_not_changed(protocol):
    ground_truth = truth([(1, 1, BOX), (0, 0, FAR)])
    detector = detections(ground_truth, [(0, 0, 0.3, FAR), (1, 1, 0.9, BOX)])
    before = ground_truth.digest, detector.digest
    evaluate(ground_truth, detector, protocol)
    copies = replace(ground_truth), replace(detector)
    assert before == (copies[0].digest, copies[1].digest)


def test_boxes_that_differ_by_rounding_match_at_threshold_1():
    """As in pycocotools, thresholds are capped at 1 − 1e−10."""
    ground_truth = truth([(0, 0, BOX)])
    near = detections(ground_truth, [(0, 0, 0.9, (10, 10, 60, 60 + 1e-11))])
    evaluation = evaluate(ground_truth, near, COCO.with_thresholds((1.0,)))
    assert evaluation.summary["AP"] == pytest.approx(1.0, abs=1e-12)


def test_arrays_that_the_caller_changes_later_change_nothing():
    boxes, scores = np.array([BOX], float), np.array([0.9])
    ground_truth = truth([(0, 0, boxes[0])])
    detector = perfect(ground_truth, boxes=boxes, scores=scores)
    boxes[0] = 0
    scores[0] = -5
    assert detector.scores.tolist() == [0.9]
    assert detector.boxes.tolist() == ground_truth.boxes.tolist() == [list(BOX)]
    with pytest.raises(ValueError, match="read-only"):
        detector.scores[0] = 1


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"image_index": (0, 0)}, "class_index has 1 rows, but image_index has 2"),
        ({"scores": (0.9, 0.8)}, "scores has 2 rows, but image_index has 1"),
        ({"image_index": (-1,)}, "image_index must be at least 0 and less than"),
        ({"image_index": (4,)}, "image_index must be at least 0 and less than"),
        ({"class_index": (2,)}, "class_index must be at least 0 and less than"),
        ({"scores": (float("nan"),)}, "finite"),
    ],
)
def test_rows_that_do_not_fit_are_refused(columns, message):
    ground_truth = truth([(0, 0, BOX)])
    with pytest.raises(DetbenchError, match=message):
        perfect(ground_truth, **columns)
