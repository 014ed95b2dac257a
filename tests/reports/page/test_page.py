"""The page as HTML: its numbers are the records', nothing in it asks for anything, and names of every kind come out as they are."""

import json
from dataclasses import replace
from itertools import pairwise

import pytest

from detbench.bench.runs import read_run
from detbench.data.load import load_ground_truth
from detbench.data.shapes import shapes_detections
from detbench.metrics.scoring.evaluate import evaluate
from detbench.reports.frames import frames
from detbench.reports.page import charts
from detbench.reports.page.page import build_page
from detbench.reports.page.provenance import run_provenance
from tests.reports.page.made import QUALITIES, latencies, page_of, read, record, small_page

HOSTILE = (
    "<script>alert(1)</script>",
    "a & b",
    "</script><b>",
    "כלב",
    "🐈 cat",
    "'\"`",
    "{{ 7*7 }}",
    "line\u2028break",
)


@pytest.fixture(scope="module")
def page(page_file):
    return read(page_file.read_text())


@pytest.fixture(scope="module")
def hostile():
    """A page whose classes and detectors have names that want to be something else."""
    return small_page(HOSTILE, names=HOSTILE[:4], objects=len(HOSTILE))


def value(cell):
    return json.loads(cell.attributes["data-v"]) if cell.attributes["data-v"] else None


def interval(cell):
    """Return the ends of the interval below a number, which are read as they are stored."""
    found = [each for each in cell.all("span") if each.attributes.get("class") == "interval"]
    if not found:
        return [None, None]
    ends = [json.loads(found[0].attributes[name]) for name in ("data-low", "data-high")]
    assert found[0].words == f"{ends[0]:.3f} to {ends[1]:.3f}"
    return ends


class TestNumbers:
    def test_the_summary_is_that_of_the_records(self, page, runs):
        table = page.one("table", data_table="summary")
        for folder in runs:
            known = record(folder)["evaluations"][0]
            row = table.one("tr", data_run=record(folder)["name"])
            shown = {
                cell.attributes["data-measure"]: value(cell)
                for cell in row.all("td")
                if "data-measure" in cell.attributes
            }
            assert shown.pop("detections") == sum(
                each["detections"] for each in known["classes"].values()
            )
            assert shown == known["summary"]

    def test_every_class_is_that_of_the_records(self, page, runs):
        table, thresholds = (
            page.one("table", data_table="classes"),
            page.one("table", data_table="thresholds"),
        )
        for place, folder in enumerate(runs):
            for name, known in record(folder)["evaluations"][0]["classes"].items():
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
                assert shown == known

    def test_times_are_those_of_the_records(self, page, runs):
        table = page.one("table", data_table="latency")
        for folder in runs:
            rows = {
                row.attributes["data-stage"]: row
                for row in table.all("tr", data_run=record(folder)["name"])
            }
            assert set(rows) == {each["stage"] for each in record(folder)["latency"]}
            for known in record(folder)["latency"]:
                cells = [
                    cell
                    for cell in rows[known["stage"]].all("td")
                    if "data-measure" in cell.attributes
                ]
                assert {cell.attributes["data-measure"]: value(cell) for cell in cells} == {
                    key: known[key]
                    for key in ("p50_ms", "p90_ms", "p99_ms", "throughput_per_s", "samples")
                }

    def test_what_is_shown_is_what_is_stored_rounded(self, page):
        cells = [
            cell
            for cell in page.one("table", data_table="classes").all("td", data_of="AP")
            if cell.attributes["data-v"]
        ]
        assert len(cells) == 4 * len(QUALITIES)
        for cell in cells:
            assert cell.text.strip() == f"{float(cell.attributes['data-v']):.4f}"

    def test_sizes_and_iou_thresholds_are_scored_by_themselves(self, page, runs):
        """COCO's summary has AP by size and at .50 and .75; the page's own tables must say the same."""
        for folder in runs:
            name, known = record(folder)["name"], record(folder)["evaluations"][0]["summary"]
            sizes = page.one("table", data_table="sizes").one("tr", data_run=name)
            shown = {cell.attributes["data-size"]: value(cell) for cell in sizes.all("td")}
            assert shown == {
                "all": known["AP"],
                "small": known["APs"],
                "medium": known["APm"],
                "large": known["APl"],
            }
            ious = page.one("table", data_table="ious").one("tr", data_run=name)
            levels = {cell.attributes["data-iou"]: value(cell) for cell in ious.all("td")}
            assert (levels["0.50"], levels["0.75"]) == (known["AP50"], known["AP75"])
            assert sum(levels.values()) / len(levels) == pytest.approx(known["AP"], abs=1e-12)

    def test_every_number_shown_is_the_one_stored(self, page):
        """Of every table: what is read is what is stored, with fewer digits or separated thousands."""
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
            known = record(folder)["evaluations"][0]["intervals"]
            cells = summary.one("tr", data_run=record(folder)["name"]).all("td")
            shown = {
                cell.attributes["data-measure"]: interval(cell)
                for cell in cells
                if "data-measure" in cell.attributes
            }
            assert shown == {name: known["summary"].get(name, [None, None]) for name in shown}
            assert sum(ends != [None, None] for ends in shown.values()) > 5
            for name, ends in known["classes"].items():
                assert (
                    interval(
                        classes.one("tr", data_class=name).one(
                            "td", data_d=str(place), data_of="AP"
                        )
                    )
                    == ends
                )

    def test_no_interval_where_none_is_known(self):
        page = read(small_page(("a", "b"), names=("one", "two")))
        for section in ("result", "classes", "conditions"):
            spans = page.one("section", id=f"p0-{section}").all("span")
            assert not [each for each in spans if each.attributes.get("class") == "interval"]
        assert "95 %" not in page.one("section", id="p0-result").words

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
        [script] = [each for each in page.all("script") if "type" not in each.attributes]
        for rule, element in (("script-src", script), ("style-src", page.one("style"))):
            assert (
                policy[rule]
                == f"'sha256-{base64.b64encode(hashlib.sha256(element.text.encode()).digest()).decode()}'"
            )

    def test_it_is_small(self, page_file):
        assert page_file.stat().st_size < 1_500_000


