"""The doctor examines the files that `detbench eval` reads, and has the same verdict on them."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest

from detbench.data.load import load_detections, load_ground_truth
from detbench.doctor.doctor import examine
from detbench.errors import DetbenchWarning, InputError
from tests.doctor.scenes import annotated_images, scattered
from tests.doctor.simulated_detectors import detected
from tests.doctor.written_pairs import pair_of, write_pair

FORMATS = (
    ("coco", "coco"),
    ("voc", "voc"),
    ("yolo", "yolo"),
    ("class text", "class text"),
    ("csv", "csv"),
    ("kitti", "kitti"),
    ("bdd100k", "bdd100k"),
    ("cvat", "coco"),
    ("labelme", "coco"),
)
MALFORMED = ("not-a-number", "not-finite", "image-ids-unknown", "class-ids-80-91", "negative-size")
"""Errors that say that files cannot be read as they are."""


def set_score(value):
    return lambda row: setattr(row, "score", value)


def set_box(position, value):
    def change(row):
        row.box[position] = value

    return change


def set_image(value):
    return lambda row: setattr(row, "image", value)


def set_class(value):
    return lambda row: setattr(row, "category", value)


def invert(row):
    row.box = [*row.box[2:], *row.box[:2]]


DETECTION_FAULTS = {
    "none": lambda row: None,
    "score NaN": set_score(math.nan),
    "score infinite": set_score(math.inf),
    "score a word": set_score("high"),
    "score 7": set_score(7),
    "box a word": set_box(0, "left"),
    "box NaN": set_box(2, math.nan),
    "box negative": set_box(0, -3.5),
    "inverted": invert,
    "no width": set_box(2, 0.0),
    "image unknown": set_image("nowhere"),
    "class unknown": set_class("dragon"),
}
TRUTH_FAULTS = {
    name: DETECTION_FAULTS[name]
    for name in ("box a word", "box NaN", "box negative", "inverted", "no width")
}
REFUSED = ("score NaN", "score a word", "box a word", "box NaN", "image unknown", "class unknown")
"""Faults that `detbench eval` refuses in every format."""
FAST = 4
"""Formats that are tested by `make quick`."""
by_format = pytest.mark.parametrize(
    "formats",
    [
        pytest.param(formats, id=" and ".join(formats), marks=[pytest.mark.slow] * (n >= FAST))
        for n, formats in enumerate(FORMATS)
    ],
)


@pytest.fixture
def pair(formats):
    rng = np.random.default_rng(3)
    objects = [scattered(rng, 4, (320, 240), (30, 100), 2) for _ in range(12)]
    ground_truth = annotated_images([(320, 240)] * 12, objects, 2)
    return pair_of(ground_truth, detected(rng, ground_truth, recall=1, false=0.5), *formats)


def verdicts(ground_truth, detections) -> tuple[str, list[str]]:
    """Return why `detbench eval` refuses the files, and the IDs of the errors of the doctor."""
    refusal = ""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DetbenchWarning)
        try:
            load_detections(detections, load_ground_truth(ground_truth))
        except InputError as error:
            refusal = str(error)
        try:
            findings = examine(ground_truth, detections)
        except InputError as error:
            return refusal, [str(error)]
    return refusal, [finding.id for finding in findings if finding.severity == "error"]


def check_same_verdict(refusal: str, errors: list[str]) -> None:
    if refusal:
        assert errors, f"only eval refuses: {refusal}"
    else:
        assert not [error for error in errors if error in MALFORMED or " " in error]


@by_format
@pytest.mark.parametrize("fault", DETECTION_FAULTS)
def test_on_faulty_detections(pair, fault, tmp_path):
    DETECTION_FAULTS[fault](pair.detections[5])
    refusal, errors = verdicts(*write_pair(pair, tmp_path))
    assert refusal or fault not in REFUSED
    check_same_verdict(refusal, errors)


@by_format
@pytest.mark.parametrize("fault", TRUTH_FAULTS)
def test_on_faulty_ground_truth(pair, fault, tmp_path):
    TRUTH_FAULTS[fault](pair.truth[5])
    refusal, errors = verdicts(*write_pair(pair, tmp_path))
    assert refusal or fault not in REFUSED
    check_same_verdict(refusal, errors)


@by_format
@pytest.mark.parametrize("name", ["notes.txt", "readme.md", "classes.txt", "speed.log"])
def test_other_files_in_a_folder_of_results_are_no_results(pair, name, tmp_path):
    ground_truth, detections = write_pair(pair, tmp_path)
    if not detections.is_dir():
        pytest.skip("the results are one file")
    text = "".join(f"{name}\n" for name in pair.class_names)
    (detections / name).write_text(text if name == "classes.txt" else "12 images in 3 s\n")
    refusal, errors = verdicts(ground_truth, detections)
    assert (refusal, errors) == ("", [])
