"""The environment of a result, with and without git."""

from __future__ import annotations

import json
import platform
import subprocess
from importlib.metadata import version

import pytest

from detbench.bench import environment as module
from detbench.bench.environment import environment


def git(folder, *arguments) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_it_names_python_machine_and_installed_libraries():
    current = environment()
    assert current.python == platform.python_version()
    assert current.platform == f"{platform.system()} {platform.machine()}"
    assert current.cores >= 1
    assert current.cpu
    assert current.libraries["numpy"] == version("numpy")
    assert "not-a-library" not in current.libraries
    assert json.loads(json.dumps(current.as_dict())) == current.as_dict()


def test_memory_is_that_of_the_machine():
    listing = module.Path("/proc/meminfo")
    if not listing.exists():
        pytest.skip("no /proc/meminfo to compare with")
    kibibytes = int(listing.read_text().split()[1])
    assert environment().memory_bytes == pytest.approx(kibibytes * 1024, rel=0.01)


def test_libraries_that_are_not_installed_are_left_out(monkeypatch):
    monkeypatch.setattr(module, "LIBRARIES", ("numpy", "not-a-library"))
    assert environment().libraries == {"numpy": version("numpy")}


def test_the_commit_of_the_working_folder_and_a_mark_for_changes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert environment().git_commit is None, "outside of a repository"
    git(tmp_path, "init", "-q")
    assert environment().git_commit is None, "before the first commit"
    (tmp_path / "file").write_text("one")
    git(tmp_path, "add", "file")
    git(tmp_path, "commit", "-q", "-m", "one")
    commit = git(tmp_path, "rev-parse", "HEAD")
    assert environment().git_commit == commit
    (tmp_path / "untracked").write_text("")
    assert environment().git_commit == commit
    (tmp_path / "file").write_text("two")
    assert environment().git_commit == f"{commit}+"


def test_without_git(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert environment().git_commit is None


def test_systems_that_report_nothing(monkeypatch):
    def unknown(_):
        raise ValueError("unrecognized configuration name")

    monkeypatch.setattr(module.os, "sysconf", unknown)
    monkeypatch.setattr(module.sys, "platform", "other")
    current = environment()
    assert current.memory_bytes is None
    assert current.cpu == (platform.processor() or platform.machine())
