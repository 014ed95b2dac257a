"""`detbench gate` and `detbench history` as a user, and a CI, run them."""

import json
import re
import shutil
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from detbench.bench.runs import write_run
from detbench.metrics.scoring.evaluate import evaluate
from tests.bench.gate.made import images, run, write_runs

QUICK = ("--replicates", "100")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = write_runs(tmp_path_factory.mktemp("runs"))
    shutil.copytree(folder / "good", folder / "newer")
    record = json.loads((folder / "newer" / "record.json").read_text())
    (folder / "newer" / "record.json").write_text(json.dumps(record | {"schema_version": 99}))
    return folder


@pytest.fixture(autouse=True)
def no_github(monkeypatch):
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("candidate", "code", "word"),
    [("good", 0, "passed"), ("bad", 1, "failed"), ("elsewhere", 3, "inconclusive")],
)
def test_the_exit_code_is_the_verdict(command, runs, candidate, code, word):
    done = command("gate", runs / "good", runs / candidate, *QUICK)
    assert done.code == code, done.err
    assert f"\n{word}: " in done.out


def test_json_is_the_document_and_nothing_else_and_the_same_each_time(command, runs):
    done = command("gate", runs / "good", runs / "bad", *QUICK, "--json", "-")
    document = json.loads(done.out)
    assert (document["schema_version"], document["outcome"], document["candidate"]["name"]) == (
        1,
        "failed",
        "finder",
    )
    assert command("gate", runs / "good", runs / "bad", *QUICK, "--json", "-").out == done.out


def test_every_file_is_written_and_github_is_told(command, runs, tmp_path, monkeypatch):
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    files = [tmp_path / name for name in ("gate.json", "gate.xml", "gate.md")]
    done = command(
        "gate",
        runs / "good",
        runs / "bad",
        *QUICK,
        "--json",
        files[0],
        "--junit",
        files[1],
        "--markdown",
        files[2],
    )
    assert done.code == 1
    assert json.loads(files[0].read_text())["outcome"] == "failed"
    assert ElementTree.fromstring(files[1].read_bytes()).attrib["name"] == "detbench gate"  # noqa: S314
    assert files[2].read_text().startswith("### ❌")
    assert summary.read_text() == "before\n" + files[2].read_text()
    assert "::error title=detbench gate%3A mAP::mAP: failed, " in done.err


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("good",), "a gate needs a BASELINE and a CANDIDATE"),
        (("good", "newer"), "has schema version 99, this detbench reads up to 1; upgrade detbench"),
        (("good", "nowhere"), "cannot be read; give a run folder"),
        (("good", "bad", "--rules", "nowhere.toml"), "nowhere.toml: cannot be read"),
        (
            ("good", "bad", "--remeasure"),
            "does not say which model it was made with; give both with --models BASELINE CANDIDATE",
        ),
        (("history:none.jsonl", "good"), "none.jsonl: cannot be read"),
    ],
)
def test_misuse_leaves_with_2(command, runs, monkeypatch, arguments, problem):
    monkeypatch.chdir(runs)
    done = command("gate", *arguments)
    assert (done.code, done.out) == (2, "")
    assert problem in done.err


class Gone:
    """Output whose reader has gone away."""

    def __init__(self, stream):
        self.stream = stream

    def write(self, text):
        raise BrokenPipeError

    def __getattr__(self, name):
        return getattr(self.stream, name)


@pytest.mark.parametrize("candidate", ["good", "bad"])
def test_a_reader_that_goes_away_changes_no_verdict(
    command, runs, tmp_path, monkeypatch, candidate
):
    (tmp_path / "out").touch()
    with (tmp_path / "out").open("r+") as out:
        monkeypatch.setattr("sys.stdout", Gone(out))
        done = command("gate", runs / "good", runs / candidate, *QUICK)
    assert done.code == {"good": 0, "bad": 1}[candidate]
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    "bug",
    [
        ZeroDivisionError("a bug"),
        EOFError("a bug"),
        SystemExit(1),
        MemoryError(),
        TypeError("a bug"),
    ],
)
def test_a_bug_is_no_verdict(command, runs, monkeypatch, bug):
    """Python, and typer for some of these, would leave with 1, which says that the candidate failed."""

    def broken(folder):
        raise bug

    monkeypatch.setattr("detbench.bench.runs.read_run", broken)
    done = command("gate", runs / "good", runs / "good")
    assert (done.code, "Traceback" in done.err, type(bug).__name__ in done.err) == (2, True, True)


EVIL = "::error title=x::a ##[error]b\n::warning::c\r##[warning]d \u200b:\u200b:e #\u200b#[f"
COMMANDS = re.compile(r"^\s*::|##\[|^\s*[\u200b:]*:\u200b*:|#\u200b*\[")
"""What GitHub takes for commands: `::` where a line begins, `##[` anywhere; it passes over characters without width."""


