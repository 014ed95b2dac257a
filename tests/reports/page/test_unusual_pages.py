"""The page with unusual input: odd names, no images, no times, and runs that do not compare."""

import json
from dataclasses import replace
from itertools import pairwise

import pytest

from detbench.bench.runs import read_run
from detbench.data.load import load_ground_truth
from detbench.metrics.scoring.evaluate import evaluate
from detbench.reports.frames import frames
from detbench.reports.page import charts
from detbench.reports.page.page import build_page
from detbench.reports.page.provenance import run_provenance
from tests.data.simulated_detections import simulated_detections
from tests.reports.page.sample_pages import latencies, page_of, read, small_page

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
def hostile():
    """A page whose classes and detectors have names that look like markup or scripts."""
    return small_page(HOSTILE, names=HOSTILE[:4], objects=len(HOSTILE))


def test_names_are_shown_as_they_are(hostile):
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


def test_names_never_become_markup(hostile):
    assert [each.attributes.get("type") for each in read(hostile).all("script")] == [
        "application/json",
        None,
    ]
    assert "<b>" not in hostile
    assert "alert(1)</script>" not in hostile


def test_500_classes():
    page = small_page([f"class {k}" for k in range(500)], objects=200, names=("a", "b", "c"))
    assert len(page) < 5_000_000
    [data] = json.loads(read(page).one("script", id="data").text)
    assert len(data["curves"]) == 500
    assert data["ious"] == [0.5, 0.75, 0.9]


@pytest.mark.parametrize(
    "options",
    [
        {"classes": ("only",)},
        {"classes": ("a", "b"), "with_hits": False},
        {"classes": ("a",), "objects": 0},
    ],
)
def test_one_class_no_detections_no_objects(options):
    page = read(small_page(**options))
    assert "–" in page.words or options == {"classes": ("only",)}
    assert "NaN" not in page.one("main").words


def test_without_image_files_the_page_says_so():
    assert (
        "The image files were not found"
        in read(small_page(("a", "b"))).one("section", id="p0-images").words
    )


def test_without_times_the_page_says_so():
    assert (
        "Speed was not measured" in read(small_page(("a", "b"))).one("section", id="p0-speed").words
    )


def test_labels_of_the_speed_chart_do_not_overlap(runs):
    """Three detectors with equal scores and similar times have labels at different heights."""
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
        replace(scored, latency=tuple(result.as_record() for result in latencies(scored.name, ms)))
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


def test_quick_looks_are_pale_and_named(runs):
    detectors = [
        replace(scored, latency=tuple(result.as_record() for result in times))
        for scored, times in zip(
            frames(runs[:2]).detectors,
            (latencies("fine", 10.0, processes=1), latencies("fair", 5.0)),
            strict=True,
        )
    ]
    page = read(build_page(replace(frames(runs[:2]), detectors=tuple(detectors))))
    section = page.one("section", id="p0-speed")
    assert len(list(section.one("svg", role="img").all("g", **{"class": "pale"}))) == 1
    assert not list(section.all("g", **{"class": "hollow"}))
    labels = {text.words for text in section.all("text", **{"class": "label"})}
    assert labels == {"fine (quick look)", "fair"}
    assert len(list(section.all("path", **{"class": "front"}))) == 1, "both are on the front"
    words = " ".join(page.words.split())
    assert "has the lowest median time" in words
    assert "takes 2.00 times as long" in words
    assert "is the fastest" not in words
    assert "The timing of fine is a quick look at one process" in words.replace(
        "\u2068", ""
    ).replace("\u2069", "")


def test_settings_of_a_model_are_words(runs):
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


def test_runs_that_are_not_comparable_are_kept_apart(runs, files):
    other = load_ground_truth(files.ground_truth("voc"), split="test")
    detections = replace(simulated_detections(other, 0.7), name="stranger")
    stranger = evaluate(other, detections, "voc2007")
    page = read(build_page(frames([*runs[:2], stranger])))
    [notice] = [
        notice.words
        for notice in page.all("p", **{"class": "notice"})
        if "must not be compared" in notice.words
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


def test_the_same_input_gives_the_same_page(runs, page_file):
    assert page_of(runs, command="detbench report x") == page_file.read_text()
