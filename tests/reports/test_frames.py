"""Frames: the numbers of the record, in groups of comparable detectors."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import detbench.reports.frames as frames_module
from detbench.bench.results import evaluation_record
from detbench.bench.runs import read_run, write_run
from detbench.errors import DetbenchError, NotComparableError
from detbench.metrics.protocols.coco import COCO, COCO_AREAS, COCO_THRESHOLDS
from detbench.metrics.protocols.voc import VOC2007
from detbench.metrics.scoring.evaluate import evaluate
from detbench.reports.frames import frames
from detbench.reports.writers import TABLES
from tests.metrics.scored import detections, perfect, random_pair, scored, truth

BOX = (10, 10, 60, 60)


def two(protocol="voc2007", seed=0):
    ground_truth, first = random_pair(seed, detector="first")
    return [
        scored(ground_truth, first, protocol),
        scored(ground_truth, perfect(ground_truth, "second"), protocol),
    ]


def test_the_function_does_not_shadow_its_module():
    assert frames_module.frames is frames


@pytest.mark.parametrize("protocol", ["voc2007", "coco"])
def test_summary_and_classes_are_those_of_the_record(protocol):
    evaluations = two(protocol)
    tables = frames(evaluations)
    for place, evaluation in enumerate(evaluations):
        record = json.loads(json.dumps(evaluation_record(evaluation)))
        row = tables.summary.iloc[place]
        assert row["detector"] == record["name"]
        assert {
            name: None if pd.isna(row[name]) else row[name] for name in record["summary"]
        } == record["summary"]
        rows = tables.classes[tables.classes["detector"] == record["name"]].set_index("class")
        assert list(rows.index) == list(record["classes"])
        for name, values in record["classes"].items():
            assert {column: rows.loc[name, column] for column in values} == values
    assert tables.summary["ground_truths"].tolist() == [20, 20]
    assert tables.summary["images"].tolist() == [6, 6]


def test_differences_are_to_the_best_or_to_the_baseline():
    evaluations = two()
    first, second = (evaluation.summary["mAP"] for evaluation in evaluations)
    assert first < second
    to_best = frames(evaluations).summary
    assert to_best["difference"].tolist() == [first - second, 0]
    assert to_best["best"].tolist() == [False, True]
    to_first = frames(evaluations, baseline="first")
    assert to_first.summary["difference"].tolist() == [0, second - first]
    values = [evaluation.class_ap for evaluation in evaluations]
    assert to_first.classes["difference"].tolist() == [0, 0, 0, *(values[1] - values[0])]
    best = np.maximum(*values)
    assert frames(evaluations).classes["difference"].tolist() == [
        *(values[0] - best),
        *(values[1] - best),
    ]


def test_the_best_threshold_is_that_of_the_best_f1_in_the_table_over_scores():
    tables = frames(two())
    classes = tables.classes.set_index(["detector", "class"])
    for key, rows in tables.thresholds.groupby(["detector", "class"]):
        at = rows.loc[rows["f1"].idxmax()]
        for column, measure in (
            ("threshold", "score"),
            ("f1", "f1"),
            ("precision", "precision"),
            ("recall", "recall"),
        ):
            assert classes.loc[key, f"best_{column}"] == at[measure]
    for detector, rows in tables.overall.groupby("detector"):
        row = tables.summary.set_index("detector").loc[detector]
        assert (row["best_f1"], row["best_threshold"]) == (
            rows["f1"].max(),
            rows.loc[rows["f1"].idxmax(), "score"],
        )


def test_ap_by_iou_and_size_is_that_of_the_protocol_with_these_switches():
    [evaluation] = two()[:1]
    tables = frames(evaluation)
    ground_truth, detector = evaluation.ground_truth, evaluation.detections
    for iou in COCO_THRESHOLDS:
        alone = evaluate(ground_truth, detector, VOC2007.with_thresholds((iou,)))
        assert tables.ious.set_index("iou").loc[iou, "AP"] == pytest.approx(
            alone.class_ap.mean(), abs=1e-15
        )
        assert tables.class_ious.query("iou == @iou")["AP"].tolist() == alone.class_ap.tolist()
    assert tables.sizes["size"].tolist() == ["all", "small", "medium", "large"]
    for area in COCO_AREAS[1:]:
        protocol = replace(VOC2007, area_ranges=(replace(area, name="all"),))
        alone = evaluate(ground_truth, detector, protocol)
        row = tables.sizes.set_index("size").loc[area.name]
        assert (None if pd.isna(row["AP"]) else row["AP"]) == alone.summary["mAP"]
        assert row["ground_truths"] == alone.counts[:, 0, 0, 3].sum()
    assert tables.sizes["AP"].iloc[0] == evaluation.summary["mAP"]


def test_coco_numbers_need_no_second_evaluation():
    [evaluation] = two("coco")[:1]
    tables = frames(evaluation)
    assert tables.detectors[0].by_iou is evaluation
    assert tables.detectors[0].by_size is evaluation
    for column, measures in (
        ("AP", ("AP", "APs", "APm", "APl")),
        ("recall", ("AR100", "ARs", "ARm", "ARl")),
    ):
        values = [None if np.isnan(value) else value for value in tables.sizes[column]]
        assert values == [evaluation.summary[measure] for measure in measures]
        assert None in values
    assert tables.ious.set_index("iou").loc[0.5, "AP"] == evaluation.summary["AP50"]


def test_thirty_own_thresholds_are_left_as_they_are():
    ground_truth, finder = random_pair(0)
    many = tuple(np.linspace(0.51, 0.949, 30).tolist())
    assert frames(scored(ground_truth, finder, COCO.with_thresholds(many))).ious[
        "iou"
    ].tolist() == list(many)


def test_curves_are_measured_points_and_no_more_than_wanted():
    evaluations = two()
    tables = frames(evaluations, points=8)
    for (name, class_name, iou), rows in tables.curves.groupby(["detector", "class", "iou"]):
        assert len(rows) <= 16
        evaluation = next(scored.by_iou for scored in tables.detectors if scored.name == name)
        precision, recall, score = evaluation.curve(class_name, iou)
        assert set(zip(rows["score"], rows["recall"], rows["precision"], strict=True)) <= set(
            zip(score, recall, precision, strict=True)
        )
        for row in rows.itertuples():
            assert row.interpolated == max(
                p for p, r in zip(precision, recall, strict=True) if r >= row.recall
            )
    few = tables.curves_at([0.5], points=4)
    assert set(few["iou"]) == {0.5}
    assert few.groupby(["detector", "class"]).size().max() <= 4


def test_runs_on_other_data_or_under_other_protocols_form_their_own_groups():
    ground_truth, finder = random_pair(0)
    other_ground_truth, other_finder = random_pair(1)
    strict = replace(VOC2007, strict_overlap=True)
    evaluations = [
        scored(ground_truth, finder),
        scored(other_ground_truth, other_finder),
        scored(ground_truth, finder, "coco"),
        scored(ground_truth, perfect(ground_truth, "perfect")),
        scored(ground_truth, finder, strict),
    ]
    tables = frames(evaluations)
    assert tables.summary["group"].tolist() == [0, 1, 2, 0, 3]
    assert tables.groups["detectors"].tolist() == [2, 1, 1, 1]
    assert tables.groups["measure"].tolist() == ["mAP", "mAP", "AP", "mAP"]
    assert tables.groups["heading"].iloc[3].endswith("protocol voc2007 but strict_overlap True")
    assert tables.summary["best"].tolist() == [False, True, True, True, True]
    assert pd.isna(tables.summary["AP50"].iloc[0])
    assert [len(group.summary) for group in tables.split()] == [2, 1, 1, 1]
    for place, message in (
        (1, "different annotations on the same images"),
        (2, r"different protocols \(voc2007 and coco\)"),
        (4, "different strict_overlap"),
    ):
        with pytest.raises(NotComparableError, match=message):
            frames([evaluations[0], evaluations[place]]).require_one_group()
    assert tables.of_group(0).require_one_group().summary["detector"].tolist() == [
        "finder",
        "perfect",
    ]


def test_the_same_data_read_twice_is_the_same_data():
    pairs = [random_pair(0), random_pair(0)]
    tables = frames([scored(ground_truth, finder) for ground_truth, finder in pairs])
    assert tables.summary["group"].tolist() == [0, 0]
    assert tables.summary["detector"].tolist() == ["finder", "finder #2"]


@pytest.fixture
def folder(tmp_path):
    return write_run(tmp_path / "finder", two()[0], options={})


def latency(stage, batch=1, **changes):
    entry = {
        "model": "m",
        "stage": stage,
        "batch": batch,
        "scenario": "single_stream",
        "p50_ms": 0.9,
        "p50_interval_ms": [0.88, 0.93],
        "p90_ms": 1.0,
        "p99_ms": 1.2,
        "throughput_per_s": 1100.0,
        "samples": 2000,
        "verdict": "valid",
        "reasons": [],
    }
    return entry | changes


def test_latency_is_that_of_the_run(folder):
    run = read_run(folder)
    entries = [
        latency("infer"),
        latency(
            "end_to_end",
            p50_ms=2.5,
            p50_interval_ms=None,
            verdict="invalid",
            reasons=["clock moved", "noisy"],
        ),
        latency("infer", batch=8, p50_ms=None, settings={"threads": 2}),
    ]
    tables = frames(replace(run, record=run.record | {"latency": entries}))
    assert tables.latency["stage"].tolist() == ["infer", "end_to_end", "infer"]
    assert tables.latency[["p50_ms", "p50_ms_low", "p50_ms_high"]].iloc[0].tolist() == [
        0.9,
        0.88,
        0.93,
    ]
    assert tables.latency["p50_ms_low"].isna().tolist() == [False, True, False]
    assert tables.latency["reasons"].tolist() == ["", "clock moved; noisy", ""]
    assert "settings" not in tables.latency
    assert tables.latency["p50_ms"].dtype == np.float64
    row = tables.summary.iloc[0]
    assert (row["infer_p50_ms"], row["infer_p50_ms_high"], row["infer_verdict"]) == (
        0.9,
        0.93,
        "valid",
    )
    assert (row["end_to_end_p50_ms"], row["end_to_end_verdict"]) == (2.5, "invalid")
    assert pd.isna(row["end_to_end_p50_ms_low"])


def test_run_folders_have_the_tables_of_their_evaluations(folder):
    evaluation = two()[0]
    for source in (folder, str(folder), read_run(folder), [folder]):
        tables = frames(source)
        pd.testing.assert_frame_equal(tables.summary, frames(evaluation).summary)
        assert tables.detectors[0].run.folder == folder
        assert len(tables.latency) == 0
        assert {"stage", "p50_ms", "verdict"} <= set(tables.latency.columns)


def test_invalid_input():
    with pytest.raises(DetbenchError, match="nothing to tabulate"):
        frames([])
    with pytest.raises(
        DetbenchError,
        match="baseline 'third' is not one of the detectors; choose from first, second",
    ):
        frames(two(), baseline="third")
    with pytest.raises(DetbenchError, match="4 points or more"):
        frames(two(), points=3)
    with pytest.raises(DetbenchError, match="neither a run nor an evaluation"):
        frames([7])


def test_no_detections_no_ground_truth_and_classes_of_either_kind():
    ground_truth = truth([(0, 0, BOX)], ["cat", "dog"])
    nothing = scored(ground_truth, detections(ground_truth, [], "nothing"))
    dogs = scored(ground_truth, detections(ground_truth, [(0, 1, 0.9, BOX)], "dogs"))
    tables = frames([nothing, dogs])
    for name in TABLES:
        assert isinstance(getattr(tables, name), pd.DataFrame)
    assert tables.summary["mAP"].tolist() == [0, 0]
    assert tables.summary["best_f1"].isna().all()
    assert (len(tables.curves), len(tables.thresholds), len(tables.overall)) == (0, 0, 0)
    assert {"class", "iou", "score", "recall", "precision", "interpolated"} <= set(
        tables.curves.columns
    )
    assert tables.classes["AP"].isna().tolist() == [False, True, False, True]
    assert tables.classes["best"].tolist() == [True, False, True, False]
    empty = truth([])
    bare = frames(scored(empty, detections(empty, [])))
    assert bare.summary["mAP"].isna().all()
    assert bare.summary["difference"].isna().all()


def test_five_hundred_classes():
    names = [f"class {k}" for k in range(500)]
    ground_truth = truth([(k % 4, k, BOX) for k in range(500)], names)
    tables = frames([scored(ground_truth, perfect(ground_truth, name)) for name in ("a", "b")])
    assert len(tables.classes) == 1000
    assert np.allclose(tables.classes["AP"], 1, rtol=0, atol=1e-12)
    assert len(tables.curves_at([0.5])) == 1000
    assert len(tables.class_ious) == 10_000


def test_html_shows_every_group_and_escapes_names():
    ground_truth, finder = random_pair(0, names=["<script>", "a & b", "c"], detector="<b>x</b>")
    tables = frames([scored(ground_truth, finder), scored(ground_truth, finder, "coco")])
    shown = tables._repr_html_()
    assert "<b>x" not in shown
    assert "&lt;b&gt;x&lt;/b&gt;" in shown
    assert shown.count("<h4>") == 2
    assert repr(tables) == "<Frames of <b>x</b>, <b>x</b>>"
