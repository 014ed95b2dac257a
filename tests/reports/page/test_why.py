"""What the page tells of errors, against the analyses themselves."""

from __future__ import annotations

import pytest

from detbench.bench.analyze import analyze
from detbench.bench.runs import read_run
from detbench.metrics.tide import tide
from tests.reports.page.made import read, small_page


@pytest.fixture(scope="module")
def page(page_file):
    return read(page_file.read_text(encoding="utf-8"))


def test_costs_are_those_of_tide(page, runs):
    table = page.one("table", data_table="costs")
    for d, folder in enumerate(runs):
        for kind, cost in tide(read_run(folder).evaluation()).costs.items():
            row = table.one("tr", data_kind=kind)
            cell = row.one("td", data_d=str(d))
            assert float(cell.attributes["data-v"]) == 100 * cost
            assert cell.words.startswith(f"{100 * cost:.2f}")


def test_lrp_and_calibration_are_those_of_the_analysis(page, runs):
    study = analyze([read_run(folder).evaluation() for folder in runs])
    for part in ("error", "localisation", "false_positives", "false_negatives"):
        cells = page.one("table", data_table="lrp").all("td", data_part=part)
        assert [float(cell.attributes["data-v"]) for cell in cells] == [each.lrp.means[part] for each in study.analyses]
    cells = page.one("table", data_table="lrp").all("td", data_part="D-ECE")
    assert [float(cell.attributes["data-v"]) for cell in cells] == [each.calibration.d_ece for each in study.analyses]


def test_suspects_are_those_of_the_analysis_and_link_to_pictures(page, runs):
    study = analyze([read_run(folder).evaluation() for folder in runs])
    rows = list(page.one("table", data_table="suspects").one("tbody").all("tr"))
    ids = study.analyses[0].evaluation.ground_truth.image_ids
    assert [row.one("th").words for row in rows] == [ids[error.image] for error in study.label_errors]
    links = [link for row in rows for link in row.all("a")]
    assert links
    for link in links:
        card = page.one("figure", id=link.attributes["href"][1:])
        assert link.words in card.words


def test_links_name_kinds_of_pictures_that_are_there(page):
    kinds = {option.words for select in page.all("select", data_pictures="kind") for option in select.all("option")}
    named = {link.attributes["data-show-kind"] for link in page.all("a") if "data-show-kind" in link.attributes}
    assert named
    assert named <= kinds


@pytest.mark.parametrize("options", [{"found": False}, {"objects": 0}, {"objects": 0, "found": False}])
def test_little_to_tell(options):
    page = read(small_page(["a", "b"], **options))
    assert page.one("section", id="p0-why")
    assert not list(page.all("table", data_table="suspects"))
