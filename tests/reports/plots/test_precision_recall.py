"""Precision-recall plots: their structure, their numbers, and unusual names."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detbench.data.detections import Detections
from detbench.metrics.protocols.coco import COCO
from detbench.metrics.uncertainty.intervals import value_intervals
from detbench.reports.curves import interpolated, plotted_iou
from detbench.reports.frames import frames
from detbench.reports.plots.precision_recall import (
    all_precision_recall,
    precision_recall,
    scored_classes,
)
from tests.metrics.scored import detections, perfect, random_pair, scored, truth

BOX = (10, 10, 60, 60)


def two_evaluations(seed=0, protocol="voc2007", **options):
    """A random and a perfect detector on the same data."""
    ground_truth, first = random_pair(seed, detector="first", **options)
    return [
        scored(ground_truth, first, protocol),
        scored(ground_truth, perfect(ground_truth, "second"), protocol),
    ]


def value_at(corners, levels, recall) -> float:
    """The height of a step curve at a recall: that of the first corner at or above it."""
    return levels[int(np.searchsorted(corners, recall, side="left"))]


@given(st.lists(st.booleans(), min_size=1, max_size=30), st.integers(1, 20))
def test_the_interpolated_curve_is_the_best_precision_at_a_recall_or_above(hits, missed):
    n_hits = np.cumsum(hits)
    precision, recall = n_hits / np.arange(1, len(hits) + 1), n_hits / (n_hits[-1] + missed)
    corners, levels = interpolated(recall, precision)
    assert len(corners) == len(levels)
    assert (np.diff(corners) >= 0).all()
    assert (np.diff(levels) <= 0).all()
    assert (corners[0], corners[-1]) == (0, recall[-1])
    for level in [*recall.tolist(), *np.linspace(0, recall[-1], 7).tolist()]:
        best = max(
            p for r, p in zip(recall.tolist(), precision.tolist(), strict=True) if r >= level
        )
        if level > 0 or recall[0] > 0:
            assert value_at(corners, levels, level) == best


def best_f1(evaluation, class_name) -> tuple[float, float]:
    """The highest F1 of any score threshold at IoU 0.5, and the highest threshold that has it."""
    precision, recall, score = evaluation.curve(class_name)
    f1_at = {}
    for p, r, s in zip(precision, recall, score, strict=True):
        f1_at[s] = 2 * p * r / (p + r) if p + r else 0.0
    return max((f1, s) for s, f1 in f1_at.items())


def test_the_interpolated_curve_of_nothing_is_empty():
    assert [len(column) for column in interpolated(np.zeros(0), np.zeros(0))] == [0, 0]
    corners, levels = interpolated(np.zeros(3), np.zeros(3))
    assert (corners.tolist(), levels.tolist()) == ([0.0], [0.0])


@pytest.mark.parametrize(("protocol", "lines"), [("voc2007", 4), ("voc2012", 3), ("coco", 3)])
def test_one_class_has_curves_of_every_detector_and_ap_in_the_legend(protocol, lines):
    evaluations = two_evaluations(protocol=protocol)
    figure = precision_recall(evaluations, "class1")
    [axes] = figure.axes
    assert len(axes.get_lines()) == lines * len(evaluations)
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    for evaluation, text in zip(evaluations, texts, strict=True):
        frame = evaluation.per_class().loc["class1"]
        name, ap = ("AP50", frame["AP50"]) if protocol == "coco" else ("AP", frame["AP"])
        f1, threshold = best_f1(evaluation, "class1")
        best = f"best F1 {f1:.3f} at score ≥ {threshold:.3g}"
        assert text == f"{evaluation.detections.name}  {name} {ap:.3f}  {best}"
    assert axes.get_title(loc="left") == "class1"
    objects = evaluations[0].per_class().loc["class1", "ground_truths"]
    assert axes.get_title(loc="right") == f"made · IoU 0.5 · {objects} objects"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("recall", "precision")
    assert axes.get_xlim()[0] <= 0 < 1 <= axes.get_xlim()[1]


def test_bands_are_shaded_if_there_are_intervals():
    evaluations = two_evaluations(images=30, objects=60, boxes=180)
    bands = frames(evaluations, intervals=value_intervals(evaluations)).bands
    for table, shaded in ((bands, 2), (frames(evaluations).bands, 0), (None, 0)):
        [axes] = precision_recall(evaluations, "class1", bands=table).axes
        assert len([area for area in axes.collections if area.get_paths()]) == shaded
        assert ("shaded" in axes.get_legend().get_title().get_text()) == bool(shaded)
    rows = bands[(bands["detector"] == "first") & (bands["class"] == "class1")]
    [axes] = precision_recall(evaluations, "class1", bands=bands).axes
    corners = {tuple(point) for point in axes.collections[0].get_paths()[0].vertices}
    assert {
        *zip(rows["recall"], rows["low"], strict=True),
        *zip(rows["recall"], rows["high"], strict=True),
    } <= corners


def test_drawn_points_are_the_curve_and_the_sampled_precision_of_the_protocol():
    [evaluation, _] = two_evaluations()
    figure = precision_recall([evaluation], "class0")
    thick, thin, dots, ring = figure.axes[0].get_lines()
    precision, recall, _ = evaluation.curve("class0")
    assert thin.get_xdata().tolist() == recall.tolist()
    assert thin.get_ydata().tolist() == precision.tolist()
    assert (np.diff(thick.get_ydata()) <= 0).all()
    assert dots.get_xdata().tolist() == pytest.approx([n / 10 for n in range(11)])
    plain = [
        max((p for r, p in zip(recall, precision, strict=True) if r >= n * 0.1), default=0.0)
        for n in range(11)
    ]
    assert dots.get_ydata().tolist() == plain
    at = recall.tolist().index(ring.get_xdata()[0])
    assert best_f1(evaluation, "class0")[0] == pytest.approx(
        2 * precision[at] * recall[at] / (precision[at] + recall[at])
    )
    assert sum(plain) / 11 == pytest.approx(evaluation.per_class().loc["class0", "AP"], abs=1e-12)


def test_detectors_differ_in_color_and_dash():
    ground_truth, _ = random_pair(1)
    many = [scored(ground_truth, perfect(ground_truth, f"d{n}")) for n in range(12)]
    figure = precision_recall(many, "class0")
    styles = {
        (line.get_color(), str(line._dash_pattern)) for line in figure.axes[0].get_lines()[::4]
    }
    assert len(styles) == 12


def test_the_overview_has_a_small_plot_for_every_class_with_ground_truth():
    ground_truth, first = random_pair(2, classes=7, objects=60)
    lacking = truth([(0, 0, BOX), (0, 2, BOX)], ["a", "b", "c"])
    evaluations = [
        scored(ground_truth, first),
        scored(ground_truth, perfect(ground_truth, "second")),
    ]
    figure = all_precision_recall(evaluations)
    shown = [axes for axes in figure.axes if axes.axison]
    assert [axes.get_title(loc="left") or axes.get_title() for axes in shown] == [
        f"class{k}" for k in range(7)
    ]
    assert all(len(axes.get_lines()) == 2 for axes in shown)
    [legend] = figure.legends
    expected = [
        f"{evaluation.detections.name}  mAP {evaluation.summary['mAP']:.3f}"
        for evaluation in evaluations
    ]
    assert [text.get_text() for text in legend.get_texts()] == expected
    assert scored_classes([scored(lacking, perfect(lacking))]) == ["a", "c"]


@pytest.mark.slow
@pytest.mark.parametrize("classes", [1, 60])
def test_one_class_and_sixty(tmp_path, classes):
    ground_truth, finder = random_pair(3, classes=classes, objects=3 * classes, boxes=4 * classes)
    evaluation = scored(ground_truth, finder)
    figure = all_precision_recall([evaluation])
    assert len([axes for axes in figure.axes if axes.axison]) == len(scored_classes([evaluation]))
    figure.savefig(tmp_path / "all.png", dpi=30)
    assert (tmp_path / "all.png").stat().st_size > 0


def test_a_class_and_a_detector_without_detections():
    ground_truth = truth([(0, 0, BOX), (1, 1, BOX)])
    only_cats = scored(ground_truth, detections(ground_truth, [(0, 0, 0.9, BOX)], "cats"))
    nothing = scored(ground_truth, detections(ground_truth, [], "nothing"))
    figure = precision_recall([only_cats, nothing], "dog")
    texts = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert texts == ["cats  AP 0.000", "nothing  AP 0.000"]


def test_names_are_shown_as_they_are():
    """Dollars do not make a formula, and a leading underscore does not hide a label."""
    names = ["a$b$c", "_hidden"]
    ground_truth = truth([(0, k, BOX) for k in range(2)], names)
    evaluations = [
        scored(ground_truth, perfect(ground_truth, name)) for name in ("_first", "$se$cond")
    ]
    figure = precision_recall(evaluations, "a$b$c")
    texts = [
        text.get_text().replace("\\$", "$") for text in figure.axes[0].get_legend().get_texts()
    ]
    assert [text.strip().split("  best")[0] for text in texts] == [
        "_first  AP 1.000",
        "$se$cond  AP 1.000",
    ]
    overview = all_precision_recall(evaluations)
    texts = [
        text.get_text().replace("\\$", "$").strip() for text in overview.legends[0].get_texts()
    ]
    assert texts == ["_first  mAP 1.000", "$se$cond  mAP 1.000"]


def test_the_iou_threshold_of_the_curves():
    ground_truth, finder = random_pair(4)
    assert plotted_iou(scored(ground_truth, finder, "coco")) == 0.5
    high = scored(ground_truth, finder, COCO.with_thresholds((0.6, 0.8)))
    assert plotted_iou(high) == 0.6
    figure = precision_recall([high], "class0")
    label = figure.axes[0].get_legend().get_texts()[0].get_text()
    assert label.startswith("finder  AP60 ")
    assert not math.isnan(float(label.split()[2]))
    assert isinstance(high.detections, Detections)
