"""Orders, origins and units of boxes that are named and fixed, in COCO and in text files."""

from __future__ import annotations

import pytest

from tests.doctor.planting import (
    average_precision,
    copy_lines,
    faults,
    ids,
    plant,
    run_fix,
    run_only_fix,
)
from tests.experiments.coco_pair import Mistake
from tests.experiments.mistakes import every_box


def from_bottom(x, y, w, h, width, height):
    return [x, height - y - h, w, h]


def coco(finding_id, how, change):
    return Mistake(how, how, finding_id, every_box(change))


COCO = [
    coco("box-y-flipped", "y from the bottom", from_bottom),
    coco("box-y-flipped", "lower edge", lambda x, y, w, h, *_: [x, y + h, w, h]),
    coco(
        "box-y-flipped",
        "fractions with y from the bottom",
        lambda x, y, w, h, a, b: [x / a, (b - y - h) / b, w / a, h / b],
    ),
    coco("box-format-xxyy", "xxyy", lambda x, y, w, h, *_: [x, x + w, y, y + h]),
    coco("negative-size", "height below 0", lambda x, y, w, h, *_: [x, y + h, w, -h]),
    coco("negative-size", "width of the wrong sign", lambda x, y, w, h, *_: [x, y, -w, h]),
    coco("box-format-yxyx", "cy cx h w", lambda x, y, w, h, *_: [y + h / 2, x + w / 2, h, w]),
] + [
    coco("box-normalized", f"{unit}, {name}", lambda *box, scale=scale, to=to: to(scale, *box))
    for unit, scale in (("percent", 100), ("thousandths", 1000))
    for name, to in (
        (
            "xywh",
            lambda s, x, y, w, h, a, b: [s * x / a, s * y / b, s * w / a, s * h / b],
        ),
        (
            "xyxy",
            lambda s, x, y, w, h, a, b: [s * x / a, s * y / b, s * (x + w) / a, s * (y + h) / b],
        ),
        (
            "yxyx",
            lambda s, x, y, w, h, a, b: [s * y / b, s * x / a, s * (y + h) / b, s * (x + w) / a],
        ),
    )
]


@pytest.fixture(scope="module")
def true_precision(dataset):
    return average_precision(dataset / "truth.json", dataset / "found.json")


@pytest.mark.parametrize("mistake", COCO, ids=lambda mistake: mistake.how)
def test_boxes_of_coco_results(dataset, tmp_path, command, true_precision, mistake):
    files = plant(dataset, tmp_path, mistake)
    assert ids(files.faults) == [mistake.id]
    target, _ = run_only_fix(command, files.faults)
    assert faults(files.ground_truth, target) == []
    fixed_precision = average_precision(files.ground_truth, target)
    assert fixed_precision == pytest.approx(true_precision, abs=1e-3)


def with_corners(change, score="first"):
    """Return a change of the words of a VOC line: `change` takes the corners as written."""

    def line(words):
        name, confidence, *corners = words
        box = list(change(*map(float, corners)))
        return [name, confidence, *box] if score == "first" else [name, *box, confidence]

    return line


def sized(x1, y1, x2, y2):
    return x1, y1, x2 - x1 + 1, y2 - y1 + 1


@pytest.mark.parametrize(
    ("finding_id", "line"),
    [
        ("score-column", with_corners(lambda *corners: corners, score="last")),
        ("score-column", with_corners(sized, score="last")),
        (
            "score-column",
            with_corners(lambda x1, y1, x2, y2: (y1, x1, y2, x2), score="last"),
        ),
        ("box-format-xyxy", with_corners(sized)),
        ("negative-size", with_corners(lambda x1, y1, x2, y2: (x1, y2, x2, y1))),
        ("negative-size", with_corners(lambda x1, y1, x2, y2: (x2, y1, x1, y2))),
        ("negative-size", with_corners(lambda x1, y1, x2, y2: (x2, y2, x1, y1))),
        ("box-format-xxyy", with_corners(lambda x1, y1, x2, y2: (x1, x2, y1, y2))),
    ],
    ids=[
        "corners score",
        "x y w h score",
        "y1 x1 y2 x2 score",
        "score x y w h",
        "y exchanged",
        "x exchanged",
        "both exchanged",
        "x1 x2 y1 y2",
    ],
)
def test_lines_of_voc_results(dataset, tmp_path, command, finding_id, line):
    spoiled = copy_lines(dataset / "comp4", tmp_path / "spoiled", line)
    [finding] = faults(dataset / "truth.json", spoiled)
    assert (finding.id, finding.severity) == (finding_id, "error")
    fixed, _ = run_fix(command, finding)
    assert faults(dataset / "truth.json", fixed) == []
    fixed_precision, true_precision = (
        average_precision(dataset / "truth.json", path) for path in (fixed, dataset / "comp4")
    )
    assert fixed_precision == pytest.approx(true_precision, abs=1e-6)


def fractions(change):
    def line(words):
        number, *box, confidence = words
        return [number, *change(*map(float, box)), confidence]

    return line


@pytest.mark.parametrize(
    ("finding_id", "line"),
    [
        ("box-y-flipped", fractions(lambda x, y, w, h: (x, 1 - y, w, h))),
        ("box-normalized", fractions(lambda *box: (100 * side for side in box))),
        ("box-format-yxyx", fractions(lambda x, y, w, h: (y, x, h, w))),
        ("box-format-yxyx", fractions(lambda x, y, w, h: (y, x, w, h))),
    ],
    ids=["y from the bottom", "percent", "cy cx h w", "cy cx w h"],
)
def test_lines_of_yolo_results(dataset, tmp_path, command, finding_id, line):
    spoiled = copy_lines(dataset / "labels", tmp_path / "spoiled", line)
    [finding] = faults(dataset / "truth.json", spoiled)
    assert (finding.id, finding.severity) == (finding_id, "error")
    fixed, _ = run_fix(command, finding)
    assert faults(dataset / "truth.json", fixed) == []
    fixed_precision, true_precision = (
        average_precision(dataset / "truth.json", path) for path in (fixed, dataset / "labels")
    )
    assert fixed_precision == pytest.approx(true_precision, abs=1e-6)
