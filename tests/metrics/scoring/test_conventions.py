"""Conventions: every combination once, each with the score under that very protocol."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from detbench.data.columns import groups_from_offsets
from detbench.data.load import load_detections, load_ground_truth
from detbench.metrics.protocols.voc import VOC2007, VOC2012
from detbench.metrics.scoring.conventions import coco_numbers, convention_table, protocol_of
from detbench.metrics.scoring.evaluate import evaluate
from tests.metrics.scored import detections, random_pair, truth
from tests.references.voc_devkit import evaluate_class


def table_of(ground_truth, detector):
    """Return mAP by (interpolation, difficult, plus_one, strict_overlap)."""
    return {
        (row.interpolation, row.difficult, row.plus_one, row.strict_overlap): row.value
        for row in convention_table(ground_truth, detector)
    }


def test_the_switches_by_hand():
    """One object is found at an overlap of 1/2 with "+1"; a difficult one has a higher score."""
    boxes = [(0, 0, (0, 0, 20, 10)), (0, 0, (50, 50, 90, 90))]
    ground_truth = truth(boxes, ["cat"], difficult=[False, True])
    rows = [(0, 0, 0.9, (50, 50, 90, 90)), (0, 0, 0.8, (0, 0, 10, 10))]
    table = table_of(ground_truth, detections(ground_truth, rows))
    assert len(table) == 36
    one = pytest.approx(1, abs=1e-12)
    for interpolation in ("11-point", "area", "101-point"):
        assert table[interpolation, "ignore", True, False] == one
        assert table[interpolation, "count", True, False] == one
        # One half is not greater than one half.
        assert table[interpolation, "ignore", True, True] == 0
        # Without "+1" the overlap is 9 · 9 / (19 · 9), less than one half.
        assert table[interpolation, "ignore", False, False] == 0
        # A false positive comes first.
        assert table[interpolation, "drop", True, False] == pytest.approx(0.5, abs=1e-12)
    assert table["11-point", "count", True, True] == pytest.approx(6 / 11, abs=1e-12)
    assert table["area", "count", True, True] == pytest.approx(1 / 2, abs=1e-12)
    assert table["101-point", "count", True, True] == pytest.approx(51 / 101, abs=1e-12)


def test_101_points_are_the_best_precision_at_each_hundredth_of_recall():
    ground_truth, detector = random_pair(5, classes=1)
    images, object_images = (
        groups_from_offsets(boxes.offsets).tolist() for boxes in (detector, ground_truth)
    )
    objects = {}
    for image, (x1, y1, x2, y2) in zip(object_images, ground_truth.boxes.tolist(), strict=True):
        objects.setdefault(image, []).append((x1 + 1, y1 + 1, x2, y2, False))
    order = range(len(detector))
    if detector.source_rows is not None:
        order = detector.source_rows.argsort().tolist()
    one_based = np.add(detector.boxes, [1, 1, 0, 0]).tolist()
    rows = [(images[n], float(detector.scores[n]), *one_based[n]) for n in order]
    recall, precision, _ = evaluate_class(objects, rows)
    points = list(zip(recall, precision, strict=True))
    grid = np.linspace(0, 1, 101).tolist()  # pycocotools' own grid, with its rounding
    best = [max((p for r, p in points if r >= level), default=0) for level in grid]
    value = table_of(ground_truth, detector)["101-point", "ignore", True, False]
    assert value == pytest.approx(sum(best) / 101, abs=1e-9)


def test_rows_are_the_scores_under_their_protocols():
    ground_truth, detector = random_pair(1)
    ground_truth = replace(ground_truth, difficult=[n % 3 == 0 for n in range(len(ground_truth))])
    table = table_of(ground_truth, detector)
    for switches, value in table.items():
        evaluation = evaluate(ground_truth, detector, protocol_of(*switches))
        assert value == evaluation.summary["mAP"]
    for interpolation, protocol in (("11-point", VOC2007), ("area", VOC2012)):
        published = evaluate(ground_truth, detector, protocol).summary["mAP"]
        assert table[interpolation, "ignore", True, False] == published
    assert len(set(table.values())) > 5, "the switches matter"


def test_without_difficult_objects_the_rule_is_not_repeated():
    assert len(convention_table(*random_pair(2))) == 12


def test_without_objects_the_values_are_none():
    ground_truth = truth([], ["cat"])
    detector = detections(ground_truth, [(0, 0, 0.9, (0, 0, 10, 10))])
    assert set(table_of(ground_truth, detector).values()) == {None}
    assert coco_numbers(ground_truth, detector) == {"AP": None, "AP50": None, "AP75": None}


def test_coco_numbers_are_those_of_the_protocol():
    ground_truth, detector = random_pair(3)
    summary = evaluate(ground_truth, detector, "coco").summary
    expected = {name: summary[name] for name in ("AP", "AP50", "AP75")}
    assert coco_numbers(ground_truth, detector) == expected


def test_a_real_detector_under_every_convention(shared_data):
    """Published and separately computed values of one detector."""
    ground_truth = load_ground_truth(shared_data / "VOCtest_06-Nov-2007.annotations.tar.gz")
    folder = shared_data / "dets_voc" / "htt1084_d56c7e49"
    table = table_of(ground_truth, load_detections(folder, ground_truth))
    by_class = json.loads(folder.with_suffix(".json").read_text())["classes"].values()
    for key, switches in (
        ("ap07", ("11-point", "ignore", True, False)),
        ("ap_area", ("area", "ignore", True, False)),
        ("ap07_noplus1", ("11-point", "ignore", False, False)),
        ("ap_area_noplus1", ("area", "ignore", False, False)),
    ):
        mean = sum(of_class[key] for of_class in by_class) / 20
        assert table[switches] == pytest.approx(mean, abs=1e-12), key
    assert table["11-point", "count", True, False] == pytest.approx(0.64651, abs=5e-6)
    assert table["11-point", "drop", True, False] == pytest.approx(0.711506, abs=5e-7)
    assert table["11-point", "ignore", True, True] == table["11-point", "ignore", True, False]
