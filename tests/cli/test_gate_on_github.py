"""`detbench gate` and `history` on GitHub: no name in their output acts as a workflow command."""

import json
import re
from dataclasses import replace

import pytest

from detbench.bench.runs import write_run
from detbench.metrics.scoring.evaluate import evaluate
from tests.bench.gate.simulated_runs import random_images, run_of

EVIL = "::error title=x::a ##[error]b\n::warning::c\r##[warning]d \u200b:\u200b:e #\u200b#[f"
COMMANDS = re.compile(r"^\s*::|##\[|^\s*[\u200b:]*:\u200b*:|#\u200b*\[")
"""What GitHub reads as commands: `::` at the start of a line, `##[` anywhere.

It ignores characters without width.
"""
GATE = ("gate", "good", "bad", "--resamples", "100")


@pytest.fixture(scope="module")
def evil(tmp_path_factory):
    """Return a folder of two runs whose names and classes are workflow commands."""
    folder, images = tmp_path_factory.mktemp("evil"), random_images(60, (EVIL, "cat"))
    for name, quality in (("good", 0.95), ("bad", 0.3)):
        detections = replace(run_of(images, quality).detections, name=f"{EVIL} {name}")
        write_run(folder / name, evaluate(images, detections, "voc2007"), options={})
    return folder


def command_lines(text):
    return [line for line in re.split(r"[\r\n]", text) if COMMANDS.search(line)]


@pytest.mark.parametrize("arguments", [GATE, (*GATE, "--json", "-")])
def test_only_annotations_are_commands(command, evil, monkeypatch, arguments):
    monkeypatch.chdir(evil)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    done = command(*arguments)
    assert done.code == 1, done.err
    assert "error title=x" in done.out
    assert command_lines(done.out) == []
    annotations = command_lines(done.err)
    starts = {line.partition("title=detbench gate%3A ")[0] for line in annotations}
    assert starts == {"::error "}
    assert any("error title=x" in line for line in annotations)
    if "--json" in arguments:
        assert json.loads(done.out)["candidate"]["name"] == f"{EVIL} bad"


def test_no_name_in_a_history_or_an_error_is_a_command(command, evil, tmp_path, monkeypatch):
    monkeypatch.chdir(evil)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    history = tmp_path / "h.jsonl"
    outcomes = [
        command("history", "add", history, "good", "--branch", EVIL, "--commit", "::error::x"),
        command("history", "show", history),
        command("history", "show", history, "--json", "-"),
        command("history", "plot", history, "-o", tmp_path / "plots", "--name", "nobody"),
        command("gate", f"history:{history}", "good"),
        command("gate", "good", "::error::x"),
        command("analyze", "good", "--resamples", "0"),
    ]
    assert [done.code for done in outcomes] == [0, 0, 0, 2, 2, 2, 0]
    assert [line for done in outcomes for line in command_lines(f"{done.out}\n{done.err}")] == []
    assert json.loads(outcomes[2].out)["runs"][0]["branch"] == EVIL


def test_names_are_unchanged_outside_github(command, evil, monkeypatch):
    monkeypatch.chdir(evil)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    assert "##[error]b ::warning::c" in command(*GATE).out
