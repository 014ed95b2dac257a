"""Outputs that cannot be written are refused first; a killed run leaves no partial output."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest


def occupied(folder: Path) -> dict[str, tuple[str, Path, str]]:
    """Return option, path and message of outputs that cannot be written."""
    (folder / "file").write_text("mine")
    (folder / "dir").mkdir()
    os.mkfifo(folder / "pipe")
    return {
        "a folder for a file": (
            "--json",
            folder / "dir",
            "is a folder, expected a file to write",
        ),
        "below a file": ("--json", folder / "file" / "out.json", "is a file, not a folder"),
        "a pipe for a file": ("--json", folder / "pipe", "is a device or a pipe"),
        "a name too long": (
            "--json",
            folder / ("x" * 300),
            "cannot be written: File name too long",
        ),
        "a folder's name too long": (
            "--plots",
            folder / ("x" * 300),
            "cannot be written: File name too long",
        ),
        "plots in a file": ("--plots", folder / "file", "is a file, not a folder"),
        "plots below a file": ("--plots", folder / "file" / "plots", "is a file, not a folder"),
        "runs in a file": ("-o", folder / "file", "is a file, not a folder"),
    }


@pytest.mark.parametrize(
    "case",
    [
        "a folder for a file",
        "below a file",
        "a pipe for a file",
        "a name too long",
        "a folder's name too long",
        "plots in a file",
        "plots below a file",
        "runs in a file",
    ],
)
def test_targets_that_cannot_be_written_are_refused(command, files, tmp_path, case):
    option, target, message = occupied(tmp_path)[case]
    before = sorted(tmp_path.rglob("*"))
    outcome = command("eval", files.ground_truth("voc"), files.detections("voc"), option, target)
    assert (outcome.code, outcome.out) == (2, "")
    assert re.fullmatch(rf"error: {re.escape(str(target))}.*{message}.*\n", outcome.err)
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="may write everywhere")
def test_a_folder_without_permission_is_refused(command, files, tmp_path):
    tmp_path.chmod(0o500)
    outcome = command(
        "eval", files.ground_truth("voc"), files.detections("voc"), "--json", tmp_path / "out.json"
    )
    assert (outcome.code, outcome.out) == (2, "")
    assert "no permission" in outcome.err


def test_a_run_folder_in_use_is_refused_before_anything_is_written(command, files, tmp_path):
    arguments = (
        "eval",
        files.ground_truth("voc"),
        files.detections("voc"),
        "-o",
        tmp_path / "runs",
    )
    assert command(*arguments).code == 0
    record = (tmp_path / "runs" / "comp4" / "record.json").read_bytes()
    outcome = command(*arguments, "--json", tmp_path / "out.json", "--protocol", "coco")
    assert (outcome.code, outcome.out) == (2, "")
    assert re.fullmatch(r"error: .*runs/comp4: already exists and is not empty; .*\n", outcome.err)
    assert not (tmp_path / "out.json").exists()
    assert (tmp_path / "runs" / "comp4" / "record.json").read_bytes() == record


STALLED = """
import os, sys, time
def stall(descriptor):
    print("stalled", flush=True)
    time.sleep(60)
os.fsync = stall
from detbench.cli import main
main()
"""


@pytest.mark.slow
@pytest.mark.parametrize("work", ["eval", "convert voc", "convert parquet"])
def test_a_killed_run_leaves_no_half_target(files, tmp_path, work):
    """The process dies when bytes are written and names are about to change."""
    target = (
        tmp_path
        / {"eval": "runs/comp4", "convert voc": "VOC2007", "convert parquet": "truth.parquet"}[work]
    )
    if work == "eval":
        arguments = [
            "eval",
            files.ground_truth("voc"),
            files.detections("voc"),
            "-o",
            target.parent,
        ]
    else:
        arguments = ["convert", files.ground_truth("voc"), target, "--to", work.split()[1]]
    process = subprocess.Popen(
        [sys.executable, "-c", STALLED, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert any(b"stalled" in line for line in process.stdout)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
    assert process.returncode == -signal.SIGKILL
    assert not target.exists()
    assert [path.name[0] for path in target.parent.iterdir()] == ["."]
    again = subprocess.run(
        [sys.executable, "-m", "detbench", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert again.returncode == 0, again.stderr
    assert target.exists()
