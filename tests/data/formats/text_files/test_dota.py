"""DOTA: bounding boxes of rotated boxes, head lines, difficult objects, results of both tasks."""

import warnings

import numpy as np
import pytest

from detbench.data.load import load_ground_truth
from detbench.errors import InputError
from tests.data.formats.labeled import load, load_scored, objects, write

# Datumaro 1.13.12: `dataset.export("dota", "dota")` of a plane, 30 × 20, turned by 30 degrees about
# 40, 30, and a ship, 10 × 8, about 50, 60.
DATUMARO = """32.01 13.84 57.99 28.84 47.99 46.16 22.01 31.16 plane 1
45.00 56.00 55.00 56.00 55.00 64.00 45.00 64.00 ship 0
"""


def test_rotated_boxes_are_read_as_their_bounding_box(tmp_path):
    path = tmp_path / "train"
    write(path / "labelTxt/a.txt", f"imagesource:GoogleEarth\ngsd:null\n{DATUMARO}")
    write(path / "labelTxt/b.txt", "")
    ground_truth, messages = load(path)
    assert objects(ground_truth) == [
        ("a", "plane", [22.01, 13.84, 57.99, 46.16], "difficult"),
        ("a", "ship", [45, 56, 55, 64], ""),
    ]
    assert ground_truth.image_ids == ("a", "b")
    assert messages == [f"{path}: 1 rotated box read as bounding boxes"]


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("Task1_plane.txt", "a 0.8 32.01 13.84 57.99 28.84 47.99 46.16 22.01 31.16"),
        ("Task2_plane.txt", "a 0.8 22.01 13.84 57.99 46.16"),
    ],
)
def test_results_have_the_class_in_the_name_of_the_file(tmp_path, file, line):
    write(tmp_path / "labelTxt/a.txt", DATUMARO)
    write(tmp_path / "results" / file, f"{line}\n")
    write(tmp_path / "results" / file.replace("plane", "ship"), "")
    ground_truth, _ = load(tmp_path / "labelTxt")
    detections, _ = load_scored(tmp_path / "results", ground_truth)
    assert detections == [("a", "plane", [22.01, 13.84, 57.99, 46.16], 0.8)]


def test_results_are_no_ground_truth_and_labels_are_no_detections(tmp_path):
    write(tmp_path / "labelTxt/a.txt", DATUMARO)
    write(tmp_path / "results/Task2_plane.txt", "a 0.8 1 2 3 4\n")
    with pytest.raises(InputError, match="these are detections and not ground truth"):
        load(tmp_path / "results")
    with pytest.raises(InputError, match="these are labels and not detections"):
        load_scored(tmp_path / "labelTxt", load(tmp_path / "labelTxt")[0])


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("1 2 3 4 plane 0", r"line 3: 6 values, expected 10"),
        ("1 2 x 4 5 6 7 8 plane 0", r"line 3: x1 is 'x', expected a finite number"),
        ("1 2 3 4 5 6 7 8 plane yes", r"line 3: difficult is 'yes', expected 0 or 1"),
    ],
)
def test_a_malformed_line_is_named(tmp_path, line, problem):
    write(tmp_path / "a.txt", f"{DATUMARO}{line}\n")
    with pytest.raises(InputError, match=problem):
        load(tmp_path)


def test_real_labels_have_the_bounding_boxes_of_their_corners(shared_data):
    folder = shared_data / "dota/labelTxt"
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ground_truth = load_ground_truth(folder)
    expected, n_rotated = [], 0
    for file in sorted(folder.glob("*.txt")):
        for line in file.read_text().splitlines()[2:]:
            words = line.split()
            corners = np.array(words[:8], float).reshape(4, 2)
            box = [*corners.min(axis=0).tolist(), *corners.max(axis=0).tolist()]
            expected.append((file.stem, words[8], box, "difficult" if words[9] == "1" else ""))
            n_rotated += max(len(set(corners[:, side])) for side in (0, 1)) > 2
    assert objects(ground_truth) == expected
    assert f"{n_rotated} rotated boxes read as bounding boxes" in str(caught[0].message)
