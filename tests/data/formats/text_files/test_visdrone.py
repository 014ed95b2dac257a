"""VisDrone-DET: sizes, ignored regions and objects, categories, and what the toolkit leaves out."""

import pytest

from detbench.data.formats.text_files.visdrone import CLASS_NAMES
from detbench.errors import InputError
from tests.data.formats.labeled import load, load_scored, objects, write

LABELS = """684,8,273,116,0,0,0,0
406,119,265,70,1,4,1,1
255,22,119,128,0,5,0,2,
1,2,3,4,1,11,0,0
"""


def test_annotations_are_read_as_the_toolkit_counts_them(tmp_path):
    write(tmp_path / "annotations/a.txt", LABELS)
    write(tmp_path / "images/a.jpg", "")
    ground_truth, warnings = load(tmp_path)
    counted = [row for row in objects(ground_truth) if row[3] != "iscrowd"]
    assert counted == [("a", "car", [406, 119, 671, 189], "truncated")]
    ignored = [row for row in objects(ground_truth) if row[3] == "iscrowd"]
    assert ("a", "van", [255, 22, 374, 150], "iscrowd") in ignored
    region = [684, 8, 957, 124]
    assert [name for _, name, box, _ in ignored if box == region] == list(CLASS_NAMES)
    assert ground_truth.class_names == CLASS_NAMES
    assert warnings == [f"{tmp_path}: 1 object of category 11 left out"]


def test_results_have_the_score_in_the_fifth_column(tmp_path):
    write(tmp_path / "annotations/a.txt", LABELS)
    write(tmp_path / "results/a.txt", "406,119,265,70,0.7,4,-1,-1\n1,2,3,4,0.9,11,-1,-1\n")
    detections, warnings = load_scored(tmp_path / "results", load(tmp_path)[0])
    assert detections == [("a", "car", [406, 119, 671, 189], 0.7)]
    assert "1 detection of category 11 left out" in warnings[0]


def test_results_are_no_ground_truth_and_annotations_are_no_detections(tmp_path):
    write(tmp_path / "annotations/a.txt", LABELS)
    write(tmp_path / "results/a.txt", "406,119,265,70,1,4,-1,-1\n")
    with pytest.raises(InputError, match="these are detections and not ground truth"):
        load(tmp_path / "results")
    with pytest.raises(InputError, match="these are labels and not detections"):
        load_scored(tmp_path / "annotations", load(tmp_path)[0])


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("1,2,3", "line 2: 3 values, expected 8"),
        ("1,2,3,4,1,12,0,0", "line 2: category 12, expected a number from 0 to 11"),
        ("1,2,-3,4,1,4,0,0", "line 2: is not a box"),
    ],
)
def test_a_malformed_line_is_named(tmp_path, line, problem):
    write(tmp_path / "annotations/a.txt", f"406,119,265,70,1,4,0,0\n{line}\n")
    with pytest.raises(InputError, match=problem):
        load(tmp_path)


def test_results_of_category_0_are_left_out_and_counted(tmp_path):
    truth = load(write(tmp_path / "gt/a.txt", LABELS).parent)[0]
    results = write(tmp_path / "det/a.txt", "1,2,3,4,0.9,4,-1,-1\n1,2,3,4,0.8,0,-1,-1\n").parent
    detections, warnings = load_scored(results, truth)
    assert [score for *_, score in detections] == [0.9]
    assert warnings == [f"{results}: 1 detection of category 0 left out"]


def test_an_image_may_be_called_like_a_list_of_images(tmp_path):
    """`test.txt` is a list of images in many folders; here it holds the labels of `test.jpg`."""
    for name in ("a", "test"):
        write(tmp_path / f"annotations/{name}.txt", LABELS)
        write(tmp_path / f"images/{name}.jpg", "")
    ground_truth, _ = load(tmp_path)
    assert ground_truth.image_ids == ("a", "test")
    for name in ("a", "test"):
        write(tmp_path / f"det/{name}.txt", "1,2,3,4,0.9,4,-1,-1\n")
    detections, _ = load_scored(tmp_path / "det", ground_truth)
    assert [image for image, *_ in detections] == ["a", "test"]
