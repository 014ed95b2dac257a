"""`detbench history` as a user runs it."""

import json

import pytest

from tests.bench.gate.simulated_runs import write_runs

QUICK = ("--resamples", "100")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return write_runs(tmp_path_factory.mktemp("runs"))


@pytest.fixture
def history(tmp_path):
    return tmp_path / "history.jsonl"


def test_a_history_from_the_first_run_to_a_plot(command, runs, history, tmp_path):
    first = (runs / "good", "--branch", "main", "--commit", "c1", "--verdict", "passed")
    assert command("history", "add", history, *first).code == 0
    result = tmp_path / "gate.json"
    gated = command("gate", f"history:{history}", runs / "bad", *QUICK, "--json", result)
    assert gated.code == 1
    assert "the last run of finder that passed on main" in gated.err
    second = (runs / "bad", "--branch", "main", "--commit", "c2", "--gate", result)
    added = command("history", "add", history, *second)
    assert added.code == 0, added.err
    again = command("history", "add", history, *first)
    assert "already in the history" in again.err
    document = json.loads(command("history", "show", history, "--json", "-").out)
    assert document["schema_version"] == 2
    assert {(run["commit"], run["verdict"]) for run in document["runs"]} == {
        ("c1", "passed"),
        ("c2", "failed"),
    }
    assert "c2" in command("history", "show", history).out
    assert command("history", "plot", history, "-o", tmp_path / "plots").code == 0
    assert (tmp_path / "plots" / "mAP.png").read_bytes().startswith(b"\x89PNG")
    assert command("gate", f"history:{history}", runs / "good", *QUICK).code == 0


def test_a_history_without_runs_draws_nothing(command, runs, history, tmp_path):
    plots = ("-o", tmp_path / "plots")
    history.touch()
    done = command("history", "plot", history, *plots)
    assert done.code == 2
    assert "has no runs with measures to draw; add runs" in done.err
    command("history", "add", history, runs / "good")
    done = command("history", "plot", history, *plots, "--name", "nobody")
    assert done.code == 2
    assert "the history has no run of 'nobody'; its detectors are finder" in done.err
    assert not (tmp_path / "plots").exists()


def test_every_measure_is_drawn_as_the_help_says(command, runs, history, tmp_path):
    command("history", "add", history, runs / "good")
    help_text = " ".join(command("history", "plot", "--help").out.split())
    assert "every measure of the runs" in help_text
    command("history", "plot", history, "-o", tmp_path / "plots")
    [run] = json.loads(command("history", "show", history, "--json", "-").out)["runs"]
    assert {path.stem for path in (tmp_path / "plots").iterdir()} == set(run["measures"])


def test_contradictory_verdicts_are_refused(command, runs, history, tmp_path):
    result = tmp_path / "gate.json"
    command("gate", runs / "good", runs / "good", *QUICK, "--json", result)
    done = command("history", "add", history, runs / "bad", "--gate", result)
    assert done.code == 2
    assert "belongs to another run; gate this run, or name the file" in done.err
    both = ("--gate", result, "--verdict", "passed")
    done = command("history", "add", history, runs / "bad", *both)
    assert done.code == 2
    assert "--verdict and --gate cannot be combined" in done.err


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("{", "is not the result of a gate"),
        ('{"schema_version": 2}', "is not the result of a gate"),
        ('{"schema_version": 3}', "has schema version 3, but this detbench reads"),
    ],
)
def test_another_file_than_the_result_of_a_gate_is_refused(
    command, runs, history, tmp_path, content, problem
):
    (tmp_path / "gate.json").write_text(content)
    done = command("history", "add", history, runs / "bad", "--gate", tmp_path / "gate.json")
    assert done.code == 2
    assert f"gate.json: {problem}" in done.err


@pytest.mark.parametrize("verb", ["show", "plot"])
def test_an_unknown_measure_is_refused(command, runs, history, tmp_path, verb):
    command("history", "add", history, runs / "good")
    output = ("-o", tmp_path / "plots") if verb == "plot" else ()
    done = command("history", verb, history, *output, "--measure", "speed")
    assert done.code == 2
    assert "no run in the history has 'speed'; the measures are mAP" in done.err
