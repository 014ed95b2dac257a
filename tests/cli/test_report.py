"""`detbench report`: the page rebuilt from run folders alone."""

import json
import shutil

import pytest

from tests.reports.page.sample_pages import read, record


def test_a_page_from_run_folders_alone(command, comparison, files, tmp_path):
    _, folder = comparison
    (tmp_path / "elsewhere").mkdir()
    moved = shutil.move(folder / "runs", tmp_path / "elsewhere" / "runs")
    outcome = command("report", tmp_path / "elsewhere", "-o", tmp_path / "again.html")
    assert outcome.code == 0, outcome.err
    assert outcome.err.endswith(f"report: {tmp_path / 'again.html'}\n")
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


def test_other_files_beside_the_runs_are_ignored(command, comparison, tmp_path):
    _, folder = comparison
    assert (
        command("report", folder, "--csv", folder / "runs", "-o", tmp_path / "one.html").code == 0
    )
    outcome = command("report", folder, "-o", tmp_path / "two.html")
    assert outcome.code == 0, outcome.err


def test_detectors_keep_the_order_of_the_comparison(command, files, tmp_path):
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


def test_images_that_have_moved(command, comparison, files, tmp_path):
    _, folder = comparison
    shutil.copytree(files.ground_truth("voc") / "JPEGImages", tmp_path / "images")
    run = folder / "runs" / "comp4"
    assert (
        command("report", run, "-o", tmp_path / "a.html", "--images", tmp_path / "images").code == 0
    )
    assert command("report", run, "-o", tmp_path / "b.html", "--example-images", "0").code == 0
    assert "data:image/webp" in (tmp_path / "a.html").read_text()
    assert "data:image/webp" not in (tmp_path / "b.html").read_text()


def test_a_changed_file_is_named(command, comparison, tmp_path):
    _, folder = comparison
    detections = folder / "runs" / "copy" / "detections.parquet"
    shutil.copy(folder / "runs" / "copy" / "ground_truth.parquet", detections)
    outcome = command("report", folder, "-o", tmp_path / "new.html")
    assert outcome.code == 2
    assert str(detections) in outcome.err
    assert not (tmp_path / "new.html").exists()


def test_a_newer_schema_version_is_refused(command, comparison, tmp_path):
    _, folder = comparison
    path = folder / "runs" / "copy" / "record.json"
    path.write_text(json.dumps(record(path.parent) | {"schema_version": 99}))
    outcome = command("report", folder / "runs" / "copy", "-o", tmp_path / "new.html")
    assert outcome.code == 2
    assert f"{path}: has schema version 99, but this detbench reads versions up to 2" in outcome.err


def test_runs_under_two_protocols_are_kept_apart(command, comparison, files, tmp_path):
    _, folder = comparison
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
    outcome = command("report", folder, tmp_path / "coco", "-o", tmp_path / "both.html")
    assert outcome.code == 0, outcome.err
    page = read((tmp_path / "both.html").read_text())
    assert len(list(page.all("table", data_table="summary"))) == 2
    assert "must not be compared across" in page.words


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["report", "{dataset}", "-o", "{out}"], "record.json: cannot be read; name a run folder"),
        (["report"], "RUN"),
    ],
)
def test_mistakes_are_one_sentence(command, files, tmp_path, arguments, message):
    paths = {"dataset": files.ground_truth("voc"), "out": tmp_path / "out"}
    outcome = command(*(argument.format(**paths) for argument in arguments))
    assert outcome.code == 2
    assert message in outcome.err
    assert "Traceback" not in outcome.err
    assert not (tmp_path / "out").exists()
