"""Schema upgrades: files of version 1 are read, upgraded and gated; newer versions are refused."""

import copy
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from detbench.bench.gate.gate import gate
from detbench.bench.gate.rules import default_rules, parse_rules, read_rules
from detbench.bench.gate.verdict import overall_outcome
from detbench.bench.history.entry import history_entry
from detbench.bench.history.history_file import add_entry, last_passed, read_history
from detbench.bench.latency.result import WITHIN_ONE_PROCESS
from detbench.bench.latency.run_folder import read_latency
from detbench.bench.runs import read_run, write_run
from detbench.bench.schema_upgrades import (
    upgraded_gate_result,
    upgraded_history_entry,
    upgraded_model_settings,
    upgraded_record,
)
from detbench.data.schema_version import SCHEMA_VERSION
from detbench.errors import InputError

KEPT = Path(__file__).parent / "kept" / "version1"
BASELINES = Path(__file__).parents[2] / ".ci" / "baselines"


def record_of(folder):
    return json.loads((folder / "record.json").read_text())


def test_a_record_of_version_1_has_the_words_of_version_2():
    old = record_of(KEPT / "run")
    record = upgraded_record(copy.deepcopy(old), KEPT)
    assert record["schema_version"] == SCHEMA_VERSION == 2
    old_entry, entry = old["latency"][0], record["latency"][0]
    assert entry["images_per_sample"] == old_entry["pictures_per_sample"]
    assert "pictures_per_sample" not in entry
    assert [state["background_load_cores"] for state in entry["machine"]] == [
        state["outside_cores"] for state in old_entry["machine"]
    ]
    settings = record["options"]["effective"]["model"]
    assert settings["broken_images"] == ["200018.jpg"]
    assert list(settings["image_notes"].values()) == [1]
    assert settings["preprocessing"]["color"] == "rgb"
    assert record["options"]["passed"] == old["options"]["passed"], "a command is quoted as it was"


def test_an_upgrade_changes_nothing_but_words():
    old = record_of(KEPT / "run")
    before = copy.deepcopy(old)
    record = upgraded_record(old, KEPT)
    assert old == before, "the document itself is not changed"
    for key in ("name", "created", "digests", "environment", "evaluations", "sources"):
        assert record[key] == old[key]
    for old_entry, entry in zip(old["latency"], record["latency"], strict=True):
        assert len(entry) == len(old_entry)
        assert [entry["p50_ms"], entry["reasons"]] == [old_entry["p50_ms"], old_entry["reasons"]]
    assert upgraded_record(record, KEPT) == record


def test_suspicions_of_version_1():
    suspicion = {"id": "box-normalised", "evidence": "all within 0–1", "fix": "# scale"}
    evaluation = {"name": "a", "suspicions": [suspicion, {"id": "score-ties"}]}
    record = {"schema_version": 1, "evaluations": [evaluation]}
    [upgraded] = upgraded_record(record, KEPT)["evaluations"]
    assert upgraded == {
        "name": "a",
        "suspicions": [suspicion | {"id": "box-normalized"}, {"id": "score-ties"}],
    }


def test_a_gpu_of_version_1():
    gpu = {"sm_clock_mhz": 1755, "utilisation": 0.97, "clock_reasons": ["idle"]}
    states = [{"elapsed_s": 0.0, "outside_cores": None, "gpu": gpu}]
    record = {"schema_version": 1, "latency": [{"pictures_per_sample": 1, "machine": states}]}
    [entry] = upgraded_record(record, KEPT)["latency"]
    assert entry["machine"][0]["gpu"] == {
        "sm_clock_mhz": 1755,
        "utilization": 0.97,
        "clock_reasons": ["idle"],
    }


def test_a_run_folder_of_version_1_is_scored_to_the_same_numbers():
    run, old = read_run(KEPT / "run"), record_of(KEPT / "run")
    assert run.evaluation().summary == old["evaluations"][0]["summary"]
    assert run.detections.settings["preprocessing"]["color"] == "rgb"
    assert run.detections.settings["broken_images"] == ["200018.jpg"]
    for result, entry in zip(run.latency, old["latency"], strict=True):
        assert result.images_per_sample == entry["pictures_per_sample"]
        assert result.percentile_ms(50) == entry["p50_ms"]
        assert result.interval_ms(50) == pytest.approx(entry["p50_interval_ms"], rel=2e-3)
        assert result.machine[1].background_load_cores == entry["machine"][1]["outside_cores"]


def test_a_latency_folder_of_version_1():
    results, old = read_latency(KEPT / "latency"), record_of(KEPT / "latency")
    assert len(results) == len(old["latency"]) == 8
    for result, entry in zip(results, old["latency"], strict=True):
        assert (result.model, result.stage, result.batch) == (
            entry["model"],
            entry["stage"],
            entry["batch"],
        )
        assert result.as_record()["mean_ms"] == entry["mean_ms"]
        [process] = result.processes
        assert len(process.warmup_ns) == entry["warmup_samples"]
        assert process.first_call_s == entry["first_call_s"]
        assert len(result.samples_ns) == entry["samples"]
        assert WITHIN_ONE_PROCESS in result.remarks


