"""Streams that are closed, full or no longer read change no verdict, and lose no file."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.hostile.every_command import QUICK, ROOT

FULL = Path("/dev/full")
pytestmark = pytest.mark.slow


def pipe_without_reader():
    """Return the end for writing of a pipe that nobody reads."""
    reader, writer = os.pipe()
    os.close(reader)
    return writer


def run(arguments, **streams):
    return subprocess.run(arguments, cwd=ROOT, check=False, **streams)


def closing(*descriptors):
    """Return a function that closes standard streams in a new process, as `>&-` does."""
    return lambda: [os.close(descriptor) for descriptor in descriptors]


def n_files(folder):
    return sum(path.is_file() for path in folder.rglob("*"))


@pytest.mark.parametrize("command", QUICK)
def test_lost_streams_change_neither_exit_code_nor_files(command, inputs, tmp_path):
    unread, closed = tmp_path / "unread", tmp_path / "closed"
    unread.mkdir()
    closed.mkdir()
    pipe = pipe_without_reader()
    with FULL.open("w") as full:
        assert run(inputs.arguments(command, unread), stdout=pipe, stderr=full).returncode == 0
    os.close(pipe)
    arguments = inputs.arguments(command, closed)
    assert run(arguments, preexec_fn=closing(0, 1, 2)).returncode == 0
    assert n_files(unread) == n_files(closed)
    assert n_files(closed) or str(closed) not in " ".join(arguments)


@pytest.mark.parametrize("command", ["eval", "gate", "adapters"])
def test_results_that_cannot_be_stored_are_an_error(command, inputs, tmp_path):
    arguments = inputs.arguments(command, tmp_path)
    with FULL.open("w") as full:
        outcome = run(arguments, stdout=full, stderr=subprocess.PIPE, text=True)
    assert outcome.returncode == 2
    assert outcome.stderr.splitlines()[-1] == (
        "error: stdout: results cannot be written: No space left on device; "
        "free space or write them elsewhere"
    )


def test_other_outcomes_keep_their_codes(inputs, tmp_path):
    scored = inputs.arguments("eval", tmp_path)
    run([*scored, "--protocol", "coco"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    *gate, _, _ = inputs.arguments("gate", tmp_path)[:6]
    run_folder = inputs.paths["run"]
    for other, code in ((tmp_path / "runs" / "comp4", 3), (tmp_path / "missing", 2)):
        arguments = [*gate, run_folder, str(other)]
        pipe = pipe_without_reader()
        with FULL.open("w") as full:
            for stderr in (full, pipe, subprocess.DEVNULL):
                assert run(arguments, stdout=subprocess.DEVNULL, stderr=stderr).returncode == code
        os.close(pipe)
        assert run(arguments, preexec_fn=closing(1, 2)).returncode == code


def test_the_end_of_help_may_be_unread(inputs):
    pipe = pipe_without_reader()
    arguments = [*inputs.arguments("env", "")[:3], "--help"]
    assert run(arguments, stdout=pipe, stderr=subprocess.PIPE, text=True).stderr == ""
    os.close(pipe)
