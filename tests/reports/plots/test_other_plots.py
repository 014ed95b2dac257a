"""Plots of accuracy, scores and times: drawn points are the frames' numbers, and odd input does not break them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detbench.bench.runs import read_run, write_run
from detbench.errors import DetbenchError, NotComparableError
from detbench.reports.frames import Frames, frames
from detbench.reports.plots.accuracy import MOST_CLASSES, class_ap, iou_ap, size_ap
from detbench.reports.plots.latency import (
    latency_distributions,
    pareto_front,
    samples_by_name,
    speed_accuracy,
)
from detbench.reports.plots.over_score import all_f1, over_score
from detbench.reports.plots.precision_recall import save_plots
from tests.metrics.scored import detections, perfect, random_pair, scored, truth

BOX = (10, 10, 60, 60)
ALL = (class_ap, size_ap, iou_ap, over_score, all_f1)


def two(seed=0, **options):
    ground_truth, first = random_pair(seed, detector="first", **options)
    return frames(
        [scored(ground_truth, first), scored(ground_truth, perfect(ground_truth, "second"))]
    )


def timed(tables: Frames, times) -> Frames:
    """The same detectors with (infer, end to end, verdict) of each, None for no time."""
    detectors = []
    for each, known in zip(tables.detectors, times, strict=True):
        entries = [
            {
                "stage": stage,
                "batch": 1,
                "scenario": "single_stream",
                "p50_ms": p50,
                "p50_interval_ms": [p50 * 0.9, p50 * 1.2],
            }
            for stage, p50 in zip(("infer", "end_to_end"), known[:2] if known else (), strict=False)
        ]
        detectors.append(
            replace(each, latency=tuple(entry | {"verdict": known[2]} for entry in entries))
        )
    return Frames(tuple(detectors))


def test_dots_are_the_ap_of_the_classes_best_on_top():
    tables = two(classes=5, objects=50)
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
    assert differences.get_xlabel() == "difference of AP to second"
    to_first = class_ap(replace(tables, baseline="first"))
    assert to_first.axes[1].get_xlabel() == "difference of AP to first"
    assert set(to_first.axes[1].get_lines()[0].get_xdata()) == {0}
    assert len(class_ap(tables.of_group(0).__class__(tables.detectors[:1])).axes) == 1


def test_of_many_classes_those_are_drawn_that_differ_most():
    names = [f"c{k}" for k in range(MOST_CLASSES + 20)]
    ground_truth = truth([(0, k, BOX) for k in range(len(names))], names)
    some = detections(ground_truth, [(0, k, 0.9, BOX) for k in range(MOST_CLASSES - 7)], "some")
    tables = frames(
        [scored(ground_truth, perfect(ground_truth, "all")), scored(ground_truth, some)]
    )
    figure = class_ap(tables)
    shown = {label.get_text() for label in figure.axes[0].get_yticklabels()}
    assert len(shown) == MOST_CLASSES
    assert set(names[MOST_CLASSES - 7 :]) <= shown
    assert f"{MOST_CLASSES} of {len(names)} classes" in figure.axes[0].get_title(loc="left")


def test_sizes_and_thresholds_are_those_of_the_frames():
    tables = two()
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


def test_scores_are_drawn_as_steps_with_the_best_marked():
    tables = two()
    panels = over_score(tables).axes
    assert [axes.get_title(loc="left") for axes in panels] == ["precision", "recall", "F1"]
    row = tables.summary.iloc[0]
    for axes, best in zip(panels, ("best_precision", "best_recall", "best_f1"), strict=True):
        curve, ring = axes.get_lines()[:2]
        assert curve.get_drawstyle() == "steps-pre"
        assert (ring.get_xdata()[0], ring.get_ydata()[0]) == (row["best_threshold"], row[best])
    one = over_score(tables, "class1").axes[2].get_lines()[1]
    wanted = tables.classes.query("detector == 'first' and `class` == 'class1'").iloc[0]
    assert (one.get_xdata()[0], one.get_ydata()[0]) == (wanted["best_threshold"], wanted["best_f1"])
    small = all_f1(tables).axes
    assert [axes.get_title(loc="left") for axes in small if axes.axison] == [
        "class0",
        "class1",
        "class2",
    ]
    assert small[1].get_lines()[1].get_ydata()[0] == wanted["best_f1"]


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 5)), min_size=1, max_size=12))
def test_the_pareto_front_against_loops(points):
    times, values = np.array(points, float).T
    expected = [
        not any(t2 <= t and v2 >= v and (t2 < t or v2 > v) for t2, v2 in points) for t, v in points
    ]
    assert pareto_front(times, values).tolist() == expected
    times[0] = np.nan
    assert not pareto_front(times, values)[0]


def test_speed_and_accuracy():
    tables = timed(two(), [(2.0, 5.0, "valid"), (8.0, 9.0, "invalid")])
    alone, whole = speed_accuracy(tables).axes
    for axes, times in ((alone, (2, 8)), (whole, (5, 9))):
        front = axes.get_lines()[0]
        assert front.get_xdata().tolist() == [times[0]]
        assert front.get_ydata().tolist() == tables.summary["mAP"].tolist()[:1]
        bars = [
            container.lines[2][0].get_segments()[0][:, 0].tolist() for container in axes.containers
        ]
        assert bars == [pytest.approx([t * 0.9, t * 1.2]) for t in times]
    texts = [text.get_text() for text in alone.texts]
    assert texts[0].startswith("first\n2 ms, ")
    assert texts[1].endswith(", not valid")
    both = (
        speed_accuracy(timed(two(), [(2.0, 5.0, "valid"), (8.0, 9.0, "valid")]))
        .axes[0]
        .get_lines()[0]
    )
    assert both.get_xdata().tolist() == [2, 8]
    assert both.get_ydata().tolist() == tables.summary["mAP"].tolist()
    assert [axes.get_title(loc="left") for axes in (alone, whole)] == [
        "the model alone",
        "end to end, from the encoded image",
    ]


def test_detectors_without_a_time_are_named():
    figure = speed_accuracy(timed(two(), [None, (8.0, 9.0, "valid")]))
    assert "without a time: first" in figure.get_suptitle()
    assert len(figure.axes[0].containers) == 1
    with pytest.raises(DetbenchError, match="no detector has both"):
        speed_accuracy(two())


def test_distributions_show_all_samples_and_their_percentiles():
    rng = np.random.default_rng(0)
    samples = {
        "a": rng.lognormal(1, 0.1, 500),
        "<b>": rng.lognormal(2, 0.3, 900),
        "one": np.array([3.0]),
    }
    [axes] = latency_distributions(samples).axes
    labels = [label.get_text() for label in axes.get_yticklabels()]
    for label, (name, values) in zip(labels, samples.items(), strict=True):
        p50, p90, p99 = (np.percentile(values, q) for q in (50, 90, 99))
        assert (
            label
            == f"{name}\np50 {p50:.3g} · p90 {p90:.3g} · p99 {p99:.3g} ms\n{len(values):,} samples"
        )
    marks = [line.get_xdata()[0] for line in axes.get_lines()]
    assert marks == [np.percentile(values, q) for values in samples.values() for q in (50, 90, 99)]
    low, high = axes.get_xlim()
    assert all(low < values.min() and values.max() < high for values in samples.values())


@pytest.mark.parametrize(
    "bad", [{}, {"a": np.array([])}, {"a": np.array([1.0, -1])}, {"a": np.array([np.nan])}]
)
def test_distributions_of_nothing(bad):
    with pytest.raises(DetbenchError, match="samples"):
        latency_distributions(bad)


def test_samples_come_from_run_folders(tmp_path):
    from detbench.bench.latency.result import LatencyResult

    tables = two()
    assert samples_by_name(tables) == {}
    run = read_run(write_run(tmp_path / "run", tables.detectors[0].evaluation, options={}))
    series = (
        ("infer", 1, [2_000_000, 3_500_000]),
        ("infer", 8, [9]),
        ("preprocess", 1, [5]),
        ("end_to_end", 1, []),
    )
    results = [
        LatencyResult(
            "m",
            stage,
            batch,
            "single_stream",
            pictures_per_sample=batch,
            samples_ns=np.array(samples),
        )
        for stage, batch, samples in series
    ]
    timed_run = frames(replace(run, latency=tuple(results)))
    assert {name: values.tolist() for name, values in samples_by_name(timed_run).items()} == {
        "first · infer": [2.0, 3.5]
    }
    assert {
        name: values.tolist() for name, values in samples_by_name(timed_run, batch=8).items()
    } == {"first · infer": [9e-6]}


def test_numbers_stay_behind_names_written_from_right_to_left():
    ground_truth, found = random_pair(0, detector="קטן")
    figure = over_score(frames(scored(ground_truth, found)))
    [text] = [text.get_text() for text in figure.legends[0].get_texts()]
    assert text.startswith("\u200eקטן\u200e  best F1 ")


def test_no_plot_mixes_what_cannot_be_compared():
    ground_truth, found = random_pair(0)
    mixed = frames([scored(ground_truth, found), scored(ground_truth, found, "coco")])
    for draw in (*ALL, speed_accuracy):
        with pytest.raises(NotComparableError):
            draw(mixed)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_odd_names_and_detectors_without_detections_are_drawn(tmp_path, theme):
    names = ["<script>", "a & b", "$x_1$", "_hidden"]
    ground_truth = truth([(0, k, BOX) for k in range(4)], names)
    evaluations = [
        scored(ground_truth, perfect(ground_truth, "_one")),
        scored(ground_truth, detections(ground_truth, [], "none")),
    ]
    saved = save_plots(evaluations, tmp_path, theme=theme)
    assert len(saved) == 1 + 4 + 5
    tables = frames(evaluations)
    texts = [text.get_text() for text in class_ap(tables).legends[0].get_texts()]
    assert [text.strip() for text in texts] == ["_one", "none"]
    assert "none  no detections" in [
        text.get_text() for text in over_score(tables).legends[0].get_texts()
    ]


def test_known_intervals_of_classes_are_drawn_as_bars():
    tables = two(classes=3, objects=50)
    plain = len(class_ap(tables).axes[0].collections)
    low = np.array([0.1, 0.2, 0.3])
    tables.classes[["AP_low", "AP_high"]] = np.tile(np.stack([low, low + 0.4], axis=1), (2, 1))
    bars = class_ap(tables).axes[0].collections
    assert (plain, len(bars)) == (1, 2)
    for each in bars:
        ends = np.array(sorted(segment[:, 0].tolist() for segment in each.get_segments()))
        assert ends == pytest.approx(np.stack([low, low + 0.4], axis=1))