@pytest.fixture(scope="module")
def evil(tmp_path_factory):
    """Return a folder of two runs of which the second lost, whose names and classes are commands to GitHub."""
    folder, truth = tmp_path_factory.mktemp("evil"), images(60, (EVIL, "cat"))
    for name, quality in (("good", 0.95), ("bad", 0.3)):
        found = replace(run(truth, quality).detections, name=f"{EVIL} {name}")
        write_run(folder / name, evaluate(truth, found, "voc2007"), options={})
    return folder


def lines_that_command(text):
    return [line for line in re.split(r"[\r\n]", text) if COMMANDS.search(line)]


@pytest.mark.parametrize(
    "arguments", [("gate", "good", "bad", *QUICK), ("gate", "good", "bad", *QUICK, "--json", "-")]
)
def test_no_name_is_a_command_to_github(command, evil, monkeypatch, arguments):
    monkeypatch.chdir(evil)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    done = command(*arguments)
    assert done.code == 1, done.err
    assert "error title=x" in done.out
    assert not lines_that_command(done.out)
    annotations = lines_that_command(done.err)
    assert {line.partition("title=detbench gate%3A ")[0] for line in annotations} == {"::error "}
    assert any("error title=x" in line for line in annotations)
    if "--json" in arguments:
        assert json.loads(done.out)["candidate"]["name"] == f"{EVIL} bad"


def test_no_name_in_a_history_or_an_error_is_a_command_to_github(
    command, evil, tmp_path, monkeypatch
):
    monkeypatch.chdir(evil)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    history = tmp_path / "h.jsonl"
    said = [
        command("history", "add", history, "good", "--branch", EVIL, "--commit", "::error::x"),
        command("history", "show", history),
        command("history", "show", history, "--json", "-"),
        command("history", "plot", history, "-o", tmp_path / "plots", "--name", "nobody"),
        command("gate", f"history:{history}", "good"),
        command("gate", "good", "::error::x"),
        command("analyze", "good", "--resamples", "0"),
    ]
    assert [done.code for done in said] == [0, 0, 0, 2, 2, 2, 0]
    assert not [line for done in said for line in lines_that_command(done.out + "\n" + done.err)]
    assert json.loads(said[2].out)["runs"][0]["branch"] == EVIL


def test_without_github_names_are_shown_as_they_are(command, evil):
    done = command("gate", evil / "good", evil / "bad", *QUICK)
    assert "##[error]b ::warning::c" in done.out


def test_rules_may_begin_with_the_mark_of_the_byte_order(command, runs, tmp_path):
    rules = tmp_path / "gate.toml"
    rules.write_bytes(b'\xef\xbb\xbf[[rule]]\nmeasure = "mAP"\nminimum_effect = 0.99\n')
    assert command("gate", runs / "good", runs / "bad", "--rules", rules, *QUICK).code == 0


def test_a_malformed_rule(command, runs, tmp_path):
    rules = tmp_path / "gate.toml"
    rules.write_text('[[rule]]\nmeasure = "mAP50"\nminimum_effect = 0.01\n')
    done = command("gate", runs / "good", runs / "bad", "--rules", rules)
    assert done.code == 2
    assert "gate.toml, rule 1 (mAP50): there is no measure 'mAP50'; allowed are mAP" in done.err


