"""Results as plain values: null where nothing is defined, every switch recorded, the same text every time."""

from __future__ import annotations

import json
from dataclasses import fields, replace

from detbench.bench.results import (
    classes_without_ground_truth,
    convention_records,
    evaluation_record,
    protocol_record,
    results_document,
)
from detbench.bench.runs import json_bytes
from detbench.metrics.protocols.protocol import COCO, VOC2007, VOC2012, AreaRange, Measure, Protocol
from detbench.metrics.scoring.conventions import coco_numbers, convention_table
from tests.metrics.scored import detections, perfect, random_pair, scored, truth

BOX = (10, 10, 60, 60)


def test_absent_values_are_null_and_named():
    ground_truth = truth([(0, 0, BOX), (1, 2, BOX)], ["cat", "dog", "emu"], difficult=[False, True])
    record = evaluation_record(
        scored(ground_truth, detections(ground_truth, [(0, 0, 0.9, BOX), (0, 1, 0.8, BOX)]))
    )
    assert record["classes"]["cat"]["recall"] == 1
    assert record["classes"]["dog"] == {
        "AP": None,
        "recall": None,
        "ground_truths": 0,
        "detections": 1,
    }
    assert record["classes"]["emu"] == {
        "AP": None,
        "recall": None,
        "ground_truths": 0,
        "detections": 0,
    }
    assert record["classes_without_ground_truth"] == ["dog", "emu"], (
        "difficult objects count for nothing here"
    )
    assert json.loads(json_bytes(record)) == record
    counted = scored(ground_truth, perfect(ground_truth), replace(VOC2007, difficult="count"))
    assert classes_without_ground_truth(counted) == ["dog"]


def test_no_ground_truth_at_all_is_null():
    ground_truth = truth([])
    record = evaluation_record(scored(ground_truth, detections(ground_truth, []), "coco"))
    assert set(record["summary"].values()) == {None}
    assert b"NaN" not in json_bytes(record)
    assert [suspicion["id"] for suspicion in record["suspicions"]] == ["detections-empty"]


def test_protocol_records_hold_every_switch_and_are_json():
    for protocol in (COCO, VOC2007, VOC2012):
        record = protocol_record(protocol)
        assert set(record) == {field.name for field in fields(Protocol)}
        assert json.loads(json_bytes(record))["iou_thresholds"] == list(protocol.iou_thresholds)
    assert list(protocol_record(VOC2007)["area_ranges"]) == [
        {"name": "all", "low": None, "high": None}
    ]
    assert protocol_record(COCO)["area_ranges"][1] == {"name": "small", "low": 0.0, "high": 1024.0}


def test_a_document_says_which_switches_differ_from_the_named_protocol():
    ground_truth, found = random_pair(0)
    assert results_document([scored(ground_truth, found, "coco")])["changed_switches"] == {}
    changed = replace(VOC2007, difficult="drop", area_ranges=(AreaRange("all", 0, float("inf")),))
    document = json.loads(json_bytes(results_document([scored(ground_truth, found, changed)])))
    assert document["changed_switches"] == {
        "difficult": "drop",
        "area_ranges": [{"name": "all", "low": 0, "high": None}],
    }
    own = replace(VOC2007, name="mine", difficult="drop")
    assert results_document([scored(ground_truth, found, own)])["changed_switches"] == {}, (
        "its name promises nothing"
    )
    assert replace(COCO, measures=(Measure("AP"),)).changed == {}, "what is shown is no switch"


def test_a_document_is_the_same_every_time_and_takes_extra_keys():
    ground_truth, found = random_pair(0)
    first, second = (results_document([scored(ground_truth, found)]) for _ in range(2))
    assert json_bytes(first) == json_bytes(second)
    more = results_document([scored(ground_truth, found)], extra=[{"audit": {"identical": True}}])
    assert more["runs"][0]["audit"] == {"identical": True}
    assert {key: value for key, value in more["runs"][0].items() if key != "audit"} == first[
        "runs"
    ][0]


def test_conventions_are_json():
    ground_truth, found = random_pair(0)
    record = convention_records(
        convention_table(ground_truth, found), coco_numbers(ground_truth, found)
    )
    assert record["iou"] == 0.5
    assert len(record["conventions"]) == 12
    assert set(record["conventions"][0]) == {
        "interpolation",
        "difficult",
        "plus_one",
        "strict_overlap",
        "value",
    }
    assert json.loads(json_bytes(record)) == record
