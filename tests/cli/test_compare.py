"""`detbench compare` and `detbench report` as users run them."""

import csv
import json
import os
import shutil
import subprocess
import sys

import pytest

from tests.reports.page.sample_pages import read

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("DETBENCH_CACHE", str(tmp_path / "cache"))


def test_the_page_is_written_though_nobody_reads_the_table(files, tmp_path):
    """As in `detbench compare ... | head`, with a pipe that is closed before anything is written."""
    reader, writer = os.pipe()
    os.close(reader)
    arguments = ["compare", files.ground_truth("coco"), files.detections("coco"), "-o", tmp_path / "out"]
    command_line = [sys.executable, "-m", "detbench", *map(str, arguments)]
    done = subprocess.run(
        command_line, stdout=writer, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writer)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)
    assert (tmp_path / "out/report.html").exists()


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A model of end-to-end layout whose one box is fixed and whose score is the mean of its input."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    constants = [
        numpy_helper.from_array(np.array([[[4, 4, 60, 60]]], np.float32), "box"),
        numpy_helper.from_array(np.array([[[1]]], np.float32), "kind"),
        numpy_helper.from_array(np.array([1, 1, 1], np.int64), "shape"),
    ]
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["mean"], keepdims=0),
        helper.make_node("Reshape", ["mean", "shape"], ["score"]),
        helper.make_node("Concat", ["box", "score", "kind"], ["output0"], axis=2),
    ]
    ends = [("images", [1, 3, 64, 64]), ("output0", [1, 1, 6])]
    inputs, outputs = (
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)] for name, shape in ends
    )
    made = helper.make_model(
        helper.make_graph(nodes, "fixed", inputs, outputs, constants),
        opset_imports=[helper.make_opsetid("", 13)],
        ir_version=8,
    )
    names = {0: "circle", 1: "square", 2: "triangle", 3: "word"}
    helper.set_model_props(
        made, {"names": str(names), "task": "detect", "imgsz": "[64, 64]", "stride": "32"}
    )
    path = tmp_path_factory.mktemp("model") / "fixed.onnx"
    onnx.save(made, path)
    return path


@pytest.fixture
def compared(command, files, tmp_path):
    """One detector's results compared with a copy of them; the outcome and the folder."""
    copy = tmp_path / "copy.json"
    shutil.copy(files.detections("coco"), copy)
    done = command("compare", files.ground_truth("voc"), files.detections("voc"), copy, "-o", tmp_path / "run")
    assert done.code == 0, done.err
    return done, tmp_path / "run"


def record(folder):
    return json.loads((folder / "record.json").read_text())


def test_from_result_files_to_the_page(compared):
    done, folder = compared
    assert sorted(path.name for path in folder.rglob("*") if path.is_file()) == sorted(
        ["report.html", *2 * ["record.json", "ground_truth.parquet", "detections.parquet"]]
    )
    assert done.err.splitlines()[-1] == f"report: {folder / 'report.html'}"
    assert "comp4" in done.out
    assert "mAP" in done.out
    page = read((folder / "report.html").read_text())
    assert [
        row.attributes["data-run"]
        for row in page.one("table", data_table="summary").all("tr")
        if row.attributes
    ] == ["comp4", "copy"]
    commands = [code.words for code in page.all("code")]
    assert record(folder / "runs" / "copy")["options"]["passed"]["command"] in commands
    assert (
        f"detbench report {folder / 'runs' / 'comp4'} {folder / 'runs' / 'copy'} -o {folder / 'report.html'}"
        in commands
    )


