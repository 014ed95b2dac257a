"""`detbench latency` and `detbench env` as a user runs them, on tiny models."""

import json
import re

import numpy as np
import pytest

QUICK = ("--min-seconds", "0.02", "--max-seconds", "0.3")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    pytest.importorskip("onnxruntime")
    from tests.adapters.onnx.models import save_model

    path = tmp_path_factory.mktemp("models") / "tiny.onnx"
    save_model(path, {"output": np.zeros((2, 6), np.float32)}, (None, 3, 32, 32))
    return f"{path},decoder=end2end,names=cat|dog"


@pytest.fixture
def quiet_machine(monkeypatch):
    """A machine and a series in which nothing is wrong, whatever this one does."""
    monkeypatch.setattr(
        "detbench.bench.latency.series.Series._reasons",
        lambda self, *_: [self.problem] if self.problem else [],
    )


def test_json_is_the_documented_document_and_nothing_else(command, model, quiet_machine):
    done = command("latency", model, "--batch", "1,2", *QUICK, "--json", "-")
    document = json.loads(done.out)
    assert done.code == 0
    assert document["schema_version"] == 1
    assert document["comparisons"] == []
    found = [
        (result["model"], result["batch"], result["stage"], result["scenario"])
        for result in document["results"]
    ]
    assert found == [
        ("tiny", batch, stage, "single_stream")
        for batch in (1, 2)
        for stage in ("infer", "end_to_end")
    ]
    for result in document["results"]:
        assert 0 < result["p50_ms"] <= result["p90_ms"] <= result["p99_ms"]
        assert result["samples"] > 0


def test_the_table_has_the_model_alone_beside_end_to_end(command, model, quiet_machine):
    done = command("latency", model, "--stage", "preprocess", *QUICK)
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[0] == "tiny: single_stream, 8 embedded pictures"
    assert [word for line in lines for word in line.split() if word in ("infer", "end_to_end", "preprocess", "valid")] == [
        "infer", "valid", "end_to_end", "valid", "preprocess", "valid", "infer", "end_to_end",
    ]  # fmt: skip
    assert "CPUExecutionProvider on cpu, threads not set, clock onnxruntime" in done.out


def test_several_models_are_compared(command, model, quiet_machine):
    done = command("latency", model, f"{model},threads=1", *QUICK, "--json", "-")
    document = json.loads(done.out)
    assert {(pair["stage"], pair["batch"]) for pair in document["comparisons"]} == {
        ("infer", 1),
        ("end_to_end", 1),
    }
    inconclusive = any(pair["verdict"] == "inconclusive" for pair in document["comparisons"])
    assert done.code == (3 if inconclusive else 0)


def test_an_invalid_number_leaves_with_3_and_says_why(command, model, monkeypatch):
    monkeypatch.setattr(
        "detbench.bench.latency.series.machine_reasons",
        lambda *_: ["throttled: GPU too hot (hardware)"],
    )
    done = command("latency", model, *QUICK)
    assert done.code == 3
    assert (
        "invalid: throttled, 2 of 2: tiny infer, batch 1: GPU too hot (hardware); tiny end_to_end, batch 1: GPU too"
        in done.err
    )
    assert "invalid" in done.out


def test_a_model_against_itself(command, model, quiet_machine):
    done = command("latency", model, "--aa", "--repetitions", "1", "--max-seconds", "30")
    assert done.code in (0, 3)
    for stage in ("infer", "end_to_end"):
        assert re.search(
            rf"tiny against itself, {stage}, batch 1: \d false alarms in 1 comparisons", done.out
        )


def test_a_model_against_itself_without_enough_time(command, model, quiet_machine):
    done = command("latency", model, "--aa", "--min-seconds", "0", "--max-seconds", "0.01")
    assert done.code == 3
    assert "40 comparisons found no time; give more --max-seconds" in done.err


def test_a_short_longest_time_needs_no_least_time(command, model, quiet_machine):
    done = command("latency", model, "--max-seconds", "0.1")
    assert done.code in (0, 3), "a time may be too noisy here, but the options fit"
    assert "infer" in done.out


def test_the_title_says_what_a_time_is_of(command, model, quiet_machine):
    done = command("latency", model, "--scenario", "offline", *QUICK)
    assert done.out.splitlines()[0] == "tiny: offline, times are of 4 batches, 8 embedded pictures"


def test_a_run_folder_is_written(command, model, quiet_machine, tmp_path):
    from detbench.bench.latency.folder import read_latency

    done = command("latency", model, "-o", tmp_path / "run", *QUICK)
    assert f"run: {tmp_path / 'run'}" in done.err
    assert [result.stage for result in read_latency(tmp_path / "run")] == ["infer", "end_to_end"]
    again = command("latency", model, "-o", tmp_path / "run", *QUICK)
    assert again.code == 2
    assert "already exists and is not empty" in again.err


def test_ctrl_c_shows_what_there_is(command, model, monkeypatch):
    from detbench.bench.latency.contender import LocalContender

    take, calls = LocalContender.take, []

    def interrupted(self, count, lead_in):
        calls.append(count)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return take(self, count, lead_in)

    monkeypatch.setattr(LocalContender, "take", interrupted)
    done = command("latency", model, *QUICK)
    assert done.code == 130
    assert re.search(r"invalid: interrupted, 1 of \d: tiny (infer|end_to_end), batch 1", done.err)
    assert "interrupted; what was measured so far is shown, and is not valid" in done.err
    assert "infer" in done.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("replay:found.parquet",), "holds stored detections, and there is no model to time"),
        (("none.onnx",), "no such model"),
        (("a.onnx", "b.onnx", "--aa"), "--aa compares one model with itself"),
        (
            ("a.onnx", "--batch", "one"),
            "--batch takes whole numbers separated by commas, not 'one'",
        ),
        (("a.onnx", "--batch", "0"), "at least one picture, not 0"),
        (("a.onnx", "--stage", "train"), "unknown stage 'train'"),
        (("a.onnx", "--images", "nowhere"), "cannot be read as a folder of pictures"),
        (("a.onnx", "--min-seconds", "5", "--max-seconds", "1"), "at most the longest"),
        (("a.onnx", "--scenario", "multi_stream", "--batch", "3"), "no whole batches of 3"),
    ],
)
def test_mistakes_are_one_sentence(command, arguments, message):
    done = command("latency", *arguments)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert "Traceback" not in done.err


def test_env_shows_the_machine(command):
    from detbench.bench.environment import environment

    shown = command("env")
    assert shown.code == 0
    assert environment().cpu in shown.out
    assert "busy with other processes" in shown.out
    document = json.loads(command("env", "--json", "-").out)
    assert document["environment"]["cpu"] == environment().cpu
    assert set(document) == {"schema_version", "environment", "machine"}
    assert "outside_cores" in document["machine"]
