"""The page as HTML: it shows the records' numbers, loads nothing, and escapes all names."""

import json

import pytest

from detbench.bench.runs import read_run
from tests.reports.page.sample_pages import QUALITIES, read, record, small_page


def value(cell):
    return json.loads(cell.attributes["data-v"]) if cell.attributes["data-v"] else None


def interval(cell):
    """Return the stored ends of the interval below a number; they are also those shown."""
    spans = [*cell.all("span", **{"class": "interval"})]
    if not spans:
        return [None, None]
    low, high = (json.loads(spans[0].attributes[name]) for name in ("data-low", "data-high"))
    assert spans[0].words == f"{low:.3f} to {high:.3f}"
    return [low, high]


class TestNumbers:
    def test_the_summary_is_that_of_the_records(self, page, runs):
        table = page.one("table", data_table="summary")
        for folder in runs:
            expected = record(folder)["evaluations"][0]
            row = table.one("tr", data_run=record(folder)["name"])
            shown = {
                cell.attributes["data-measure"]: value(cell)
                for cell in row.all("td")
                if "data-measure" in cell.attributes
            }
            assert shown.pop("detections") == sum(
                each["detections"] for each in expected["classes"].values()
            )
            assert shown == expected["summary"]

    def test_every_class_is_that_of_the_records(self, page, runs):
        table, thresholds = (
            page.one("table", data_table="classes"),
            page.one("table", data_table="thresholds"),
        )
        for place, folder in enumerate(runs):
            for name, expected in record(folder)["evaluations"][0]["classes"].items():
                row = table.one("tr", data_class=name)
                shown = {
                    cell.attributes["data-of"]: value(cell)
                    for cell in row.all("td", data_d=str(place))
                }
                shown["ground_truths"] = value(row.one("td", data_measure="ground_truths"))
                shown["detections"] = value(
                    thresholds.one("tr", data_class=name).one(
                        "td", data_d=str(place), data_of="detections"
                    )
                )
                assert shown == expected

    def test_times_are_those_of_the_records(self, page, runs):
        table = page.one("table", data_table="latency")
        for folder in runs:
            rows = {
                row.attributes["data-stage"]: row
                for row in table.all("tr", data_run=record(folder)["name"])
            }
            assert set(rows) == {each["stage"] for each in record(folder)["latency"]}
            for expected in record(folder)["latency"]:
                cells = [
                    cell
                    for cell in rows[expected["stage"]].all("td")
                    if "data-measure" in cell.attributes
                ]
                assert {cell.attributes["data-measure"]: value(cell) for cell in cells} == {
                    key: expected[key]
                    for key in (
                        "p50_ms",
                        "p90_ms",
                        "p99_ms",
                        "throughput_per_s",
                        "samples",
                        "processes",
                    )
                }
                medians = expected["process_p50_ms"]
                spread = f"{min(medians):.2f} to {max(medians):.2f}"
                assert spread in [cell.words for cell in rows[expected["stage"]].all("td")]

    def test_ap_is_shown_with_four_decimals(self, page):
        cells = [
            cell
            for cell in page.one("table", data_table="classes").all("td", data_of="AP")
            if cell.attributes["data-v"]
        ]
        assert len(cells) == 4 * len(QUALITIES)
        for cell in cells:
            assert cell.text.strip() == f"{float(cell.attributes['data-v']):.4f}"

    def test_sizes_and_iou_thresholds_are_scored_by_themselves(self, page, runs):
        """AP by size and at .50 and .75 equal those of COCO's summary."""
        for folder in runs:
            name, expected = record(folder)["name"], record(folder)["evaluations"][0]["summary"]
            sizes = page.one("table", data_table="sizes").one("tr", data_run=name)
            shown = {cell.attributes["data-size"]: value(cell) for cell in sizes.all("td")}
            assert shown == {
                "all": expected["AP"],
                "small": expected["APs"],
                "medium": expected["APm"],
                "large": expected["APl"],
            }
            ious = page.one("table", data_table="ious").one("tr", data_run=name)
            levels = {cell.attributes["data-iou"]: value(cell) for cell in ious.all("td")}
            assert (levels["0.50"], levels["0.75"]) == (expected["AP50"], expected["AP75"])
            assert sum(levels.values()) / len(levels) == pytest.approx(expected["AP"], abs=1e-12)

    def test_every_number_shown_is_the_one_stored(self, page):
        """In every table, the text is the stored value with fewer digits."""
        cells = [
            cell
            for table in page.all("table")
            for cell in table.all("td")
            if cell.attributes.get("class", "").startswith("num")
        ]
        stored = [cell for cell in cells if cell.attributes.get("data-v")]
        assert len(stored) > 100
        for cell in stored:
            shown = cell.text.strip().replace(",", "").replace("−", "-")
            digits = len(shown.partition(".")[2])
            assert float(shown) == round(float(cell.attributes["data-v"]), digits)

    def test_intervals_are_those_of_the_records(self, page, runs):
        summary, classes = (
            page.one("table", data_table="summary"),
            page.one("table", data_table="classes"),
        )
        for place, folder in enumerate(runs):
            expected = record(folder)["evaluations"][0]["intervals"]
            cells = summary.one("tr", data_run=record(folder)["name"]).all("td")
            shown = {
                cell.attributes["data-measure"]: interval(cell)
                for cell in cells
                if "data-measure" in cell.attributes
            }
            assert shown == {name: expected["summary"].get(name, [None, None]) for name in shown}
            assert sum(ends != [None, None] for ends in shown.values()) > 5
            for name, ends in expected["classes"].items():
                assert (
                    interval(
                        classes.one("tr", data_class=name).one(
                            "td", data_d=str(place), data_of="AP"
                        )
                    )
                    == ends
                )

    def test_without_intervals_none_is_shown(self):
        page = read(small_page(("a", "b"), names=("one", "two")))
        for section in ("result", "classes", "conditions"):
            spans = page.one("section", id=f"p0-{section}").all("span", **{"class": "interval"})
            assert not [*spans]
        assert "95%" not in page.one("section", id="p0-result").words

    def test_curves_are_measured_points(self, page, runs):
        [data] = json.loads(page.one("script", id="data").text)
        evaluation = read_run(runs[1]).evaluation()
        assert data["detectors"] == list(QUALITIES)
        for k, name in enumerate(data["classes"]):
            for t, iou in enumerate(data["ious"]):
                curve = data["curves"][k][t][1]
                precision, recall, score = evaluation.curve(name, iou)
                points = {
                    (round(r * 10_000), round(p * 10_000), float(f"{s:.5g}"))
                    for p, r, s in zip(precision, recall, score, strict=True)
                }
                steps = [sum(curve["r"][: n + 1]) for n in range(len(curve["r"]))]
                assert set(zip(steps, curve["p"], curve["s"], strict=True)) <= points
                assert len(steps) == len(curve["p"]) == len(curve["s"]) > 5


