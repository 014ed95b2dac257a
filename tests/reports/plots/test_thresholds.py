"""Threshold plots: steps by score with the best F1 marked."""

from __future__ import annotations

from detbench.reports.frames import frames
from detbench.reports.plots.thresholds import f1_by_class, threshold_curves
from tests.metrics.scored import random_pair, scored
from tests.reports.plots.sample_frames import two_detectors


def test_scores_are_drawn_as_steps_with_the_best_marked():
    tables = two_detectors()
    panels = threshold_curves(tables).axes
    assert [axes.get_title(loc="left") for axes in panels] == ["precision", "recall", "F1"]
    row = tables.summary.iloc[0]
    for axes, best in zip(panels, ("best_precision", "best_recall", "best_f1"), strict=True):
        curve, ring = axes.get_lines()[:2]
        assert curve.get_drawstyle() == "steps-pre"
        assert (ring.get_xdata()[0], ring.get_ydata()[0]) == (row["best_threshold"], row[best])
    one = threshold_curves(tables, "class1").axes[2].get_lines()[1]
    expected = tables.classes.query("detector == 'first' and `class` == 'class1'").iloc[0]
    assert (one.get_xdata()[0], one.get_ydata()[0]) == (
        expected["best_threshold"],
        expected["best_f1"],
    )
    small = f1_by_class(tables).axes
    assert [axes.get_title(loc="left") for axes in small if axes.axison] == [
        "class0",
        "class1",
        "class2",
    ]
    assert small[1].get_lines()[1].get_ydata()[0] == expected["best_f1"]


def test_numbers_stay_behind_names_written_from_right_to_left():
    ground_truth, finder = random_pair(0, detector="קטן")
    figure = threshold_curves(frames(scored(ground_truth, finder)))
    [text] = [text.get_text() for text in figure.legends[0].get_texts()]
    assert text.startswith("\u200eקטן\u200e  best F1 ")
