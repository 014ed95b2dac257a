"""Rules for detections of every format: inverted boxes, unknown images and classes, none."""

import warnings

import numpy as np
import pytest

from detbench.data.formats.parsing.row_rules import check_inverted, check_unknown, warn_empty
from detbench.errors import DetbenchWarning, InputError

UPRIGHT, INVERTED = (0.0, 0.0, 5.0, 5.0), (5.0, 0.0, 0.0, 5.0)


@pytest.mark.parametrize("boxes", [[], [UPRIGHT], [(3.0, 3.0, 3.0, 3.0)]])
def test_upright_boxes_give_no_warning(boxes):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_inverted("d.json", np.reshape(boxes, (-1, 4)).astype(float))


def test_up_to_half_inverted_boxes_are_counted_in_a_warning():
    with pytest.warns(DetbenchWarning, match=r"d\.json: 1 of 2 boxes are inverted"):
        check_inverted("d.json", np.array([UPRIGHT, INVERTED]))


def test_mostly_inverted_boxes_point_to_the_box_format():
    with pytest.raises(InputError, match=r"d\.json: 2 of 3 boxes are inverted .*xywh"):
        check_inverted("d.json", np.array([UPRIGHT, INVERTED, (0.0, 5.0, 5.0, 0.0)]))


def test_no_unknown_names_give_no_warning():
    check_unknown("d.json", "image", "", 0, 10, allow_unknown=False)


def test_an_unknown_image_is_located_and_points_to_the_split():
    with pytest.raises(
        InputError, match=r"d\.json, row 3: image '42' is not in the ground truth; .*split"
    ):
        check_unknown("d.json", "image", "42", 1, 10, where="row 3", allow_unknown=False)


def test_an_unknown_class_is_located():
    with pytest.raises(
        InputError, match=r"d\.json, row 3: class 'gnu' is not in the ground truth; spell"
    ):
        check_unknown("d.json", "class", "gnu", 1, 10, where="row 3", allow_unknown=False)


def test_allowed_unknown_detections_are_counted():
    with pytest.warns(
        DetbenchWarning, match=r"dropped 4 of 10 detections whose class .*'gnu' at row 3"
    ):
        check_unknown("d.json", "class", "gnu", 4, 10, where="row 3", allow_unknown=True)


def test_no_detections_are_warned_about():
    with pytest.warns(DetbenchWarning, match=r"empty\.json: no detections at all"):
        warn_empty("empty.json")
