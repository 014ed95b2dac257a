"""A full disk: one sentence and exit code 2, complete files only, a history that can be read."""

import json
import resource
import signal
import subprocess

import pytest

from detbench.bench.history.history_file import read_history
from detbench.errors import InputError
from tests.hostile.every_command import QUICK, ROOT


def run_with_limit(arguments, n_bytes):
    """Run a command that can write no file longer than this; the system then says EFBIG."""

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, n_bytes))

    return subprocess.run(
        arguments, cwd=ROOT, preexec_fn=limit, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
@pytest.mark.parametrize("command", [name for name in QUICK if "{out}" in QUICK[name]])
def test_no_command_leaves_half_a_file(command, inputs, tmp_path):
    outcome = run_with_limit(inputs.arguments(command, tmp_path), 30)
    assert "Traceback" not in outcome.stderr, outcome.stderr
    assert outcome.returncode == 2, outcome.stderr
    assert outcome.stderr.splitlines()[-1].startswith("error: ")
    assert "File too large" in outcome.stderr
    assert [path for path in tmp_path.rglob("*") if path.is_file() and path.stat().st_size] == []


@pytest.mark.parametrize("room", [0, 1, 40, 400])
def test_half_a_line_of_history_is_taken_back(room, inputs, tmp_path):
    history = tmp_path / "history.jsonl"
    with open(inputs.paths["history"], "rb") as file:  # noqa: PTH123
        history.write_bytes(file.read())
    before = history.read_bytes()
    record = json.loads(before)
    history.write_text(json.dumps(record | {"name": "earlier"}) + "\n")
    before = history.read_bytes()
    outcome = run_with_limit(inputs.arguments("history add", tmp_path), len(before) + room)
    assert outcome.returncode == 2
    assert outcome.stderr.splitlines()[-1].startswith(f"error: {history}: cannot be written: ")
    assert history.read_bytes() == before
    assert [entry.name for entry in read_history(history)] == ["earlier"]


def test_half_a_line_that_was_left_is_named(inputs, tmp_path):
    history = tmp_path / "history.jsonl"
    with open(inputs.paths["history"], "rb") as file:  # noqa: PTH123
        line = file.read()
    history.write_bytes(line + line[:100])
    with pytest.raises(InputError, match=r"history\.jsonl, line 2: .*; remove the line and add"):
        read_history(history)
