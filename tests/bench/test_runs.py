"""Run folders: complete, read back to the bit, and refused when damaged."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from detbench.bench.results import evaluation_record
from detbench.bench.runs import read_run, write_run
from detbench.errors import InputError
from detbench.metrics.protocols.coco import COCO
from detbench.metrics.protocols.protocol import ALL_AREAS, AreaRange
from detbench.metrics.protocols.voc import VOC2007, VOC2012
from detbench.metrics.scoring.evaluate import evaluate
from tests.metrics.scored import random_pair

KEYS = {
    "schema_version",
    "name",
    "created",
    "model",
    "options",
    "sources",
    "digests",
    "environment",
    "evaluations",
    "latency",
}


@pytest.fixture
def evaluation():
    return evaluate(*random_pair(0), "voc2007")


@pytest.fixture
def folder(evaluation, tmp_path):
    options = {"protocol": None, "iou": "0.5"}
    return write_run(tmp_path / "runs" / "finder", evaluation, options=options)


def edit(folder, change):
    record = json.loads((folder / "record.json").read_text())
    change(record)
    (folder / "record.json").write_text(json.dumps(record))


def assert_equal_arrays(evaluation, expected, *names):
    for name in names:
        assert np.array_equal(getattr(evaluation, name), getattr(expected, name))


def test_a_run_read_back_is_scored_to_the_same_bits(folder, evaluation):
    run = read_run(folder)
    assert run.folder == folder
    assert run.ground_truth.digest == evaluation.ground_truth.digest
    assert run.detections.digest == evaluation.detections.digest
    assert run.detections.name == "finder"
    again = evaluate(run.ground_truth, run.detections, "voc2007")
    assert_equal_arrays(again, evaluation, "precision", "recall", "scores")


def test_the_record_names_inputs_options_and_results(folder, evaluation):
    record = read_run(folder).record
    assert set(record) == KEYS
    assert (record["schema_version"], record["name"]) == (2, "finder")
    assert (record["model"], record["latency"]) == (None, [])
    assert record["options"]["passed"] == {"protocol": None, "iou": "0.5"}
    effective = record["options"]["effective"]["protocol"]
    assert (effective["name"], effective["iou_thresholds"]) == ("voc2007", [0.5])
    assert effective["difficult"] == "ignore"
    assert record["digests"] == {
        "model": None,
        "ground_truth": evaluation.ground_truth.digest,
        "detections": evaluation.detections.digest,
    }
    assert record["environment"]["libraries"]["numpy"] == np.__version__
    [scores] = record["evaluations"]
    assert (scores["protocol"], scores["summary"]) == ("voc2007", evaluation.summary)
    age = datetime.now(UTC) - datetime.fromisoformat(record["created"])
    assert timedelta(seconds=-1) <= age < timedelta(minutes=5)


@pytest.mark.parametrize(
    "protocol",
    [
        COCO,
        VOC2007,
        VOC2012,
        replace(
            VOC2007, strict_overlap=True, plus_one=False, difficult="count", precision_epsilon=1e-9
        ),
        COCO.with_thresholds((0.3, 0.55)).with_max_detections((3, 20)),
        replace(VOC2012, name="mine", area_ranges=(ALL_AREAS, AreaRange("tiny", 0, 400))),
    ],
    ids=lambda protocol: protocol.name,
)
def test_a_run_is_scored_again_under_its_protocol_from_the_folder_alone(tmp_path, protocol):
    evaluation = evaluate(*random_pair(0), protocol)
    run = read_run(write_run(tmp_path / "run", evaluation, options={}))
    assert run.protocol == protocol
    again = run.evaluation()
    assert again.summary == evaluation.summary
    names = ("precision", "recall", "scores", "area_under_curve", "counts")
    assert_equal_arrays(again, evaluation, *names)
    assert evaluation_record(again) == evaluation_record(evaluation)


def test_a_switch_newer_than_the_record_has_its_default(folder, evaluation):
    edit(folder, lambda record: record["options"]["effective"]["protocol"].pop("score_ties"))
    assert read_run(folder).protocol == replace(evaluation.protocol, score_ties="image")


@pytest.mark.parametrize(
    "change",
    [
        lambda record: record.pop("options"),
        lambda record: record["options"]["effective"].update(protocol=None),
        lambda record: record["options"]["effective"]["protocol"].update(difficult="maybe"),
        lambda record: record["options"]["effective"]["protocol"].update(iou_thresholds=[0.9, 0.1]),
        lambda record: record["options"]["effective"]["protocol"].update(area_ranges=[3]),
    ],
)
def test_a_record_without_a_valid_protocol(folder, change):
    edit(folder, change)
    run = read_run(folder)
    message = r"record\.json: has no valid protocol.*score again"
    with pytest.raises(InputError, match=message):
        run.evaluation()


def test_a_notebook_shows_a_run(folder):
    run = read_run(folder)
    assert repr(run) == f"<Run 'finder' on {run.ground_truth.name} in {folder}>"
    html = run._repr_html_()
    assert run.evaluation()._repr_html_() in html
    assert str(folder) in html


def test_a_folder_in_use_is_left_alone(folder, evaluation):
    before = {path: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(InputError, match="already exists"):
        write_run(folder, evaluation, options={})
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_an_error_midway_leaves_nothing(tmp_path, evaluation, monkeypatch):
    def fail(*_):
        raise RuntimeError("disk on fire")

    monkeypatch.setattr("detbench.data.load.save_detections", fail)
    with pytest.raises(RuntimeError, match="disk on fire"):
        write_run(tmp_path / "run", evaluation, options={})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["record.json", "ground_truth.parquet", "detections.parquet"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(InputError, match=name):
        read_run(folder)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not a record of a run"),
        ("{", "is not a record of a run"),
        ("[]", "is not a JSON object"),
        ("{}", "has no schema version"),
        ('{"schema_version": "1"}', "has schema version '1', expected an integer from 1"),
        ('{"schema_version": 0}', "has schema version 0, expected an integer from 1"),
        ('{"schema_version": 1}', "is not a record of a run.*name"),
        ('{"schema_version": 2, "name": "x", "digests": 1}', "is not a record of a run.*digests"),
        ('{"schema_version": 2, "name": "x", "digests": {}}', "not a record.*evaluations"),
        (
            '{"schema_version": 2, "name": "x", "digests": {}, "evaluations": [{}]}',
            "digest differs",
        ),
        ('{"schema_version": 3}', "has schema version 3, but this detbench reads versions up to 2"),
    ],
)
def test_a_damaged_or_newer_record_is_one_clear_error(folder, text, message):
    (folder / "record.json").write_text(text)
    with pytest.raises(InputError, match=message):
        read_run(folder)


def test_a_changed_file_is_noticed(folder, tmp_path):
    other = write_run(tmp_path / "other", evaluate(*random_pair(1)), options={})
    for name in ("ground_truth.parquet", "detections.parquet"):
        kept = (folder / name).read_bytes()
        (folder / name).write_bytes((other / name).read_bytes())
        message = f"{name}: is not the file that this run was recorded with"
        with pytest.raises(InputError, match=message):
            read_run(folder)
        (folder / name).write_bytes(kept)
    assert read_run(folder).detections.name == "finder"


def test_further_keys_of_a_record_are_kept(folder):
    edit(folder, lambda record: record.update(note="mine"))
    assert read_run(folder).record["note"] == "mine"
