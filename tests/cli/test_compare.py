"""`detbench compare`: from models and detections to run folders and the page."""

import csv
import json
import os
import shutil
import subprocess
import sys

import pytest

from tests.reports.page.sample_pages import read


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("DETBENCH_CACHE", str(tmp_path / "cache"))


def test_the_page_is_written_even_if_nobody_reads_the_table(files, tmp_path):
    """As in `detbench compare ... | head`, with a pipe that is closed from the start."""
    reader, writer = os.pipe()
    os.close(reader)
    arguments = [
        "compare",
        files.ground_truth("coco"),
        files.detections("coco"),
        "-o",
        tmp_path / "out",
    ]
    command_line = [sys.executable, "-m", "detbench", *map(str, arguments)]
    outcome = subprocess.run(
        command_line, stdout=writer, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writer)
    assert (outcome.returncode, "Traceback" in outcome.stderr) == (0, False)
    assert (tmp_path / "out/report.html").exists()


def record(folder):
    return json.loads((folder / "record.json").read_text())


def test_from_result_files_to_the_page(comparison):
    outcome, folder = comparison
    assert sorted(path.name for path in folder.rglob("*") if path.is_file()) == sorted(
        ["report.html", *2 * ["record.json", "ground_truth.parquet", "detections.parquet"]]
    )
    assert outcome.err.splitlines()[-1] == f"report: {folder / 'report.html'}"
    assert "comp4" in outcome.out
    assert "mAP" in outcome.out
    page = read((folder / "report.html").read_text())
    assert [
        row.attributes["data-run"]
        for row in page.one("table", data_table="summary").all("tr")
        if row.attributes
    ] == ["comp4", "copy"]
    commands = [code.words for code in page.all("code")]
    assert record(folder / "runs" / "copy")["options"]["passed"]["command"] in commands
    runs = f"{folder / 'runs' / 'comp4'} {folder / 'runs' / 'copy'}"
    assert f"detbench report {runs} -o {folder / 'report.html'}" in commands


def test_a_model_is_run_scored_timed_and_recorded(command, files, fixed_model, tmp_path):
    arguments = (
        "compare",
        files.ground_truth("voc"),
        files.detections("voc"),
        f"onnx:{fixed_model}",
        "-o",
        tmp_path / "run",
        "--latency-seconds",
        "0.2",
        "--processes",
        "1",
    )
    outcome = command(*arguments)
    assert outcome.code == 0, outcome.err
    assert "to time: fixed; 1 process of each" in outcome.err
    entries = record(tmp_path / "run" / "runs" / "fixed")["latency"]
    assert [(entry["stage"], entry["batch"], entry["model"]) for entry in entries] == [
        ("infer", 1, "fixed"),
        ("end_to_end", 1, "fixed"),
    ]
    assert (tmp_path / "run" / "runs" / "fixed" / "latency.parquet").is_file()
    assert record(tmp_path / "run" / "runs" / "comp4")["latency"] == []
    assert record(tmp_path / "run" / "runs" / "fixed")["digests"]["model"].startswith("sha256:")
    page = read((tmp_path / "run" / "report.html").read_text())
    assert len(list(page.one("table", data_table="latency").all("tr", data_run="fixed"))) == 2

    before = {
        path: path.read_bytes() for path in (tmp_path / "run" / "runs").rglob("*") if path.is_file()
    }
    again = command(*arguments)
    assert again.code == 0, again.err
    assert again.err.count("finished before, kept") == 2
    assert "8 images (8 from an earlier run)" in again.err
    assert {
        path: path.read_bytes() for path in (tmp_path / "run" / "runs").rglob("*") if path.is_file()
    } == before


@pytest.mark.slow
def test_a_killed_comparison_continues(command, files, fixed_model, tmp_path):
    """As after a kill between two runs: the finished run is kept, the other is repeated."""
    arguments = (
        "compare",
        files.ground_truth("voc"),
        files.detections("voc"),
        f"onnx:{fixed_model}",
        "-o",
        tmp_path / "run",
        "--no-latency",
    )
    assert command(*arguments).code == 0
    shutil.rmtree(tmp_path / "run" / "runs" / "fixed")
    (tmp_path / "run" / "report.html").unlink()
    again = command(*arguments)
    assert again.code == 0, again.err
    assert again.err.count("finished before, kept") == 1
    assert (tmp_path / "run" / "report.html").is_file()
    assert record(tmp_path / "run" / "runs" / "fixed")["latency"] == []


def test_a_kept_run_without_times_is_named(command, files, fixed_model, tmp_path):
    arguments = (
        "compare",
        files.ground_truth("voc"),
        f"onnx:{fixed_model}",
        "-o",
        tmp_path / "run",
    )
    assert command(*arguments, "--no-latency").code == 0
    assert "no times" not in command(*arguments, "--no-latency").err
    again = command(*arguments)
    missing = "it has no times, remove the folder to record them"
    assert f"runs/fixed (finished before, kept; {missing})" in again.err


