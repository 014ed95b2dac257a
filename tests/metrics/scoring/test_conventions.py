"""The convention table: every combination once, each the score under that very protocol."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from detbench.data.load import load_detections, load_ground_truth
from detbench.metrics.protocols.voc import VOC2007, VOC2012
from detbench.metrics.scoring.conventions import coco_numbers, convention_table, protocol_of
from detbench.metrics.scoring.evaluate import evaluate
from tests.metrics.scored import detections, random_pair, truth
from tests.references.voc_devkit import evaluate_class


def values(rows):
    return {
        (row.interpolation, row.difficult, row.plus_one, row.strict_overlap): row.value
        for row in rows
    }


def test_the_switches_by_hand():
    """One object found at an overlap of exactly one half with "+1", and a difficult one found above it."""
    ground_truth = truth(
        [(0, 0, (0, 0, 20, 10)), (0, 0, (50, 50, 90, 90))], ["cat"], difficult=[False, True]
    )
    found = detections(ground_truth, [(0, 0, 0.9, (50, 50, 90, 90)), (0, 0, 0.8, (0, 0, 10, 10))])
    table = values(convention_table(ground_truth, found))
    assert len(table) == 36
    one = pytest.approx(1, abs=1e-12)
    for interpolation in ("11-point", "area", "101-point"):
        assert table[interpolation, "ignore", True, False] == one
        assert table[interpolation, "ignore", True, True] == 0, "one half is not above one half"
        assert table[interpolation, "ignore", False, False] == 0, (
            "9 · 9 of 19 · 9 is less than one half"
        )
        assert table[interpolation, "drop", True, False] == pytest.approx(0.5, abs=1e-12), (
            "a false positive comes first"
        )
        assert table[interpolation, "count", True, False] == one
    assert table["11-point", "count", True, True] == pytest.approx(6 / 11, abs=1e-12)
    assert table["area", "count", True, True] == pytest.approx(1 / 2, abs=1e-12)
    assert table["101-point", "count", True, True] == pytest.approx(51 / 101, abs=1e-12)


def test_101_points_are_the_best_precision_at_each_hundredth_of_recall():
    ground_truth, found = random_pair(5, classes=1)
    images = [
        n
        for n in range(len(found.image_ids))
        for _ in range(found.offsets[n + 1] - found.offsets[n])
    ]
    truths = {}
    for n in range(len(ground_truth.image_ids)):
        for x1, y1, x2, y2 in ground_truth.boxes[
            ground_truth.offsets[n] : ground_truth.offsets[n + 1]
        ].tolist():
            truths.setdefault(n, []).append((x1 + 1, y1 + 1, x2, y2, False))
    order = range(len(found)) if found.source_rows is None else found.source_rows.argsort().tolist()
    rows = [
        (images[n], float(found.scores[n]), *(found.boxes[n] + [1, 1, 0, 0]).tolist())
        for n in order
    ]
    recall, precision, _ = evaluate_class(truths, rows)
    grid = np.linspace(0, 1, 101).tolist()  # pycocotools' own grid, rounding and all
    best = [
        max((p for r, p in zip(recall, precision, strict=True) if r >= level), default=0)
        for level in grid
    ]
    table = values(convention_table(ground_truth, found))
    assert table["101-point", "ignore", True, False] == pytest.approx(sum(best) / 101, abs=1e-9)


def test_rows_are_the_scores_under_their_protocols():
    ground_truth, found = random_pair(1)
    ground_truth = replace(ground_truth, difficult=[n % 3 == 0 for n in range(len(ground_truth))])
    for row in convention_table(ground_truth, found):
        rules = protocol_of(row.interpolation, row.difficult, row.plus_one, row.strict_overlap)
        assert row.value == evaluate(ground_truth, found, rules).summary["mAP"]
    table = values(convention_table(ground_truth, found))
    assert (
        table["11-point", "ignore", True, False]
        == evaluate(ground_truth, found, VOC2007).summary["mAP"]
    )
    assert (
        table["area", "ignore", True, False]
        == evaluate(ground_truth, found, VOC2012).summary["mAP"]
    )
    assert len(set(table.values())) > 5, "the switches matter"


def test_without_difficult_objects_the_rule_is_not_repeated():
    ground_truth, found = random_pair(2)
    assert len(convention_table(ground_truth, found)) == 12


def test_nothing_to_score_is_none():
    ground_truth = truth([], ["cat"])
    found = detections(ground_truth, [(0, 0, 0.9, (0, 0, 10, 10))])
    assert {row.value for row in convention_table(ground_truth, found)} == {None}
    assert coco_numbers(ground_truth, found) == {"AP": None, "AP50": None, "AP75": None}


def test_coco_numbers_are_those_of_the_protocol():
    ground_truth, found = random_pair(3)
    summary = evaluate(ground_truth, found, "coco").summary
    assert coco_numbers(ground_truth, found) == {
        name: summary[name] for name in ("AP", "AP50", "AP75")
    }


def test_a_real_detector_under_every_convention(shared_data):
    """Published and separately computed values of one detector."""
    ground_truth = load_ground_truth(shared_data / "VOCtest_06-Nov-2007.annotations.tar.gz")
    folder = shared_data / "dets_voc" / "htt1084_d56c7e49"
    table = values(convention_table(ground_truth, load_detections(folder, ground_truth)))
    known = json.loads(folder.with_suffix(".json").read_text())["classes"].values()
    for key, convention in (
        ("ap07", ("11-point", "ignore", True, False)),
        ("ap_area", ("area", "ignore", True, False)),
        ("ap07_noplus1", ("11-point", "ignore", False, False)),
        ("ap_area_noplus1", ("area", "ignore", False, False)),
    ):
        assert table[convention] == pytest.approx(sum(ap[key] for ap in known) / 20, abs=1e-12), key
    assert table["11-point", "count", True, False] == pytest.approx(0.64651, abs=5e-6)
    assert table["11-point", "drop", True, False] == pytest.approx(0.711506, abs=5e-7)
    assert table["11-point", "ignore", True, True] == table["11-point", "ignore", True, False]
