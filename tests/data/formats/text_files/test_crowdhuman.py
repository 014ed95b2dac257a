"""CrowdHuman: full bodies, masks and ignored persons, results, and faulty lines."""

import json

import pytest

from detbench.errors import InputError
from tests.data.formats.labeled import load, load_scored, objects, write


def person(fbox, tag="person", **extra):
    box = {"tag": tag, "fbox": fbox, "vbox": [0, 0, 1, 1], "hbox": [0, 0, 1, 1], "extra": extra}
    return box | {"head_attr": {"ignore": 1}}


def lines(*entries):
    return "".join(f"{json.dumps(entry)}\n" for entry in entries)


def test_full_bodies_are_read_and_what_the_evaluation_ignores_does_not_count(tmp_path):
    boxes = [
        person([72, -20, 163, 503], box_id=0, occ=0),
        person([10, 20, 30, 40], ignore=1),
        person([1, 2, 3, 4], tag="mask", ignore=1),
    ]
    entries = [{"ID": "273271,c9db000d5146c15", "gtboxes": boxes}, {"ID": "b", "gtboxes": []}]
    ground_truth, warnings = load(write(tmp_path / "annotation_val.odgt", lines(*entries)))
    image = "273271,c9db000d5146c15"
    assert objects(ground_truth) == [
        (image, "person", [72, -20, 235, 483], ""),
        (image, "person", [10, 20, 40, 60], "iscrowd"),
        (image, "person", [1, 2, 4, 6], "iscrowd"),
    ]
    assert ground_truth.image_ids == (image, "b")
    assert warnings == []


def test_results_are_read(tmp_path):
    truth = write(tmp_path / "a.odgt", lines({"ID": "a", "gtboxes": [person([1, 2, 3, 4])]}))
    boxes = [{"box": [1.5, 2, 3, 4], "score": 0.5, "tag": 1}]
    results = write(tmp_path / "r.json", lines({"ID": "a", "dtboxes": boxes}))
    detections, _ = load_scored(results, load(truth)[0])
    assert detections == [("a", "person", [1.5, 2, 4.5, 6], 0.5)]
    with pytest.raises(InputError, match="these are detections and not ground truth"):
        load(results)
    with pytest.raises(InputError, match="these are labels and not detections"):
        load_scored(truth, load(truth)[0])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"ID": "", "gtboxes": []}', "image 2: names no image"),
        ('{"ID": "b", "gtboxes": [', "the JSON ends in the middle"),
        ('{"ID": "b", "gtboxes": [{"tag": "person", "fbox": [1, 2, "3", 4]}]}', "width is '3'"),
        ('{"ID": "b", "gtboxes": [{"tag": "person"}]}', "x is None, expected a finite number"),
    ],
)
def test_a_faulty_line_is_named(tmp_path, text, problem):
    start = lines({"ID": "a", "gtboxes": [person([1, 2, 3, 4])]})
    with pytest.raises(InputError, match=problem):
        load(write(tmp_path / "a.odgt", f"{start}{text}\n"))


def test_results_of_other_tags_are_left_out_and_counted(tmp_path):
    truth = write(tmp_path / "a.odgt", lines({"ID": "a", "gtboxes": [person([1, 2, 3, 4])]}))
    boxes = [{"box": [1, 2, 3, 4], "score": 0.5, "tag": tag} for tag in (1, 2)]
    results = write(tmp_path / "r.json", lines({"ID": "a", "dtboxes": boxes}))
    detections, warnings = load_scored(results, load(truth)[0])
    assert len(detections) == 1
    assert warnings == [f"{results}: 1 detection of another tag than person left out"]
