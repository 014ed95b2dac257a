"""`detbench train yolo` as users run it, Ctrl-C included."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from detbench.data.shapes import make_shapes

pytest.importorskip("keras")

SMALL = ("--size", 32, "--width", 2, "--depth", 1, "--anchors", 2)


@pytest.fixture(scope="module")
def shapes(tmp_path_factory) -> Path:
    return make_shapes(tmp_path_factory.mktemp("shapes") / "s", train=20, val=4, test=0)


def test_train_then_predict(command, shapes, tmp_path, monkeypatch):
    monkeypatch.setenv("DETBENCH_CACHE", str(tmp_path / "cache"))
    output = tmp_path / "m.keras"
    done = command("train", "yolo", shapes, "-o", output, *SMALL, "--epochs", 2, "--half", "--plots", tmp_path / "plots")
    assert done.code == 0, done.err
    assert done.out == ""
    assert "epoch 2/2: loss " in done.err
    assert f"model: {output}" in done.err
    assert sorted(entry.name for entry in (tmp_path / "plots").iterdir()) == ["anchors.png", "learning-curves.png"]
    assert command("predict", f"yolo:{output}", shapes, "--split", "val", "-o", tmp_path / "d.parquet").code == 0


def test_ctrl_c_leaves_what_the_same_command_goes_on_from(command, shapes, tmp_path):
    output = tmp_path / "m.keras"
    given = ["train", "yolo", str(shapes), "-o", str(output), *map(str, SMALL), "--epochs"]
    place = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), "PYTHONUNBUFFERED": "1"}
    running = subprocess.Popen([sys.executable, "-m", "detbench", *given, "100000"], env=place, stderr=subprocess.PIPE, text=True)
    assert running.stderr is not None
    seen = next(line for line in running.stderr if line.startswith("epoch 1/"))
    running.send_signal(signal.SIGINT)
    said = running.communicate(timeout=300)[1]
    assert running.returncode == 130, seen + said
    assert "interrupted; the same command goes on after epoch " in said
    assert "Traceback" not in said
    other = command(*given, "2")
    assert other.code == 2
    assert "other settings (epochs: 100000 → 2); give the same settings to go on, or --no-resume to start over" in other.err
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
        (["-o", "m.keras", "--size", "big"], "--size takes WIDTHxHEIGHT in pixels or one number, not 'big'"),
        (["-o", "m.keras", "--size", "100"], "size must be a multiple of 16, not 100×100; take 96×96"),
        (["-o", "m.keras", "--split", "none"], "none"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_done(command, shapes, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    Path("plain.txt").touch()
    done = command("train", "yolo", shapes, *arguments)
    assert done.code == 2
    assert message in done.err
    assert "Traceback" not in done.err
    assert [entry.name for entry in tmp_path.iterdir()] == ["plain.txt"]
