"""`detbench latency` as a user runs it, on a tiny model."""

import json
import re

import numpy as np
import pytest

from detbench.bench.latency.timed_model import SampleSlice

QUICK = ("--min-seconds", "0.02", "--max-seconds", "0.3", "--processes", "1")
HERE = (*QUICK, "--turns", "in_process")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    pytest.importorskip("onnxruntime")
    from tests.adapters.onnx.models import save_model

    path = tmp_path_factory.mktemp("models") / "tiny.onnx"
    save_model(path, {"output": np.zeros((2, 6), np.float32)}, (None, 3, 32, 32))
    return f"{path},decoder=end2end,names=cat|dog"


@pytest.fixture
def ideal_machine(monkeypatch, machine_at_full_speed):
    """A machine and series without any reason to be invalid, whatever this machine does."""
    monkeypatch.setattr(
        "detbench.bench.latency.assembly._reasons",
        lambda _, own, __: own.problems,
    )


def test_json_is_the_documented_document_and_nothing_else(command, model, ideal_machine):
    done = command("latency", model, "--batch", "1,2", *HERE, "--json", "-")
    document = json.loads(done.out)
    assert done.code == 0
    assert document["schema_version"] == 2
    assert document["comparisons"] == []
    tasks = [(result["batch"], result["stage"]) for result in document["results"]]
    assert tasks == [(batch, stage) for batch in (1, 2) for stage in ("infer", "end_to_end")]
    for result in document["results"]:
        assert (result["model"], result["scenario"]) == ("tiny", "single_stream")
        assert 0 < result["p50_ms"] <= result["p90_ms"] <= result["p99_ms"]
        assert result["samples"] > 0


def test_the_table_has_the_model_alone_and_end_to_end(command, model, ideal_machine):
    done = command("latency", model, "--stage", "preprocess", *HERE)
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[0] == "tiny: single_stream, 8 embedded images"
    rows = [line.split() for line in lines if line.rstrip().endswith("quick look")]
    assert [
        stage for row in rows for stage in ("infer", "end_to_end", "preprocess") if stage in row
    ] == [
        "infer",
        "end_to_end",
        "preprocess",
    ]
    assert "infer: the model alone" in done.out
    assert "CPUExecutionProvider on cpu, threads not set, clock onnxruntime" in done.out


@pytest.mark.slow
def test_several_models_are_compared(command, model, ideal_machine):
    options = ("--processes", "2", "--max-seconds", "0.4")
    done = command("latency", model, f"{model},threads=1", *options, "--json", "-")
    document = json.loads(done.out)
    assert {result["processes"] for result in document["results"]} == {2}
    assert {result["verdict"] for result in document["results"]} == {"valid"}
    announced, planned = done.err.splitlines()[:2]
    assert announced == (
        "to time: tiny, tiny threads=1; 2 processes of each; samples of infer, end_to_end for at"
        " most 0.4 s each"
    )
    assert re.fullmatch(
        r"timing in 2 processes of each model: about \d+ s in total, including loading", planned
    )
    comparisons = document["comparisons"]
    assert {(pair["stage"], pair["batch"]) for pair in comparisons} == {
        ("infer", 1),
        ("end_to_end", 1),
    }
    is_inconclusive = any(pair["verdict"] == "inconclusive" for pair in comparisons)
    assert done.code == (3 if is_inconclusive else 0)


def test_an_invalid_time_exits_with_3_and_a_reason(command, model, monkeypatch):
    monkeypatch.setattr(
        "detbench.bench.latency.assembly.machine_reasons",
        lambda *_: ["throttled: GPU too hot (hardware)"],
    )
    done = command("latency", model, *HERE)
    assert done.code == 3
    assert (
        "invalid: throttled, 2 of 2: tiny infer, batch 1 and 1 more: GPU too hot (hardware)"
    ) in done.err
    assert "invalid" in done.out


