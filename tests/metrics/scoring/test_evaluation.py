"""Evaluations of small cases by hand: what is empty, absent, out of range or asked for wrongly."""

from dataclasses import replace

import numpy as np
import pytest

from detbench.data.detections import Detections
from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchError, NotComparableError
from detbench.metrics.protocols.coco import COCO
from detbench.metrics.protocols.protocol import Measure
from detbench.metrics.protocols.table import PROTOCOLS
from detbench.metrics.protocols.voc import VOC2007
from detbench.metrics.scoring.evaluate import evaluate

BOX, OTHER = (10, 10, 60, 60), (100, 100, 160, 160)


def truth(boxes=(BOX,), classes=(0,), images=(0,), **columns):
    return GroundTruth.from_rows(
        image_ids=["a", "b"],
        class_names=["cat", "dog"],
        image_index=images,
        class_index=classes,
        boxes=boxes,
        **columns,
    )


def found(ground_truth, boxes=(BOX,), classes=(0,), images=(0,), scores=(0.9,)):
    return Detections.from_rows(
        ground_truth, image_index=images, class_index=classes, scores=scores, boxes=boxes
    )


@pytest.mark.parametrize("protocol", PROTOCOLS)
class TestEveryProtocol:
    def test_perfect_detections_score_1(self, protocol):
        ground_truth = truth([BOX, OTHER], [0, 1], [0, 1])
        evaluation = evaluate(
            ground_truth, found(ground_truth, [BOX, OTHER], [0, 1], [0, 1], [0.9, 0.8]), protocol
        )
        assert evaluation.average_precision == pytest.approx(1.0, abs=1e-12)
        assert evaluation.class_ap == pytest.approx([1.0, 1.0], abs=1e-12)

    def test_no_detections_score_0(self, protocol):
        ground_truth = truth()
        evaluation = evaluate(ground_truth, found(ground_truth, [], [], [], []), protocol)
        assert evaluation.average_precision == 0.0
        assert evaluation.class_ap.tolist()[0] == 0.0
        assert [len(part) for part in evaluation.curve("cat")] == [0, 0, 0]

    def test_no_ground_truth_is_none_and_every_detection_a_false_positive(self, protocol):
        ground_truth = truth([], [], [])
        evaluation = evaluate(ground_truth, found(ground_truth), protocol)
        assert set(evaluation.summary.values()) == {None}
        assert np.isnan(evaluation.class_ap).all()
        assert evaluation.counts[0, 0, 0].tolist() == [0, 1, 0, 0]

    def test_a_class_without_ground_truth_is_left_out_of_the_mean(self, protocol):
        ground_truth = truth()
        both = found(ground_truth, [BOX, OTHER], [0, 1], [0, 0], [0.9, 0.95])
        evaluation = evaluate(ground_truth, both, protocol)
        assert evaluation.average_precision == pytest.approx(1.0, abs=1e-12)
        assert np.isnan(evaluation.class_ap[1])
        assert np.isnan(evaluation.per_class().loc["dog", "AP"])

    def test_a_false_positive_on_an_image_without_ground_truth_counts(self, protocol):
        """supervision#1836: such images must not be skipped."""
        ground_truth = truth()
        evaluation = evaluate(
            ground_truth, found(ground_truth, [OTHER, BOX], [0, 0], [1, 0], [0.95, 0.9]), protocol
        )
        assert evaluation.average_precision == pytest.approx(0.5, abs=1e-12)

    def test_an_inverted_box_matches_nothing(self, protocol):
        ground_truth = truth()
        evaluation = evaluate(ground_truth, found(ground_truth, [(60, 60, 10, 10)]), protocol)
        assert evaluation.average_precision == 0.0

    def test_the_input_is_not_changed(self, protocol):
        ground_truth = truth([BOX, OTHER], [1, 0], [1, 0])
        detections = found(ground_truth, [OTHER, BOX], [0, 1], [0, 1], [0.3, 0.9])
        before = ground_truth.digest, detections.digest
        evaluate(ground_truth, detections, protocol)
        fresh = replace(ground_truth), replace(detections)
        assert before == (fresh[0].digest, fresh[1].digest)


def test_the_default_protocol_is_the_datasets():
    ground_truth = truth(protocol="voc2012")
    assert evaluate(ground_truth, found(ground_truth)).protocol.name == "voc2012"


def test_detections_of_another_ground_truth_are_refused():
    ground_truth = truth()
    with pytest.raises(NotComparableError, match="other images"):
        evaluate(replace(ground_truth, image_ids=("a", "c")), found(ground_truth))
    with pytest.raises(NotComparableError, match="other classes"):
        evaluate(replace(ground_truth, class_names=("dog", "cat")), found(ground_truth))


def test_unknown_names_are_refused():
    ground_truth = truth()
    evaluation = evaluate(ground_truth, found(ground_truth), "voc2007")
    with pytest.raises(DetbenchError, match="cat, dog"):
        evaluation.curve("cow")
    with pytest.raises(DetbenchError, match=r"has 0\.5"):
        evaluation.curve("cat", iou=0.75)
    with pytest.raises(DetbenchError, match="coco, voc2007, voc2012"):
        evaluate(ground_truth, found(ground_truth), "pascal")


