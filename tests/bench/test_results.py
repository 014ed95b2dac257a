"""Results as plain values: null if undefined, every switch recorded, the same text every time."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import pytest

from detbench.bench.json_documents import json_bytes
from detbench.bench.results import (
    classes_without_ground_truth,
    convention_records,
    evaluation_record,
    protocol_record,
    results_document,
)
from detbench.metrics.protocols.coco import COCO
from detbench.metrics.protocols.protocol import AreaRange, Measure, Protocol
from detbench.metrics.protocols.voc import VOC2007, VOC2012
from detbench.metrics.scoring.conventions import coco_numbers, convention_table
from detbench.metrics.scoring.suspicions import find_suspicions
from detbench.metrics.uncertainty.ranking import ranking, resample_for_ranking
from tests.metrics.scored import detections, perfect, random_pair, scored, truth

BOX = (10, 10, 60, 60)


def test_absent_values_are_null_and_named():
    ground_truth = truth([(0, 0, BOX), (1, 2, BOX)], ["cat", "dog", "emu"], difficult=[False, True])
    detector = detections(ground_truth, [(0, 0, 0.9, BOX), (0, 1, 0.8, BOX)])
    record = evaluation_record(scored(ground_truth, detector))
    absent = {"AP": None, "recall": None, "ground_truths": 0}
    assert record["classes"]["cat"]["recall"] == 1
    assert record["classes"]["dog"] == absent | {"detections": 1}
    assert record["classes"]["emu"] == absent | {"detections": 0}
    assert record["classes_without_ground_truth"] == ["dog", "emu"], (
        "difficult objects do not count"
    )
    assert json.loads(json_bytes(record)) == record
    counted = scored(ground_truth, perfect(ground_truth), replace(VOC2007, difficult="count"))
    assert classes_without_ground_truth(counted) == ["dog"]


def test_no_ground_truth_at_all_is_null():
    ground_truth = truth([])
    evaluation = scored(ground_truth, detections(ground_truth, []), "coco")
    record = evaluation_record(evaluation, suspicions=find_suspicions(evaluation))
    assert set(record["summary"].values()) == {None}
    assert b"NaN" not in json_bytes(record)
    assert [suspicion["id"] for suspicion in record["suspicions"]] == [
        "class-without-ground-truth",
        "detections-empty",
    ]


def test_protocol_records_have_every_switch_and_are_json():
    for protocol in (COCO, VOC2007, VOC2012):
        record = protocol_record(protocol)
        assert set(record) == {field.name for field in fields(Protocol)}
        assert json.loads(json_bytes(record))["iou_thresholds"] == list(protocol.iou_thresholds)
    [area] = protocol_record(VOC2007)["area_ranges"]
    assert area == {"name": "all", "low": None, "high": None}
    assert protocol_record(COCO)["area_ranges"][1] == {"name": "small", "low": 0.0, "high": 1024.0}


@pytest.mark.parametrize(
    ("protocol", "changes"),
    [
        (COCO, {}),
        (
            replace(VOC2007, difficult="drop", area_ranges=(AreaRange("all", 0, float("inf")),)),
            {"difficult": "drop", "area_ranges": [{"name": "all", "low": 0, "high": None}]},
        ),
        (replace(VOC2007, name="mine", difficult="drop"), {}),
        (replace(COCO, measures=(Measure("AP"),)), {}),
    ],
    ids=["published", "two switches", "unpublished name", "measures are no switch"],
)
def test_a_document_has_the_switches_that_differ_from_the_named_protocol(protocol, changes):
    document = results_document([scored(*random_pair(0), protocol)])
    assert json.loads(json_bytes(document))["changed_switches"] == changes


def test_a_document_is_the_same_every_time_and_takes_extra_keys():
    evaluation = scored(*random_pair(0))
    document = results_document([evaluation])
    assert json_bytes(document) == json_bytes(results_document([scored(*random_pair(0))]))
    [run] = results_document([evaluation], extra=[{"audit": {"identical": True}}])["runs"]
    assert run.pop("audit") == {"identical": True}
    assert [run] == document["runs"]


def test_a_document_has_ranks_and_differences():
    ground_truth, detector = random_pair(0, images=40)
    evaluations = [
        scored(ground_truth, replace(detections, name=name))
        for name, detections in (("random", detector), ("perfect", perfect(ground_truth)))
    ]
    document = results_document(evaluations, ranking=ranking(resample_for_ranking(evaluations)))
    [pair] = document["pairs"]
    assert (pair["better"], pair["worse"], pair["measure"]) == ("perfect", "random", "mAP")
    difference = evaluations[1].summary["mAP"] - evaluations[0].summary["mAP"]
    assert pair["difference"] == pytest.approx(difference)
    assert pair["low"] <= pair["difference"] <= pair["high"]
    assert pair["significant"] == (pair["p_value"] <= 0.05)
    assert pair["significant"]
    assert document["ranks"] == {"perfect": [1, 1], "random": [2, 2]}


def test_conventions_are_json():
    ground_truth, detector = random_pair(0)
    rows = convention_table(ground_truth, detector)
    record = convention_records(rows, coco_numbers(ground_truth, detector))
    assert record["iou"] == 0.5
    assert len(record["conventions"]) == 12
    keys = {"interpolation", "difficult", "plus_one", "strict_overlap", "value"}
    assert set(record["conventions"][0]) == keys
    assert json.loads(json_bytes(record)) == record
