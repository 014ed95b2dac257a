"""Evaluation: small cases by hand, absent values, and how it looks in a notebook."""

from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from detbench.data.detections import Detections
from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchError
from detbench.metrics.protocols.coco import COCO
from detbench.metrics.protocols.protocol import Measure
from detbench.metrics.protocols.table import PROTOCOLS
from detbench.metrics.protocols.voc import VOC2007
from detbench.metrics.scoring.evaluate import evaluate
from tests.metrics.scored import detections, perfect, random_pair, scored, truth

BOX, FAR = (10, 10, 60, 60), (100, 10, 160, 60)
CLASS_NAMES = ["<script>alert(1)</script>", "a & b", "קטן", "🦉"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
class TestEveryProtocol:
    def test_perfect_detections_score_1(self, protocol):
        ground_truth = truth([(0, 0, BOX), (1, 1, FAR)])
        evaluation = scored(ground_truth, perfect(ground_truth), protocol)
        assert evaluation.average_precision == pytest.approx(1.0, abs=1e-12)
        assert evaluation.class_ap == pytest.approx([1.0, 1.0], abs=1e-12)

    def test_no_detections_score_0(self, protocol):
        ground_truth = truth([(0, 0, BOX)])
        evaluation = scored(ground_truth, detections(ground_truth, []), protocol)
        assert evaluation.average_precision == 0.0
        assert evaluation.class_ap[0] == 0.0
        assert [len(column) for column in evaluation.curve("cat")] == [0, 0, 0]

    def test_without_ground_truth_values_are_none_and_detections_false_positives(self, protocol):
        ground_truth = truth([])
        evaluation = scored(ground_truth, detections(ground_truth, [(0, 0, 0.9, BOX)]), protocol)
        assert set(evaluation.summary.values()) == {None}
        assert np.isnan(evaluation.class_ap).all()
        assert evaluation.counts[0, 0, 0].tolist() == [0, 1, 0, 0]

    def test_a_class_without_ground_truth_is_left_out_of_the_mean(self, protocol):
        ground_truth = truth([(0, 0, BOX)])
        rows = [(0, 0, 0.9, BOX), (0, 1, 0.95, FAR)]
        evaluation = scored(ground_truth, detections(ground_truth, rows), protocol)
        assert evaluation.average_precision == pytest.approx(1.0, abs=1e-12)
        assert np.isnan(evaluation.class_ap[1])
        assert np.isnan(evaluation.per_class().loc["dog", "AP"])

    def test_a_false_positive_in_an_image_without_ground_truth_counts(self, protocol):
        """supervision#1836: such images must not be skipped."""
        ground_truth = truth([(0, 0, BOX)])
        rows = [(1, 0, 0.95, FAR), (0, 0, 0.9, BOX)]
        evaluation = scored(ground_truth, detections(ground_truth, rows), protocol)
        assert evaluation.average_precision == pytest.approx(0.5, abs=1e-12)

    def test_an_inverted_box_matches_nothing(self, protocol):
        ground_truth = truth([(0, 0, BOX)])
        inverted = detections(ground_truth, [(0, 0, 0.9, (60, 60, 10, 10))])
        assert scored(ground_truth, inverted, protocol).average_precision == 0.0

    def test_no_classes_and_no_images(self, protocol):
        empty = GroundTruth.from_rows(
            image_ids=[], class_names=[], image_index=[], class_index=[], boxes=[]
        )
        nothing = Detections.from_rows(empty, image_index=[], class_index=[], scores=[], boxes=[])
        evaluation = evaluate(empty, nothing, protocol)
        assert set(evaluation.summary.values()) == {None}
        assert len(evaluation.per_class()) == 0


def test_unknown_classes_and_thresholds_are_refused():
    ground_truth = truth([(0, 0, BOX)])
    evaluation = scored(ground_truth, perfect(ground_truth), "voc2007")
    with pytest.raises(DetbenchError, match="no class 'cow'; choose one of cat, dog"):
        evaluation.curve("cow")
    with pytest.raises(DetbenchError, match=r"no IoU threshold 0\.75; it has 0\.5"):
        evaluation.curve("cat", iou=0.75)


def test_measures_whose_threshold_the_protocol_lacks_are_none():
    """torchmetrics#1908: never 0 or −1."""
    ground_truth = truth([(0, 0, BOX)])
    protocol = COCO.with_thresholds((0.6, 0.7))
    summary = scored(ground_truth, perfect(ground_truth), protocol).summary
    assert (summary["AP50"], summary["AP75"]) == (None, None)
    assert summary["AP"] == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize(
    ("crowd", "counts"),
    [
        ("region", [1, 0, 2, 1]),
        ("ignore", [1, 2, 0, 1]),
        ("count", [1, 2, 0, 2]),
        ("drop", [1, 2, 0, 1]),
    ],
)
def test_crowds_are_regions_ignored_counted_or_dropped(crowd, counts):
    """A crowd around two detections, and a regular object that is found."""
    ground_truth = truth([(0, 0, (0, 0, 200, 100)), (1, 0, FAR)], iscrowd=[True, False])
    inside = [(0, 0, 0.9, (10, 10, 30, 30)), (0, 0, 0.8, (50, 50, 80, 80))]
    detector = detections(ground_truth, [*inside, (1, 0, 0.7, FAR)])
    protocol = replace(
        COCO,
        crowd=crowd,
        iou_thresholds=(0.5,),
        measures=(Measure("AP"),),
        area_ranges=COCO.area_ranges[:1],
    )
    evaluation = evaluate(ground_truth, detector, protocol)
    assert evaluation.counts[0, 0, 0].tolist() == counts


def test_the_curve_of_a_class_by_hand():
    ground_truth = truth([(0, 0, BOX), (0, 0, FAR), (1, 0, BOX)])
    rows = [(0, 0, 0.9, BOX), (0, 0, 0.8, (300, 300, 310, 310)), (0, 0, 0.7, FAR)]
    evaluation = scored(ground_truth, detections(ground_truth, rows), VOC2007)
    precision, recall, score = evaluation.curve("cat")
    assert precision.tolist() == [1.0, 0.5, 2 / 3]
    assert recall.tolist() == [1 / 3, 1 / 3, 2 / 3]
    assert score.tolist() == [0.9, 0.8, 0.7]


def test_matches_keep_the_outcome_of_every_detection():
    ground_truth = truth([(0, 0, BOX)])
    rows = [(0, 0, 0.2, FAR), (0, 0, 0.9, BOX)]
    matches = scored(ground_truth, detections(ground_truth, rows), COCO).matches
    all_thresholds = (1 << len(COCO.iou_thresholds)) - 1
    assert matches.rows.tolist() == [1, 0]
    assert matches.hits[0].tolist() == [all_thresholds, 0]
    assert matches.ignored[0].tolist() == [0, 0]


def test_per_class_counts_all_detections_and_the_objects_to_find():
    ground_truth = truth([(0, 0, BOX), (0, 0, FAR)], difficult=[False, True])
    detector = perfect(ground_truth)
    table = scored(ground_truth, detector, "voc2007").per_class()
    assert table.loc["cat", ["ground_truths", "detections"]].tolist() == [1, 2]
    assert list(table.columns) == ["AP", "recall", "ground_truths", "detections"]
    assert {"AP50", "AP75"} <= set(scored(ground_truth, detector, "coco").per_class().columns)


class ParsedHtml(HTMLParser):
    """The texts and the tags of an HTML document."""

    def __init__(self, text):
        super().__init__()
        self.texts, self.tags = [], set()
        self.feed(text)

    def handle_data(self, data):
        self.texts.append(data)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)


