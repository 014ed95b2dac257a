"""Labels of every task of Ultralytics: boxes, polygons, oriented boxes and keypoints."""

from __future__ import annotations

import numpy as np
import pytest

from detbench.data.formats.yolo.dataset import read_yolo
from detbench.errors import DetbenchWarning, InputError
from tests.data.formats.yolo.yolo_files import in_pixels, write_dataset

BOX = (0.5, 0.5, 0.4, 0.6)
AMBIGUOUS = "0 0.5 0.5 0.5 0.5 0.6 0.6 0.4 0.6"
"""A box with two keypoints in it, and a polygon with its corners in order."""
RECTANGLE = "0 0.3 0.2 0.7 0.2 0.7 0.8 0.3 0.8"
DIAMOND = "0 0.5 0.2 0.7 0.5 0.5 0.8 0.3 0.5"


def line(*values: float, class_number: int = 0) -> str:
    return " ".join([str(class_number), *(f"{value:g}" for value in values)]) + "\n"


def keypoints(n: int, dimensions: int, seed: int = 0, box: tuple[float, ...] = BOX) -> list[float]:
    """Return keypoints in the box; with visibilities 0, 1 and 2, and 0, 0 where it is 0."""
    random = np.random.default_rng(seed)
    points = np.array(box[:2]) + random.uniform(-0.5, 0.5, (n, 2)) * box[2:]
    if dimensions == 2:
        return [*points.ravel()]
    visibility = random.integers(0, 3, n)
    points[visibility == 0] = 0
    return [*np.column_stack([points, visibility]).ravel()]


SHAPES = [(1, 2), (1, 3), (2, 2), (2, 3), (4, 2), (4, 3), (5, 3), (17, 3)]


@pytest.mark.parametrize("shape", SHAPES)
def test_keypoints_follow_the_box(tmp_path, shape):
    labels = {f"p{i}": line(*BOX, *keypoints(*shape, seed=i)) for i in range(4)}
    data = write_dataset(tmp_path, labels, f"names: [plate]\nkpt_shape: {list(shape)}\n")
    ground_truth = read_yolo(data)
    np.testing.assert_allclose(ground_truth.boxes, [in_pixels(*BOX)] * 4)
    assert ground_truth.offsets.tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("n_values", [4, 5, 12, 14, 54])
def test_the_length_of_a_label_with_keypoints(tmp_path, n_values):
    data = write_dataset(
        tmp_path,
        {"a": line(*BOX, *keypoints(3, 3)) + line(*[0.5] * n_values)},
        "names: [a]\nkpt_shape: [3, 3]\n",
    )
    message = (
        rf"a\.txt, line 2: {n_values + 1} values, expected 14: `class cx cy w h` and 9 values of "
        "keypoints; correct the line, or kpt_shape"
    )
    with pytest.raises(InputError, match=message):
        read_yolo(data)


def test_visibilities_are_no_fractions_but_boxes_are(tmp_path):
    yaml = "names: [a]\nkpt_shape: [1, 3]\n"
    read_yolo(write_dataset(tmp_path / "a", {"a": line(*BOX, 0.5, 0.5, 2)}, yaml))
    with pytest.raises(InputError, match=r"line 1: 1\.4 is outside 0\.\.1"):
        read_yolo(write_dataset(tmp_path / "b", {"a": line(0.5, 0.5, 1.4, 0.6, 0.5, 0.5, 2)}, yaml))


@pytest.mark.parametrize("value", ["[17]", "[17, 4]", "[0, 3]", "17", "[a, 3]", "[2.0, 3]"])
def test_a_malformed_kpt_shape(tmp_path, value):
    data = write_dataset(tmp_path, {"a": ""}, f"names: [a]\nkpt_shape: {value}\n")
    with pytest.raises(InputError, match=r"kpt_shape: must be \[number of keypoints, 2 or 3\]"):
        read_yolo(data)


def test_no_keypoints_are_stated_as_zeros(tmp_path):
    data = write_dataset(tmp_path, {"a": line(*BOX)}, "names: [a]\nkpt_shape: [0, 0]\n")
    assert len(read_yolo(data)) == 1


def test_keypoints_and_polygons_are_stated_both(tmp_path):
    yaml = "names: [a]\nkpt_shape: [2, 2]\ntask: segment\n"
    with pytest.raises(InputError, match="states both kpt_shape and task 'segment'"):
        read_yolo(write_dataset(tmp_path, {"a": RECTANGLE}, yaml))


def test_keypoints_of_a_detection_task_are_left_out(tmp_path):
    """As in Ultralytics, some labels may be boxes alone then."""
    data = write_dataset(
        tmp_path,
        {"a": line(*BOX, *keypoints(2, 2)) + line(*BOX)},
        "names: [a]\nkpt_shape: [2, 2]\ntask: detect\n",
    )
    np.testing.assert_allclose(read_yolo(data).boxes, [in_pixels(*BOX)] * 2)


