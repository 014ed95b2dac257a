"""Box formats: conversion to corners inverts Keras' own conversion from corners."""

import numpy as np
import pytest

from detbench.adapters.box_formats import BOX_FORMATS, to_xyxy
from detbench.errors import DetbenchError

SIZE = (200, 100)


def converted_by_keras(boxes, box_format):
    bounding_boxes = pytest.importorskip("keras").utils.bounding_boxes
    if box_format == "rel_center_yxhw":  # the only format that Keras does not write
        pixels = bounding_boxes.convert_format(boxes, "xyxy", "center_yxhw")
        return pixels / np.float32([100, 200, 100, 200])
    return bounding_boxes.convert_format(boxes, "xyxy", box_format, height=SIZE[1], width=SIZE[0])


@pytest.mark.parametrize("relative", ["", "rel_"])
@pytest.mark.parametrize("name", BOX_FORMATS)
def test_the_conversion_of_keras_is_inverted(name, relative):
    boxes = np.array([[[10, 20, 50, 80], [0, 0, 200, 100], [3.5, 7.25, 4, 90]]], np.float32)
    converted = np.asarray(converted_by_keras(boxes, relative + name))
    np.testing.assert_allclose(to_xyxy(converted, relative + name, SIZE), boxes, atol=1e-4)


def test_an_unknown_format_lists_the_known_formats():
    with pytest.raises(DetbenchError, match="unknown box_format 'xxyy'; use xyxy, yxyx"):
        to_xyxy(np.zeros((0, 4)), "xxyy", SIZE)


def test_no_boxes_stay_no_boxes():
    assert to_xyxy(np.zeros((0, 4)), "rel_xywh", SIZE).shape == (0, 4)
