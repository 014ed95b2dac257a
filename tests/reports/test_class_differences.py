"""Tables of pairs: the differences that the statistics give, who is told apart, and when there are none."""

from dataclasses import replace

import numpy as np
import pytest

from detbench.bench.runs import read_run, write_run
from detbench.data.load import load_ground_truth
from detbench.data.shapes import make_shapes, shapes_detections
from detbench.metrics.protocols.protocol import Measure
from detbench.metrics.scoring.evaluate import evaluate
from detbench.metrics.uncertainty.curve_bands import curve_bands
from detbench.metrics.uncertainty.difference import differences
from detbench.metrics.uncertainty.intervals import value_intervals
from detbench.metrics.uncertainty.multiple_testing import benjamini_hochberg
from detbench.reports.frames import frames

QUALITIES = {"fair": 0.5, "fine": 0.95, "copy": 0.95}


def made(folder, protocol="coco", known=True):
    data = load_ground_truth(make_shapes(folder / "shapes", train=0, val=0, test=40), split="test")
    evaluations = [
        evaluate(data, replace(shapes_detections(data, quality), name=name), protocol)
        for name, quality in QUALITIES.items()
    ]
    intervals = value_intervals(evaluations) if known else [{} for _ in evaluations]
    runs = zip(QUALITIES, evaluations, intervals, strict=True)
    return [
        read_run(write_run(folder / name, one, options={}, intervals=ends))
        for name, one, ends in runs
    ]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return made(tmp_path_factory.mktemp("pairs"))


def test_pairs_are_the_differences_between_two(runs):
    tables, by_name = (
        frames(runs),
        {run.evaluation().detections.name: run.evaluation() for run in runs},
    )
    pairs = tables.pairs
    assert [*zip(pairs["better"], pairs["worse"], strict=True)] == [
        ("fine", "copy"),
        ("fine", "fair"),
        ("copy", "fair"),
    ]
    alone = [differences(by_name[row.worse], by_name[row.better])[0] for row in pairs.itertuples()]
    for column, wanted in (
        ("difference", [each.interval.estimate for each in alone]),
        ("difference_low", [each.interval.low for each in alone]),
        ("difference_high", [each.interval.high for each in alone]),
    ):
        assert pairs[column].tolist() == pytest.approx([*wanted], abs=1e-15), column
    assert (pairs["p"] >= [each.p for each in alone]).all()
    assert pairs["p"].tolist() == [tables.ranking.p[pair] for pair in ((0, 1), (0, 2), (1, 2))]
    assert pairs["told_apart"].tolist() == [False, True, True]
    assert {place.name: (place.best_rank, place.worst_rank) for place in tables.ranking.places} == {
        "fine": (1, 2),
        "copy": (1, 2),
        "fair": (3, 3),
    }


@pytest.mark.parametrize("baseline", [None, "fair"])
def test_classes_are_compared_with_the_best_or_the_baseline(runs, baseline):
    table = frames(runs, baseline=baseline).class_pairs
    reference = baseline or "fine"
    assert set(table["reference"]) == {reference}
    by_name = {run.evaluation().detections.name: run.evaluation() for run in runs}
    for name in QUALITIES.keys() - {reference}:
        rows = table[table["detector"] == name]
        change = differences(by_name[reference], by_name[name])[0]
        assert rows["class"].tolist() == [each.name for each in change.classes]
        assert rows["difference"].tolist() == [each.interval.estimate for each in change.classes]
        corrected = benjamini_hochberg(np.array([each.p for each in change.classes]))
        assert rows["p_fdr"].tolist() == corrected.tolist()
        assert rows["told_apart"].tolist() == (corrected <= 0.05).tolist()
    assert table["told_apart"].any()


def test_bands_are_those_of_the_curves(runs):
    table = frames(runs).bands
    rows = table[(table["detector"] == "fair") & (table["class"] == "word")]
    [band] = [each for each in curve_bands(runs[0].evaluation(), 0.5) if each.class_name == "word"]
    assert rows["low"].tolist() == band.low.tolist()
    assert rows["high"].tolist() == band.high.tolist()


def test_sizes_ious_and_classes_have_the_intervals_of_their_measures(runs):
    evaluation = runs[0].evaluation()
    [known] = value_intervals(
        [evaluation], [Measure("m", iou=0.75), Measure("s", area="small"), Measure("r", "AR")]
    )
    tables = frames(runs)
    [level] = [
        row for row in tables.ious.itertuples() if row.detector == "fair" and row.iou == 0.75
    ]
    assert (level.AP_low, level.AP_high) == (known["m"][0].low, known["m"][0].high)
    [small] = [
        row for row in tables.sizes.itertuples() if (row.detector, row.size) == ("fair", "small")
    ]
    assert (small.AP_low, small.AP_high) == (known["s"][0].low, known["s"][0].high)
    classes = tables.classes[tables.classes["detector"] == "fair"]
    assert classes["AP75_low"].tolist() == [each.low for each in known["m"][1]]
    assert classes["recall_high"].tolist() == [each.high for each in known["r"][1]]


def test_without_intervals_there_are_no_pairs(tmp_path, runs):
    tables = frames(made(tmp_path, known=False))
    assert tables.ranking is None
    for table in (tables.pairs, tables.class_pairs, tables.bands):
        assert table.empty
    assert "AP_low" not in tables.sizes
    assert frames(runs[:1]).pairs.empty
