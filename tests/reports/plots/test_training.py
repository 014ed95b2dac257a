"""Plots of a training show the numbers of its history."""

import numpy as np
import pytest

from detbench.reports.plots.training import anchor_curve, learning_curves, save_training_plots

PARTS = ("coordinates", "object")
HISTORY = [
    {
        "epoch": n,
        "loss": 9 / n,
        "coordinates": 6 / n,
        "object": 3 / n,
        "val_loss": 10 / n,
        "val_coordinates": 6.5 / n,
        "val_object": 3.5 / n,
        "mAP": score,
    }
    for n, score in enumerate((float("nan"), 0.5, 0.7, 0.6), start=1)
]


def line_data(axes):
    return [(line.get_xdata().tolist(), line.get_ydata().tolist()) for line in axes.get_lines()]


def test_learning_curves():
    losses, scores = learning_curves(HISTORY, PARTS, "mAP", "VOC 2007 mAP").axes
    columns = [column for part in ("loss", *PARTS) for column in (part, f"val_{part}")]
    expected = [([1, 2, 3, 4], [row[column] for row in HISTORY]) for column in columns]
    assert line_data(losses) == expected
    labels = [text.get_text() for text in losses.get_legend().get_texts()]
    assert labels == ["loss", "coordinates", "object"]
    assert line_data(scores)[1] == ([3], [0.7])
    assert scores.texts[0].get_text() == "0.700 in epoch 3"
    assert scores.get_ylabel() == "VOC 2007 mAP"


@pytest.mark.parametrize("rows", [HISTORY[:1], [{**HISTORY[1], "epoch": 1}]])
def test_one_epoch_with_and_without_a_score(rows):
    learning_curves(rows, PARTS, "mAP", "mAP").draw_without_rendering()


def test_anchor_curve_marks_the_number_in_use():
    (axes,) = anchor_curve(np.array([0.5, 0.6, 0.7]), 2).axes
    assert line_data(axes) == [([1, 2, 3], [0.5, 0.6, 0.7]), ([2], [0.6])]
    assert axes.texts[0].get_text() == "2: 0.600"


def test_a_number_beyond_the_curve_is_not_marked():
    assert len(anchor_curve(np.array([0.5, 0.6]), 5).axes[0].get_lines()) == 1


def test_both_plots_are_written(tmp_path):
    paths = save_training_plots(HISTORY, np.array([0.5, 0.6]), 2, PARTS, "mAP", tmp_path / "new")
    assert [path.name for path in paths] == ["learning-curves.png", "anchors.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths)
