"""Ground truth: what it shows of itself, and what it refuses."""

import numpy as np
import pytest

from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchError
from tests.data.ground_truths import make_ground_truth


def test_repr_is_one_short_line() -> None:
    large = make_ground_truth([(0, 0, 10, 10)] * 2000, images=1500, name="VOC2007 test")
    expected = "<GroundTruth 'VOC2007 test': 1,500 images, 2,000 objects, 3 classes>"
    assert repr(large) == str(large) == expected


def test_repr_of_one_and_of_none() -> None:
    one = GroundTruth.from_rows(
        image_ids=["a"],
        class_names=["car"],
        image_index=[0],
        class_index=[0],
        boxes=[(0, 0, 1, 1)],
    )
    assert repr(one) == "<GroundTruth: 1 image, 1 object, 1 class>"
    empty = GroundTruth.from_rows(
        image_ids=(), class_names=(), image_index=(), class_index=(), boxes=()
    )
    assert repr(empty) == "<GroundTruth: 0 images, 0 objects, 0 classes>"


def test_image_names_fall_back_to_the_ids() -> None:
    ground_truth = make_ground_truth(images=3, image_files=["a/b.jpg", "", "c.png"])
    assert ground_truth.image_names == ("a/b.jpg", "001", "c.png")


def test_images_with_files_are_those_in_the_folder(tmp_path) -> None:
    (tmp_path / "b.jpg").touch()
    files = ["a.jpg", "b.jpg", ""]
    ground_truth = make_ground_truth(images=3, image_files=files, image_folder=tmp_path)
    np.testing.assert_array_equal(ground_truth.images_with_files(), [1])


def test_a_folder_without_any_of_the_images_is_an_error(tmp_path) -> None:
    ground_truth = make_ground_truth(
        images=3, image_files=["a.jpg"] * 3, image_folder=tmp_path, name="set"
    )
    with pytest.raises(DetbenchError, match=f"set: none of its 3 images is in {tmp_path}; give"):
        ground_truth.images_with_files()


def test_an_unknown_image_folder_is_an_error() -> None:
    message = "set: the folder of its images is unknown; give it with --images"
    with pytest.raises(DetbenchError, match=message):
        make_ground_truth(name="set").require_image_folder()
