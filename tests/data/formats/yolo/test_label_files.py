"""Label files: beside `images`, beside the images, missing, and without an image."""

from __future__ import annotations

import re

import pytest

from detbench.data.formats.yolo.dataset import read_yolo
from detbench.errors import DetbenchWarning, InputError
from tests.data.formats.yolo.yolo_files import write_files

LABEL = "0 .5 .5 .2 .4\n"
YAML = "val: images\nnames: [car]\n"


def read(root, files, yaml=YAML):
    return read_yolo(write_files(root, {"data.yaml": yaml, **files}) / "data.yaml")


@pytest.mark.parametrize(
    ("folder", "label_folder"),
    [
        ("images", "labels"),
        ("images/a", "labels/a"),
        ("JPEGImages", "labels"),
        ("images", "images"),
        ("photos", "photos"),
        ("photos/a", "photos/a"),
    ],
)
def test_where_labels_are_found(tmp_path, folder, label_folder):
    files = {f"{folder}/x{i}.png": "" for i in range(2)}
    files |= {f"{label_folder}/x{i}.txt": LABEL for i in range(2)}
    ground_truth = read(tmp_path, files, f"val: {folder}\nnames: [car]\n")
    assert ground_truth.boxes.tolist() == [[40, 15, 60, 35]] * 2
    assert ground_truth.image_ids == ("x0", "x1")


def test_labels_beside_images_do_not_replace_those_of_background_images(tmp_path):
    """Ultralytics reads `labels` alone, so an image without a file there has no objects."""
    files = {"images/a.png": "", "labels/a.txt": LABEL, "images/b.png": "", "images/b.txt": LABEL}
    with pytest.warns(DetbenchWarning, match="no label file for 1 of 2 images"):
        assert read(tmp_path, files).offsets.tolist() == [0, 1, 1]


def test_each_folder_of_images_has_its_own_place(tmp_path):
    files = {"one/images/a.png": "", "one/labels/a.txt": LABEL, "two/b.png": "", "two/b.txt": LABEL}
    yaml = "val: [one/images, two]\nnames: [car]\n"
    assert read(tmp_path, files, yaml).offsets.tolist() == [0, 1, 2]


def test_no_label_file_at_all_is_an_error(tmp_path):
    files = {f"images/x{i}.png": "" for i in range(3)}
    beside, labels = tmp_path / "images/x0.txt", tmp_path / "labels/x0.txt"
    message = f"none of the 3 images has a label file; searched for {labels} and {beside}; put the"
    with pytest.raises(InputError, match=re.escape(f"data.yaml: {message} label files there")):
        read(tmp_path, files)
    with pytest.raises(InputError, match=f"{tmp_path}/annotations/x0.txt is in another folder"):
        read(tmp_path, {"annotations/x0.txt": LABEL})


def test_detections_are_not_named_as_misplaced_labels(tmp_path):
    """A line of labels has an odd number of values, and one of results a confidence behind them."""
    files = {"images/x.png": "", "det/x.txt": LABEL.strip() + " 0.9\n", "one/x.txt": LABEL}
    with pytest.raises(InputError, match=f"; {tmp_path}/one/x.txt is in another folder"):
        read(tmp_path, files)
    with pytest.raises(InputError, match=r"/one/x\.txt, .*/two/x\.txt are in other folders"):
        read(tmp_path, {"two/x.txt": LABEL})


def test_a_missing_label_file_is_a_background_image_and_counted(tmp_path):
    files = {f"images/{name}.png": "" for name in "abcd"} | {"labels/b.txt": LABEL}
    message = (
        f"no label file for 3 of 4 images \\(the first: {tmp_path}/labels/a.txt\\); they count as "
        "images without objects"
    )
    with pytest.warns(DetbenchWarning, match=message):
        assert read(tmp_path, files).offsets.tolist() == [0, 0, 1, 1, 1]


def test_an_empty_label_file_is_no_missing_one(tmp_path):
    files = {"images/a.png": "", "labels/a.txt": "", "images/b.png": "", "labels/b.txt": LABEL}
    assert read(tmp_path, files).offsets.tolist() == [0, 0, 1]


def test_label_files_without_an_image_are_counted(tmp_path):
    files = {"images/a.png": "", "labels/a.txt": LABEL}
    others = {"labels/b.txt": LABEL, "labels/c.txt": LABEL, "labels/classes.txt": "car\n"}
    message = r"no image for 2 label files \(the first: .*b\.txt\)"
    with pytest.warns(DetbenchWarning, match=message):
        assert len(read(tmp_path, files | others)) == 1


def test_labels_of_another_split_of_the_folder_are_no_strays(tmp_path):
    files = {f"images/{name}.png": "" for name in "ab"} | {
        f"labels/{name}.txt": LABEL for name in "ab"
    }
    yaml = "val: val.txt\nnames: [car]\n"
    assert read(tmp_path, files | {"val.txt": "images/a.png\n"}, yaml).image_ids == ("a",)
    assert len(read(tmp_path, {"labels/notes.txt": "checked by hand\n"}, yaml)) == 1
