"""Tables of pairs: the differences of the statistics, which are significant, and when none are."""

from dataclasses import replace

import numpy as np
import pytest

from detbench.bench.runs import read_run, write_run
from detbench.data.load import load_ground_truth
from detbench.data.shapes import make_shapes
from detbench.metrics.protocols.protocol import Measure
from detbench.metrics.scoring.evaluate import evaluate
from detbench.metrics.uncertainty.curve_bands import curve_bands
from detbench.metrics.uncertainty.difference import differences
from detbench.metrics.uncertainty.intervals import value_intervals
from detbench.metrics.uncertainty.multiple_testing import benjamini_hochberg
from detbench.reports.frames import frames
from tests.data.simulated_detections import simulated_detections

QUALITIES = {"fair": 0.5, "fine": 0.95, "copy": 0.95}


def recorded_runs(folder, protocol="coco", with_intervals=True):
    data = load_ground_truth(make_shapes(folder / "shapes", train=0, val=0, test=40), split="test")
    evaluations = [
        evaluate(data, replace(simulated_detections(data, quality), name=name), protocol)
        for name, quality in QUALITIES.items()
    ]
    intervals = value_intervals(evaluations) if with_intervals else [{} for _ in evaluations]
    return [
        read_run(write_run(folder / name, evaluation, options={}, intervals=ends))
        for name, evaluation, ends in zip(QUALITIES, evaluations, intervals, strict=True)
    ]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return recorded_runs(tmp_path_factory.mktemp("pairs"))


def test_pairs_are_the_differences_between_two(runs):
    tables = frames(runs)
    by_name = {run.name: run.evaluation() for run in runs}
    pairs = tables.pairs
    assert [*zip(pairs["better"], pairs["worse"], strict=True)] == [
        ("fine", "copy"),
        ("fine", "fair"),
        ("copy", "fair"),
    ]
    alone = [differences(by_name[row.worse], by_name[row.better])[0] for row in pairs.itertuples()]
    for column, expected in (
        ("difference", [row.interval.estimate for row in alone]),
        ("difference_low", [row.interval.low for row in alone]),
        ("difference_high", [row.interval.high for row in alone]),
    ):
        assert pairs[column].tolist() == pytest.approx([*expected], abs=1e-15), column
    assert (pairs["p"] >= [row.p for row in alone]).all()
    assert pairs["p"].tolist() == [tables.ranking.p[pair] for pair in ((0, 1), (0, 2), (1, 2))]
    assert pairs["significant"].tolist() == [False, True, True]
    ranks = {
        detector.name: (detector.best_rank, detector.worst_rank)
        for detector in tables.ranking.detectors
    }
    assert ranks == {"fine": (1, 2), "copy": (1, 2), "fair": (3, 3)}


@pytest.mark.parametrize("baseline", [None, "fair"])
def test_classes_are_compared_with_the_best_or_the_baseline(runs, baseline):
    table = frames(runs, baseline=baseline).class_pairs
    reference = baseline or "fine"
    assert set(table["reference"]) == {reference}
    by_name = {run.name: run.evaluation() for run in runs}
    for name in QUALITIES.keys() - {reference}:
        rows = table[table["detector"] == name]
        change = differences(by_name[reference], by_name[name])[0]
        assert rows["class"].tolist() == [row.name for row in change.classes]
        assert rows["difference"].tolist() == [row.interval.estimate for row in change.classes]
        corrected = benjamini_hochberg(np.array([row.p for row in change.classes]))
        assert rows["p_fdr"].tolist() == corrected.tolist()
        assert rows["significant"].tolist() == (corrected <= 0.05).tolist()
    assert table["significant"].any()


def test_bands_are_those_of_the_curves(runs):
    table = frames(runs).bands
    rows = table[(table["detector"] == "fair") & (table["class"] == "word")]
    bands = curve_bands(runs[0].evaluation(), 0.5)
    [band] = [band for band in bands if band.class_name == "word"]
    assert rows["low"].tolist() == band.low.tolist()
    assert rows["high"].tolist() == band.high.tolist()


def test_sizes_ious_and_classes_have_the_intervals_of_their_measures(runs):
    evaluation = runs[0].evaluation()
    [intervals] = value_intervals(
        [evaluation], [Measure("m", iou=0.75), Measure("s", area="small"), Measure("r", "AR")]
    )
    tables = frames(runs)
    [level] = [
        row for row in tables.ious.itertuples() if row.detector == "fair" and row.iou == 0.75
    ]
    assert (level.AP_low, level.AP_high) == (intervals["m"][0].low, intervals["m"][0].high)
    [small] = [
        row for row in tables.sizes.itertuples() if (row.detector, row.size) == ("fair", "small")
    ]
    assert (small.AP_low, small.AP_high) == (intervals["s"][0].low, intervals["s"][0].high)
    classes = tables.classes[tables.classes["detector"] == "fair"]
    assert classes["AP75_low"].tolist() == [interval.low for interval in intervals["m"][1]]
    assert classes["recall_high"].tolist() == [interval.high for interval in intervals["r"][1]]


def test_without_intervals_there_are_no_pairs(tmp_path, runs):
    tables = frames(recorded_runs(tmp_path, with_intervals=False))
    assert tables.ranking is None
    for table in (tables.pairs, tables.class_pairs, tables.bands):
        assert table.empty
    assert "AP_low" not in tables.sizes
    assert frames(runs[:1]).pairs.empty
