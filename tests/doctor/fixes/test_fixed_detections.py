"""The printed commands give the promised score: with one mistake, and with two."""

from __future__ import annotations

import re

import pytest

from detbench.data.load import load_ground_truth
from detbench.errors import InputError
from tests.doctor.planting import (
    average_precision,
    copy_lines,
    faults,
    ids,
    plant,
    read_json,
    read_pair,
    run_fix,
    run_only_fix,
    write_pair,
)
from tests.experiments.coco_pair import Mistake
from tests.experiments.mistakes import MISTAKES, every_box

ROW_BY_ROW = ("image-ids-unknown", "not-finite", "zero-area")
"""Mistakes of some rows, which are left out."""


def in_a_letterbox(x, y, w, h, width, height):
    """Return a box in fractions of the letterbox around its image."""
    side = max(width, height)
    return [(x + (side - width) / 2) / side, (y + (side - height) / 2) / side, w / side, h / side]


FURTHER = (
    Mistake(
        "y, x, height, width",
        "y x h w",
        "box-format-yxyx",
        every_box(lambda x, y, w, h, *_: [y, x, h, w]),
    ),
    Mistake("normalized", "letterbox", "box-normalized", every_box(in_a_letterbox)),
    Mistake(
        "wrong scale",
        "512 × 384",
        "box-scale",
        every_box(lambda x, y, w, h, a, b: [x * 512 / a, y * 384 / b, w * 512 / a, h * 384 / b]),
    ),
    Mistake(
        "wrong scale",
        "sides swapped",
        "box-scale",
        every_box(lambda x, y, w, h, a, b: [x * b / a, y * a / b, w * b / a, h * a / b]),
    ),
)
FIXABLE_IDS = (
    "pixel-offset",
    "classes-permuted",
    "class-ids-80-91",
    "image-ids-shifted",
    "detections-doubled",
    "not-a-number",
    "score-range",
    "negative-size",
    *ROW_BY_ROW,
)
FIXABLE = [
    mistake
    for mistake in MISTAKES
    if mistake.id.startswith(("box-", "letterbox"))
    or (mistake.id in FIXABLE_IDS and mistake.how != "shuffled")
]


@pytest.fixture(scope="module")
def true_precision(dataset):
    return average_precision(dataset / "truth.json", dataset / "found.json")


def promised(finding):
    """Return the score that the evidence promises."""
    return float(re.search(r"AP goes from \S+ to (\.\d+|1\.\d+)", finding.evidence)[1])


@pytest.mark.parametrize(
    "mistake", [*FIXABLE, *FURTHER], ids=lambda mistake: f"{mistake.id}, {mistake.how}"
)
def test_the_fix_of_one_mistake_restores_the_score(
    dataset, planted, command, true_precision, mistake
):
    files = planted(mistake)
    before = files.detections.read_bytes()
    [finding] = [finding for finding in files.findings if finding.id == mistake.id]
    if finding.severity == "note":
        target, _ = run_fix(command, finding)
        assert target == files.detections.with_name(f"found-fixed-{mistake.id}.json")
    else:
        target, _ = run_only_fix(command, files.faults)
        assert target == files.fixed_detections
    assert files.detections.read_bytes() == before
    assert faults(files.ground_truth, target) == []
    if mistake.id in ROW_BY_ROW:
        original, kept = (rounded_rows(path) for path in (dataset / "found.json", target))
        assert kept < original
        assert len(kept) >= 0.89 * len(original)
    else:
        tolerance = 0.006 if mistake.id == "box-scale" else 1e-3
        fixed_precision = average_precision(files.ground_truth, target)
        assert fixed_precision == pytest.approx(true_precision, abs=tolerance)


def rounded_rows(path) -> set[tuple]:
    return {
        (
            row["image_id"],
            row["category_id"],
            round(row["score"], 5),
            *(round(side, 1) for side in row["bbox"]),
        )
        for row in read_json(path)
    }


IMAGES = ("+1 ID", "positions")
FORMATS = (
    "x1 y1 x2 y2",
    "cx cy w h",
    "y1 x1 y2 x2",
    "xywh",
    "416 × 416",
    "half",
    "640 × 640",
)
CLASSES = ("two swapped", "all shifted", "from 0")
ROWS = ("percent", "a tenth", "NaN score", "whole file", "scores as text")
BY_NAME = {mistake.how: mistake for mistake in MISTAKES} | {
    "+1 ID": next(
        mistake for mistake in MISTAKES if (mistake.id, mistake.how) == ("image-ids-shifted", "+1")
    ),
    "xywh": next(
        mistake for mistake in MISTAKES if (mistake.id, mistake.how) == ("box-normalized", "xywh")
    ),
}
PAIRS = [
    (first, second)
    for firsts, seconds in (
        (IMAGES, FORMATS),
        (IMAGES, CLASSES),
        (FORMATS, CLASSES),
        (("x1 y1 x2 y2", "two swapped", "+1 ID"), ROWS),
    )
    for first in firsts
    for second in seconds
] + [
    ("416 × 416", "x1 y1 x2 y2"),
    ("640 × 640", "x1 y1 x2 y2"),
    ("half", "x1 y1 x2 y2"),
    ("half", "cx cy w h"),
]


