"""Latency plots: their points are the numbers of the frames, with the Pareto front."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_rgb

from detbench.bench.runs import read_run, write_run
from detbench.errors import DetbenchError
from detbench.reports.frames import Frames, frames
from detbench.reports.plots.latency import (
    latency_distributions,
    pareto_front,
    samples_by_name,
    speed_accuracy,
)
from tests.bench.latency.process_samples import processes_of
from tests.reports.plots.sample_frames import two_detectors


def timed(tables: Frames, times) -> Frames:
    """The same detectors with times (infer, end to end, verdict) of each; None for no time."""
    detectors = []
    for scored, row in zip(tables.detectors, times, strict=True):
        entries = [
            {
                "stage": stage,
                "batch": 1,
                "scenario": "single_stream",
                "p50_ms": p50,
                "p50_interval_ms": [p50 * 0.9, p50 * 1.2],
            }
            for stage, p50 in zip(("infer", "end_to_end"), row[:2] if row else (), strict=False)
        ]
        detectors.append(
            replace(scored, latency=tuple(entry | {"verdict": row[2]} for entry in entries))
        )
    return Frames(tuple(detectors))


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
    tables = timed(two_detectors(), [(2.0, 5.0, "valid"), (8.0, 9.0, "invalid")])
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
        speed_accuracy(timed(two_detectors(), [(2.0, 5.0, "valid"), (8.0, 9.0, "valid")]))
        .axes[0]
        .get_lines()[0]
    )
    assert both.get_xdata().tolist() == [2, 8]
    assert both.get_ydata().tolist() == tables.summary["mAP"].tolist()
    assert [axes.get_title(loc="left") for axes in (alone, whole)] == [
        "the model alone",
        "end to end, from the encoded image",
    ]


def test_a_quick_look_is_pale_and_on_the_front():
    figure = speed_accuracy(timed(two_detectors(), [(2.0, 5.0, "quick look"), (8, 9, "valid")]))
    alone = figure.axes[0]
    assert alone.get_lines()[0].get_xdata().tolist() == [2, 8]
    assert alone.texts[0].get_text().endswith(", quick look")
    pale, full = (container.lines[0] for container in alone.containers)
    assert to_rgb(pale.get_markerfacecolor()) != to_rgb(pale.get_markeredgecolor())
    assert to_rgb(full.get_markerfacecolor()) == to_rgb(full.get_markeredgecolor())
    assert "pale: quick look at one process" in figure.get_suptitle()
    assert "not valid" not in figure.get_suptitle()


def test_detectors_without_a_time_are_named():
    figure = speed_accuracy(timed(two_detectors(), [None, (8.0, 9.0, "valid")]))
    assert "without a time: first" in figure.get_suptitle()
    assert len(figure.axes[0].containers) == 1
    with pytest.raises(DetbenchError, match="no detector has both"):
        speed_accuracy(two_detectors())


def test_distributions_show_all_samples_and_their_percentiles():
    rng = np.random.default_rng(0)
    samples = {
        "a": [rng.lognormal(1, 0.1, 500)],
        "<b>": [rng.lognormal(level, 0.3, 900) for level in (2, 2, 2.5)],
        "one": [np.array([3.0])],
    }
    [axes] = latency_distributions(samples).axes
    labels = [label.get_text() for label in axes.get_yticklabels()]
    texts = ("500 samples, 1 process", "2,700 samples, 3 processes", "1 sample, 1 process")
    marks = []
    for label, text, (name, processes) in zip(labels, texts, samples.items(), strict=True):
        p50, p90, p99 = (
            math.prod(np.percentile(values, q, method="median_unbiased") for values in processes)
            ** (1 / len(processes))
            for q in (50, 90, 99)
        )
        assert label == f"{name}\np50 {p50:.3g} · p90 {p90:.3g} · p99 {p99:.3g} ms\n{text}"
        marks += [p50, p90, p99]
    assert [line.get_xdata()[0] for line in axes.get_lines()] == pytest.approx(marks)
    ticks = [
        [segment[0][0] for segment in collection.get_segments()] for collection in axes.collections
    ]
    assert ticks == [[np.median(values) for values in series] for series in samples.values()]
    low, high = axes.get_xlim()
    every = np.concatenate([values for processes in samples.values() for values in processes])
    assert low < every.min()
    assert every.max() < high


@pytest.mark.parametrize(
    "bad",
    [
        {},
        {"a": []},
        {"a": [np.array([])]},
        {"a": [np.ones(3), np.array([1.0, -1])]},
        {"a": [np.array([np.nan])]},
    ],
)
def test_distributions_of_nothing(bad):
    with pytest.raises(DetbenchError, match="samples"):
        latency_distributions(bad)


def test_samples_come_from_run_folders(tmp_path):
    from detbench.bench.latency.result import LatencyResult

    tables = two_detectors()
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
            images_per_sample=batch,
            processes=processes_of(samples, 2) if samples else (),
        )
        for stage, batch, samples in series
    ]
    timed_run = frames(replace(run, latency=tuple(results)))
    series = {
        batch: {
            name: [values.tolist() for values in processes]
            for name, processes in samples_by_name(timed_run, batch=batch).items()
        }
        for batch in (1, 8)
    }
    assert series[1] == {"first · infer": [[2.0], [3.5]]}
    assert series[8] == {"first · infer": [[9e-6]]}, "a process without samples is left out"
