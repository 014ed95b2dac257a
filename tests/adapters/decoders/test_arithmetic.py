"""Arithmetic of decoders: selection by score, grids, and activations without overflow."""

import numpy as np
import pytest

from detbench.adapters.decoders.arithmetic import (
    cell_count,
    cell_grid,
    select_scores,
    sigmoid,
    softmax,
)


def test_every_class_or_the_first_best_of_a_row_is_selected():
    scores = np.array([[0.5, 0.5, 0.1], [0.1, 0.2, 0.3], [0.0, 0.0, 0.0]])
    rows, classes, selected = select_scores(scores, 0.2, multi_label=True)
    assert (rows.tolist(), classes.tolist()) == ([0, 0, 1, 1], [0, 1, 1, 2])
    assert selected.tolist() == [0.5, 0.5, 0.2, 0.3]
    rows, classes, selected = select_scores(scores, 0.2, multi_label=False)
    assert (rows.tolist(), classes.tolist()) == ([0, 1], [0, 2])
    assert selected.tolist() == [0.5, 0.3]


@pytest.mark.parametrize("multi_label", [False, True])
def test_scores_are_compared_in_double_precision(multi_label):
    score = np.float32(0.7)
    assert float(score) < 0.7
    assert len(select_scores(np.array([[score]]), 0.7, multi_label=multi_label)[2]) == 0


def test_grids_round_up_and_run_row_by_row():
    points, strides = cell_grid((40, 20), (16, 32))
    assert points.tolist() == [[0, 0], [1, 0], [2, 0], [0, 1], [1, 1], [2, 1], [0, 0], [1, 0]]
    assert strides.tolist() == [16] * 6 + [32] * 2
    assert cell_count((40, 20), (16, 32)) == 8


def test_extreme_logits_do_not_overflow():
    assert sigmoid(np.array([-1e4, 0, 1e4])).tolist() == [0, 0.5, 1]
    assert softmax(np.array([[-1e4, 1e4]])).tolist() == [[0, 1]]
