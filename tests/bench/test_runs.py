"""Run folders: complete, read back to the bit, and refused when damaged."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from detbench.bench.results import evaluation_record
from detbench.bench.runs import json_bytes, read_run, write_json, write_run
from detbench.errors import InputError
from detbench.metrics.protocols.protocol import ALL_AREAS, COCO, VOC2007, VOC2012, AreaRange
from detbench.metrics.scoring.evaluate import evaluate
from tests.metrics.scored import random_pair


@pytest.fixture
def evaluation():
    ground_truth, found = random_pair(0)
    return evaluate(ground_truth, found, "voc2007")


@pytest.fixture
def folder(evaluation, tmp_path):
    return write_run(
        tmp_path / "runs" / "finder", evaluation, options={"protocol": None, "iou": "0.5"}
    )


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
    assert (record["schema_version"], record["name"], record["model"], record["latency"]) == (
        1,
        "finder",
        None,
        [],
    )
    assert record["options"]["passed"] == {"protocol": None, "iou": "0.5"}
    effective = record["options"]["effective"]["protocol"]
    assert (effective["name"], effective["iou_thresholds"], effective["difficult"]) == (
        "voc2007",
        [0.5],
        "ignore",
    )
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
def test_a_run_is_scored_again_by_its_own_protocol_from_the_folder_alone(tmp_path, protocol):
    ground_truth, found = random_pair(0)
    evaluation = evaluate(ground_truth, found, protocol)
    run = read_run(write_run(tmp_path / "run", evaluation, options={}))
    assert run.protocol == protocol
    again = run.evaluation()
    assert again.summary == evaluation.summary
    for name in ("precision", "recall", "scores", "area_under_curve", "counts"):
        assert np.array_equal(getattr(again, name), getattr(evaluation, name))
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
def test_a_record_without_a_usable_protocol(folder, change):
    edit(folder, change)
    run = read_run(folder)
    with pytest.raises(
        InputError, match=r"record\.json: does not say by which protocol was scored.*score again"
    ):
        run.evaluation()


def test_an_older_record_is_upgraded_step_by_step(folder, monkeypatch):
    monkeypatch.setattr("detbench.bench.runs.SCHEMA_VERSION", 3)
    steps = {
        1: lambda record: record | {"first": True},
        2: lambda record: record | {"second": record["first"]},
    }
    monkeypatch.setattr("detbench.bench.runs.UPGRADES", steps)
    record = read_run(folder).record
    assert (record["schema_version"], record["first"], record["second"]) == (3, True, True)


def test_a_notebook_shows_a_run(folder):
    run = read_run(folder)
    assert repr(run) == f"<Run 'finder' on made in {folder}>"
    shown = run._repr_html_()
    assert run.evaluation()._repr_html_() in shown
    assert str(folder) in shown


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
        ('{"schema_version": 0}', "has schema version 0, which never was one"),
        (
            '{"schema_version": 2}',
            "has schema version 2, this detbench reads up to 1; upgrade detbench",
        ),
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
        with pytest.raises(
            InputError, match=f"{name}.parquet: is not the file this run was recorded with"
        ):
            read_run(folder)
        (folder / f"{name}.parquet").write_bytes(kept)
    assert read_run(folder).detections.name == "finder"


def test_further_keys_of_a_record_are_kept(folder):
    edit(folder, lambda record: record.update(note="mine"))
    assert read_run(folder).record["note"] == "mine"
