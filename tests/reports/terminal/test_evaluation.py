"""Tables for the terminal: the right numbers, whole at every usual width."""

from __future__ import annotations

import io
import math
import re
from dataclasses import replace

import pytest
from rich.console import Console

from detbench.metrics.uncertainty.intervals import WHY_NO_INTERVAL, Interval, value_intervals
from detbench.reports.terminal.evaluation import class_table, interval_footnotes, summary_table
from tests.metrics.scored import detections, perfect, random_pair, scored, truth
from tests.reports.terminal.console import rendered

BOX = (10, 10, 60, 60)
NAMES = (
    "a",
    "yolov2_voc_darknet_416",
    "faster-rcnn-resnet50-fpn-trained-on-trainval-2007-and-2012",
)


def evaluations_of(count=3, protocol="voc2007", names=NAMES):
    """Up to three detectors of different worth on one ground truth."""
    ground_truth, finder = random_pair(0)
    detectors = [perfect(ground_truth), finder, replace(finder, scores=1 - finder.scores)]
    return [
        scored(ground_truth, replace(detector, name=name), protocol)
        for detector, name in zip(detectors[:count], names, strict=False)
    ]


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("protocol", ["voc2007", "coco"])
def test_no_number_is_cut(protocol, count, width):
    evaluations = evaluations_of(count, protocol)
    summary, classes = (
        rendered(summary_table(evaluations), width),
        rendered(class_table(evaluations), width),
    )
    assert "…" not in summary + classes
    assert all(len(line) <= width for line in (summary + classes).splitlines())
    digits = 6 if protocol == "voc2007" else 4
    for evaluation in evaluations:
        for value in evaluation.summary.values():
            if value is not None:
                assert f"{value:.{digits}f}" in summary
        for value in evaluation.class_ap:
            assert f"{value:.4f}" in classes
        assert f" {len(evaluation.detections):,} " in summary + " "


def test_rows_are_detectors_where_measures_are_few_and_measures_where_they_are_many():
    evaluations = evaluations_of(2, names=("one", "two"))
    lines = rendered(summary_table(evaluations), 80).splitlines()
    assert [line.split() for line in lines if line.split()[:1] in (["one"], ["two"])] == [
        [name, f"{evaluation.summary['mAP']:.6f}", f"{len(evaluation.detections):,}"]
        for name, evaluation in zip(("one", "two"), evaluations, strict=True)
    ]
    many = evaluations_of(2, "coco", names=("one", "two"))
    rows = {
        line.split()[0]: line.split()[1:]
        for line in rendered(summary_table(many), 80).splitlines()
        if line.split()
    }
    assert rows["measure"] == ["one", "two"]
    assert rows["AP50"] == [f"{evaluation.summary['AP50']:.4f}" for evaluation in many]
    assert rows["detections"] == [str(len(evaluation.detections)) for evaluation in many]


def test_classes_of_several_detectors_and_of_one():
    evaluations = evaluations_of(2, names=("one", "two"))
    lines = rendered(class_table(evaluations), 80).splitlines()
    frame = [evaluation.per_class() for evaluation in evaluations]
    for k in range(3):
        row = next(line.split() for line in lines if line.startswith(f" class{k} "))
        objects = str(frame[0]["ground_truths"].iloc[k])
        assert row == [f"class{k}", objects, *(f"{each['AP'].iloc[k]:.4f}" for each in frame)]
    row = next(
        line.split()
        for line in rendered(class_table(evaluations[:1]), 80).splitlines()
        if "class0" in line
    )
    first = frame[0].iloc[0]
    assert row == [
        "class0",
        f"{first['AP']:.4f}",
        f"{first['recall']:.4f}",
        f"{first['ground_truths']:.0f}",
        f"{first['detections']:.0f}",
    ]


def test_the_best_value_is_bold_and_absent_ones_are_dashes():
    ground_truth = truth([(0, 0, BOX)])
    evaluations = [
        scored(ground_truth, perfect(ground_truth, "good")),
        scored(ground_truth, detections(ground_truth, [], "none")),
    ]
    console = Console(
        width=80,
        file=io.StringIO(),
        record=True,
        force_terminal=True,
        color_system="standard",
        highlight=False,
    )
    console.print(class_table(evaluations))
    lines = console.export_text(styles=True).splitlines()
    cat, dog = (next(line for line in lines if name in line) for name in ("cat", "dog"))
    assert re.search(r"\x1b\[1;32m *1\.0000", cat)
    assert not re.search(r"\x1b\[1;32m *0\.0000", cat)
    assert re.sub(r"\x1b\[[\d;]*m", "", dog).split() == ["dog", "0", "–", "–"]
    assert "\x1b[1;32m" not in dog


def test_equal_values_are_both_best():
    ground_truth = truth([(0, 0, BOX)])
    evaluations = [scored(ground_truth, perfect(ground_truth, name)) for name in ("x", "y")]
    table = summary_table(evaluations)
    assert [cell.style for cell in table.columns[1]._cells] == ["bold green", "bold green"]


def test_names_are_text_and_no_markup():
    """A class called [red] is shown as that."""
    ground_truth = truth([(0, 0, BOX), (0, 1, BOX)], ["[red]cat[/red]", "[/]"])
    evaluations = [
        scored(ground_truth, perfect(ground_truth, name)) for name in ("[bold]x", "[link=y]y")
    ]
    text = (
        rendered(class_table(evaluations), 120)
        + rendered(summary_table(evaluations), 120)
        + rendered(class_table(evaluations[:1]), 120)
    )
    for name in ("[red]cat[/red]", "[/]", "[bold]x", "[link=y]y"):
        assert name in text


def test_thousands_are_grouped():
    ground_truth = truth([(0, 0, BOX)])
    many = detections(ground_truth, [(0, 0, 0.5, BOX)] * 1234)
    assert "1,234" in rendered(summary_table([scored(ground_truth, many)]), 80)
    assert "1,234" in rendered(class_table([scored(ground_truth, many)]), 80)


def test_a_footnote_says_why_numbers_have_no_interval():
    six_images = value_intervals(evaluations_of(2))
    assert interval_footnotes(six_images) == [WHY_NO_INTERVAL]
    assert interval_footnotes(None) == interval_footnotes([{}, {}]) == []
    assert len(WHY_NO_INTERVAL.split()) <= 25


def test_the_footnote_is_about_intervals_that_are_shown():
    interval, missing, absent = (
        Interval(value, *ends, 0.95, "halves")
        for value, ends in (
            (0.5, (0.4, 0.6)),
            (0.5, (math.nan, math.nan)),
            (math.nan, (math.nan, math.nan)),
        )
    )
    assert interval_footnotes([{"mAP": (interval, (interval, absent))}]) == []
    missing_in_class = {"mAP": (interval, (interval, missing))}
    assert interval_footnotes([missing_in_class] * 3) == [WHY_NO_INTERVAL]
    # With more detectors, the table of classes has no interval.
    assert interval_footnotes([missing_in_class] * 4) == []
    assert interval_footnotes([{"mAP": (missing, ())}] * 4) == [WHY_NO_INTERVAL]