def test_measures_whose_threshold_the_protocol_lacks_are_none():
    """torchmetrics#1908: never 0 or −1."""
    ground_truth = truth()
    summary = evaluate(ground_truth, found(ground_truth), COCO.with_thresholds((0.6, 0.7))).summary
    assert (summary["AP50"], summary["AP75"]) == (None, None)
    assert summary["AP"] == pytest.approx(1.0, abs=1e-12)


def test_crowds_are_regions_ignored_counted_or_dropped():
    """A crowd over two detections beside one regular object that is found."""
    boxes = [(0, 0, 200, 100), OTHER]
    ground_truth = truth(boxes, [0, 0], [0, 1], iscrowd=[True, False])
    rows = found(
        ground_truth,
        [(10, 10, 30, 30), (50, 50, 80, 80), OTHER],
        [0, 0, 0],
        [0, 0, 1],
        [0.9, 0.8, 0.7],
    )
    one = replace(
        COCO, iou_thresholds=(0.5,), measures=(Measure("AP"),), area_ranges=COCO.area_ranges[:1]
    )

    def counts(rule):
        return evaluate(ground_truth, rows, replace(one, crowd=rule)).counts[0, 0, 0].tolist()

    assert counts("region") == [1, 0, 2, 1]
    assert counts("ignore") == [1, 2, 0, 1]
    assert counts("count") == [1, 2, 0, 2]
    assert counts("drop") == [1, 2, 0, 1]


def test_curve_of_a_class_by_hand():
    ground_truth = truth([BOX, OTHER, BOX], [0, 0, 0], [0, 0, 1])
    rows = found(
        ground_truth, [BOX, (300, 300, 310, 310), OTHER], [0, 0, 0], [0, 0, 0], [0.9, 0.8, 0.7]
    )
    precision, recall, score = evaluate(ground_truth, rows, VOC2007).curve("cat")
    assert precision.tolist() == [1.0, 0.5, 2 / 3]
    assert recall.tolist() == [1 / 3, 1 / 3, 2 / 3]
    assert score.tolist() == [0.9, 0.8, 0.7]


def test_matches_keep_what_became_of_every_detection():
    ground_truth = truth()
    evaluation = evaluate(
        ground_truth, found(ground_truth, [OTHER, BOX], [0, 0], [0, 0], [0.2, 0.9]), COCO
    )
    assert evaluation.matches.rows.tolist() == [1, 0]
    every = (1 << len(COCO.iou_thresholds)) - 1
    assert evaluation.matches.hits[0].tolist() == [every, 0]
    assert evaluation.matches.ignored[0].tolist() == [0, 0]


def test_per_class_counts_all_detections_and_the_ground_truths_that_count():
    ground_truth = truth([BOX, OTHER], [0, 0], [0, 0], difficult=[False, True])
    frame = evaluate(
        ground_truth, found(ground_truth, [BOX, OTHER], [0, 0], [0, 0], [0.9, 0.8]), "voc2007"
    ).per_class()
    assert frame.loc["cat", ["ground_truths", "detections"]].tolist() == [1, 2]
    assert list(frame.columns) == ["AP", "recall", "ground_truths", "detections"]
    assert "AP50" in evaluate(ground_truth, found(ground_truth), "coco").per_class().columns


def test_boxes_that_differ_by_rounding_still_match_at_threshold_1():
    """Pycocotools caps thresholds at 1 − 1e−10."""
    ground_truth = truth()
    near = found(ground_truth, [(10, 10, 60, 60 + 1e-11)])
    assert evaluate(ground_truth, near, COCO.with_thresholds((1.0,))).summary[
        "AP"
    ] == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_no_classes_and_no_images_at_all(protocol):
    empty = GroundTruth.from_rows(
        image_ids=[], class_names=[], image_index=[], class_index=[], boxes=[]
    )
    evaluation = evaluate(
        empty,
        Detections.from_rows(empty, image_index=[], class_index=[], scores=[], boxes=[]),
        protocol,
    )
    assert set(evaluation.summary.values()) == {None}
    assert len(evaluation.per_class()) == 0


@pytest.mark.parametrize("threads", [0, -1])
def test_no_threads_are_refused(threads):
    ground_truth = truth()
    with pytest.raises(DetbenchError, match=f"threads must be 1 or more, got {threads}"):
        evaluate(ground_truth, found(ground_truth), threads=threads)


def test_what_the_caller_writes_later_changes_nothing():
    boxes, scores = np.array([BOX], float), np.array([0.9])
    ground_truth = truth(boxes)
    detections = found(ground_truth, boxes, scores=scores)
    boxes[0] = 0
    scores[0] = -5
    assert detections.scores.tolist() == [0.9]
    assert detections.boxes.tolist() == ground_truth.boxes.tolist() == [list(BOX)]
    with pytest.raises(ValueError, match="read-only"):
        detections.scores[0] = 1


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"images": (0, 0)}, "class_index has 1 rows, but image_index has 2"),
        ({"scores": (0.9, 0.8)}, "scores has 2 rows, but image_index has 1"),
        ({"images": (-1,)}, "image_index must be at least 0 and less than"),
        ({"images": (2,)}, "image_index must be at least 0 and less than"),
        ({"classes": (2,)}, "class_index must be at least 0 and less than"),
        ({"scores": (float("nan"),)}, "finite"),
    ],
)
def test_rows_that_do_not_fit_are_refused(columns, message):
    with pytest.raises(DetbenchError, match=message):
        found(truth(), **columns)