class TestNotebook:
    @pytest.mark.parametrize("protocol", ["voc2007", "coco"])
    def test_every_number_is_shown(self, protocol):
        ground_truth, detector = random_pair(0)
        evaluation = scored(ground_truth, detector, protocol)
        texts = ParsedHtml(evaluation._repr_html_()).texts
        for value in [*evaluation.summary.values(), *evaluation.class_ap]:
            assert ("–" if value is None else f"{value:.4f}") in texts
        names = (*evaluation.summary, *ground_truth.class_names, "ground_truths", "detections")
        assert set(names) <= set(texts)

    def test_names_are_no_markup(self):
        ground_truth = truth([(0, k, BOX) for k in range(4)], CLASS_NAMES)
        evaluation = scored(ground_truth, perfect(ground_truth, "<b>bold</b>"))
        html = ParsedHtml(evaluation._repr_html_())
        assert html.tags == {"p", "b", "table", "thead", "tbody", "tr", "th", "td"}
        assert set(CLASS_NAMES) <= set(html.texts)
        assert html.texts[0].startswith("<b>bold</b> on made: mAP 1.0000")

    def test_of_five_hundred_classes_the_middle_is_left_out(self):
        class_names = [f"class {k}" for k in range(500)]
        ground_truth = truth([(0, k, BOX) for k in range(500)], class_names)
        texts = ParsedHtml(scored(ground_truth, perfect(ground_truth))._repr_html_()).texts
        assert {"class 0", "class 49", "class 450", "class 499"} <= set(texts)
        assert "class 250" not in texts


class TestRepr:
    def test_detector_dataset_score_protocol_and_size(self):
        ground_truth, detector = random_pair(0)
        evaluation = scored(ground_truth, detector, replace(VOC2007, strict_overlap=True))
        value = evaluation.summary["mAP"]
        protocol = "protocol voc2007 (changed: strict_overlap)"
        assert repr(evaluation) == (
            f"<Evaluation of finder on made: mAP {value:.4f}, {protocol}, 6 images, 3 classes>"
        )

    def test_an_absent_score_is_a_dash(self):
        empty = truth([])
        assert "mAP –" in repr(scored(empty, detections(empty, [])))

    def test_what_has_no_name_is_called_unnamed(self):
        ground_truth = truth([], name="")
        evaluation = scored(ground_truth, detections(ground_truth, [], name=""))
        expected = "<Evaluation of unnamed detections on unnamed ground truth: mAP –,"
        assert repr(evaluation).startswith(expected)
