"""Exact sizes give back the same lower right corner and, nearly always, the same area."""

from __future__ import annotations

import numpy as np
import pytest

from detbench.data.formats.parsing.exact_sizes import exact_sizes


def sizes_of(xywh: np.ndarray) -> np.ndarray:
    boxes = np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], axis=1)
    sizes = exact_sizes(boxes, xywh[:, 2] * xywh[:, 3])
    np.testing.assert_array_equal(boxes[:, :2] + sizes, boxes[:, 2:])
    return sizes


@pytest.mark.parametrize("decimals", [0, 1, 2, 5, 9])
def test_decimals_come_back_as_they_were_written(decimals: int) -> None:
    numbers = np.random.default_rng(0).normal(0, 1, (5_000, 4)) * [640, 480, 100, 100]
    xywh = numbers.round(decimals)
    np.testing.assert_array_equal(sizes_of(xywh), xywh[:, 2:])


def test_the_difference_of_corners_is_not_always_exact() -> None:
    assert 1000.3 + 0.1 - 1000.3 != 0.1
    assert sizes_of(np.array([[1000.3, 0, 0.1, 2]])).tolist() == [[0.1, 2]]


def test_numbers_of_single_precision_give_their_areas() -> None:
    numbers = np.random.default_rng(0).random((5_000, 4)) * [640, 480, 200, 200]
    xywh = numbers.astype(np.float32).astype(np.float64)
    np.testing.assert_array_equal(sizes_of(xywh).prod(axis=1), xywh[:, 2:].prod(axis=1))


def test_numbers_of_double_precision_give_nearly_all_areas() -> None:
    xywh = np.random.default_rng(0).random((5_000, 4)) * [640, 480, 200, 200]
    areas = sizes_of(xywh).prod(axis=1)
    assert (areas == xywh[:, 2:].prod(axis=1)).mean() > 0.99
    np.testing.assert_allclose(areas, xywh[:, 2:].prod(axis=1), rtol=1e-9)


def test_no_boxes_and_corners_of_very_different_magnitude() -> None:
    assert sizes_of(np.zeros((0, 4))).shape == (0, 2)
    assert exact_sizes(np.array([[1e20, 0, 0.3, 1]]), np.array([1.0])).tolist() == [[-1e20, 1]]
