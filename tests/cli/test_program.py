"""The program as a whole: start, streams, exit codes, terminals, and the demo."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest
import typer

import detbench
from detbench import cli


def shell(*arguments: object, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "detbench", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        **options,
    )


class TestOwnProcess:
    def test_help_is_quick_because_it_imports_no_library(self):
        heavy = [
            "numpy",
            "numba",
            "pandas",
            "matplotlib",
            "pyarrow",
            "duckdb",
            "tensorflow",
            "keras",
            "onnxruntime",
            "pycocotools",
        ]
        script = f"""
import sys
sys.argv = ["detbench", *sys.argv[1:]]
from detbench.cli import main
try:
    main()
finally:
    print("LOADED", [name for name in {heavy} if name in sys.modules])
"""
        for arguments in (["--help"], ["eval", "--help"]):
            done = subprocess.run(
                [sys.executable, "-c", script, *arguments],
                capture_output=True,
                text=True,
                check=True,
            )
            assert "Usage: " in done.stdout
            assert done.stdout.endswith("LOADED []\n")

    def test_eval_loads_neither_frameworks_nor_what_it_does_not_need(self, files):
        script = """
import sys
sys.argv = ["detbench", *sys.argv[1:]]
from detbench.cli import main
try:
    main()
finally:
    heavy = ["pandas", "matplotlib", "pycocotools", "tensorflow", "keras", "onnxruntime"]
    print("LOADED", [name for name in heavy if name in sys.modules])
"""
        arguments = [
            sys.executable,
            "-c",
            script,
            "eval",
            files.ground_truth("voc"),
            files.detections("voc"),
        ]
        done = subprocess.run(list(map(str, arguments)), capture_output=True, text=True, check=True)
        assert done.stdout.endswith("LOADED []\n")

    def test_exit_codes_and_streams(self, files):
        fine = shell("eval", files.ground_truth("coco"), files.detections("coco"), "--json", "-")
        assert (fine.returncode, fine.stderr) == (0, "")
        assert json.loads(fine.stdout)["protocol"] == "coco"
        wrong = shell("eval", files.ground_truth("coco"), "nowhere.json")
        assert (wrong.returncode, wrong.stdout) == (2, "")
        assert wrong.stderr == "error: nowhere.json: no such file or folder; check the path\n"
        usage = shell("eval", files.ground_truth("coco"))
        assert (usage.returncode, usage.stdout) == (2, "")
        assert "Missing argument 'detections" in usage.stderr

    def test_a_reader_that_goes_away_is_no_error_to_show(self, files):
        """As in `detbench eval ... | head -1`: the pipe is closed before anything is written."""
        reader, writer = os.pipe()
        os.close(reader)
        arguments = [
            sys.executable,
            "-m",
            "detbench",
            "eval",
            files.ground_truth("coco"),
            files.detections("coco"),
        ]
        for options in ([], ["--json", "-"]):
            done = subprocess.run(
                [*map(str, arguments), *options],
                stdout=writer,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
            )
            assert done.returncode == 0
            assert [
                line
                for line in done.stderr.splitlines()
                if not line.startswith("compiling the numerical kernels")
            ] == []
        os.close(writer)

    @pytest.mark.skipif(sys.platform == "win32", reason="needs a terminal of Unix")
    def test_names_are_shown_as_they_are_on_a_terminal(self, files, tmp_path):
        """A name in brackets is no markup, also in what is shown while work goes on."""
        odd = tmp_path / "[" / "b].json"
        odd.parent.mkdir()
        odd.write_bytes(files.detections("coco").read_bytes())
        reader, terminal = os.openpty()
        arguments = [
            sys.executable,
            "-m",
            "detbench",
            "eval",
            str(files.ground_truth("coco")),
            str(odd),
        ]
        done = subprocess.run(
            arguments, stdout=subprocess.PIPE, stderr=terminal, text=True, check=False
        )
        os.close(terminal)
        with contextlib.suppress(OSError):  # how Linux says that nobody writes any more
            assert b"Traceback" not in os.read(reader, 100_000)
        os.close(reader)
        assert done.returncode == 0
        assert " b] " in done.stdout

    def test_a_bug_keeps_its_traceback(self, files):
        script = """
import sys
from detbench import cli
def broken(*arguments, **options): raise ZeroDivisionError("a bug")
from detbench.cli import evaluate
evaluate.load_inputs = broken
sys.argv = ["detbench", "eval", "a", "b"]
cli.main()
"""
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=False
        )
        assert done.returncode == 2
        assert "Traceback" in done.stderr
        assert done.stderr.rstrip().endswith("ZeroDivisionError: a bug")


def test_each_command_is_defined_by_its_file_in_the_table():
    """Only that file is imported to run the command."""
    cli.load_commands()
    commands = typer.main.get_command(cli.app).commands
    assert set(commands) == set(cli.COMMANDS)
    for name, command in commands.items():
        first = next(iter(getattr(command, "commands", {}).values()), command)
        assert first.callback.__module__ == f"detbench.cli.{cli.COMMANDS[name]}"


def test_version_and_bare_command(command):
    assert command("--version").out == f"detbench {detbench.__version__}\n"
    bare = command()
    assert bare.code == 2
    assert "eval" in bare.out + bare.err
    with pytest.raises(AttributeError, match="no attribute 'wheel'"):
        _ = detbench.wheel


def test_a_terminal_without_unicode_is_no_reason_to_fail(files):
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    arguments = ["eval", files.ground_truth("voc"), files.detections("voc")]
    done = subprocess.run(
        [sys.executable, "-m", "detbench", *map(str, arguments)],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "mAP" in done.stdout


@pytest.mark.slow
def test_demo_runs_the_shipped_models_which_are_as_good_as_the_docs_say(command, tmp_path):
    pytest.importorskip("keras_hub")
    outcome = command("demo", "-o", tmp_path / "demo")
    assert outcome.code == 0, outcome.err
    document = json.loads((tmp_path / "demo" / "results.json").read_text())
    scores = {run["name"]: run["summary"]["mAP"] for run in document["runs"]}
    assert set(scores) == {"yolo", "yolo-onnx", "retinanet"}
    assert scores["yolo"] >= 0.90
    assert scores["retinanet"] >= 0.80
    assert abs(scores["yolo"] - scores["yolo-onnx"]) < 0.001
    assert "AP by class" in outcome.out
    assert (tmp_path / "demo" / "plots" / "all-classes.png").is_file()
    assert "yolo-onnx" in (tmp_path / "demo" / "report.html").read_text(encoding="utf-8")
    again = next(line for line in outcome.err.splitlines() if line.startswith("again:"))
    dataset = tmp_path / "demo" / "shapes" / "VOCdevkit" / "VOC2007"
    assert f"detbench compare {dataset} yolo:" in again


def test_demo_says_what_it_leaves_out(command, tmp_path, monkeypatch):
    from detbench.adapters import catalogue

    nothing = {
        name: replace(adapter, needs="surely_not_installed")
        for name, adapter in catalogue.ADAPTERS.items()
        if adapter.needs
    }
    monkeypatch.setattr(catalogue, "ADAPTERS", catalogue.ADAPTERS | nothing)
    outcome = command("demo", "-o", tmp_path / "demo")
    assert outcome.code == 2
    assert "left out: retinanet; to run it: pip install 'detbench[keras]'" in outcome.err
    assert "no shipped model can run here" in outcome.err
    assert not (tmp_path / "demo").exists()
