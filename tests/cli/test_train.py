"""`detbench train yolo` as users run it, Ctrl-C included."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from detbench.data.load import load_ground_truth, save_ground_truth
from detbench.data.shapes import make_shapes
from tests.conftest import heeding_ctrl_c

pytest.importorskip("keras")

SMALL = ("--size", 32, "--width", 2, "--depth", 1, "--anchors", 2)


@pytest.fixture(scope="module")
def shapes(tmp_path_factory) -> Path:
    return make_shapes(tmp_path_factory.mktemp("shapes") / "s", train=20, val=4, test=0)


@pytest.fixture(scope="module")
def coco(shapes, tmp_path_factory) -> dict[str, Path]:
    """The same as COCO annotations, a file for each split."""
    folder = tmp_path_factory.mktemp("coco")
    for split in ("train", "val"):
        save_ground_truth(load_ground_truth(shapes, split=split), folder / f"{split}.json")
    return {split: folder / f"{split}.json" for split in ("train", "val")}


def test_train_on_two_coco_files_then_predict(command, shapes, coco, tmp_path, monkeypatch):
    monkeypatch.setenv("DETBENCH_CACHE", str(tmp_path / "cache"))
    output, pictures = tmp_path / "m.keras", shapes / "JPEGImages"
    data = (coco["train"], "--images", pictures, "--val", coco["val"], "--val-images", pictures)
    done = command(
        "train",
        "yolo",
        *data,
        "-o",
        output,
        *SMALL,
        "--epochs",
        2,
        "--half",
        "--plots",
        tmp_path / "plots",
    )
    assert done.code == 0, done.err
    assert done.out == ""
    assert "epoch 2/2: loss " in done.err
    assert f"model: {output}" in done.err
    assert sorted(entry.name for entry in (tmp_path / "plots").iterdir()) == [
        "anchors.png",
        "learning-curves.png",
    ]
    assert (
        command(
            "predict", f"yolo:{output}", shapes, "--split", "val", "-o", tmp_path / "d.parquet"
        ).code
        == 0
    )


def test_a_file_without_splits_needs_another_to_score_on(command, coco, tmp_path):
    done = command("train", "yolo", coco["train"], "-o", tmp_path / "m.keras")
    assert done.code == 2
    assert (
        "train.json: has no splits; say with --val DATASET what each epoch is scored on" in done.err
    )


def test_ctrl_c_leaves_what_the_same_command_goes_on_from(command, shapes, tmp_path):
    output = tmp_path / "m.keras"
    given = ["train", "yolo", str(shapes), "-o", str(output), *map(str, SMALL), "--epochs"]
    place = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONUNBUFFERED": "1"}
    command_line = [sys.executable, "-m", "detbench", *given, "100000"]
    running = subprocess.Popen(
        heeding_ctrl_c(command_line), env=place, stderr=subprocess.PIPE, text=True
    )
    assert running.stderr is not None
    said = ""
    while not said.startswith("epoch 1/") and "\nepoch 1/" not in said:
        line = running.stderr.readline()
        assert line, said
        said += line
    running.send_signal(signal.SIGINT)
    said += running.communicate(timeout=300)[1]
    assert running.returncode == 130, said
    assert not re.search(r"^[IWE]\d{4} ", said, re.MULTILINE), said
    assert "interrupted; the same command goes on after epoch " in said
    assert "Traceback" not in said
    other = command(*given, "2")
    assert other.code == 2
    assert (
        "other settings (epochs: 100000 → 2); give the same settings to go on, or --no-resume to start over"
        in other.err
    )
    again = command(*given, "100000", "--max-seconds", "0")
    assert again.code == 0, again.err
    assert "goes on after epoch " in again.err
    assert output.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "m.h5"], "m.h5: a model is written as a .keras file"),
        (["-o", "plain.txt/m.keras"], "plain.txt is a file, not a folder"),
        (["-o", "m.keras", "--plots", "plain.txt"], "plain.txt is a file, not a folder"),
        (
            ["-o", "m.keras", "--size", "big"],
            "--size takes WIDTHxHEIGHT in pixels or one number, not 'big'",
        ),
        (
            ["-o", "m.keras", "--size", "100"],
            "size must be a multiple of 16, not 100×100; take 96×96",
        ),
        (["-o", "m.keras", "--split", "none"], "none"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_done(
    command, shapes, tmp_path, monkeypatch, arguments, message
):
    monkeypatch.chdir(tmp_path)
    Path("plain.txt").touch()
    done = command("train", "yolo", shapes, *arguments)
    assert done.code == 2
    assert message in done.err
    assert "Traceback" not in done.err
    assert [entry.name for entry in tmp_path.iterdir()] == ["plain.txt"]
