"""`detbench data stats`: tables, JSON and plots of a dataset."""

from __future__ import annotations

import json

PLOTS = {
    "classes.png",
    "objects-per-image.png",
    "box-areas.png",
    "box-shapes.png",
    "aspect-ratios.png",
}


def test_stats(command, files, tmp_path):
    dataset, file, plots = files.ground_truth("voc"), tmp_path / "out.json", tmp_path / "plots"
    outcome = command("data", "stats", dataset, "--split", "test", "--plots", plots, "--json", file)
    assert outcome.code == 0
    assert outcome.err == f"statistics: {file}\nplots: 5 files in {plots}\n"
    assert {path.name for path in plots.iterdir()} == PLOTS
    document = json.loads(file.read_text())
    assert document["images"] == 8
    for name, row in document["classes"].items():
        line = next(line.split() for line in outcome.out.splitlines() if line.split()[:1] == [name])
        assert line[1:3] == [str(row["objects"]), str(row["images"])]


def test_json_on_stdout_is_nothing_but_json(command, files, tmp_path):
    dataset, file = files.ground_truth("voc"), tmp_path / "out.json"
    command("data", "stats", dataset, "--split", "test", "--json", file)
    outcome = command("data", "stats", dataset, "--split", "test", "--json", "-")
    assert outcome.out == file.read_text()
    assert outcome.err == ""


def test_invalid_input(command, files, tmp_path):
    (tmp_path / "file").write_text("")
    outcome = command("data", "stats", files.ground_truth("voc"), "--plots", tmp_path / "file")
    assert (outcome.code, outcome.out) == (2, "")
    assert "is a file, not a folder" in outcome.err
    assert command("data", "stats", tmp_path / "absent.json").code == 2


def test_formats_are_listed_with_what_is_written(command):
    outcome = command("data", "formats")
    assert outcome.code == 0
    for name in ("parquet", "coco", "voc", "yolo", "kitti", "label-studio"):
        assert any(line.split()[:1] == [name] for line in outcome.out.splitlines()), name