class TestOffline:
    def test_nothing_points_outside(self, page):
        for element in page.all():
            for name, text in element.attributes.items():
                if name in ("src", "href", "srcset", "action", "data", "poster"):
                    assert text.startswith(("#", "data:image/")), (element.tag, name, text[:60])
                assert not name.startswith("on")
                assert name != "style"
        assert not list(page.all("link"))
        assert not list(page.all("iframe"))
        [style] = page.all("style")
        assert "url(" not in style.text
        assert "@import" not in style.text

    def test_the_policy_allows_its_own_script_and_style_only(self, page):
        import base64
        import hashlib

        policy = dict(
            part.strip().split(" ", 1)
            for part in page.one("meta", http_equiv="Content-Security-Policy")
            .attributes["content"]
            .split(";")
        )
        assert policy["default-src"] == "'none'"
        assert policy["img-src"] == "data:"
        [script] = [script for script in page.all("script") if "type" not in script.attributes]
        for rule, element in (("script-src", script), ("style-src", page.one("style"))):
            digest = hashlib.sha256(element.text.encode()).digest()
            assert policy[rule] == f"'sha256-{base64.b64encode(digest).decode()}'"

    def test_it_is_small(self, page_file):
        assert page_file.stat().st_size < 1_500_000


class TestStructure:
    def test_landmarks_headings_and_labels_for_screen_readers(self, page):
        assert page.one("html").attributes["lang"] == "en"
        assert len(list(page.all("h1"))) == len(list(page.all("main"))) == 1
        ids = [element.attributes["id"] for element in page.all() if "id" in element.attributes]
        assert len(ids) == len(set(ids))
        for element in page.all():
            assert element.attributes.get("aria-labelledby", ids[0]) in ids
            if element.attributes.get("role") in ("img", "region"):
                assert element.attributes["aria-label"]
        for link in page.all("a"):
            assert link.attributes["href"][1:] in ids
        for table in page.all("table"):
            assert all(cell.attributes.get("scope") for cell in table.all("th"))

    def test_every_row_is_as_long_as_its_heading(self, page):
        for table in page.all("table"):
            assert len({len(row.children) for row in table.all("tr")}) == 1, table.attributes

    def test_commands_that_rebuild_the_page_and_the_runs(self, page):
        commands = [code.words for code in page.all("code")]
        assert "detbench report x" in commands
        assert [f"detbench compare shapes {name} -o run" for name in QUALITIES] == [
            each for each in commands if " compare shapes " in each
        ]

    def test_provenance(self, page, runs):
        section = page.one("section", id="p0-provenance").words
        for folder in runs:
            assert record(folder)["digests"]["detections"] in section
        assert section.count(record(runs[0])["digests"]["ground_truth"]) == 1
        assert section.count(record(runs[0])["environment"]["cpu"]) == 1

    def test_example_images_have_boxes_and_a_sentence(self, page):
        gallery = page.one("section", id="p0-images")
        cards = [*gallery.all("figure", **{"class": "card"})]
        assert len(cards) > 5
        kinds = {kind for card in cards for kind in card.attributes["data-kinds"].split("|")}
        assert kinds == {"missed", "false", "misplaced", "disagreement"}
        for card in cards:
            kind = card.one("strong").words
            words = {
                "missed": " missed by ",
                "misplaced": " misplaced by ",
                "disagreement": " found by ",
                "false": " detected by ",
            }
            assert words[kind] in card.one("figcaption").words.split(";")[0]
            assert card.one("image").attributes["href"].startswith("data:image/webp;base64,")
            assert len(list(card.all("rect"))) >= 2
