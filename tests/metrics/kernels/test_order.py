"""Order: by class and by falling score, as numpy sorts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detbench.data.columns import frozen
from detbench.metrics.kernels.order import descending, order_by_class

NO_ROWS = frozen([], np.int64, (-1,))


def column(values):
    return frozen(values, np.float64, (-1,))


@settings(max_examples=300)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=60))
def test_descending_is_the_stable_order_of_falling_scores(scores):
    expected = np.argsort(-np.array(scores), kind="stable")
    assert descending(column(scores)).tolist() == expected.tolist()


@pytest.mark.parametrize(
    "scores",
    [
        np.round(np.random.default_rng(0).random(5000), 3),
        np.random.default_rng(1).random(5000),
        1 - np.random.default_rng(2).random(5000) * 1e-14,
        np.random.default_rng(3).normal(0, 1e3, 5000).astype(np.float32),
        np.tile([0.0, -0.0], 500),
        np.full(3000, 0.25),
        np.arange(3000) * 5e-324,
    ],
    ids=[
        "ties",
        "random",
        "equal upper halves",
        "float32 of both signs",
        "both zeros",
        "constant",
        "subnormal",
    ],
)
def test_descending_on_long_columns(scores):
    expected = np.argsort(-np.asarray(scores, np.float64), kind="stable")
    assert np.array_equal(descending(column(scores)), expected)


@given(st.lists(st.integers(0, 6), max_size=50), st.randoms())
def test_order_by_class_is_a_stable_sort(classes, random):
    index = frozen(classes, np.int32, (-1,))
    rows, offsets = order_by_class(index, NO_ROWS, 7)
    assert rows.tolist() == np.argsort(classes, kind="stable").tolist()
    counts = np.bincount(np.array(classes, int), minlength=7)
    assert offsets.tolist() == [0, *np.cumsum(counts).tolist()]
    shuffled = list(range(len(classes)))
    random.shuffle(shuffled)
    if shuffled:
        rows, _ = order_by_class(index, frozen(shuffled, np.int64, (-1,)), 7)
        assert rows.tolist() == sorted(shuffled, key=lambda row: classes[row])
