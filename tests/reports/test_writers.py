"""Writers: all digits in CSV, and names that are never markup in Markdown and LaTeX."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from detbench.reports.frames import frames
from detbench.reports.text_tables import overview
from detbench.reports.writers import class_overview, latex, markdown, save_csv
from tests.metrics.scored import detections, perfect, random_pair, scored, truth

BOX = (10, 10, 60, 60)
ODD = ["<script>alert(1)</script>", "a|b & *c*", "קטן", "🦉_owl", "50% $x$ {y} \\z ~^#"]


def odd():
    ground_truth = truth([(0, k, BOX) for k in range(5)], ODD)
    return frames([scored(ground_truth, perfect(ground_truth, "me & <you>"))])


def cells(line: str) -> list[str]:
    return [re.sub(r"\\(.)", r"\1", cell.strip()) for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def test_csv_keeps_every_digit(tmp_path):
    ground_truth, finder = random_pair(0)
    tables = frames(
        [scored(ground_truth, finder), scored(ground_truth, perfect(ground_truth, "perfect"))]
    )
    paths = save_csv(tables, tmp_path)
    assert sorted(path.stem for path in paths) == sorted(
        (
            "groups",
            "summary",
            "classes",
            "curves",
            "thresholds",
            "overall",
            "sizes",
            "ious",
            "class_ious",
        )
    )
    for name in ("summary", "classes", "curves"):
        read = pd.read_csv(tmp_path / f"{name}.csv", dtype=str, keep_default_na=False)
        numbers = getattr(tables, name).select_dtypes(np.number)
        for column in numbers.columns:
            written = [float(text or "nan") for text in read[column]]
            assert np.array_equal(written, numbers[column].to_numpy(float), equal_nan=True)


def test_csv_of_odd_names_reads_back(tmp_path):
    save_csv(odd(), tmp_path)
    assert pd.read_csv(tmp_path / "classes.csv")["class"].tolist() == ODD


def test_markdown_has_a_table_of_detectors_and_one_of_classes():
    text = markdown(odd())
    lines = text.splitlines()
    assert lines[:4] == [
        "## made: 4 images, 5 objects, protocol voc2007",
        "",
        "| detector | mAP | detections |",
        "| --- | ---: | ---: |",
    ]
    assert cells(lines[4]) == ["me & <you>", "1.0000", "5"]
    start = next(n for n, line in enumerate(lines) if line.startswith("| class"))
    assert [cells(line) for line in lines[start + 2 :]] == [[name, "1", "1.0000"] for name in ODD]
    assert "<script>" not in text


def test_each_group_has_its_own_heading():
    ground_truth, finder = random_pair(0)
    tables = frames([scored(ground_truth, finder), scored(ground_truth, finder, "coco")])
    assert [line for line in markdown(tables).splitlines() if line.startswith("#")] == [
        "## made: 6 images, 20 objects, protocol voc2007",
        "## made: 6 images, 20 objects, protocol coco",
    ]
    captions = re.findall(r"\\caption\{(.*)\}", latex(tables))
    assert [caption.split("protocol ")[1] for caption in captions] == [
        "voc2007",
        "voc2007",
        "coco",
        "coco",
    ]


def test_latex_escapes_names():
    text = latex(odd())
    assert r"me \& <you>" in text
    assert r"50\% \$x\$ \{y\} \textbackslash z \textasciitilde \textasciicircum \#" in text
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert len(rows) == 2 + 1 + 5
    assert all(len(re.findall(r"(?<!\\)&", line)) == 2 for line in rows)


def test_absent_values_are_dashes_and_unknown_times_are_left_out():
    ground_truth = truth([(0, 0, BOX)])
    tables = frames(
        [
            scored(ground_truth, perfect(ground_truth)),
            scored(ground_truth, detections(ground_truth, [], "none")),
        ]
    )
    assert list(overview(tables.summary, tables.measures).columns) == [
        "detector",
        "mAP",
        "detections",
    ]
    table = class_overview(tables)
    assert list(table.columns) == ["class", "ground_truths", "finder", "none"]
    assert np.isnan(table["finder"].iloc[1])
    assert cells(markdown(tables).splitlines()[-1]) == ["dog", "0", "–", "–"]


@pytest.mark.parametrize("name", ["class", "ground_truths"])
def test_a_detector_named_as_a_column(name):
    ground_truth = truth([(0, 0, BOX)])
    table = class_overview(frames(scored(ground_truth, perfect(ground_truth, name))))
    assert list(table.columns) == ["class", "ground_truths", name]
    text = markdown(frames(scored(ground_truth, perfect(ground_truth, name))))
    assert cells(text.splitlines()[-2]) == ["cat", "1", "1.0000"]