def test_a_model_is_run_scored_timed_and_recorded(command, files, model, tmp_path):
    arguments = (
        "compare",
        files.ground_truth("voc"),
        files.detections("voc"),
        f"onnx:{model}",
        "-o",
        tmp_path / "run",
        "--latency-seconds",
        "0.2",
    )
    done = command(*arguments)
    assert done.code == 0, done.err
    timed = record(tmp_path / "run" / "runs" / "fixed")["latency"]
    assert [(each["stage"], each["batch"], each["model"]) for each in timed] == [
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
    assert "8 pictures (8 from an earlier run)" in again.err
    assert {
        path: path.read_bytes() for path in (tmp_path / "run" / "runs").rglob("*") if path.is_file()
    } == before


def test_a_killed_comparison_goes_on(command, files, model, tmp_path):
    """As after a kill between two runs: what is finished is kept, the rest is made."""
    arguments = (
        "compare",
        files.ground_truth("voc"),
        files.detections("voc"),
        f"onnx:{model}",
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


def test_a_run_that_is_kept_without_times_says_so(command, files, model, tmp_path):
    arguments = ("compare", files.ground_truth("voc"), f"onnx:{model}", "-o", tmp_path / "run")
    assert command(*arguments, "--no-latency").code == 0
    assert "no times" not in command(*arguments, "--no-latency").err
    again = command(*arguments)
    assert (
        "runs/fixed (finished before, kept; it has no times, which come once the folder is removed)"
        in again.err
    )


def test_a_run_that_is_kept_without_intervals_says_so(command, files, tmp_path):
    given = ("compare", files.ground_truth("voc"), files.detections("voc"), "-o", tmp_path / "run")
    assert command(*given, "--no-intervals").code == 0
    again = command(*given)
    assert (
        "(finished before, kept; it has no intervals, which come once the folder is removed)"
        in again.err
    )


def test_models_of_one_name_are_refused_before_the_second_is_run(command, files, model, tmp_path):
    (tmp_path / "other").mkdir()
    shutil.copy(model, tmp_path / "other" / model.name)
    both = (f"onnx:{model}", f"onnx:{tmp_path / 'other' / model.name}")
    done = command("compare", files.ground_truth("voc"), *both, "-o", tmp_path / "run")
    assert done.code == 2
    assert done.err.endswith(
        "error: detectors need different names, got fixed, fixed; give --name once for each file\n"
    )
    assert done.err.count("running over") == 1
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
    assert "two: running over" in named.err


def test_another_comparison_is_never_overwritten(command, files, compared, tmp_path):
    _, folder = compared
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    done = command(
        "compare", files.ground_truth("voc"), files.detections("voc"), "-o", folder, "--protocol", "coco"
    )
    assert done.code == 2
    assert (
        "runs/comp4: holds a run of another protocol, which is not replaced; name another -o, or remove this folder"
        in done.err
    )
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_tables_as_files(command, files, tmp_path):
    targets = [
        "--csv",
        tmp_path / "csv",
        "--markdown",
        tmp_path / "t.md",
        "--latex",
        tmp_path / "t.tex",
    ]
    done = command(
        "compare", files.ground_truth("voc"), files.detections("voc"), "-o", tmp_path / "run", *targets
    )
    assert done.code == 0, done.err
    with (tmp_path / "csv" / "summary.csv").open() as file:
        [row] = csv.DictReader(file)
    assert (
        float(row["mAP"])
        == record(tmp_path / "run" / "runs" / "comp4")["evaluations"][0]["summary"]["mAP"]
    )
    assert "| comp4 |" in (tmp_path / "t.md").read_text()
    assert "comp4" in (tmp_path / "t.tex").read_text()


class TestReport:
    def test_from_run_folders_alone(self, command, compared, files, tmp_path):
        _, folder = compared
        (tmp_path / "elsewhere").mkdir()
        moved = shutil.move(folder / "runs", tmp_path / "elsewhere" / "runs")
        done = command("report", tmp_path / "elsewhere", "-o", tmp_path / "again.html")
        assert done.code == 0, done.err
        assert done.err.endswith(f"report: {tmp_path / 'again.html'}\n")
        one = command("report", f"{moved}/copy", f"{moved}/comp4", "-o", tmp_path / "one.html")
        assert one.code == 0, one.err
        tables = [
            read((tmp_path / name).read_text()).one("table", data_table="summary")
            for name in ("again.html", "one.html")
        ]
        rows = [
            [row.attributes["data-run"] for row in table.all("tr") if row.attributes]
            for table in tables
        ]
        assert rows == [["comp4", "copy"], ["copy", "comp4"]]

    def test_files_beside_the_runs_are_no_runs(self, command, compared, tmp_path):
        _, folder = compared
        assert (
            command("report", folder, "--csv", folder / "runs", "-o", tmp_path / "one.html").code
            == 0
        )
        done = command("report", folder, "-o", tmp_path / "two.html")
        assert done.code == 0, done.err

    def test_detectors_keep_the_order_of_the_comparison(self, command, files, tmp_path):
        copy = tmp_path / "copy.json"
        shutil.copy(files.detections("coco"), copy)
        names = ("--name", "z", "--name", "a")
        assert (
            command(
                "compare",
                files.ground_truth("voc"),
                files.detections("voc"),
                copy,
                *names,
                "-o",
                tmp_path / "run",
            ).code
            == 0
        )
        assert command("report", tmp_path / "run", "-o", tmp_path / "again.html").code == 0
        for page in (tmp_path / "run" / "report.html", tmp_path / "again.html"):
            rows = read(page.read_text()).one("table", data_table="summary").all("tr")
            assert [row.attributes["data-run"] for row in rows if "data-run" in row.attributes] == [
                "z",
                "a",
            ]

    def test_pictures_that_have_moved(self, command, compared, files, tmp_path):
        _, folder = compared
        shutil.copytree(files.ground_truth("voc") / "JPEGImages", tmp_path / "pictures")
        run = folder / "runs" / "comp4"
        assert (
            command(
                "report", run, "-o", tmp_path / "a.html", "--images", tmp_path / "pictures"
            ).code
            == 0
        )
        assert command("report", run, "-o", tmp_path / "b.html", "--pictures", "0").code == 0
        assert "data:image/webp" in (tmp_path / "a.html").read_text()
        assert "data:image/webp" not in (tmp_path / "b.html").read_text()

    def test_a_changed_file_is_named(self, command, compared, tmp_path):
        _, folder = compared
        found = folder / "runs" / "copy" / "detections.parquet"
        shutil.copy(folder / "runs" / "copy" / "ground_truth.parquet", found)
        done = command("report", folder, "-o", tmp_path / "new.html")
        assert done.code == 2
        assert str(found) in done.err
        assert not (tmp_path / "new.html").exists()

    def test_a_newer_schema_is_refused_by_name(self, command, compared, tmp_path):
        _, folder = compared
        path = folder / "runs" / "copy" / "record.json"
        path.write_text(json.dumps(record(path.parent) | {"schema_version": 99}))
        done = command("report", folder / "runs" / "copy", "-o", tmp_path / "new.html")
        assert done.code == 2
        assert (
            f"{path}: has schema version 99, this detbench reads up to 1; upgrade detbench"
            in done.err
        )

    def test_runs_of_two_protocols_stand_apart(self, command, compared, files, tmp_path):
        _, folder = compared
        assert (
            command(
                "compare",
                files.ground_truth("voc"),
                files.detections("voc"),
                "-o",
                tmp_path / "coco",
                "--protocol",
                "coco",
            ).code
            == 0
        )
        done = command("report", folder, tmp_path / "coco", "-o", tmp_path / "both.html")
        assert done.code == 0, done.err
        page = read((tmp_path / "both.html").read_text())
        assert len(list(page.all("table", data_table="summary"))) == 2
        assert "must not be compared across" in page.words


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["compare", "{dataset}", "{found}"], "-o"),
        (
            ["compare", "{dataset}", "{found}", "{found}", "-o", "{out}"],
            "detectors need different names",
        ),
        (
            ["compare", "{dataset}", "{found}", "-o", "{out}", "--name", "a", "--name", "b"],
            "2 names for 1 detection files",
        ),
        (
            ["compare", "{dataset}", "{found}", "-o", "{out}", "--name", "a/b"],
            "'a/b' cannot be the name of a run folder",
        ),
        (["compare", "{dataset}", "nowhere", "-o", "{out}"], "nowhere: no such file or folder"),
        (
            ["compare", "{dataset}", "onnx:nowhere.onnx", "-o", "{out}"],
            "nowhere.onnx: no such model",
        ),
        (["compare", "{dataset}", "{found}", "-o", "{found}"], "is an input and would be replaced"),
        (
            ["compare", "{dataset}", "{found}", "-o", "{out}", "--markdown", "{out}/report.html"],
            "is the output of two options",
        ),
        (["report", "{dataset}", "-o", "{out}"], "record.json: cannot be read; give a run folder"),
        (["report"], "RUN"),
    ],
)
def test_mistakes_are_one_sentence(command, files, tmp_path, arguments, message):
    places = {"dataset": files.ground_truth("voc"), "found": files.detections("voc"), "out": tmp_path / "out"}
    done = command(*(argument.format(**places) for argument in arguments))
    assert done.code == 2
    assert message in done.err
    assert "Traceback" not in done.err
    assert not (tmp_path / "out").exists()


def test_three_detectors_on_voc_2007(command, shared_data, tmp_path):
    """From the result files of three public detectors to the page, with the published score on it."""
    names = ("htt1084_d56c7e49", "robinyen_darknet", "hli2020_darknet")
    found = [shared_data / "dets_voc" / name for name in names]
    done = command(
        "compare",
        shared_data / "VOCtest_06-Nov-2007.annotations.tar.gz",
        *found,
        "-o",
        tmp_path / "run",
    )
    assert done.code == 0, done.err
    page = tmp_path / "run" / "report.html"
    assert page.stat().st_size <= 5_000_000
    summary = read(page.read_text()).one("table", data_table="summary")
    shown = float(
        summary.one("tr", data_run=names[0]).one("td", data_measure="mAP").attributes["data-v"]
    )
    assert shown == pytest.approx(0.7218680971856, abs=1e-12)