@pytest.mark.slow
@pytest.mark.parametrize("hows", PAIRS, ids=" and ".join)
def test_two_mistakes_are_both_found_and_fixed(dataset, tmp_path, command, true_precision, hows):
    """The mistake that is planted last hides the one before.

    A tenth of the detections, or one in a hundred, is left out if rows are spoiled.
    """
    mistakes = [BY_NAME[how] for how in hows]
    images_last = sorted(
        mistakes,
        key=lambda mistake: (mistake.id.startswith("image-ids"), mistake.id == "not-finite"),
    )
    files = plant(dataset, tmp_path, *images_last)
    expected = {
        "letterbox-offset" if mistake.how == "416 × 416" else mistake.id for mistake in mistakes
    }
    assert sorted(ids(files.faults)) == sorted(expected)
    target, _ = run_only_fix(command, files.faults)
    assert target == files.fixed_detections
    assert faults(files.ground_truth, target) == []
    lost = 0.12 if "a tenth" in hows else 0.03 if "NaN score" in hows else 0.006
    fixed_precision = average_precision(files.ground_truth, target)
    assert fixed_precision == pytest.approx(true_precision, abs=lost)


def test_the_second_finding_is_proven_given_the_first(dataset, tmp_path, true_precision):
    files = plant(dataset, tmp_path, BY_NAME["x1 y1 x2 y2"], BY_NAME["two swapped"])
    first, second = files.findings
    assert "after fixing box-format-xyxy" in second.evidence
    assert promised(first) < promised(second) == pytest.approx(true_precision, abs=1e-3)
    assert first.fix == second.fix


def test_a_format_and_a_scale_are_proven_together(dataset, tmp_path, true_precision):
    """Neither puts boxes onto objects alone."""
    files = plant(dataset, tmp_path, BY_NAME["half"], BY_NAME["x1 y1 x2 y2"])
    first, second = files.findings
    assert "with both, AP goes from" in first.evidence
    assert promised(first) == promised(second) == pytest.approx(true_precision, abs=6e-3)


def in_another_order(dataset, folder, change=lambda row: row):
    """Write the dataset with images in no order of their IDs.

    Detections have positions in this list as image IDs.
    """
    ground_truth, rows = read_pair(dataset)
    images = ground_truth["images"]
    ground_truth["images"] = [images[(7 * n) % len(images)] for n in range(len(images))]
    positions = {image["id"]: n for n, image in enumerate(ground_truth["images"])}
    for row in map(change, rows):
        row["image_id"] = positions[row["image_id"]]
    return write_pair(folder, ground_truth, rows)


def as_corners(row):
    x, y, w, h = row["bbox"]
    row["bbox"] = [x, y, x + w, y + h]
    return row


@pytest.mark.parametrize(
    ("change", "also"),
    [(lambda row: row, []), (as_corners, ["box-format-xyxy"])],
    ids=["alone", "and xyxy"],
)
def test_positions_in_the_order_of_the_file(
    dataset, tmp_path, command, true_precision, change, also
):
    """As pycocotools lists the images."""
    files = in_another_order(dataset, tmp_path, change)
    assert ids(files.faults) == ["image-ids-shifted", *also]
    list_name = "positions in the list of images in the order of the file, from 0"
    assert list_name in files.faults[0].evidence
    target, _ = run_only_fix(command, files.faults)
    fixed_precision = average_precision(files.ground_truth, target)
    assert fixed_precision == pytest.approx(true_precision, abs=1e-3)


@pytest.mark.parametrize("change", [lambda row: row, as_corners], ids=["xywh", "xyxy"])
def test_positions_in_an_unknown_list_are_not_guessed(dataset, tmp_path, change):
    """One of hundreds of readings always fits a little better than nothing.

    It is not reported as the right one.
    """
    files = in_another_order(dataset, tmp_path, change)
    files.ground_truth.write_text((dataset / "truth.json").read_text())
    assert ids(files.faults) == ["wrong-split"]


def test_a_folder_is_written_beside_and_not_replaced(dataset, tmp_path, command):
    def doubled(words):
        name, score, *corners = words
        one_based = zip(corners, (1, 1, 0, 0), strict=True)
        return [name, score, *(2 * float(side) - base for side, base in one_based)]

    spoiled = copy_lines(dataset / "comp4", tmp_path / "comp4", doubled)
    [finding] = faults(dataset / "truth.json", spoiled)
    target, _ = run_fix(command, finding)
    assert target == tmp_path / "comp4-fixed"
    true, fixed = (
        average_precision(dataset / "truth.json", path) for path in (dataset / "comp4", target)
    )
    assert fixed == pytest.approx(true, abs=0.006)
    again = command(*finding.fix.split()[1:])
    assert again.code == 2
    assert "already exists and is not an empty folder" in again.err


def test_a_repeated_command_writes_the_same_file_again(planted, command):
    files = planted(BY_NAME["x1 y1 x2 y2"])
    written = [run_only_fix(command, files.faults)[0].read_bytes() for _ in range(2)]
    assert written[0] == written[1]


def test_class_names_in_yolo_files_are_read_once_their_columns_are_named(dataset, tmp_path):
    """Text files with class names have the score first or last, so that this is asked."""
    names = load_ground_truth(dataset / "truth.json").class_names
    with_names = copy_lines(
        dataset / "labels", tmp_path / "labels", lambda words: [names[int(words[0])], *words[1:]]
    )
    with pytest.raises(InputError, match="can both be the score; state the columns"):
        faults(dataset / "truth.json", with_names)
    columns = ("detections:class,cx,cy,w,h,score",)
    assert faults(dataset / "truth.json", with_names, columns=columns) == []
