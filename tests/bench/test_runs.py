"""Run folders: complete, read back to the bit, and refused when damaged."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from detbench.bench.runs import json_bytes, read_run, write_json, write_run
from detbench.errors import InputError
from detbench.metrics.evaluate import evaluate
from tests.metrics.scored import random_pair


@pytest.fixture
def evaluation():
    ground_truth, found = random_pair(0)
    return evaluate(ground_truth, found, "voc2007")


@pytest.fixture
def folder(evaluation, tmp_path):
    return write_run(tmp_path / "runs" / "finder", evaluation, options={"protocol": None, "iou": "0.5"})


def edit(folder, change):
    record = json.loads((folder / "record.json").read_text())
    change(record)
    (folder / "record.json").write_text(json.dumps(record))


def test_a_run_read_back_is_scored_to_the_same_bits(folder, evaluation):
    run = read_run(folder)
    assert run.folder == folder
    assert run.ground_truth.digest == evaluation.ground_truth.digest
    assert run.detections.digest == evaluation.detections.digest
    assert run.detections.name == "finder"
    again = evaluate(run.ground_truth, run.detections, "voc2007")
    for name in ("precision", "recall", "scores"):
        assert np.array_equal(getattr(again, name), getattr(evaluation, name))


def test_the_record_says_what_was_done_with_what(folder, evaluation):
    record = read_run(folder).record
    assert set(record) == {
        "schema_version", "name", "created", "model", "options", "sources", "digests", "environment", "evaluations", "latency",
    }  # fmt: skip
    assert (record["schema_version"], record["name"], record["model"], record["latency"]) == (1, "finder", None, [])
    assert record["options"]["passed"] == {"protocol": None, "iou": "0.5"}
    effective = record["options"]["effective"]["protocol"]
    assert (effective["name"], effective["iou_thresholds"], effective["difficult"]) == ("voc2007", [0.5], "ignore")
    assert record["digests"] == {"model": None, "ground_truth": evaluation.ground_truth.digest, "detections": evaluation.detections.digest}
    assert record["environment"]["libraries"]["numpy"] == np.__version__
    [scores] = record["evaluations"]
    assert (scores["protocol"], scores["summary"]) == ("voc2007", evaluation.summary)
    age = datetime.now(UTC) - datetime.fromisoformat(record["created"])
    assert timedelta(seconds=-1) <= age < timedelta(minutes=5)


def test_json_is_sorted_and_indented_and_keeps_every_digit():
    text = json_bytes({"b": 0.1 + 0.2, "a": [None, "é"]}).decode()
    assert text == '{\n  "a": [\n    null,\n    "é"\n  ],\n  "b": 0.30000000000000004\n}\n'


def test_json_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "out.json"
    write_json(path, {"a": 1})
    with pytest.raises(TypeError):
        write_json(path, {"a": object()})
    assert json.loads(path.read_text()) == {"a": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["out.json"]


def test_a_folder_in_use_is_left_alone(folder, evaluation):
    before = {path: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(InputError, match="already exists"):
        write_run(folder, evaluation, options={})
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_an_error_in_the_middle_leaves_nothing(tmp_path, evaluation, monkeypatch):
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
        ("", "is not a record"),
        ("[]", "is not a record"),
        ("{", "is not a record"),
        ("{}", "is not a record.*schema_version"),
        ('{"schema_version": "1"}', "is not a record.*schema_version"),
        ('{"schema_version": 1}', "is not a record.*name"),
        ('{"schema_version": 1, "name": "x", "digests": 1}', "is not a record.*digests"),
        ('{"schema_version": 1, "name": "x", "digests": {}}', "digest differs"),
        ('{"schema_version": 2}', "has schema version 2, this detbench reads up to 1; upgrade detbench"),
    ],
)
def test_a_damaged_or_newer_record_is_one_clear_error(folder, text, message):
    (folder / "record.json").write_text(text)
    with pytest.raises(InputError, match=message):
        read_run(folder)


def test_a_changed_file_is_noticed(folder, tmp_path):
    ground_truth, found = random_pair(1)
    other = write_run(tmp_path / "other", evaluate(ground_truth, found), options={})
    for name in ("ground_truth", "detections"):
        kept = (folder / f"{name}.parquet").read_bytes()
        (folder / f"{name}.parquet").write_bytes((other / f"{name}.parquet").read_bytes())
        with pytest.raises(InputError, match=f"{name}.parquet: is not the file this run was recorded with"):
            read_run(folder)
        (folder / f"{name}.parquet").write_bytes(kept)
    assert read_run(folder).detections.name == "finder"


def test_further_keys_of_a_record_are_kept(folder):
    edit(folder, lambda record: record.update(note="mine"))
    assert read_run(folder).record["note"] == "mine"
