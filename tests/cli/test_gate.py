"""`detbench gate` as a user and a CI run it."""

import json
import os
import subprocess
import sys
from xml.etree import ElementTree

import numpy as np
import pytest

from tests.bench.gate.simulated_runs import write_runs

QUICK = ("--resamples", "100")
MAP_RULE = '[[rule]]\nmeasure = "mAP"\nminimum_effect = 0.99\n'


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return write_runs(tmp_path_factory.mktemp("runs"))


@pytest.fixture
def gate(command, runs):
    """Gate two runs by their names, with more arguments."""

    def run(baseline, candidate, *arguments):
        return command("gate", runs / baseline, runs / candidate, *arguments, *QUICK)

    return run


@pytest.fixture
def rules(tmp_path):
    return tmp_path / "gate.toml"


@pytest.fixture(autouse=True)
def without_github(monkeypatch):
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("candidate", "code", "word"),
    [("good", 0, "passed"), ("bad", 1, "failed"), ("elsewhere", 3, "inconclusive")],
)
def test_the_exit_code_is_the_verdict(gate, candidate, code, word):
    done = gate("good", candidate)
    assert done.code == code, done.err
    assert f"\n{word}: " in done.out


def test_json_is_the_document_and_nothing_else_and_the_same_each_time(gate):
    done = gate("good", "bad", "--json", "-")
    document = json.loads(done.out)
    assert (document["schema_version"], document["outcome"]) == (2, "failed")
    assert document["candidate"]["name"] == "finder"
    assert gate("good", "bad", "--json", "-").out == done.out


def test_every_file_is_written_and_github_gets_summary_and_annotations(gate, tmp_path, monkeypatch):
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    json_file, junit, markdown = (tmp_path / f"gate.{suffix}" for suffix in ("json", "xml", "md"))
    done = gate("good", "bad", "--json", json_file, "--junit", junit, "--markdown", markdown)
    assert done.code == 1
    assert json.loads(json_file.read_text())["outcome"] == "failed"
    assert ElementTree.fromstring(junit.read_bytes()).attrib["name"] == "detbench gate"  # noqa: S314
    assert markdown.read_text().startswith("### ❌")
    assert summary.read_text() == "before\n" + markdown.read_text()
    assert "::error title=detbench gate%3A mAP::mAP: failed, " in done.err


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("good",), "BASELINE and CANDIDATE are missing"),
        (("good", "newer"), "newer/record.json: has schema version 99, but this detbench reads"),
        (("good", "nowhere"), "cannot be read; name a run folder"),
        (("good", "bad", "--rules", "nowhere.toml"), "nowhere.toml: cannot be read"),
        (
            ("good", "bad", "--remeasure"),
            "does not record which model made its detections; name both models with --models",
        ),
        (("history:none.jsonl", "good"), "none.jsonl: cannot be read"),
    ],
)
def test_misuse_exits_with_2(command, runs, monkeypatch, arguments, problem):
    newer = runs / "newer"
    newer.mkdir(exist_ok=True)
    (newer / "record.json").write_text('{"schema_version": 99}')
    monkeypatch.chdir(runs)
    done = command("gate", *arguments)
    assert (done.code, done.out) == (2, "")
    assert problem in done.err


@pytest.mark.parametrize(("candidate", "code"), [("good", 0), ("bad", 1)])
def test_a_closed_pipe_changes_no_verdict(runs, candidate, code):
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "detbench", "gate", runs / "good", runs / candidate],
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writer)
    assert done.returncode == code
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "bug",
    [ZeroDivisionError("bug"), EOFError("bug"), SystemExit(1), MemoryError(), TypeError("bug")],
)
def test_a_bug_is_no_verdict(gate, monkeypatch, bug):
    """Python, and typer for some of these, would exit with 1: the candidate failed."""

    def broken(folder):
        raise bug

    monkeypatch.setattr("detbench.bench.runs.read_run", broken)
    done = gate("good", "good")
    assert done.code == 2
    assert "Traceback" in done.err
    assert type(bug).__name__ in done.err


def test_rules_may_start_with_a_byte_order_mark(gate, rules):
    rules.write_bytes(b"\xef\xbb\xbf" + MAP_RULE.encode())
    assert gate("good", "bad", "--rules", rules).code == 0


def test_a_malformed_rule(gate, rules):
    rules.write_text('[[rule]]\nmeasure = "mAP50"\nminimum_effect = 0.01\n')
    done = gate("good", "bad", "--rules", rules)
    assert done.code == 2
    message = "gate.toml, rule 1 (mAP50): unknown measure 'mAP50'; the measures are mAP"
    assert message in done.err


def test_a_mistyped_class_exits_with_2(gate, rules):
    rules.write_text('[[rule]]\nmeasure = "AP[dgo]"\nminimum_effect = 0.01\n')
    done = gate("good", "good", "--rules", rules)
    assert done.code == 2
    message = "unknown class 'dgo'; did you mean 'dog'? The classes are cat, dog, cow"
    assert message in done.err


def test_images_of_a_group_are_resampled_together(gate, tmp_path):
    groups = tmp_path / "groups.csv"
    rows = [f"{number:03d},{number // 30}\n" for number in range(60)]
    groups.write_text("image,group\n" + "".join(rows))
    done = gate("good", "bad", "--groups", groups)
    assert done.code == 3, done.err
    assert "but too few data for significance" in done.out
    groups.write_text("image,group\n000,a\n")
    done = gate("good", "bad", "--groups", groups)
    assert done.code == 2
    assert "groups.csv: " in done.err
    assert "59 of 60 images" in done.err


def test_own_rules_start_from_the_default_ones(command, gate, rules):
    shown = command("gate", "--show-rules")
    assert shown.code == 0
    rules.write_text(shown.out)
    default = gate("good", "bad", "--json", "-")
    assert gate("good", "bad", "--rules", rules, "--json", "-").out == default.out
    rules.write_text(MAP_RULE)
    assert gate("good", "bad", "--rules", rules).code == 0


@pytest.mark.slow
@pytest.mark.usefixtures("machine_at_full_speed")
def test_models_are_timed_side_by_side(gate, rules, tmp_path):
    pytest.importorskip("onnxruntime")
    from tests.adapters.onnx.models import save_model

    model = tmp_path / "tiny.onnx"
    save_model(model, {"output": np.zeros((2, 6), np.float32)}, (None, 3, 32, 32))
    rules.write_text(
        '[[rule]]\nmeasure = "latency.p50_ms"\nstage = "infer"\nminimum_effect = "900%"\n'
        '[[rule]]\nmeasure = "model_size"\nminimum_effect = "1%"\n'
    )
    spec = f"{model},decoder=end2end,names=cat|dog"
    options = ("--models", spec, spec, "--max-seconds", "0.3", "--processes", "2")
    done = gate("good", "bad", "--rules", rules, *options, "--json", "-")
    assert done.code in (0, 3), done.err
    assert "to time: baseline, candidate; 2 processes of each" in done.err
    latency, size = json.loads(done.out)["verdicts"]
    assert latency["baseline"] > 0
    assert size["outcome"] == "passed"
    assert size["baseline"] == model.stat().st_size
