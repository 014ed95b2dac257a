"""Accuracy plots: their points are the numbers of the frames."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from detbench.reports.frames import frames
from detbench.reports.plots.accuracy import MAX_CLASSES, class_ap, iou_ap, size_ap
from tests.metrics.scored import detections, perfect, scored, truth
from tests.reports.plots.sample_frames import two_detectors

BOX = (10, 10, 60, 60)


def test_dots_are_the_ap_of_the_classes_best_on_top():
    tables = two_detectors(classes=5, objects=50)
    dots, differences = class_ap(tables).axes
    names = [label.get_text() for label in dots.get_yticklabels()]
    table = tables.classes.set_index(["detector", "class"])["AP"]
    for line, detector in zip(dots.get_lines(), ("first", "second"), strict=True):
        assert line.get_xdata().tolist() == [table[detector, name] for name in names]
    reference = dots.get_lines()[1].get_xdata()
    assert (np.diff(reference) >= 0).all()
    assert (
        differences.get_lines()[0].get_xdata().tolist()
        == (dots.get_lines()[0].get_xdata() - reference).tolist()
    )
    assert differences.get_xlabel() == "difference in AP from second"
    to_first = class_ap(replace(tables, baseline="first"))
    assert to_first.axes[1].get_xlabel() == "difference in AP from first"
    assert set(to_first.axes[1].get_lines()[0].get_xdata()) == {0}
    assert len(class_ap(tables.of_group(0).__class__(tables.detectors[:1])).axes) == 1


def test_of_many_classes_those_are_drawn_that_differ_most():
    names = [f"c{k}" for k in range(MAX_CLASSES + 20)]
    ground_truth = truth([(0, k, BOX) for k in range(len(names))], names)
    some = detections(ground_truth, [(0, k, 0.9, BOX) for k in range(MAX_CLASSES - 7)], "some")
    tables = frames(
        [scored(ground_truth, perfect(ground_truth, "all")), scored(ground_truth, some)]
    )
    figure = class_ap(tables)
    shown = {label.get_text() for label in figure.axes[0].get_yticklabels()}
    assert len(shown) == MAX_CLASSES
    assert set(names[MAX_CLASSES - 7 :]) <= shown
    assert f"{MAX_CLASSES} of {len(names)} classes" in figure.axes[0].get_title(loc="left")


def test_sizes_and_thresholds_are_those_of_the_frames():
    tables = two_detectors()
    sizes = [line.get_ydata() for line in size_ap(tables).axes[0].get_lines()]
    ious = iou_ap(tables).axes[0].get_lines()
    for place, detector in enumerate(tables.detectors):
        expected = tables.sizes[tables.sizes["detector"] == detector.name]["AP"].to_numpy()
        assert np.array_equal(sizes[place], expected, equal_nan=True)
        rows = tables.ious[tables.ious["detector"] == detector.name]
        assert (ious[place].get_xdata().tolist(), ious[place].get_ydata().tolist()) == (
            rows["iou"].tolist(),
            rows["AP"].tolist(),
        )
    labels = [label.get_text() for label in size_ap(tables).axes[0].get_xticklabels()]
    assert labels[0] == "all\n20 objects"


def test_known_intervals_of_classes_are_drawn_as_bars():
    tables = two_detectors(classes=3, objects=50)
    plain = len(class_ap(tables).axes[0].collections)
    low = np.array([0.1, 0.2, 0.3])
    tables.classes[["AP_low", "AP_high"]] = np.tile(np.stack([low, low + 0.4], axis=1), (2, 1))
    bars = class_ap(tables).axes[0].collections
    assert (plain, len(bars)) == (1, 2)
    for each in bars:
        ends = np.array(sorted(segment[:, 0].tolist() for segment in each.get_segments()))
        assert ends == pytest.approx(np.stack([low, low + 0.4], axis=1))
