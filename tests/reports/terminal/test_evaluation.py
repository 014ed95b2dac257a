"""Tables for the terminal: the right numbers, whole at every usual width."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from rich.console import Console

from detbench.metrics.protocols.protocol import VOC2007
from detbench.metrics.scoring.audit import audit
from detbench.metrics.scoring.conventions import coco_numbers, convention_table
from detbench.reports.terminal.evaluation import (
    audit_lines,
    class_table,
    convention_grid,
    convention_lines,
    headline,
    summary_table,
)
from tests.metrics.scored import detections, perfect, random_pair, scored, truth

BOX = (10, 10, 60, 60)
NAMES = (
    "a",
    "yolov2_voc_darknet_416",
    "faster-rcnn-resnet50-fpn-trained-on-trainval-2007-and-2012",
)


def shown(renderable, width, **options) -> str:
    console = Console(width=width, file=io.StringIO(), record=True, highlight=False, **options)
    console.print(renderable)
    return console.export_text()


def evaluations(count=3, protocol="voc2007", names=NAMES):
    """Up to three detectors of different worth on one ground truth."""
    ground_truth, found = random_pair(0)
    detectors = [perfect(ground_truth), found, replace(found, scores=1 - found.scores)]
    return [
        scored(ground_truth, replace(each, name=name), protocol)
        for each, name in zip(detectors[:count], names, strict=False)
    ]


def numbers(text: str) -> list[str]:
    return re.findall(r"\d\.\d+", text)


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("protocol", ["voc2007", "coco"])
def test_no_number_is_cut(protocol, count, width):
    found = evaluations(count, protocol)
    summary, classes = shown(summary_table(found), width), shown(class_table(found), width)
    assert "…" not in summary + classes
    assert all(len(line) <= width for line in (summary + classes).splitlines())
    digits = 6 if protocol == "voc2007" else 4
    for evaluation in found:
        for value in evaluation.summary.values():
            if value is not None:
                assert f"{value:.{digits}f}" in summary
        for value in evaluation.class_ap:
            assert f"{value:.4f}" in classes
        assert f" {len(evaluation.detections):,} " in summary + " "


def test_rows_are_detectors_where_measures_are_few_and_measures_where_they_are_many():
    found = evaluations(2, names=("one", "two"))
    lines = shown(summary_table(found), 80).splitlines()
    assert [line.split() for line in lines if line.split()[:1] in (["one"], ["two"])] == [
        [name, f"{evaluation.summary['mAP']:.6f}", f"{len(evaluation.detections):,}"]
        for name, evaluation in zip(("one", "two"), found, strict=True)
    ]
    many = evaluations(2, "coco", names=("one", "two"))
    rows = {
        line.split()[0]: line.split()[1:]
        for line in shown(summary_table(many), 80).splitlines()
        if line.split()
    }
    assert rows["measure"] == ["one", "two"]
    assert rows["AP50"] == [f"{evaluation.summary['AP50']:.4f}" for evaluation in many]
    assert rows["detections"] == [str(len(evaluation.detections)) for evaluation in many]


def test_classes_of_several_detectors_and_of_one():
    found = evaluations(2, names=("one", "two"))
    lines = shown(class_table(found), 80).splitlines()
    frame = [evaluation.per_class() for evaluation in found]
    for k in range(3):
        row = next(line.split() for line in lines if line.startswith(f" class{k} "))
        objects = str(frame[0]["ground_truths"].iloc[k])
        assert row == [f"class{k}", objects, *(f"{each['AP'].iloc[k]:.4f}" for each in frame)]
    row = next(
        line.split() for line in shown(class_table(found[:1]), 80).splitlines() if "class0" in line
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
    found = [
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
    console.print(class_table(found))
    lines = console.export_text(styles=True).splitlines()
    cat, dog = (next(line for line in lines if name in line) for name in ("cat", "dog"))
    assert re.search(r"\x1b\[1;32m *1\.0000", cat)
    assert not re.search(r"\x1b\[1;32m *0\.0000", cat)
    assert re.sub(r"\x1b\[[\d;]*m", "", dog).split() == ["dog", "0", "–", "–"]
    assert "\x1b[1;32m" not in dog


def test_equal_values_are_both_best():
    ground_truth = truth([(0, 0, BOX)])
    found = [scored(ground_truth, perfect(ground_truth, name)) for name in ("x", "y")]
    table = summary_table(found)
    assert [cell.style for cell in table.columns[1]._cells] == ["bold green", "bold green"]


def test_headline():
    ground_truth = truth([(0, 0, BOX), (0, 1, BOX)], difficult=[False, True])
    found = perfect(ground_truth)
    assert headline([scored(ground_truth, found)]) == "made: 4 images, 1 objects, protocol voc2007"
    strict = VOC2007.with_thresholds((0.5, 0.75))
    assert (
        headline([scored(ground_truth, found, strict)])
        == "made: 4 images, 1 objects, protocol voc2007 but iou_thresholds 0.5 0.75"
    )


def test_names_are_text_and_no_markup():
    """A class called [red] is shown as that."""
    ground_truth = truth([(0, 0, BOX), (0, 1, BOX)], ["[red]cat[/red]", "[/]"])
    found = [scored(ground_truth, perfect(ground_truth, name)) for name in ("[bold]x", "[link=y]y")]
    text = (
        shown(class_table(found), 120)
        + shown(summary_table(found), 120)
        + shown(class_table(found[:1]), 120)
    )
    for name in ("[red]cat[/red]", "[/]", "[bold]x", "[link=y]y"):
        assert name in text


def test_thousands_are_grouped():
    ground_truth = truth([(0, 0, BOX)])
    many = detections(ground_truth, [(0, 0, 0.5, BOX)] * 1234)
    assert "1,234" in shown(summary_table([scored(ground_truth, many)]), 80)
    assert "1,234" in shown(class_table([scored(ground_truth, many)]), 80)


@pytest.mark.parametrize("width", [80, 120])
def test_conventions(width):
    ground_truth, found = random_pair(0)
    rows = convention_table(ground_truth, found)
    text = shown(convention_grid(rows), width)
    assert "…" not in text
    assert sorted(numbers(text.split("─")[-1])) == sorted(f"{row.value:.5f}" for row in rows)
    assert text.count("none marked") == 3
    above, below = convention_lines("finder", coco_numbers(ground_truth, found) | {"AP75": None})
    assert above == "finder: mAP at IoU 0.5 under every convention"
    assert below.startswith("COCO protocol on the same boxes: AP 0.")
    assert below.endswith("AP75 –")


def test_a_cell_of_the_convention_grid_stands_under_its_switches():
    """Found at an overlap of exactly one half: only >= with "+1" takes it."""
    ground_truth = truth([(0, 0, (0, 0, 20, 10))], ["cat"])
    text = shown(
        convention_grid(
            convention_table(ground_truth, detections(ground_truth, [(0, 0, 0.8, (0, 0, 10, 10))]))
        ),
        100,
    )
    heading = next(line for line in text.splitlines() if "AP from" in line)
    assert re.split(r"\s{2,}", heading.strip())[2:] == [
        "+1, ≥ 0.5",
        "+1, > 0.5",
        "no +1, ≥ 0.5",
        "no +1, > 0.5",
    ]
    row = next(line for line in text.splitlines() if "area" in line)
    assert row.split()[-4:] == ["1.00000", "0.00000", "0.00000", "0.00000"]


def test_audit():
    ground_truth, found = random_pair(0)
    first, second, third = audit_lines("finder", audit(ground_truth, found))
    assert first == "finder: the same boxes scored by pycocotools, COCO protocol"
    assert second == "  largest absolute difference of the 12 numbers: 0"
    assert (
        third
        == "  precision, recall and scores arrays: equal bit for bit, largest absolute difference 0"
    )