def test_a_kept_run_without_intervals_is_named(command, files, tmp_path):
    arguments = (
        "compare",
        files.ground_truth("voc"),
        files.detections("voc"),
        "-o",
        tmp_path / "run",
    )
    assert command(*arguments, "--no-intervals").code == 0
    again = command(*arguments)
    missing = "it has no intervals, remove the folder to record them"
    assert f"runs/comp4 (finished before, kept; {missing})" in again.err


def test_models_of_the_same_name_are_refused_before_the_second_runs(
    command, files, fixed_model, tmp_path
):
    (tmp_path / "other").mkdir()
    shutil.copy(fixed_model, tmp_path / "other" / fixed_model.name)
    both = (f"onnx:{fixed_model}", f"onnx:{tmp_path / 'other' / fixed_model.name}")
    outcome = command("compare", files.ground_truth("voc"), *both, "-o", tmp_path / "run")
    assert outcome.code == 2
    assert outcome.err.endswith(
        "error: detectors need different names, got fixed, fixed; give --name once for each file\n"
    )
    assert outcome.err.count("running on") == 1
    named = command(
        "compare",
        files.ground_truth("voc"),
        *both,
        "--name",
        "one",
        "--name",
        "two",
        "--no-latency",
        "-o",
        tmp_path / "run",
    )
    assert named.code == 0, named.err
    assert "two: running on" in named.err


def test_another_comparison_is_never_overwritten(command, files, comparison, tmp_path):
    _, folder = comparison
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    outcome = command(
        "compare",
        files.ground_truth("voc"),
        files.detections("voc"),
        "-o",
        folder,
        "--protocol",
        "coco",
    )
    assert outcome.code == 2
    problem = "runs/comp4: already holds a run with different protocols (coco and voc2007)"
    assert f"{problem}; choose another -o, or remove this folder" in outcome.err
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_tables_are_written_as_files(command, files, tmp_path):
    targets = [
        "--csv",
        tmp_path / "csv",
        "--markdown",
        tmp_path / "t.md",
        "--latex",
        tmp_path / "t.tex",
    ]
    outcome = command(
        "compare",
        files.ground_truth("voc"),
        files.detections("voc"),
        "-o",
        tmp_path / "run",
        *targets,
    )
    assert outcome.code == 0, outcome.err
    with (tmp_path / "csv" / "summary.csv").open() as file:
        [row] = csv.DictReader(file)
    [evaluation] = record(tmp_path / "run" / "runs" / "comp4")["evaluations"]
    assert float(row["mAP"]) == evaluation["summary"]["mAP"]
    assert "| comp4 |" in (tmp_path / "t.md").read_text()
    assert "comp4" in (tmp_path / "t.tex").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["compare", "{dataset}", "{detections}"], "-o"),
        (
            ["compare", "{dataset}", "{detections}", "{detections}", "-o", "{out}"],
            "detectors need different names",
        ),
        (
            ["compare", "{dataset}", "{detections}", "-o", "{out}", "--name", "a", "--name", "b"],
            "2 names for 1 detection files",
        ),
        (
            ["compare", "{dataset}", "{detections}", "-o", "{out}", "--name", "a/b"],
            "'a/b' cannot be the name of a run folder",
        ),
        (["compare", "{dataset}", "nowhere", "-o", "{out}"], "nowhere: no such file or folder"),
        (
            ["compare", "{dataset}", "onnx:nowhere.onnx", "-o", "{out}"],
            "nowhere.onnx: no such model",
        ),
        (
            ["compare", "{dataset}", "{detections}", "-o", "{detections}"],
            "is an input and would be replaced",
        ),
        (
            [
                "compare",
                "{dataset}",
                "{detections}",
                "-o",
                "{out}",
                "--markdown",
                "{out}/report.html",
            ],
            "is the output of two options",
        ),
    ],
)
def test_mistakes_are_one_sentence(command, files, tmp_path, arguments, message):
    paths = {
        "dataset": files.ground_truth("voc"),
        "detections": files.detections("voc"),
        "out": tmp_path / "out",
    }
    outcome = command(*(argument.format(**paths) for argument in arguments))
    assert outcome.code == 2
    assert message in outcome.err
    assert "Traceback" not in outcome.err
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_three_detectors_on_voc_2007(command, shared_data, tmp_path):
    """From the results of three public detectors to a page with the published score."""
    names = ("htt1084_d56c7e49", "robinyen_darknet", "hli2020_darknet")
    detections = [shared_data / "dets_voc" / name for name in names]
    outcome = command(
        "compare",
        shared_data / "VOCtest_06-Nov-2007.annotations.tar.gz",
        *detections,
        "-o",
        tmp_path / "run",
    )
    assert outcome.code == 0, outcome.err
    page = tmp_path / "run" / "report.html"
    assert page.stat().st_size <= 5_000_000
    summary = read(page.read_text()).one("table", data_table="summary")
    cell = summary.one("tr", data_run=names[0]).one("td", data_measure="mAP")
    assert float(cell.attributes["data-v"]) == pytest.approx(0.7218680971856, abs=1e-12)
