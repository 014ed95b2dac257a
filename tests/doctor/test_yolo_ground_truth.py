"""Mistakes in YOLO labels: each is named with its position, and fixed by the printed command."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from detbench.data.load import load_ground_truth, save_ground_truth
from detbench.errors import DetbenchWarning, InputError
from tests.doctor.planting import (
    average_precision,
    change_files,
    faults,
    fix_only_error,
    ids,
    run_only_fix,
)


@pytest.fixture(scope="module")
def clean_dataset(dataset, tmp_path_factory):
    """The ground truth as a YOLO dataset."""
    folder = tmp_path_factory.mktemp("clean") / "yolo"
    ground_truth = load_ground_truth(dataset / "VOCdevkit/VOC2007", split="test")
    with pytest.warns(DetbenchWarning, match="difficult or crowd objects"):
        save_ground_truth(ground_truth, folder, "yolo")
    return folder


@pytest.fixture
def yolo(clean_dataset, dataset, tmp_path):
    """A dataset to plant mistakes in, and detections on it."""
    shutil.copytree(clean_dataset, tmp_path / "yolo")
    return tmp_path / "yolo", dataset / "labels"


def plant(ground_truth, change):
    change_files(list(ground_truth.glob("labels/val/*.txt")), change)


def every_label(change, step=1):
    """Change the words of all labels, in every so many files."""

    def plant(text, number):
        if number % step:
            return text
        return "".join(" ".join(change(*line.split())) + "\n" for line in text.splitlines())

    return plant


def one_label(change):
    """Change the words of one label of all."""

    def plant(text, number):
        if number != 2:
            return text
        first, *others = text.splitlines(keepends=True)
        return "".join([" ".join(change(*first.split())) + "\n", *others])

    return plant


def in_pixels(ground_truth, change_file=lambda number: True):
    """Multiply labels by the size of their image, in the files chosen by their number."""
    sizes = load_ground_truth(ground_truth).image_sizes.tolist()

    def change(text, number):
        if not change_file(number):
            return text
        width, height = sizes[number]
        lines = []
        for k, x, y, w, h in map(str.split, text.splitlines()):
            pixels = float(x) * width, float(y) * height, float(w) * width, float(h) * height
            lines.append(" ".join(map(str, (k, *pixels))) + "\n")
        return "".join(lines)

    return change


def from_its_corner(k, x, y, w, h):
    return k, repr(float(x) - float(w) / 2), repr(float(y) - float(h) / 2), w, h


def corners(k, *box):
    k, x, y, w, h = from_its_corner(k, *box)
    return k, x, y, repr(float(x) + float(w)), repr(float(y) + float(h))


def percent(k, *box):
    return k, *(repr(float(side) * 100) for side in box)


def with_decimal_commas(k, *box):
    return k, *(side.replace(".", ",") for side in box)


def every_label_twice(text, _):
    return text + text


WITHOUT_LOSS = {
    "percent": (every_label(percent), "box-normalized", "are percent, cxcywh"),
    "y before x": (
        every_label(lambda k, x, y, w, h: (k, y, x, h, w)),
        "box-format-yxyx",
        "are cy, cx, h, w",
    ),
    "decimal commas": (every_label(with_decimal_commas), "not-a-number", "expected a number"),
    "corners": (every_label(corners), "box-format-xyxy", "are xyxy"),
    "corner and size": (every_label(from_its_corner), "box-format-xyxy", "are xywh"),
    "every label twice": (every_label_twice, "annotations-doubled", "have the class and box"),
}


@pytest.mark.parametrize("how", WITHOUT_LOSS)
def test_what_can_be_fixed_without_loss(yolo, command, how):
    ground_truth, detections = yolo
    change, expected, text = WITHOUT_LOSS[how]
    before = average_precision(ground_truth, detections)
    plant(ground_truth, change)
    fixed = fix_only_error(command, ground_truth, detections, expected, text)
    assert fixed.name == "yolo-fixed"
    assert average_precision(fixed, detections) == pytest.approx(before, abs=1e-3)


def test_labels_in_pixels(yolo, command):
    ground_truth, detections = yolo
    before = average_precision(ground_truth, detections)
    plant(ground_truth, in_pixels(ground_truth))
    with pytest.raises(InputError, match=r"outside 0\.\.1"):
        load_ground_truth(ground_truth)
    findings = faults(ground_truth, detections)
    assert ids(findings) == ["box-normalized"]
    assert "are pixels, cxcywh" in findings[0].evidence
    fixed, _ = run_only_fix(command, findings)
    assert faults(fixed, detections) == []
    assert average_precision(fixed, detections) == pytest.approx(before, abs=1e-3)


@pytest.mark.parametrize(
    ("change", "expected", "text"),
    [
        (
            lambda k, x, y, w, h: (k, x, y, w),
            "not-a-number",
            "200001.txt, line 1: 4 values, expected `class cx cy w h` or",
        ),
        (
            lambda k, x, y, w, h: ("circle", x, y, w, h),
            "not-a-number",
            "line 1: class 'circle' is not the number of a class",
        ),
        (
            lambda k, x, y, w, h: (k, x, "much", w, h),
            "not-a-number",
            "line 1: 'much', expected a number",
        ),
        (lambda k, x, y, w, h: (k, "nan", y, w, h), "not-finite", "200001.txt, line 1"),
        (lambda k, x, y, w, h: (k, x, y, "-0.1", h), "negative-size", "200001.txt, line 1"),
    ],
)
def test_what_cannot_be_an_object_is_left_out(yolo, command, change, expected, text):
    ground_truth, detections = yolo
    n_objects = len(load_ground_truth(ground_truth))
    plant(ground_truth, every_label(change, 20))
    with pytest.raises(InputError):
        load_ground_truth(ground_truth)
    [finding] = faults(ground_truth, detections)
    assert finding.id == expected
    assert text in finding.evidence
    fixed, message = run_only_fix(command, [finding])
    n_left = len(load_ground_truth(fixed))
    assert n_left < n_objects
    assert f"{n_objects - n_left} of {n_objects} were left out" in message
    assert faults(fixed, detections) == []


def test_labels_beyond_their_image_are_clipped(yolo, command):
    ground_truth, detections = yolo

    def change(text, number):
        return re.sub(r"^(\d+) \S+", r"\1 1.01", text, count=1) if number % 4 == 0 else text

    plant(ground_truth, change)
    with pytest.raises(InputError, match=r"1\.01 .*outside 0\.\.1"):
        load_ground_truth(ground_truth)
    [finding] = faults(ground_truth, detections)
    assert (finding.id, finding.severity) == ("outside-image", "error")
    assert "15 of " in finding.evidence
    fixed, message = run_only_fix(command, [finding])
    assert "15 boxes" in message
    assert faults(fixed, detections) == []


@pytest.mark.parametrize(
    ("change", "is_fixable"),
    [
        (lambda k, x, y, w, h: (k, "1.02", y, w, h), True),
        (lambda k, x, y, w, h: (k, "-0.01", y, w, h), True),
        (lambda k, x, y, w, h: (k, "1.5", y, w, h), False),
        (lambda k, x, y, w, h: (k, "-0.02", ".1", ".3", ".1", ".2", ".4"), True),
        (lambda k, x, y, w, h: (k, "300", "200", "40", "40"), False),
    ],
)
def test_one_label_beyond_its_image_does_not_concern_the_others(yolo, command, change, is_fixable):
    ground_truth, detections = yolo
    before = average_precision(ground_truth, detections)
    plant(ground_truth, one_label(change))
    [finding] = faults(ground_truth, detections)
    assert (finding.id, finding.severity) == ("outside-image", "error")
    assert finding.is_command == is_fixable
    assert "1 of 134 labels have a value outside 0..1" in finding.evidence
    if is_fixable:
        fixed, _ = run_only_fix(command, [finding])
        assert faults(fixed, detections) == []
        assert average_precision(fixed, detections) == pytest.approx(before, abs=0.02)


def test_a_label_of_which_clipping_leaves_nothing_is_left_out(yolo, command):
    ground_truth, detections = yolo
    plant(ground_truth, one_label(lambda k, x, y, w, h: (k, "1.009", y, ".01", h)))
    fixed, message = run_only_fix(command, faults(ground_truth, detections))
    assert "1 of 134 were left out" in message
    assert faults(fixed, detections) == []


def test_rounding_is_no_fault(yolo):
    ground_truth, detections = yolo
    plant(ground_truth, one_label(lambda k, x, y, w, h: (k, "-0.0000005", y, w, h)))
    assert faults(ground_truth, detections) == []


def test_files_in_pixels_among_others_are_not_clipped(yolo):
    ground_truth, detections = yolo
    tripled = every_label(lambda k, *box: (k, *(repr(float(side) * 300) for side in box)), 2)
    plant(ground_truth, tripled)
    fixes = [
        finding.fix for finding in faults(ground_truth, detections) if finding.id == "outside-image"
    ]
    assert fixes == ["write these labels as fractions of the image, or remove them"]


def test_fractions_among_pixels_stay_fractions(yolo, command):
    ground_truth, detections = yolo
    before = average_precision(ground_truth, detections)
    plant(ground_truth, in_pixels(ground_truth, lambda number: number % 30))
    fixed, _ = run_only_fix(command, faults(ground_truth, detections))
    assert average_precision(fixed, detections) == pytest.approx(before, abs=1e-3)


def test_classes_without_a_name(yolo):
    """Which class they mean is unknown, so nothing is written."""
    ground_truth, detections = yolo
    plant(ground_truth, every_label(lambda k, *box: (str(int(k) + 1), *box)))
    assert not any(finding.is_command for finding in faults(ground_truth, detections))
    plant(ground_truth, one_label(lambda k, *box: ("circle", *box)))
    findings = faults(ground_truth, detections)
    [unnamed] = [
        finding
        for finding in findings
        if finding.id == "class-ids-80-91" and "without a name (the first: " in finding.evidence
    ]
    assert unnamed.fix == "name these classes in the YAML, or count classes from 0"
    assert set(ids(findings)) >= {"not-a-number", "class-ids-80-91"}
    assert not any(finding.is_command for finding in findings)


def test_a_fix_that_would_lose_much_is_advice(yolo):
    ground_truth, detections = yolo
    plant(ground_truth, every_label(lambda k, x, y, w, h: (k, x, y, w, h, ".9"), 3))
    [finding] = faults(ground_truth, detections)
    assert "6 values, expected" in finding.evidence
    assert re.fullmatch(
        r"write the ground truth again: \d+ of 134 annotations would be left out", finding.fix
    )


def test_the_new_dataset_has_a_name_wherever_the_command_is_given(yolo, monkeypatch, tmp_path):
    ground_truth, detections = yolo
    plant(ground_truth, one_label(lambda k, *box: (k, "nan", *box[1:])))

    def target(path):
        [finding] = faults(path, detections)
        return Path(shlex.split(finding.fix)[-1])

    assert target(ground_truth) == target(ground_truth / "data.yaml") == tmp_path / "yolo-fixed"
    monkeypatch.chdir(ground_truth)
    assert target(".") == target("data.yaml") == tmp_path / "yolo-fixed"
    monkeypatch.chdir(ground_truth / "labels")
    assert target("..") == tmp_path / "yolo-fixed"
    (tmp_path / "yolo-fixed").mkdir()
    assert target(ground_truth) == tmp_path / "yolo-fixed-2"
    ground_truth.rename(tmp_path / "set.v1")
    assert target(tmp_path / "set.v1") == tmp_path / "set.v1-fixed"


@pytest.mark.parametrize("target", ["new", "labels/new", ".", "../there", "../notes.txt"])
def test_nothing_is_written_over_or_into_a_dataset(yolo, command, tmp_path, target):
    ground_truth, detections = yolo
    plant(ground_truth, one_label(lambda k, *box: (k, "nan", *box[1:])))
    (tmp_path / "there").mkdir()
    (tmp_path / "there/x").touch()
    (tmp_path / "notes.txt").write_text("precious")
    before = sorted(tmp_path.rglob("*"))
    for path in (ground_truth, ground_truth / "data.yaml"):
        outcome = command(
            "doctor", path, detections, "--fix", "not-finite", "-o", ground_truth / target
        )
        assert outcome.code == 2
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "notes.txt").read_text() == "precious"
