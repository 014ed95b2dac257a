"""What the page tells of errors, against the analyses themselves."""

from __future__ import annotations

import math

import pytest

from detbench.bench.analyze import analyze
from detbench.bench.runs import read_run
from detbench.reports.page.confusion_matrix import heat
from detbench.reports.page.error_analysis import DRAWS
from detbench.reports.page.label_errors import MOST
from tests.metrics.scored import detections, scored, truth
from tests.reports.page.made import page_of, read, small_page


@pytest.fixture(scope="module")
def page(page_file):
    return read(page_file.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def study(runs):
    return analyze([read_run(folder).evaluation() for folder in runs], replicates=DRAWS)


def numbers(row):
    """Return the numbers of a row's cells, None where there is none."""
    return [
        float(cell.attributes["data-v"]) if cell.attributes["data-v"] else None
        for cell in row.all("td")
        if "data-v" in cell.attributes
    ]


def known(values):
    return [value if value is not None and math.isfinite(value) else None for value in values]


def rows_of(page, table):
    return list(page.one("table", data_table=table).one("tbody").all("tr"))


def test_costs_are_those_of_tide_with_their_base(page, study):
    table = page.one("table", data_table="costs")
    for d, each in enumerate(study.analyses):
        for kind, cost in each.tide.costs.items():
            cell = table.one("tr", data_kind=kind).one("td", data_d=str(d))
            assert float(cell.attributes["data-v"]) == 100 * cost
            assert cell.words.startswith(f"{100 * cost:.2f}")
        assert each.tide.rule in page.one("section", id="p0-why").words
        assert f"base {100 * each.tide.base:.1f}" in table.words


def test_lrp_and_calibration_are_those_of_the_analysis(page, study):
    for part in ("error", "localisation", "false_positives", "false_negatives"):
        cells = list(page.one("table", data_table="lrp").all("td", data_part=part))
        assert [float(cell.attributes["data-v"]) for cell in cells] == [
            each.lrp.means[part] for each in study.analyses
        ]
        low = [float(cell.one("span").attributes["data-low"]) for cell in cells]
        assert low == [each.lrp_intervals[part].low for each in study.analyses]
    for title, name in (("D-ECE", "d_ece"), ("LaECE", "la_ece")):
        cells = page.one("table", data_table="lrp").all("td", data_part=title)
        assert [float(cell.attributes["data-v"]) for cell in cells] == [
            getattr(each.calibration, name) for each in study.analyses
        ]


def test_recall_by_what_objects_are_like(page, study):
    rows = iter(rows_of(page, "hard"))
    for n, first in enumerate(study.analyses[0].recalls):
        for v, value in enumerate(first.trait.values):
            if first.objects[v]:
                row = next(rows)
                assert [each.words for each in row.one("th").children] == [first.trait.name, value]
                assert numbers(row) == [
                    first.objects[v],
                    *(each.recalls[n].taken[v] for each in study.analyses),
                ]
    assert next(rows, None) is None


def test_slices(page, study):
    for place, row in enumerate(rows_of(page, "slices")):
        same = [each.slices[place] for each in study.analyses]
        assert [each.words for each in row.one("th").children] == [same[0].attribute, same[0].value]
        expected = [
            number
            for each in same
            for number in (each.score, 100 * each.difference.estimate, each.p_fdr)
        ]
        assert numbers(row) == [same[0].images, *known(expected)]
    assert place + 1 == len(study.analyses[0].slices)


def test_thresholds_of_halves(page, study):
    together, *classes = rows_of(page, "halves")
    columns = ("threshold", "chosen", "value", "precision", "recall")
    assert numbers(together) == known(
        [getattr(each.pooled, column)[0] for each in study.analyses for column in columns]
    )
    for k, row in enumerate(classes):
        assert row.one("th").words == study.analyses[0].evaluation.ground_truth.class_names[k]
        assert numbers(row) == known(
            [getattr(each.operating, column)[k] for each in study.analyses for column in columns]
        )


def test_lrp_of_classes(page, study):
    columns = ("error", "localisation", "false_positives", "false_negatives", "threshold")
    for k, row in enumerate(rows_of(page, "lrp-classes")):
        assert numbers(row) == known(
            [getattr(each.lrp, column)[k] for each in study.analyses for column in columns]
        )


def test_bands(page, study):
    rows, bands = rows_of(page, "bands"), len(study.analyses[0].bands)
    for place, row in enumerate(rows[:bands]):
        ends = [
            (float(each.attributes["data-low"]), float(each.attributes["data-high"]))
            for each in row.all()
            if "data-low" in each.attributes
        ]
        assert ends == [(each.bands[place].low, each.bands[place].high) for each in study.analyses]
    assert [numbers(row) for row in rows[bands:]] == [
        [each.cuts[score] for each in study.analyses] for score in study.analyses[0].cuts
    ]


def test_confusion_matrix(page, study):
    for look, each in enumerate(study.analyses):
        rows = list(page.one("table", data_heat=str(look)).one("tbody").all("tr"))
        for counts, row in zip(each.confusion.counts, rows, strict=True):
            total, *cells = row.all("td")
            assert total.words == f"{counts.sum():,}"
            assert [int(cell.attributes.get("data-v", 0)) for cell in cells] == counts.tolist()
            shown = [
                cell.words
                for cell in cells
                if cell.attributes.get("data-v")
                and counts.sum() <= 100 * int(cell.attributes["data-v"])
            ]
            assert shown == [
                f"{100 * count / counts.sum():.0f}"
                for count in counts
                if count and count / counts.sum() >= 0.01
            ]


def test_of_many_classes_those_confused_most_are_shown():
    names = [f"c{k:02d}" for k in range(30)]
    data = truth(
        [(k % 4, k, (10 + 20 * (k // 4), 10, 25 + 20 * (k // 4), 60)) for k in range(30)], names
    )
    swapped = {27: 29, 29: 27}
    hits = [
        (k % 4, swapped.get(k, k), 0.9, (10 + 20 * (k // 4), 10, 25 + 20 * (k // 4), 60))
        for k in range(30)
    ]
    found = heat(analyze([scored(data, detections(data, hits))]).analyses[0], 0)
    assert (len(found.names), found.classes) == (20, 30)
    assert {"c27", "c29"} <= set(found.names)
    assert {(each.true, each.said) for each in found.pairs} == {("c27", "c29"), ("c29", "c27")}
    assert all(sum(cell.times for cell in row.cells) == row.boxes for row in found.rows)
    words = small_page(names, objects=30)
    assert "Shown are the 20 of 30 classes" in words
    assert "other classes" in words


def test_classes_without_boxes_have_no_rows():
    names = [f"c{k:02d}" for k in range(30)]
    page = read(small_page(names, objects=3))
    rows = list(page.one("table", data_heat="0").one("tbody").all("tr"))
    assert [row.one("th").words for row in rows] == ["c00", "c01", "c02", "nothing there"]
    words = page.one("section", id="p0-why").words
    assert "left out: 27 of 30 classes, without objects and detections" in words
    assert [row.one("th").words for row in rows_of(page, "lrp-classes")] == ["c00", "c01", "c02"]
    assert "Left out: 27 of 30 classes, without objects." in words
    scores = [numbers(row)[0] for row in rows_of(page, "halves")[1:]]
    assert scores
    assert None not in scores
    assert (
        f"Left out: {30 - len(scores)} of 30 classes, of which that half has no object that is found."
        in words
    )


def test_suspects_have_their_picture_with_the_box_on_it(page, study):
    truth = study.analyses[0].evaluation.ground_truth
    rows = rows_of(page, "suspects")
    assert [row.one("th").words for row in rows] == [
        truth.image_ids[error.image] for error in study.label_errors[:MOST]
    ]
    for error, row in zip(study.label_errors, rows, strict=False):
        card = page.one("figure", id=row.one("a").attributes["href"][1:])
        assert truth.image_ids[error.image] in card.words
        [suspect] = [each for each in card.all("g") if each.attributes["class"] == "suspect"]
        box = suspect.one("rect", **{"class": "box"}).attributes
        assert [float(box[side]) for side in ("x", "y")] == pytest.approx(error.box[:2], abs=0.06)
        others = [each for each in card.all("g") if each.attributes["class"] == "truth"]
        assert len(others) == truth.offsets[error.image + 1] - truth.offsets[error.image] - (
            error.object is not None
        )
        place = "" if error.object is None else str(error.object - truth.offsets[error.image])
        assert next(row.all("td")).words == place


def test_suspects_without_pictures_are_named_by_their_image(runs):
    page = read(page_of(runs, gallery_size=0))
    rows = rows_of(page, "suspects")
    assert rows
    assert not [link for row in rows for link in row.all("a")]
    assert all(row.one("th").words for row in rows)
    assert "pictures of these images are not on this page" in page.one("section", id="p0-why").words


def test_the_range_if_the_suspects_were_wrong(page, study):
    for look, each in enumerate(study.analyses):
        line = page.one("li", data_corrected=str(look))
        assert f"would go from {each.corrected['as annotated']:.4f} to" in line.words
        assert line.one("strong").words == f"{each.corrected['all']:.4f}"


def test_links_name_kinds_of_pictures_that_are_there(page):
    kinds = {
        option.words
        for select in page.all("select", data_pictures="kind")
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
    "options", [{"found": False}, {"objects": 0}, {"objects": 0, "found": False}]
)
def test_little_to_tell(options):
    page = read(small_page(["a", "b"], **options))
    assert page.one("section", id="p0-why")
    assert not list(page.all("table", data_table="suspects"))
