"""Geometry: the placement of an image in a model's input, for every fit and random sizes."""

from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detbench.adapters.geometry import Fit, Placement, fit_image

FITS = get_args(Fit)
length = st.integers(1, 6000)
sizes = st.tuples(length, length)
inputs = st.tuples(st.integers(16, 1600), st.integers(16, 1600))


@given(sizes, inputs, st.sampled_from(FITS), st.integers(0, 2**32))
def test_mapping_back_is_exact(original, size, fit, seed):
    placement = fit_image(original, size, fit)
    boxes = np.random.default_rng(seed).uniform(0, 1, (20, 4)) * [*original, *original]
    assert np.abs(placement.to_original_unclipped(placement.to_input(boxes)) - boxes).max() <= 1e-9
    assert np.abs(placement.to_original(placement.to_input(boxes)) - boxes).max() <= 1e-9


@given(sizes, inputs, st.sampled_from(FITS))
def test_the_corners_of_the_image_are_those_of_the_resized_image(original, size, fit):
    placement = fit_image(original, size, fit)
    (left, top), (width, height) = placement.offset, placement.resized
    corners = placement.to_input(np.array([[0, 0, *original]], np.float64))
    assert np.abs(corners - [left, top, left + width, top + height]).max() <= 1e-9


@given(sizes, inputs, st.sampled_from(FITS))
def test_a_fitted_image_is_inside_and_a_crop_fills_the_input(original, size, fit):
    placement = fit_image(original, size, fit)
    for axis in (0, 1):
        start, end = placement.offset[axis], placement.offset[axis] + placement.resized[axis]
        if fit == "center-crop":
            assert start <= 0
            assert end >= size[axis]
        else:
            assert 0 <= start < end <= size[axis]
    if fit != "center-crop":
        assert any(placement.resized[axis] == size[axis] for axis in (0, 1))


@given(sizes, inputs, st.sampled_from(["letterbox", "letterbox-corner", "center-crop"]))
def test_the_aspect_ratio_is_kept_to_half_a_pixel(original, size, fit):
    placement = fit_image(original, size, fit)
    ratio = (max if fit == "center-crop" else min)(size[0] / original[0], size[1] / original[1])
    for axis in (0, 1):
        exact = original[axis] * ratio
        assert abs(placement.resized[axis] - exact) <= 0.5 + 1e-9 or (
            exact < 1 and placement.resized[axis] == 1
        )


@pytest.mark.parametrize(
    ("fit", "resized", "offset"),
    [
        ("stretch", (416, 416), (0, 0)),
        ("letterbox", (416, 312), (0, 52)),
        ("letterbox-corner", (416, 312), (0, 0)),
        ("center-crop", (555, 416), (-69, 0)),
    ],
)
def test_placements_computed_by_hand(fit, resized, offset):
    assert fit_image((640, 480), (416, 416), fit) == Placement((640, 480), resized, offset)


def test_an_odd_spare_pixel_is_on_the_right_or_below():
    assert fit_image((100, 91), (100, 100), "letterbox").offset == (0, 4)
    assert fit_image((109, 100), (100, 100), "center-crop").offset == (-4, 0)


def test_boxes_are_clipped_to_the_image():
    placement = fit_image((640, 480), (416, 416), "letterbox")
    boxes = np.array([[-50.0, 0, 500, 416], [500, 0, 600, 40]])
    assert placement.to_original(boxes).tolist() == [[0, 0, 640, 480], [640, 0, 640, 0]]


def test_no_boxes():
    placement = fit_image((640, 480), (416, 416), "stretch")
    assert placement.to_original(np.zeros((0, 4))).shape == (0, 4)


@pytest.mark.parametrize(
    ("original", "resized"),
    [((640, 427), (416, 277)), ((416, 100), (416, 100)), ((3, 1), (416, 138))],
)
def test_sides_rounded_down(original, resized):
    placement = fit_image(original, (416, 416), "letterbox-corner", "down")
    assert placement.resized == resized


@given(sizes, inputs, st.sampled_from(FITS))
def test_a_side_rounded_down_still_fills_the_input(original, size, fit):
    placement = fit_image(original, size, fit, "down")
    assert any(placement.resized[axis] == size[axis] for axis in (0, 1))
    if fit == "center-crop":
        assert all(placement.resized[axis] >= size[axis] for axis in (0, 1))
