"""RetinaNet CSV: rows without a header, images without objects, sizes in place of corners."""

import pytest

from detbench.errors import InputError
from tests.data.formats.labeled import load, load_scored, objects, write

# From the README of fizyr/keras-retinanet.
README = """/data/imgs/img_001.jpg,837,346,981,456,cow
/data/imgs/img_002.jpg,215,312,279,391,cat
/data/imgs/img_002.jpg,22,5,89,84,bird
/data/imgs/img_003.jpg,,,,,
"""
# From https://roboflow.com/formats/retinanet-keras-csv, which has sizes.
ROBOFLOW = """0001.jpg,2694,1211,353,353,helmet
0001.jpg,1754,1449,68,68,person
0002.jpg,113,95,226,226,helmet
"""


def test_rows_and_images_without_objects_are_read(tmp_path):
    ground_truth, warnings = load(write(tmp_path / "annotations.csv", README))
    assert objects(ground_truth) == [
        ("/data/imgs/img_001.jpg", "cow", [837, 346, 981, 456], ""),
        ("/data/imgs/img_002.jpg", "cat", [215, 312, 279, 391], ""),
        ("/data/imgs/img_002.jpg", "bird", [22, 5, 89, 84], ""),
    ]
    assert ground_truth.image_ids[2] == "/data/imgs/img_003.jpg"
    assert warnings == []


def test_sizes_in_place_of_corners_are_asked_for(tmp_path):
    path = write(tmp_path / "annotations.csv", ROBOFLOW)
    with pytest.raises(InputError, match="2 of 3 rows have x2 < x1 or y2 < y1") as error:
        load(path)
    assert "--columns ground-truth:image,x,y,w,h,class" in str(error.value)
    ground_truth, _ = load(path, columns="image,x,y,w,h,class")
    assert objects(ground_truth)[0][2] == [2694, 1211, 3047, 1564]


def test_annotations_are_no_detections(tmp_path):
    path = write(tmp_path / "annotations.csv", README)
    with pytest.raises(InputError, match="has no scores: these are annotations of RetinaNet"):
        load_scored(path, load(path)[0])
