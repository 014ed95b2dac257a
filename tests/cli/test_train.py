"""`detbench train yolo` as users run it, Ctrl-C included."""

import os
import re
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from detbench.data.load import load_ground_truth, save_ground_truth
from detbench.data.shapes import make_shapes
from tests.conftest import with_sigint_enabled

pytestmark = pytest.mark.skipif(find_spec("keras") is None, reason="Keras is not installed")
ROOT = Path(__file__).parents[2]
SMALL_MODEL = ("--size", 32, "--width", 2, "--depth", 1, "--anchors", 2)


@pytest.fixture(scope="module")
def shapes(tmp_path_factory) -> Path:
    return make_shapes(tmp_path_factory.mktemp("shapes") / "s", train=20, val=4, test=0)


@pytest.fixture(scope="module")
def coco_files(shapes, tmp_path_factory) -> dict[str, Path]:
    """Return the same dataset as COCO annotations, a file per split."""
    folder = tmp_path_factory.mktemp("coco")
    files = {split: folder / f"{split}.json" for split in ("train", "val")}
    for split, path in files.items():
        save_ground_truth(load_ground_truth(shapes, split=split), path)
    return files


@pytest.mark.slow
def test_train_on_two_coco_files_then_predict(command, shapes, coco_files, tmp_path, monkeypatch):
    monkeypatch.setenv("DETBENCH_CACHE", str(tmp_path / "cache"))
    output, plots, images = tmp_path / "m.keras", tmp_path / "plots", shapes / "JPEGImages"
    training_data = (coco_files["train"], "--images", images)
    validation_data = ("--val", coco_files["val"], "--val-images", images)
    outputs = ("-o", output, "--plots", plots)
    options = (*SMALL_MODEL, "--epochs", 2, "--half")
    outcome = command("train", "yolo", *training_data, *validation_data, *outputs, *options)
    assert outcome.code == 0, outcome.err
    assert outcome.out == ""
    assert "epoch 2/2: loss " in outcome.err
    assert f"model: {output}" in outcome.err
    plot_names = sorted(entry.name for entry in plots.iterdir())
    assert plot_names == ["anchors.png", "learning-curves.png"]
    predict = ("predict", f"yolo:{output}", shapes, "--split", "val")
    assert command(*predict, "-o", tmp_path / "d.parquet").code == 0


def test_a_file_without_splits_needs_validation_data(command, coco_files, tmp_path):
    outcome = command("train", "yolo", coco_files["train"], "-o", tmp_path / "m.keras")
    assert outcome.code == 2
    message = "train.json: has no splits; name the dataset to score each epoch on with --val"
    assert message in outcome.err


def read_until(stream, pattern):
    """Read lines until one matches, and return all of them."""
    lines = []
    while not lines or not re.match(pattern, lines[-1]):
        lines.append(stream.readline())
        assert lines[-1], "".join(lines)
    return "".join(lines)


@pytest.mark.slow
def test_the_same_command_resumes_after_ctrl_c(command, shapes, tmp_path):
    output = tmp_path / "m.keras"
    arguments = ["train", "yolo", str(shapes), "-o", str(output), *map(str, SMALL_MODEL)]
    process = subprocess.Popen(
        with_sigint_enabled([sys.executable, "-m", "detbench", *arguments, "--epochs", "100000"]),
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
        stderr=subprocess.PIPE,
        text=True,
    )
    log = read_until(process.stderr, "epoch 1/")
    process.send_signal(signal.SIGINT)
    log += process.communicate(timeout=300)[1]
    assert process.returncode == 130, log
    assert not re.search(r"^[IWE]\d{4} ", log, re.MULTILINE), log
    assert "interrupted; the same command resumes after epoch " in log
    assert "Traceback" not in log
    other = command(*arguments, "--epochs", "2")
    assert other.code == 2
    message = (
        "other settings (epochs: 100000 → 2); use the same settings to resume, "
        "or --no-resume to start over"
    )
    assert message in other.err
    resumed = command(*arguments, "--epochs", "100000", "--max-seconds", "0")
    assert resumed.code == 0, resumed.err
    assert "resuming after epoch " in resumed.err
    assert output.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "m.h5"], "m.h5: does not end in .keras; name it m.keras"),
        (["-o", "plain.txt/m.keras"], "plain.txt is a file, not a folder"),
        (["-o", "m.keras", "--plots", "plain.txt"], "plain.txt is a file, not a folder"),
        (
            ["-o", "m.keras", "--size", "big"],
            "--size must be WIDTHxHEIGHT in pixels or one number, not 'big'",
        ),
        (
            ["-o", "m.keras", "--size", "100"],
            "size must be a multiple of 16, not 100×100; use 96×96",
        ),
        (["-o", "m.keras", "--split", "none"], "none"),
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_done(
    command, shapes, tmp_path, monkeypatch, arguments, message
):
    monkeypatch.chdir(tmp_path)
    Path("plain.txt").touch()
    outcome = command("train", "yolo", shapes, *arguments)
    assert outcome.code == 2
    assert message in outcome.err
    assert "Traceback" not in outcome.err
    assert [entry.name for entry in tmp_path.iterdir()] == ["plain.txt"]
