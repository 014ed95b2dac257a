"""Mistakes in VOC annotations: each is named with its position and has a command that fixes it."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from detbench.data.load import load_ground_truth
from detbench.errors import InputError
from tests.doctor.planting import (
    average_precision,
    change_files,
    faults,
    fix_only_error,
    ids,
    run_only_fix,
)

BNDBOX = re.compile(
    r"<xmin>(.*?)</xmin>\s*<ymin>(.*?)</ymin>\s*<xmax>(.*?)</xmax>\s*<ymax>(.*?)</ymax>"
)
SIZE = re.compile(r"<width>(\d+)</width>\s*<height>(\d+)</height>")


@pytest.fixture
def voc(dataset, tmp_path):
    """A devkit to plant mistakes in, and detections on it."""
    shutil.copytree(dataset / "VOCdevkit", tmp_path / "VOCdevkit")
    return tmp_path / "VOCdevkit/VOC2007", dataset / "comp4"


def plant(ground_truth, change):
    change_files(list(ground_truth.glob("Annotations/*.xml")), change)


def every_box(change):
    """Replace every box by four texts, made of its corners and the size of the image."""

    def plant(text, _):
        width, height = map(int, SIZE.search(text).groups())

        def changed(match):
            x, y, r, b = change(*map(float, match.groups()), width, height)
            return f"<xmin>{x}</xmin><ymin>{y}</ymin><xmax>{r}</xmax><ymax>{b}</ymax>"

        return BNDBOX.sub(changed, text)

    return plant


def once(old, new):
    """Replace the first match in one annotation of four."""
    return lambda text, number: re.sub(old, new, text, count=1) if number % 4 == 0 else text


def as_sizes(x, y, r, b, *_):
    return x, y, r - x + 1, b - y + 1


def as_fractions(x, y, r, b, w, h):
    return (x - 1) / w, (y - 1) / h, r / w, b / h


def as_center(x, y, r, b, *_):
    return (x + r) / 2, (y + b) / 2, r - x, b - y


def swapped_corners(x, y, r, b, *_):
    return r, b, x, y


def with_decimal_commas(*box):
    return [f"{side:.1f}".replace(".", ",") for side in box[:4]]


def in_every_third_file(change):
    return lambda text, number: text if number % 3 else change(text, number)


def each_object_twice(text, _):
    return re.sub(r"(\s*<object>.*?</object>)", r"\1\1", text, flags=re.DOTALL)


def a_word_for_0(text, _):
    return text.replace("<difficult>0<", "<difficult>no<")


WITHOUT_LOSS = {
    "x, y, width, height": (every_box(as_sizes), "box-format-xyxy", "are xywh"),
    "y before x": (
        every_box(lambda x, y, r, b, *_: (y, x, b, r)),
        "box-format-yxyx",
        "are yxyx",
    ),
    "center, width, height": (every_box(as_center), "box-format-cxcywh", "are cxcywh"),
    "fractions": (every_box(as_fractions), "box-normalized", "are fractions of the image, xyxy"),
    "percent": (
        every_box(lambda *box: (100 * side for side in as_fractions(*box))),
        "box-normalized",
        "are percent, xyxy",
    ),
    "fractions in some files": (
        in_every_third_file(every_box(as_fractions)),
        "box-format-mixed",
        "are fractions of the image, xyxy, unlike the others",
    ),
    "top and bottom exchanged": (
        every_box(lambda x, y, r, b, *_: (x, b, r, y)),
        "negative-size",
        "with their corners in order",
    ),
    "every object twice": (each_object_twice, "annotations-doubled", "have the class and box"),
    "difficult as a word": (a_word_for_0, "not-a-number", "object 1 (square): <difficult> is 'no'"),
    "decimal commas": (every_box(with_decimal_commas), "not-a-number", "expected a number"),
    "swapped corners": (
        every_box(swapped_corners),
        "negative-size",
        "with their corners in order",
    ),
    "width not finite": (once("<width>.*?<", "<width>nan<"), "not-finite", "<width> is 'nan'"),
    "width as a word": (once("<width>.*?<", "<width>wide<"), "not-a-number", "<width> is 'wide'"),
}


@pytest.mark.parametrize("how", WITHOUT_LOSS)
def test_what_can_be_fixed_without_loss(voc, command, how):
    ground_truth, detections = voc
    change, expected, text = WITHOUT_LOSS[how]
    before = average_precision(ground_truth, detections)
    plant(ground_truth, change)
    fixed = fix_only_error(command, ground_truth, detections, expected, text)
    assert fixed == ground_truth.parents[1] / "VOCdevkit-fixed/VOC2007"
    assert average_precision(fixed, detections) == pytest.approx(before, abs=1e-3)


@pytest.mark.parametrize(
    ("change", "expected", "text"),
    [
        (once("<xmin>.*?<", "<xmin>left<"), "not-a-number", "object 1 (square): <xmin> is 'left'"),
        (once("<xmin>.*?</xmin>", ""), "not-a-number", "has no <xmin> in <bndbox>"),
        (once("<xmin>.*?<", "<xmin>1_3<"), "not-a-number", "<xmin> is '1_3', expected a number"),
        (once("<name>.*?<", "<name><"), "not-a-number", "object 1: has no <name>"),
        (once("<ymax>.*?<", "<ymax>nan<"), "not-finite", "object 1"),
        (once("<ymax>.*?<", "<ymax>-40<"), "negative-size", "object 1"),
        (
            once(BNDBOX, r"<xmin>9</xmin><ymin>9</ymin><xmax>8</xmax><ymax>8</ymax>"),
            "zero-area",
            "refuses",
        ),
    ],
)
def test_what_cannot_be_an_object_is_left_out(voc, command, change, expected, text):
    ground_truth, detections = voc
    n_objects = len(load_ground_truth(ground_truth))
    plant(ground_truth, change)
    with pytest.raises(InputError):
        load_ground_truth(ground_truth)
    [finding] = faults(ground_truth, detections)
    assert (finding.id, finding.severity) == (expected, "error")
    assert text in finding.evidence
    assert "15 of " in finding.evidence
    fixed, message = run_only_fix(command, [finding])
    assert f"15 of {n_objects} were left out" in message
    assert faults(fixed, detections) == []
    assert len(load_ground_truth(fixed)) == n_objects - 15


def test_two_mistakes_have_one_command(voc, command):
    ground_truth, detections = voc
    before = average_precision(ground_truth, detections)
    plant(ground_truth, every_box(as_sizes))
    plant(ground_truth, a_word_for_0)
    findings = faults(ground_truth, detections)
    assert sorted(ids(findings)) == ["box-format-xyxy", "not-a-number"]
    fixed, _ = run_only_fix(command, findings)
    assert average_precision(fixed, detections) == pytest.approx(before, abs=1e-3)


def test_one_of_two_mistakes_is_not_fixed_alone(voc, command, tmp_path):
    """Ground truth is written anew as a whole."""
    ground_truth, detections = voc
    plant(ground_truth, every_box(as_sizes))
    plant(ground_truth, a_word_for_0)
    target = tmp_path / "fixed"
    outcome = command("doctor", ground_truth, detections, "--fix", "not-a-number", "-o", target)
    assert outcome.code == 2
    assert "is fixed as a whole; fix as well: --fix box-format-xyxy" in outcome.err
    assert not target.exists()


def test_what_is_not_wrong_is_not_fixed(voc, command, tmp_path):
    target = tmp_path / "fixed"
    outcome = command("doctor", *voc, "--fix", "not-a-number", "-o", target)
    assert outcome.code == 2
    assert "no finding not-a-number can be fixed here" in outcome.err
    assert not target.exists()


def test_swapped_corners_are_no_other_format_if_sizes_are_unknown(voc, command):
    ground_truth, detections = voc
    before = average_precision(ground_truth, detections)
    swap = every_box(swapped_corners)

    def change(text, number):
        changed = swap(text, number) if number % 7 == 0 else text
        return re.sub(r"<size>.*?</size>", "", changed, flags=re.DOTALL)

    plant(ground_truth, change)
    findings = faults(ground_truth, detections)
    assert ids(findings) == ["negative-size"]
    fixed, _ = run_only_fix(command, findings)
    assert faults(fixed, detections) == []
    assert average_precision(fixed, detections) == pytest.approx(before, abs=1e-3)


def test_swapped_corners_are_put_in_order_without_detections_too(voc, command, tmp_path):
    ground_truth, detections = voc
    empty = tmp_path / "empty"
    empty.mkdir()
    for file in detections.iterdir():
        (empty / file.name).touch()
    before = load_ground_truth(ground_truth).digest
    plant(ground_truth, every_box(swapped_corners))
    findings = [finding for finding in faults(ground_truth, empty) if finding.id == "negative-size"]
    fixed, _ = run_only_fix(command, findings)
    assert load_ground_truth(fixed).digest == before


def test_swapped_image_sizes_are_no_format_of_boxes(voc):
    ground_truth, detections = voc
    plant(
        ground_truth,
        lambda text, _: SIZE.sub(r"<width>\2</width><height>\1</height>", text),
    )
    [finding] = faults(ground_truth, detections)
    assert (finding.id, finding.severity) == ("outside-image", "warning")
    assert "nearly all lie inside if its width and height are swapped" in finding.evidence
    assert finding.fix == "swap width and height of the images in the ground truth"


def test_boxes_of_another_size_are_no_other_format(voc):
    ground_truth, detections = voc
    plant(ground_truth, every_box(lambda *box: [side / 2 for side in box[:4]]))
    evidence = [finding.evidence for finding in faults(ground_truth, detections)]
    assert not any("the boxes of the ground truth are" in text for text in evidence)


def test_the_new_devkit_has_a_name_wherever_the_command_is_given(voc, monkeypatch, tmp_path):
    ground_truth, detections = voc
    plant(ground_truth, once("<ymax>.*?<", "<ymax>nan<"))

    def target(path):
        [finding] = faults(path, detections)
        return Path(shlex.split(finding.fix)[-1])

    assert target(ground_truth) == tmp_path / "VOCdevkit-fixed/VOC2007"
    assert target(ground_truth.parent) == tmp_path / "VOCdevkit-fixed"
    monkeypatch.chdir(ground_truth)
    assert target(".") == tmp_path / "VOCdevkit-fixed/VOC2007"
