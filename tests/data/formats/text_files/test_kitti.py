"""KITTI: 15 columns of labels, 16 of results, regions that do not count, splits."""

import pytest

from detbench.errors import InputError
from tests.data.formats.labeled import load, load_scored, objects, write

# From the readme of the object development kit.
TRUCK = "Truck 0.00 0 -1.57 599.41 156.40 629.75 189.25 2.85 2.63 12.34 0.47 1.49 69.44 -1.56"
CAR = "Car 0.25 2 1.85 387.63 181.54 423.81 203.12 1.67 1.87 3.69 -16.53 2.39 58.49 1.57"
DONT_CARE = "DontCare -1 -1 -10 503.89 169.71 590.61 190.13 -1 -1 -1 -1000 -1000 -1000 -10"
# Datumaro 1.13.12: `dataset.export("kitti", "kitti", save_media=True)` of a cat at 10, 20, 40, 60
# that is truncated and a dog at 1, 2, 4.5, 6, on one of two images of 100 × 80 pixels.
DATUMARO = """cat 1.0 0 -1 10.0 20.0 40.0 60.0 -1 -1 -1 -1 -1 -1 -1 1.0
dog 0.0 1 -1 1.0 2.0 4.5 6.0 -1 -1 -1 -1 -1 -1 -1 1.0
"""


def test_labels_are_read_with_truncation_and_regions_for_every_class(tmp_path):
    write(tmp_path / "training/label_2/000001.txt", f"{TRUCK}\n{CAR}\n{DONT_CARE}\n")
    write(tmp_path / "training/image_2/000001.png", "")
    for path in (tmp_path, tmp_path / "training", tmp_path / "training/label_2"):
        ground_truth, warnings = load(path)
        region = [503.89, 169.71, 590.61, 190.13]
        assert sorted(objects(ground_truth)) == [
            ("000001", "Car", [387.63, 181.54, 423.81, 203.12], "truncated"),
            ("000001", "Car", region, "iscrowd"),
            ("000001", "Truck", region, "iscrowd"),
            ("000001", "Truck", [599.41, 156.40, 629.75, 189.25], ""),
        ]
        assert ground_truth.image_files == ("000001.png",)
        assert warnings == []


def test_results_have_the_score_last(tmp_path):
    write(tmp_path / "label_2/000001.txt", f"{TRUCK}\n{CAR}\n")
    write(tmp_path / "data/000001.txt", f"{CAR} 12.5\n{DONT_CARE} 1.0\n")
    ground_truth, _ = load(tmp_path / "label_2")
    detections, _ = load_scored(tmp_path / "data", ground_truth)
    assert detections == [("000001", "Car", [387.63, 181.54, 423.81, 203.12], 12.5)]


def test_labels_of_datumaro_have_a_constant_score_and_no_file_for_an_image_without_objects(
    tmp_path,
):
    write(tmp_path / "label_2/a.txt", DATUMARO)
    for name in "ab":
        write(tmp_path / f"image_2/{name}.png", "")
    ground_truth, warnings = load(tmp_path)
    assert objects(ground_truth) == [
        ("a", "cat", [10, 20, 40, 60], "truncated"),
        ("a", "dog", [1, 2, 4.5, 6], ""),
    ]
    assert ground_truth.image_ids == ("a", "b")
    assert "1 of 2 images without a label file" in warnings[0]


def test_a_split_is_the_list_of_its_images(tmp_path):
    for name in ("000001", "000002"):
        write(tmp_path / f"training/label_2/{name}.txt", f"{CAR}\n")
    write(tmp_path / "ImageSets/val.txt", "000002\n")
    assert load(tmp_path, split="val")[0].image_ids == ("000002",)
    with pytest.raises(InputError, match="has no split 'test'"):
        load(tmp_path, split="test")
    write(tmp_path / "ImageSets/test.txt", "000003\n")
    with pytest.raises(InputError, match="image '000003' has no label file"):
        load(tmp_path, split="test")


def test_results_are_no_ground_truth_and_labels_are_no_detections(tmp_path):
    write(tmp_path / "label_2/000001.txt", f"{CAR}\n")
    write(tmp_path / "data/000001.txt", f"{CAR} 0.5\n")
    ground_truth, _ = load(tmp_path / "label_2")
    with pytest.raises(InputError, match="these are detections and not ground truth"):
        load(tmp_path / "data")
    with pytest.raises(InputError, match="these are labels and not detections"):
        load_scored(tmp_path / "label_2", ground_truth)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("Car 0.00 0", r"line 2: 3 values, expected 15: `type truncated"),
        (CAR.replace("387.63", "x"), r"line 2: x1 is 'x', expected a finite number"),
        (CAR.replace("423.81", "300"), r"line 2: is not a box: x1 387.63"),
    ],
)
def test_a_malformed_line_is_named(tmp_path, line, problem):
    write(tmp_path / "label_2/000001.txt", f"{TRUCK}\n{line}\n")
    with pytest.raises(InputError, match=problem):
        load(tmp_path)