class TestStructure:
    def test_landmarks_headings_and_names_for_those_who_do_not_see(self, page):
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

    def test_commands_to_make_it_again(self, page):
        commands = [code.words for code in page.all("code")]
        assert "detbench report x" in commands
        assert [f"detbench compare shapes {name} -o run" for name in QUALITIES] == [
            each for each in commands if " compare shapes " in each
        ]

    def test_where_it_comes_from(self, page, runs):
        section = page.one("section", id="p0-provenance").words
        for folder in runs:
            assert record(folder)["digests"]["detections"] in section
        assert section.count(record(runs[0])["digests"]["ground_truth"]) == 1
        assert section.count(record(runs[0])["environment"]["cpu"]) == 1

    def test_pictures_carry_boxes_and_words(self, page):
        cards = [each for each in page.all("figure") if each.attributes.get("class") == "card"]
        assert len(cards) > 5
        kinds = {kind for card in cards for kind in card.attributes["data-kinds"].split("|")}
        assert kinds == {"missed", "false", "badly placed", "disagreement"}
        for card in cards:
            [kind] = [each.words for each in card.all("strong")]
            words = {
                "missed": " missed by ",
                "badly placed": " badly placed by ",
                "disagreement": " found by ",
                "false": " seen by ",
            }
            assert words[kind] in card.one("figcaption").words.split(";")[0]
            assert card.one("image").attributes["href"].startswith("data:image/webp;base64,")
            assert len(list(card.all("rect"))) >= 2


