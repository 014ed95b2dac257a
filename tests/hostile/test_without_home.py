"""Commands work for a user without home, name and write access to the installation."""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.conftest import Files
from tests.hostile.every_command import QUICK, ROOT, SLOW, make_inputs

pytestmark = pytest.mark.slow
_USER = "12345"
"""A user ID without an entry among the users."""
_MAY_READ = "-all,+dac_read_search"
_AS_USER = [
    *("setpriv", "--reuid", _USER, "--regid", _USER, "--clear-groups", "--bounding-set", _MAY_READ),
    *("--inh-caps", _MAY_READ, "--ambient-caps", _MAY_READ),
]
"""Become that user. It may read everything, because the interpreter may lie in a closed folder."""


@pytest.fixture(scope="module")
def folder():
    """Return a folder for temporary files that every user may write."""
    if not shutil.which("setpriv") or subprocess.run([*_AS_USER, "true"], check=False).returncode:
        pytest.skip("needs root and setpriv")
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def open_inputs(folder, files):
    """Return inputs of every command that every user may read."""
    inputs = folder / "inputs"
    inputs.mkdir()
    return make_inputs(inputs, Files(Path(shutil.copytree(files.folder, inputs / "shapes"))))


def run_as_user(folder, arguments, **environment):
    base = {"PATH": os.environ["PATH"], "TMPDIR": str(folder), "COLUMNS": "100"}
    return subprocess.run(
        [*_AS_USER, *arguments],
        cwd=ROOT,
        env=base | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("command", QUICK | SLOW)
def test_every_command_works(command, open_inputs, folder):
    if command in SLOW:
        pytest.importorskip("keras_hub")
        pytest.importorskip("onnxruntime")
    out = folder / command.replace(" ", "_")
    out.mkdir()
    out.chmod(0o777)
    outcome = run_as_user(folder, open_inputs.arguments(command, out))
    assert "Traceback" not in outcome.stderr
    assert outcome.returncode == (3 if command == "latency" else 0), outcome.stderr
    warning = (
        f"warning: no home folder: caching in {folder}/detbench-{_USER}; "
        "set DETBENCH_CACHE to a folder that can be written"
    )
    assert outcome.stderr.splitlines().count(warning) == outcome.stderr.count("_CACHE") == 1


def test_a_folder_that_others_can_enter_is_not_used(open_inputs, folder):
    own = folder / "open"
    (own / f"detbench-{_USER}").mkdir(parents=True)
    for path in (own, own / f"detbench-{_USER}"):
        path.chmod(0o777)
    outcome = run_as_user(own, open_inputs.arguments("env", own))
    assert outcome.returncode == 0, outcome.stderr
    match = re.search(r"caching in (\S+);", outcome.stderr)
    assert Path(match[1]).parent == own
    assert Path(match[1]).name != f"detbench-{_USER}"
    assert Path(match[1]).stat().st_mode & 0o777 == 0o700


def test_scores_need_no_folder_at_all(open_inputs, folder):
    closed = folder / "closed"
    closed.mkdir()
    arguments = open_inputs.arguments("eval", closed)[:-4]
    outcome = run_as_user(closed, arguments, HOME=str(closed))
    assert outcome.returncode == 0, outcome.stderr
    assert "mAP" in outcome.stdout
    assert "Traceback" not in outcome.stderr