def test_a_run_of_version_1_is_written_as_version_2(tmp_path):
    run = read_run(KEPT / "run")
    folder = write_run(tmp_path / "run", run.evaluation(), options={}, latency=run.latency)
    record = record_of(folder)
    assert record["schema_version"] == 2
    text = json.dumps(record)
    assert not [word for word in ("picture", "colour", "outside_cores") if f'"{word}' in text]
    again = read_run(folder)
    assert np.array_equal(again.latency[0].samples_ns, run.latency[0].samples_ns)


def test_a_history_of_version_1_is_read_and_continued(tmp_path):
    shutil.copytree(KEPT, tmp_path / "version1")
    file = tmp_path / "version1" / "history.jsonl"
    assert [(entry.name, entry.verdict) for entry in read_history(file)] == [
        ("finder", "passed"),
        ("rival", "inconclusive"),
    ]
    assert {entry.schema_version for entry in read_history(file)} == {2}
    assert last_passed(file, "finder") == (tmp_path / "version1" / "run").resolve()
    run = read_run(tmp_path / "version1" / "run")
    entry = history_entry(run, file, commit="c1", branch="main", verdict="passed")
    assert add_entry(file, entry) is False, "the run is in the history already"
    entry = history_entry(run, file, commit="c3", branch="main", verdict="passed")
    assert add_entry(file, entry) is True
    assert len(read_history(file)) == 3


def test_rules_of_version_1():
    area, p50 = read_rules(KEPT / "rules.toml")
    assert (area.measure.text, area.non_inferiority, area.confidence) == ("mAP.area", True, 0.9)
    assert (p50.stage, p50.non_inferiority) == ("infer", False)


def test_rules_of_version_2_do_not_have_the_old_key():
    text = "schema_version = 2\n" + (KEPT / "rules.toml").read_text()
    with pytest.raises(InputError, match=r"rule 1 \(mAP\.area\): unknown key 'prove'"):
        parse_rules(text, Path("gate.toml"))
    rules = parse_rules(text.replace("prove", "non_inferiority"), Path("gate.toml"))
    assert rules == read_rules(KEPT / "rules.toml")


def test_runs_of_version_1_are_gated_to_the_same_outcome():
    baseline, candidate = read_run(KEPT / "run"), read_run(KEPT / "rival")
    verdicts = gate(baseline, candidate, default_rules(), resamples=100)
    old = json.loads((KEPT / "gate.json").read_text())
    assert overall_outcome(verdicts) == old["outcome"]
    for verdict, expected in zip(verdicts, old["verdicts"], strict=True):
        assert (verdict.name, verdict.outcome) == (expected["measure"], expected["outcome"])
        if expected["difference"] is not None:
            assert verdict.effect.difference == expected["difference"]


def test_the_result_of_a_gate_of_version_1():
    document = json.loads((KEPT / "gate.json").read_text())
    upgraded = upgraded_gate_result(document, KEPT / "gate.json")
    assert upgraded == document | {"schema_version": 2}


def test_baselines_of_version_1_are_gated_against_runs_of_version_2(tmp_path):
    baseline = read_run(BASELINES / "yolo")
    candidate = read_run(write_run(tmp_path / "yolo", baseline.evaluation(), options={}))
    assert record_of(BASELINES / "yolo")["schema_version"] == 1
    assert record_of(candidate.folder)["schema_version"] == 2
    verdicts = gate(baseline, candidate, default_rules(), resamples=100)
    assert overall_outcome(verdicts) == "passed"
    assert "nothing changed" in verdicts[0].sentence


@pytest.mark.parametrize(
    "upgraded",
    [
        lambda document: upgraded_record(document, Path("record.json")),
        lambda document: upgraded_history_entry(document, "h.jsonl, line 3"),
        lambda document: upgraded_gate_result(document, Path("gate.json")),
    ],
)
def test_newer_versions_and_other_documents_are_refused(upgraded):
    with pytest.raises(InputError, match="has schema version 3, but this detbench reads"):
        upgraded({"schema_version": 3})
    with pytest.raises(InputError, match="has no schema version"):
        upgraded({})
    with pytest.raises(InputError, match="is not a JSON object"):
        upgraded([])


def test_british_spelling_in_settings_of_version_1():
    old = {"preprocessing": {"colour": "bgr", "fit": "centre-crop"}, "decoder": {"centre": 0.5}}
    new = {"preprocessing": {"color": "bgr", "fit": "center-crop"}, "decoder": {"center": 0.5}}
    assert upgraded_model_settings(old) == new


def test_settings_with_new_words_stay_as_they_are():
    settings = {"broken_images": [], "image_notes": {}, "preprocessing": {"color": "bgr"}}
    assert upgraded_model_settings(settings) == settings
    assert upgraded_model_settings({}) == {}