class TestUnusual:
    def test_names_come_out_as_they_are(self, hostile):
        page = read(hostile)
        rows = [
            row.attributes["data-class"]
            for row in page.one("table", data_table="classes").all("tr")
            if "data-class" in row.attributes
        ]
        assert rows == list(HOSTILE)
        assert [cell.words for cell in page.one("table", data_table="classes").all("bdi")][
            -len(HOSTILE) :
        ] == list(HOSTILE)
        [data] = json.loads(page.one("script", id="data").text)
        assert data["classes"] == list(HOSTILE)
        assert data["detectors"] == list(HOSTILE[:4])

    def test_names_never_become_markup(self, hostile):
        assert [each.attributes.get("type") for each in read(hostile).all("script")] == [
            "application/json",
            None,
        ]
        assert "<b>" not in hostile
        assert "alert(1)</script>" not in hostile

    def test_500_classes(self):
        page = small_page([f"class {k}" for k in range(500)], objects=200, names=("a", "b", "c"))
        assert len(page) < 5_000_000
        [data] = json.loads(read(page).one("script", id="data").text)
        assert len(data["curves"]) == 500
        assert data["ious"] == [0.5, 0.75, 0.9]

    @pytest.mark.parametrize(
        "options",
        [
            {"classes": ("only",)},
            {"classes": ("a", "b"), "found": False},
            {"classes": ("a",), "objects": 0},
        ],
    )
    def test_one_class_no_detections_no_objects(self, options):
        page = read(small_page(**options))
        assert "–" in page.words or options == {"classes": ("only",)}
        assert "NaN" not in page.one("main").words

    def test_no_pictures_is_said_plainly(self):
        assert (
            "The pictures are not at hand"
            in read(small_page(("a", "b"))).one("section", id="p0-images").words
        )

    def test_no_times_is_said_plainly(self):
        assert (
            "Speed was not measured"
            in read(small_page(("a", "b"))).one("section", id="p0-speed").words
        )

    def test_names_in_the_speed_chart_stand_apart(self, runs):
        """Three detectors that score the same and take about as long; their names lie inside the chart and on lines of their own."""
        evaluation = read_run(runs[0]).evaluation()
        named = [
            (name, 10 + place / 10)
            for place, name in enumerate(
                ("first", "second", "a name that is far too long for the chart to hold")
            )
        ]
        tables = frames(
            [
                replace(evaluation, detections=replace(evaluation.detections, name=name))
                for name, _ in named
            ]
        )
        timed = [
            replace(
                scored, latency=tuple(result.as_record() for result in latencies(scored.name, ms))
            )
            for scored, (_, ms) in zip(tables.detectors, named, strict=True)
        ]
        section = read(build_page(replace(tables, detectors=tuple(timed)))).one(
            "section", id="p0-speed"
        )
        labels = [each for each in section.all("text") if each.attributes.get("class") == "label"]
        heights = sorted(float(each.attributes["y"]) for each in labels)
        assert [each.words[:5] for each in labels] == ["first", "secon", "a nam"]
        assert labels[2].words.endswith("…")
        assert min(after - before for before, after in pairwise(heights)) >= 15
        assert all(0 < height < charts.HEIGHT for height in heights)
        assert all(
            float(each.attributes["x"]) + 7.5 * len(each.words) <= charts.WIDTH for each in labels
        )

    def test_settings_of_a_model_read_as_words(self, runs):
        settings = {
            "adapter": "onnx",
            "decoder": {"anchors": [[1 / 3, 2], [3, 4]]},
            "postprocessing": {"nms_iou": 0.45, "class_agnostic": False},
        }
        run = read_run(runs[0])
        run.record["options"]["effective"]["model"] = settings
        shown = dict(run_provenance(run))
        assert shown["adapter"] == "onnx"
        assert shown["decoder"] == "anchors (0.33333 2) (3 4)"
        assert shown["postprocessing"] == "nms iou 0.45, class agnostic no"

    def test_runs_that_are_not_comparable_stand_apart(self, runs, files):
        other = load_ground_truth(files.truth("voc"), split="test")
        stranger = evaluate(
            other, replace(shapes_detections(other, 0.7), name="stranger"), "voc2007"
        )
        page = read(build_page(frames([*runs[:2], stranger])))
        [notice] = [
            each.words
            for each in page.all("p")
            if each.attributes.get("class") == "notice" and "must not be compared" in each.words
        ]
        assert "protocol coco" in notice
        assert "protocol voc2007" in notice
        tables = list(page.all("table", data_table="summary"))
        assert [
            [row.attributes["data-run"] for row in table.all("tr") if "data-run" in row.attributes]
            for table in tables
        ] == [
            ["fine", "fair"],
            ["stranger"],
        ]

    def test_the_same_input_gives_the_same_page(self, runs, page_file):
        assert page_of(runs, command="detbench report x") == page_file.read_text()