def test_keypoints_far_from_their_boxes_are_suspicious(tmp_path):
    labels = {f"a{i}": line(0.2, 0.2, 0.1, 0.1, 0.8, 0.8, 0.9, 0.9) for i in range(3)}
    data = write_dataset(tmp_path, labels, "names: [a]\nkpt_shape: [2, 2]\n")
    with pytest.warns(DetbenchWarning, match="keypoints lie in their boxes in only 0% of the"):
        assert len(read_yolo(data)) == 3


@pytest.mark.parametrize("shape", SHAPES)
def test_keypoints_that_are_not_stated_are_recognized_or_asked_for(tmp_path, shape):
    random = np.random.default_rng(7)
    boxes = [(0.5, 0.5, *random.uniform(0.05, 0.3, 2)) for _ in range(20)]
    labels = {
        f"{i:02}": line(*box, *keypoints(*shape, seed=i, box=box)) for i, box in enumerate(boxes)
    }
    data = write_dataset(tmp_path, labels)
    with pytest.warns(DetbenchWarning, match=rf"add `kpt_shape: \[{shape[0]}, {shape[1]}\]`"):
        ground_truth = read_yolo(data)
    np.testing.assert_allclose(ground_truth.boxes, [in_pixels(*box) for box in boxes], atol=1e-3)


def test_what_fits_two_readings_is_asked(tmp_path):
    labels = {f"a{i}": AMBIGUOUS for i in range(3)}
    message = (
        r"data\.yaml: labels of 9 values can be polygons or boxes with keypoints; state "
        r"`kpt_shape: \[2, 2\]` or `task: obb`"
    )
    with pytest.raises(InputError, match=message):
        read_yolo(write_dataset(tmp_path / "asked", labels))
    keypoints_stated = "names: [a]\nkpt_shape: [2, 2]\n"
    boxes = read_yolo(write_dataset(tmp_path / "pose", labels, keypoints_stated)).boxes
    np.testing.assert_allclose(boxes, [in_pixels(0.5, 0.5, 0.5, 0.5)] * 3)
    polygons_stated = "names: [a]\ntask: obb\n"
    with pytest.warns(DetbenchWarning, match="scored as their bounding boxes"):
        boxes = read_yolo(write_dataset(tmp_path / "obb", labels, polygons_stated)).boxes
    np.testing.assert_allclose(boxes, [[40, 25, 60, 30]] * 3)


def test_lines_without_any_sense_are_asked(tmp_path):
    labels = {"a": line(0.9, 0.9, 0.5, 0.5, 0.1, 0.9, 0.9, 0.1, 0.1, 0.9, 0.9, 0.9)}
    with pytest.raises(InputError, match="can be neither a polygon nor a box with keypoints"):
        read_yolo(write_dataset(tmp_path, labels))


def test_upright_rectangles_are_their_bounding_boxes(tmp_path):
    boxes = read_yolo(write_dataset(tmp_path, {"a": RECTANGLE, "b": RECTANGLE})).boxes
    np.testing.assert_allclose(boxes, [[30, 10, 70, 40]] * 2)


def test_rotated_boxes_are_scored_as_their_bounding_boxes_and_this_is_said(tmp_path):
    data = write_dataset(tmp_path, {"a": DIAMOND, "b": RECTANGLE})
    with pytest.warns(DetbenchWarning, match="labels with four corners are scored as their bound"):
        boxes = read_yolo(data).boxes
    np.testing.assert_allclose(boxes, [[30, 10, 70, 40]] * 2)


def test_polygons_of_different_lengths_and_boxes(tmp_path):
    triangle, pentagon = "0 .1 .2 .5 .2 .3 .8", "1 .1 .2 .5 .2 .6 .5 .5 .8 .1 .8"
    text = "\n".join([triangle, pentagon, "0 .5 .5 .2 .2", triangle])
    ground_truth = read_yolo(write_dataset(tmp_path, {"a": text}))
    np.testing.assert_allclose(
        ground_truth.boxes, [[10, 10, 50, 40], [10, 10, 60, 40], [40, 20, 60, 30], [10, 10, 50, 40]]
    )
    assert ground_truth.class_index.tolist() == [0, 1, 0, 0]


def test_a_label_with_a_confidence_is_no_label(tmp_path):
    data = write_dataset(tmp_path, {"a": line(*BOX, 0.9) * 3})
    message = "line 1: 6 values, expected `class cx cy w h` or `class x1 y1 x2 y2 x3 y3 …`; for "
    with pytest.raises(InputError, match=message + "labels with keypoints, add kpt_shape to data"):
        read_yolo(data)