def test_groups_are_drawn_together(command, runs, tmp_path):
    groups = tmp_path / "groups.csv"
    rows = [(f"{n:03d}", n // 30) for n in range(60)]
    groups.write_text("image,group\n" + "".join(f"{image},{group}\n" for image, group in rows))
    done = command("gate", runs / "good", runs / "bad", *QUICK, "--groups", groups)
    assert (done.code, "the data are too few to say whether by chance" in done.out) == (3, True), (
        done.err
    )
    groups.write_text("image,group\n000,a\n")
    done = command("gate", runs / "good", runs / "bad", *QUICK, "--groups", groups)
    assert (
        done.code,
        "groups.csv: lacks 59 of 60 images, the first is '001'; give each image a group"
        in done.err,
    ) == (2, True)


def test_a_mistyped_class_leaves_with_2(command, runs, tmp_path):
    rules = tmp_path / "gate.toml"
    rules.write_text('[[rule]]\nmeasure = "AP[dgo]"\nminimum_effect = 0.01\n')
    done = command("gate", runs / "good", runs / "good", "--rules", rules, *QUICK)
    assert (
        done.code,
        "there is no class 'dgo'; did you mean 'dog'? The classes are cat, dog, cow" in done.err,
    ) == (2, True)


def test_own_rules_start_from_the_default_ones(command, runs, tmp_path):
    rules = tmp_path / "gate.toml"
    shown = command("gate", "--show-rules")
    assert shown.code == 0
    rules.write_text(shown.out)
    both = [
        command("gate", runs / "good", runs / "bad", *given, *QUICK, "--json", "-").out
        for given in ((), ("--rules", rules))
    ]
    assert both[0] == both[1]
    rules.write_text('[[rule]]\nmeasure = "mAP"\nminimum_effect = 0.99\n')
    assert command("gate", runs / "good", runs / "bad", "--rules", rules, *QUICK).code == 0


def test_models_are_timed_in_turns(command, runs, tmp_path):
    pytest.importorskip("onnxruntime")
    from tests.adapters.onnx.models import save_model

    model, rules = tmp_path / "tiny.onnx", tmp_path / "gate.toml"
    save_model(model, {"output": np.zeros((2, 6), np.float32)}, (None, 3, 32, 32))
    latency = '[[rule]]\nmeasure = "latency.p50_ms"\nstage = "infer"\nminimum_effect = "900%"\n'
    rules.write_text(latency + '[[rule]]\nmeasure = "model_size"\nminimum_effect = "1%"\n')
    spec = f"{model},decoder=end2end,names=cat|dog"
    done = command(
        "gate",
        runs / "good",
        runs / "bad",
        "--rules",
        rules,
        "--models",
        spec,
        spec,
        "--max-seconds",
        "0.3",
        "--json",
        "-",
    )
    assert done.code in (0, 3), done.err
    latency, size = json.loads(done.out)["verdicts"]
    assert latency["baseline"] > 0
    assert size["outcome"] == "passed"
    assert size["baseline"] == model.stat().st_size


def test_a_history_from_first_run_to_plot(command, runs, tmp_path):
    history = tmp_path / "history.jsonl"
    assert (
        command(
            "history",
            "add",
            history,
            runs / "good",
            "--branch",
            "main",
            "--commit",
            "c1",
            "--verdict",
            "passed",
        ).code
        == 0
    )
    gated = command(
        "gate", f"history:{history}", runs / "bad", *QUICK, "--json", tmp_path / "gate.json"
    )
    assert gated.code == 1
    assert "the last of finder that passed on main" in gated.err
    added = command(
        "history",
        "add",
        history,
        runs / "bad",
        "--branch",
        "main",
        "--commit",
        "c2",
        "--gate",
        tmp_path / "gate.json",
    )
    assert added.code == 0, added.err
    assert (
        "is there already"
        in command(
            "history",
            "add",
            history,
            runs / "good",
            "--branch",
            "main",
            "--commit",
            "c1",
            "--verdict",
            "passed",
        ).err
    )
    shown = json.loads(command("history", "show", history, "--json", "-").out)
    assert {(each["commit"], each["verdict"]) for each in shown["runs"]} == {
        ("c1", "passed"),
        ("c2", "failed"),
    }
    assert "c2" in command("history", "show", history).out
    assert command("history", "plot", history, "-o", tmp_path / "plots").code == 0
    assert (tmp_path / "plots" / "mAP.png").read_bytes().startswith(b"\x89PNG")
    assert command("gate", f"history:{history}", runs / "good", *QUICK).code == 0


def test_a_history_without_runs_draws_nothing(command, runs, tmp_path):
    history = tmp_path / "history.jsonl"
    history.touch()
    done = command("history", "plot", history, "-o", tmp_path / "plots")
    assert (done.code, "has no run with measures, so there is nothing to draw" in done.err) == (
        2,
        True,
    )
    command("history", "add", history, runs / "good")
    done = command("history", "plot", history, "-o", tmp_path / "plots", "--name", "nobody")
    assert (done.code, "has no run of 'nobody', but of finder" in done.err) == (2, True)
    assert not (tmp_path / "plots").exists()


def test_what_a_history_draws_is_what_its_help_says(command, runs, tmp_path):
    history = tmp_path / "history.jsonl"
    command("history", "add", history, runs / "good")
    assert "every one that a run has" in " ".join(command("history", "plot", "--help").out.split())
    command("history", "plot", history, "-o", tmp_path / "plots")
    measures = json.loads(command("history", "show", history, "--json", "-").out)["runs"][0][
        "measures"
    ]
    assert {path.stem for path in (tmp_path / "plots").iterdir()} == set(measures)


def test_what_a_history_refuses(command, runs, tmp_path):
    history = tmp_path / "history.jsonl"
    command("gate", runs / "good", runs / "good", *QUICK, "--json", tmp_path / "gate.json")
    done = command("history", "add", history, runs / "bad", "--gate", tmp_path / "gate.json")
    assert (done.code, "is about another run; gate this run, or give its own file" in done.err) == (
        2,
        True,
    )
    done = command(
        "history",
        "add",
        history,
        runs / "bad",
        "--gate",
        tmp_path / "gate.json",
        "--verdict",
        "passed",
    )
    assert (done.code, "give one of them" in done.err) == (2, True)
    command("history", "add", history, runs / "good")
    for verb in (("show",), ("plot", "-o", tmp_path / "plots")):
        done = command("history", verb[0], history, *verb[1:], "--measure", "speed")
        assert (
            done.code,
            "no run of the history has 'speed'; the measures there are mAP" in done.err,
        ) == (2, True)
