"""Mistakes in detections of every file format, and their fixes, after which nothing is found."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from detbench.data.load import load_detections, load_ground_truth
from detbench.doctor.doctor import plan_fix
from tests.doctor.planting import copy_lines, faults, ids


def fix(ground_truth, detections, finding_id, target, **options):
    plan_fix(ground_truth, detections, [finding_id], **options).write(target)
    return target


def change_corners(change):
    def line(words):
        return [*words[:2], *change(*map(float, words[2:]))]

    return line


@pytest.mark.parametrize(
    ("finding_id", "change"),
    [
        ("box-format-xyxy", lambda x1, y1, x2, y2: (x1, y1, x2 - x1 + 1, y2 - y1 + 1)),
        (
            "box-format-cxcywh",
            lambda x1, y1, x2, y2: ((x1 + x2) / 2, (y1 + y2) / 2, x2 - x1 + 1, y2 - y1 + 1),
        ),
        ("box-format-yxyx", lambda x1, y1, x2, y2: (y1, x1, y2, x2)),
        ("box-scale", lambda *edges: tuple(2.5 * edge for edge in edges)),
        ("pixel-offset", lambda *edges: tuple(edge - 1 for edge in edges)),
    ],
)
def test_boxes_of_voc_files(dataset, tmp_path, finding_id, change):
    ground_truth = dataset / "VOCdevkit" / "VOC2007"
    spoiled = copy_lines(dataset / "comp4", tmp_path / "spoiled", change_corners(change))
    assert ids(faults(ground_truth, spoiled, split="test")) == [finding_id]
    target = fix(ground_truth, spoiled, finding_id, tmp_path / "fixed", split="test")
    assert faults(ground_truth, target, split="test") == []
    truth = load_ground_truth(ground_truth, split="test")
    fixed, true = (load_detections(path, truth) for path in (target, dataset / "comp4"))
    tolerance = 1 if finding_id == "box-scale" else 0.51
    assert np.abs(fixed.boxes - true.boxes).max() < tolerance


def change_yolo_boxes(dataset, target, change):
    """Copy the YOLO folder with every box changed.

    `change` takes center, extent and size of the image, all in pixels.
    """
    ground_truth = load_ground_truth(dataset / "truth.json")
    sizes = dict(zip(ground_truth.image_ids, ground_truth.image_sizes.tolist(), strict=True))
    target.mkdir()
    for file in (dataset / "labels").glob("*.txt"):
        size = sizes[file.stem if file.stem in sizes else file.stem.lstrip("0")]
        lines = []
        for class_number, *box, score in map(str.split, file.read_text().splitlines()):
            pixels = [
                float(side) * length for side, length in zip(box, (*size, *size), strict=True)
            ]
            lines.append([class_number, *change(*pixels, *size), score])
        (target / file.name).write_text("".join(" ".join(map(str, line)) + "\n" for line in lines))
    return target


def letterboxed(x, y, w, h, width, height):
    side = max(width, height)
    return [(x + (side - width) / 2) / side, (y + (side - height) / 2) / side, w / side, h / side]


@pytest.mark.parametrize(
    ("change", "finding_id", "reading"),
    [
        (lambda x, y, w, h, *_: [x, y, w, h], "box-normalized", "pixels, cxcywh"),
        (
            lambda x, y, w, h, *_: [x - w / 2, y - h / 2, x + w / 2, y + h / 2],
            "box-format-xyxy",
            "pixels, xyxy",
        ),
        (letterboxed, "box-normalized", "fractions of a letterbox, cxcywh"),
        (
            lambda x, y, w, h, a, b: [v / max(a, b) for v in (x, y, w, h)],
            "box-normalized",
            "fractions of a square",
        ),
        (
            lambda x, y, w, h, *size: letterboxed(x - w / 2, y - h / 2, w, h, *size),
            "box-normalized",
            "fractions of a letterbox, xywh",
        ),
    ],
    ids=["pixels", "pixels, xyxy", "letterbox", "square", "letterbox, xywh"],
)
def test_boxes_of_yolo_files(dataset, tmp_path, change, finding_id, reading):
    ground_truth = dataset / "truth.json"
    spoiled = change_yolo_boxes(dataset, tmp_path / "spoiled", change)
    [finding] = faults(ground_truth, spoiled)
    assert finding.id == finding_id
    assert finding.evidence.startswith(f"read as {reading}")
    target = fix(ground_truth, spoiled, finding_id, tmp_path / "fixed")
    assert faults(ground_truth, target) == []
    truth = load_ground_truth(ground_truth)
    fixed, true = (load_detections(path, truth) for path in (target, dataset / "labels"))
    assert np.abs(fixed.boxes - true.boxes).max() < 1e-2


def test_classes_of_yolo_files_with_a_point(dataset, tmp_path):
    """They are whole numbers for `detbench eval`, too."""
    ground_truth, labels = dataset / "truth.json", dataset / "labels"
    spoiled = copy_lines(labels, tmp_path / "spoiled", lambda w: [f"{w[0]}.0", *w[1:]])
    load_detections(spoiled, load_ground_truth(ground_truth))
    assert faults(ground_truth, spoiled) == []
    shifted = copy_lines(labels, tmp_path / "shifted", lambda w: [f"{int(w[0]) + 1}.0", *w[1:]])
    assert ids(faults(ground_truth, shifted)) == ["classes-permuted"]


def test_yolo_files_without_confidence(dataset, tmp_path):
    spoiled = copy_lines(dataset / "labels", tmp_path / "spoiled", lambda words: words[:5])
    [finding] = faults(dataset / "truth.json", spoiled)
    assert finding.id == "not-a-number"
    assert "5 values, expected 6; the confidence seems to be missing" in finding.evidence


def test_swapped_files_of_classes(dataset, tmp_path):
    spoiled = copy_lines(dataset / "comp4", tmp_path / "spoiled", list)
    circles, squares = (spoiled / f"comp4_det_test_{name}.txt" for name in ("circle", "square"))
    text = circles.read_text()
    circles.write_text(squares.read_text())
    squares.write_text(text)
    [finding] = faults(dataset / "VOCdevkit" / "VOC2007", spoiled, split="test")
    assert finding.id == "classes-permuted"
    assert "circle → square, square → circle" in finding.evidence


@pytest.mark.parametrize(
    ("word", "finding_id"),
    [("nan", "not-finite"), ("inf", "not-finite"), ("high", "not-a-number")],
)
def test_words_in_text_files(dataset, tmp_path, word, finding_id):
    spoiled = copy_lines(dataset / "comp4", tmp_path / "spoiled", list)
    file = spoiled / "comp4_det_test_circle.txt"
    lines = file.read_text().splitlines()
    image_id, _, *box = lines[2].split()
    file.write_text("\n".join([*lines[:2], " ".join([image_id, word, *box]), *lines[3:], ""]))
    [finding] = faults(dataset / "truth.json", spoiled)
    assert finding.id == finding_id
    assert finding.evidence.startswith("1 of ")
    if finding_id == "not-a-number":
        assert "comp4_det_test_circle.txt, line 3" in finding.evidence


def test_a_class_without_file(dataset, tmp_path):
    spoiled = copy_lines(dataset / "comp4", tmp_path / "spoiled", list)
    (spoiled / "comp4_det_test_word.txt").unlink()
    findings = faults(dataset / "VOCdevkit" / "VOC2007", spoiled, split="test")
    assert "detections-empty" in ids(findings)


@pytest.mark.parametrize(("format_name", "part"), [("voc", "comp4"), ("yolo", "labels")])
def test_the_score_at_the_other_end_of_the_line(dataset, tmp_path, format_name, part):
    def moved(words):
        first, *rest = words
        if format_name == "voc":
            return [first, *rest[1:], rest[0]]
        return [first, rest[-1], *rest[:-1]]

    spoiled = copy_lines(dataset / part, tmp_path / "spoiled", moved)
    [finding] = faults(dataset / "truth.json", spoiled)
    assert (finding.id, finding.severity) == ("score-column", "error")


def test_a_header_and_commas_in_voc_files(dataset, tmp_path):
    with_header = copy_lines(dataset / "comp4", tmp_path / "header", list)
    for file in with_header.glob("*.txt"):
        file.write_text("image score x1 y1 x2 y2\n" + file.read_text())
    with_commas = copy_lines(dataset / "comp4", tmp_path / "commas", lambda w: [",".join(w)])
    for spoiled in (with_header, with_commas):
        [finding] = faults(dataset / "truth.json", spoiled)
        assert (finding.id, finding.severity) == ("not-a-number", "error")


def test_flags_lost_from_voc_annotations(dataset, tmp_path):
    """The class lists still say 0 if an image holds only difficult objects of a class."""
    shutil.copytree(dataset / "VOCdevkit", tmp_path / "VOCdevkit")
    year = tmp_path / "VOCdevkit" / "VOC2007"
    assert faults(year, dataset / "comp4", split="test") == []
    for file in (year / "Annotations").glob("*.xml"):
        text = file.read_text()
        file.write_text(text.replace("<difficult>1</difficult>", "<difficult>0</difficult>"))
    [finding] = faults(year, dataset / "comp4", split="test")
    assert finding.id == "flags-lost"
    assert "entries of the class lists" in finding.evidence
