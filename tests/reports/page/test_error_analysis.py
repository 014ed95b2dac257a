"""The error analysis on the page, against the study that it shows."""

from __future__ import annotations

import math

import pytest

from detbench.bench.analysis.analyze import analyze
from detbench.bench.runs import read_run
from detbench.reports.page.confusion_matrix import matrix_table
from detbench.reports.page.error_analysis import RESAMPLES
from detbench.reports.page.label_errors import MAX_CARDS
from tests.metrics.scored import detections, scored, truth
from tests.reports.page.sample_pages import page_of, read, small_page


@pytest.fixture(scope="module")
def page(page_file):
    return read(page_file.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def study(runs):
    return analyze([read_run(folder).evaluation() for folder in runs], resamples=RESAMPLES)


def numbers(row):
    """Return the numbers of a row's cells, None for absent ones."""
    return [
        float(cell.attributes["data-v"]) if cell.attributes["data-v"] else None
        for cell in row.all("td")
        if "data-v" in cell.attributes
    ]


def finite(values):
    return [value if value is not None and math.isfinite(value) else None for value in values]


def rows_of(page, table):
    return list(page.one("table", data_table=table).one("tbody").all("tr"))


def side_by_side(study, table):
    return list(zip(*(getattr(each, table) for each in study.analyses), strict=True))


def error_words(page):
    """Return the text of the section, without line breaks."""
    return " ".join(page.one("section", id="p0-errors").words.split())


def test_costs_are_those_of_tide_with_their_base(page, study):
    table = page.one("table", data_table="costs")
    for d, analysis in enumerate(study.analyses):
        base, *errors = analysis.tide
        for row in errors:
            cell = table.one("tr", data_kind=row.kind).one("td", data_d=str(d))
            points = 100 * row.cost.estimate
            assert float(cell.attributes["data-v"]) == points
            assert cell.words.startswith(f"{points:.2f}")
        assert analysis.base_rule in error_words(page)
        assert f"base {100 * base.cost.estimate:.1f}" in table.words


def test_lrp_and_calibration_are_those_of_the_study(page, study):
    table = page.one("table", data_table="lrp")
    means = [
        *((name, "lrp") for name in ("error", "localization", "false_positives")),
        ("false_negatives", "lrp"),
        *((name, "calibration") for name in ("d_ece", "d_ece_confident", "la_ece")),
    ]
    for name, rows in means:
        cells = list(table.all("td", data_error=name))
        intervals = [getattr(getattr(each, rows)[0], name) for each in study.analyses]
        values = [float(cell.attributes["data-v"]) for cell in cells]
        assert values == [interval.estimate for interval in intervals]
        low = [float(cell.one("span").attributes["data-low"]) for cell in cells]
        assert low == [interval.low for interval in intervals]


def test_recall_by_trait(page, study):
    expected = [rows for rows in side_by_side(study, "recall") if rows[0].objects]
    for cells, rows in zip(rows_of(page, "recall"), expected, strict=True):
        heading = [each.words for each in cells.one("th").children]
        assert heading == [rows[0].trait, rows[0].value]
        assert numbers(cells) == [rows[0].objects, *(row.recall.estimate for row in rows)]


def test_slices(page, study):
    for cells, rows in zip(rows_of(page, "slices"), side_by_side(study, "slices"), strict=True):
        heading = [each.words for each in cells.one("th").children]
        assert heading == [rows[0].attribute, rows[0].value]
        values = [(row.score, 100 * row.difference.estimate, row.p_fdr) for row in rows]
        assert numbers(cells) == [rows[0].images, *finite(sum(values, ()))]


def test_thresholds(page, study):
    expected = side_by_side(study, "thresholds")
    for cells, rows in zip(rows_of(page, "chosen-thresholds"), expected, strict=True):
        assert cells.one("th").words == (rows[0].class_name or "one for all classes")
        values = [
            (row.threshold, row.f_chosen, row.f_held_out.estimate, row.precision, row.recall)
            for row in rows
        ]
        assert numbers(cells) == finite(sum(values, ()))


def test_lrp_of_classes(page, study):
    expected = side_by_side(study, "lrp")[1:]
    for cells, rows in zip(rows_of(page, "lrp-classes"), expected, strict=True):
        assert cells.one("th").words == rows[0].class_name
        values = [
            (
                row.error.estimate,
                row.localization.estimate,
                row.false_positives.estimate,
                row.false_negatives.estimate,
                row.threshold,
            )
            for row in rows
        ]
        assert numbers(cells) == finite(sum(values, ()))


def test_sensitivity(page, study):
    rows, ranges = rows_of(page, "sensitivity"), side_by_side(study, "sensitivity")
    for cells, row in zip(rows[: len(ranges)], ranges, strict=True):
        ends = [
            (float(each.attributes["data-low"]), float(each.attributes["data-high"]))
            for each in cells.all()
            if "data-low" in each.attributes
        ]
        assert ends == [(each.low, each.high) for each in row]
    cutoffs = [[each.value for each in row] for row in side_by_side(study, "score_cutoffs")]
    assert [numbers(cells) for cells in rows[len(ranges) :]] == cutoffs


def test_confusion_matrix(page, study):
    for series, analysis in enumerate(study.analyses):
        table = page.one("table", data_confusion=str(series))
        rows = list(table.one("tbody").all("tr"))
        for counts, row in zip(analysis.confusion_matrix.counts, rows, strict=True):
            total, *cells = row.all("td")
            assert total.words == f"{counts.sum():,}"
            assert [int(cell.attributes.get("data-v", 0)) for cell in cells] == counts.tolist()
            shares = [count / counts.sum() if count else 0 for count in counts]
            for cell, share in zip(cells, shares, strict=True):
                words = f"{100 * share:.0f}" if share >= 0.01 else "·" if share else ""
                assert cell.words == words


def test_of_many_classes_those_confused_most_are_shown():
    names = [f"c{k:02d}" for k in range(30)]
    boxes = [(10 + 20 * (k // 4), 10, 25 + 20 * (k // 4), 60) for k in range(30)]
    ground_truth = truth([(k % 4, k, boxes[k]) for k in range(30)], names)
    swapped = {27: 29, 29: 27}
    rows = [(k % 4, swapped.get(k, k), 0.9, boxes[k]) for k in range(30)]
    study = analyze([scored(ground_truth, detections(ground_truth, rows))])
    matrix = matrix_table(study.analyses[0], 0)
    assert (len(matrix.names), matrix.classes) == (20, 30)
    assert {"c27", "c29"} <= set(matrix.names)
    pairs = {(pair.object, pair.detected) for pair in matrix.pairs}
    assert pairs == {("c27", "c29"), ("c29", "c27")}
    assert all(sum(cell.count for cell in row.cells) == row.boxes for row in matrix.rows)
    words = error_words(read(small_page(names, objects=30)))
    assert "Shown are the 20 of 30 classes" in words
    assert "other classes" in words


def test_classes_without_boxes_have_no_rows():
    names = [f"c{k:02d}" for k in range(30)]
    page = read(small_page(names, objects=3))
    rows = list(page.one("table", data_confusion="0").one("tbody").all("tr"))
    assert [row.one("th").words for row in rows] == ["c00", "c01", "c02", "background"]
    words = error_words(page)
    assert "left out: 27 of 30 classes, without objects and detections" in words
    assert [row.one("th").words for row in rows_of(page, "lrp-classes")] == ["c00", "c01", "c02"]
    assert "Left out: 27 of 30 classes, without objects." in words
    scores = [numbers(row)[0] for row in rows_of(page, "chosen-thresholds")[1:]]
    assert scores
    assert None not in scores
    left_out = f"Left out: {30 - len(scores)} of 30 classes, without a hit in the chosen half."
    assert left_out in words


def test_label_errors_have_their_image_with_the_box_on_it(page, study):
    ground_truth = study.ground_truth
    rows, errors = rows_of(page, "label-errors"), study.label_errors[:MAX_CARDS]
    for error, row in zip(errors, rows, strict=True):
        image_id = ground_truth.image_ids[error.image]
        assert row.one("th").words == image_id
        card = page.one("figure", id=row.one("a").attributes["href"][1:])
        assert image_id in card.words
        marks = {name: [] for name in ("label-error", "truth")}
        for mark in card.all("g"):
            marks[mark.attributes["class"]].append(mark)
        [suspected] = marks["label-error"]
        box = suspected.one("rect", **{"class": "box"}).attributes
        assert [float(box[side]) for side in ("x", "y")] == pytest.approx(error.box[:2], abs=0.06)
        first, end = ground_truth.offsets[error.image], ground_truth.offsets[error.image + 1]
        assert len(marks["truth"]) == end - first - (error.object is not None)
        number = "" if error.object is None else str(error.object - first)
        assert next(row.all("td")).words == number


def test_label_errors_without_images_are_named(runs):
    page = read(page_of(runs, gallery_size=0))
    rows = rows_of(page, "label-errors")
    assert rows
    assert not [link for row in rows for link in row.all("a")]
    assert all(row.one("th").words for row in rows)
    assert "Their images are not on this page" in error_words(page)


def test_the_score_if_the_label_errors_were_corrected(page, study):
    for d, analysis in enumerate(study.analyses):
        line = page.one("li", data_corrected=str(d))
        first, last = analysis.corrected[0].value, analysis.corrected[-1].value
        assert f"would go from {first:.4f} to" in " ".join(line.words.split())
        assert line.one("strong").words == f"{last:.4f}"


def test_links_name_kinds_of_example_images_that_are_there(page):
    kinds = {
        option.words
        for select in page.all("select", data_examples="kind")
        for option in select.all("option")
    }
    named = {
        link.attributes["data-show-kind"]
        for link in page.all("a")
        if "data-show-kind" in link.attributes
    }
    assert named
    assert named <= kinds


@pytest.mark.parametrize(
    "options", [{"with_hits": False}, {"objects": 0}, {"objects": 0, "with_hits": False}]
)
def test_small_datasets(options):
    page = read(small_page(["a", "b"], **options))
    assert page.one("section", id="p0-errors")
    assert not list(page.all("table", data_table="label-errors"))
