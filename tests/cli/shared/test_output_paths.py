"""No output of a command takes the place of what it reads, nor of a file of a run."""

import hashlib
import json
import os
import shutil
from dataclasses import replace

import pytest

from detbench.bench.runs import write_run
from detbench.metrics.scoring.evaluate import evaluate
from tests.bench.gate.simulated_runs import random_images, run_of


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a folder with two runs and a history of the first."""
    folder, truth = tmp_path_factory.mktemp("made"), random_images(8)
    for name in ("one", "other"):
        write_run(
            folder / name,
            evaluate(truth, replace(run_of(truth).detections, name="finder"), "voc2007"),
            options={},
        )
    (folder / "rules.toml").write_text('[[rule]]\nmeasure = "mAP"\nminimum_effect = 0.5\n')
    (folder / "groups.csv").write_text("image,group\n")
    (folder / "model.onnx").write_bytes(b"a model")
    return folder


@pytest.fixture
def place(made, tmp_path, monkeypatch, command):
    """Return a copy of that folder, in which commands run."""
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)
    folder = shutil.copytree(made, tmp_path / "place")
    monkeypatch.chdir(folder)
    added = command("history", "add", "h.jsonl", "one", "--branch", "main", "--verdict", "passed")
    assert added.code == 0, added.err
    (folder / "link").symlink_to("other")
    os.link(folder / "rules.toml", folder / "hard.toml")
    return folder


def content(folder):
    return {
        path.relative_to(folder): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


INPUT, RUN = "is an input and would be replaced", "is inside the run folder"
CASES = [
    (("gate", "history:h.jsonl", "other", "--json", "h.jsonl"), INPUT),
    (("gate", "history:h.jsonl", "other", "--json", "one/record.json"), RUN),
    (("gate", "one", "other", "--json", "one/record.json"), RUN),
    (("gate", "one", "other", "--json", "one/new.json"), RUN),
    (("gate", "one", "other", "--markdown", "other/detections.parquet"), RUN),
    (("gate", "one", "other", "--junit", "./link/../other/record.json"), RUN),
    (("gate", "one", "other", "--junit", "link/ground_truth.parquet"), RUN),
    (("gate", "one", "other", "--rules", "rules.toml", "--markdown", "rules.toml"), INPUT),
    (("gate", "one", "other", "--rules", "rules.toml", "--markdown", "hard.toml"), INPUT),
    (("gate", "one", "other", "--groups", "groups.csv", "--json", "groups.csv"), INPUT),
    (
        ("gate", "one", "other", "--models", "model.onnx", "model.onnx", "--json", "model.onnx"),
        INPUT,
    ),
    (
        (
            "compare",
            "one/ground_truth.parquet",
            "onnx:model.onnx,score=.1",
            "-o",
            "new",
            "--markdown",
            "model.onnx",
        ),
        INPUT,
    ),
    (
        ("compare", "one/ground_truth.parquet", "model.onnx", "-o", "new", "--latex", "model.onnx"),
        INPUT,
    ),
    (("history", "show", "h.jsonl", "--json", "h.jsonl"), INPUT),
    (("history", "show", "h.jsonl", "--json", "one/record.json"), RUN),
    (("history", "plot", "h.jsonl", "-o", "one"), RUN),
    (("history", "plot", "h.jsonl", "-o", "one/plots"), RUN),
    (("history", "add", "one/record.json", "one"), RUN),
    (("analyze", "one", "--json", "one/record.json"), RUN),
    (("analyze", "one", "--plots", "one"), INPUT),
    (("analyze", "one", "--csv", "one/tables"), RUN),
    (("report", "one", "-o", "one/record.json"), RUN),
    (("latency", "model.onnx", "--json", "model.onnx"), INPUT),
    (("latency", "model.onnx", "--json", "one/record.json"), RUN),
    (("export", "kerashub:one", "-o", "one/model.onnx"), RUN),
    (("env", "--json", "one/record.json"), RUN),
]


@pytest.mark.parametrize(
    ("arguments", "problem"), CASES, ids=[" ".join(arguments) for arguments, _ in CASES]
)
def test_a_run_or_an_input_is_never_replaced(command, place, arguments, problem):
    before = content(place)
    done = command(*arguments)
    assert (done.code, done.out) == (2, "")
    assert problem in done.err
    assert content(place) == before


def test_the_summary_of_the_job_is_no_input(command, place, monkeypatch):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "h.jsonl")
    before = content(place)
    done = command("gate", "history:h.jsonl", "other")
    assert (done.code, INPUT in done.err) == (2, True)
    assert content(place) == before


@pytest.mark.parametrize(
    ("arguments", "target", "problem"),
    [
        (
            ("plan", "truth", "found"),
            "found/comp4_det_test_circle.txt",
            "is a file of the input found",
        ),
        (
            ("doctor", "truth", "found"),
            "found/comp4_det_test_circle.txt",
            "is a file of the input found",
        ),
        (
            ("analyze", "truth", "found"),
            "truth/Annotations/200001.xml",
            "is a file of the input truth",
        ),
        (
            ("eval", "truth", "found"),
            "truth/ImageSets/Main/test.txt",
            "is a file of the input truth",
        ),
        (
            ("data", "stats", "truth"),
            "truth/ImageSets/Main/test.txt",
            "is a file of the input truth",
        ),
        (("data", "stats", "truth.json"), "truth.json", INPUT),
        (("plan", "truth", "found.json"), "found.json", INPUT),
    ],
)
def test_a_file_of_a_dataset_or_of_results_is_never_replaced(
    command, files, tmp_path, monkeypatch, arguments, target, problem
):
    monkeypatch.chdir(tmp_path)
    for name, source in (("truth", files.ground_truth("voc")), ("found", files.detections("voc"))):
        shutil.copytree(source, name)
    for name, source in (
        ("truth.json", files.ground_truth("coco")),
        ("found.json", files.detections("coco")),
    ):
        shutil.copy(source, name)
    before = content(tmp_path)
    done = command(*arguments, "--json", target)
    assert (done.code, problem in done.err) == (2, True), done.err
    assert content(tmp_path) == before


def test_attributes_are_not_replaced_by_the_table_of_slices(command, place):
    (place / "slices.csv").write_text("image_id,light\n")
    done = command("analyze", "one", "--slices", "slices.csv", "--csv", ".")
    assert (done.code, INPUT in done.err) == (2, True), done.err


def test_results_beside_the_inputs_may_be_written_again(command, files, tmp_path, monkeypatch):
    shutil.copytree(files.ground_truth("voc"), tmp_path / "truth")
    monkeypatch.chdir(tmp_path / "truth")
    for _ in range(2):
        done = command("data", "stats", ".", "--json", "stats.json")
        assert done.code == 0, done.err
    assert json.loads((tmp_path / "truth" / "stats.json").read_text())