@pytest.mark.slow
def test_a_model_against_itself(command, model, ideal_machine):
    options = ("--aa", "--repetitions", "2", "--processes", "2", "--max-seconds", "0.4")
    done = command("latency", model, *options)
    assert done.code == 0, done.err
    assert re.search("timing in 2 processes of each model, 2 times: about", done.err)
    assert done.out.startswith("tiny: single_stream, ")
    for stage in ("infer", "end_to_end"):
        line = rf"tiny against itself, {stage}, batch 1: \d false alarms in 2 comparisons"
        assert re.search(line, done.out)


def test_a_model_against_itself_that_fails(command, model, monkeypatch):
    monkeypatch.setattr(
        "detbench.bench.latency.local_model.LocalModel.take_samples",
        lambda *_: SampleSlice(np.zeros(0, np.int64), 0, "failed: gone"),
    )
    done = command("latency", model, "--aa", "--turns", "in_process")
    assert done.code == 3
    assert "invalid: no time for 8 comparisons; increase --max-seconds" in done.err


def test_turns_in_one_process_say_what_they_measure(command, model):
    done = command("latency", model, f"{model},threads=1", *HERE)
    assert "models share this process: their idle threads disturb each other" in done.out
    assert "to time: tiny, tiny threads=1; all in this process; samples of" in done.err
    assert "\ntiming in 1 process: about" in done.err


def test_a_short_maximum_needs_no_minimum(command, model, ideal_machine):
    done = command("latency", model, "--max-seconds", "0.1", *HERE[4:])
    assert done.code in (0, 3), "a time may be too noisy here, but the options fit"
    assert "infer" in done.out


@pytest.mark.parametrize(
    ("options", "query"),
    [
        (("--scenario", "offline"), "each time is of 4 batches"),
        (
            ("--scenario", "multi_stream", "--query-images", "2", "--batch", "2"),
            "each time is of 2 images",
        ),
    ],
)
def test_the_title_describes_a_query(command, model, ideal_machine, options, query):
    done = command("latency", model, *options, *HERE)
    assert done.out.splitlines()[0] == f"tiny: {options[1]}, {query}, 8 embedded images"


def test_a_run_folder_is_written(command, model, ideal_machine, tmp_path):
    from detbench.bench.latency.run_folder import read_latency

    done = command("latency", model, "-o", tmp_path / "run", *HERE)
    assert f"run: {tmp_path / 'run'}" in done.err
    assert [result.stage for result in read_latency(tmp_path / "run")] == ["infer", "end_to_end"]
    again = command("latency", model, "-o", tmp_path / "run", *QUICK)
    assert again.code == 2
    assert "already exists and is not empty" in again.err


def test_ctrl_c_shows_the_times_so_far(command, model, monkeypatch):
    from detbench.bench.latency.local_model import LocalModel

    take_samples, calls = LocalModel.take_samples, []

    def interrupted(self, count, lead_in):
        calls.append(count)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return take_samples(self, count, lead_in)

    monkeypatch.setattr(LocalModel, "take_samples", interrupted)
    done = command("latency", model, *HERE)
    assert done.code == 130
    assert re.search(
        r"invalid: interrupted, [12] of [12]: tiny (infer|end_to_end), batch 1", done.err
    )
    assert "interrupted; the times measured so far are shown, and are not valid" in done.err
    assert "infer" in done.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("replay:detections.parquet",), "holds stored detections and no model to time"),
        (("none.onnx",), "no such model"),
        (("a.onnx", "b.onnx", "--aa"), "--aa compares one model with itself, got 2"),
        (("a.onnx", "--batch", "one"), "--batch takes whole numbers separated by commas, got"),
        (("a.onnx", "--batch", "0"), "a batch has at least 1 image, got 0"),
        (("a.onnx", "--stage", "train"), "unknown stage 'train'; choose from preprocess"),
        (("a.onnx", "--images", "nowhere"), "cannot be read as a folder of images"),
        (("a.onnx", "--min-seconds", "5", "--max-seconds", "1"), "do not fit; the minimum must be"),
        (("a.onnx", "--scenario", "multi_stream", "--batch", "3"), "whole batches of 3"),
    ],
)
def test_mistakes_are_one_sentence(command, arguments, message):
    done = command("latency", *arguments)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert "Traceback" not in done.err
