"""Atomic writing: files and folders are complete or absent, whatever goes wrong."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from detbench.data.files import atomic_folder, atomic_path, bytes_on_disk, check_writable
from detbench.errors import InputError


def test_file_appears_complete_and_the_hidden_path_has_its_suffixes(tmp_path: Path) -> None:
    target = tmp_path / "new" / "a.tar.gz"
    with atomic_path(target) as path:
        assert path.parent == target.parent
        assert path.name.endswith(".tar.gz")
        path.write_text("complete")
        assert not target.exists()
    assert target.read_text() == "complete"
    assert list(target.parent.iterdir()) == [target]


def write_and_raise(path: Path, error: BaseException) -> None:
    path.write_text("half")
    raise error


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_error_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, error: type[BaseException]
) -> None:
    target = tmp_path / "a.json"
    target.write_text("old")
    with pytest.raises(error), atomic_path(target) as path:
        write_and_raise(path, error())
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_full_disk_is_a_user_error_that_names_the_target(tmp_path: Path) -> None:
    target = tmp_path / "a.json"
    with (
        pytest.raises(InputError, match=r"a\.json: cannot be written: No space left") as caught,
        atomic_path(target),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert caught.value.path == target
    assert not any(tmp_path.iterdir())


def test_errors_about_other_files_pass_through(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), atomic_path(tmp_path / "a.json"):
        (tmp_path / "missing.txt").read_text()


def test_a_file_as_parent_folder_is_a_user_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(InputError, match="cannot be written"),
        atomic_path(tmp_path / "file" / "a.json") as path,
    ):
        path.write_text("")
    with pytest.raises(InputError, match="is a folder"), atomic_path(tmp_path):
        pass


def test_folder_appears_complete(tmp_path: Path) -> None:
    target = tmp_path / "runs" / "one"
    with atomic_folder(target) as folder:
        (folder / "deep").mkdir()
        (folder / "deep" / "a.txt").write_text("a")
        assert not target.exists()
    assert (target / "deep" / "a.txt").read_text() == "a"
    assert list(target.parent.iterdir()) == [target]


def test_folder_replaces_an_empty_folder_and_refuses_a_used_one(tmp_path: Path) -> None:
    target = tmp_path / "one"
    target.mkdir()
    with atomic_folder(target) as folder:
        (folder / "a.txt").write_text("a")
    with (
        pytest.raises(InputError, match="not an empty folder; name another"),
        atomic_folder(target),
    ):
        pass
    assert (target / "a.txt").read_text() == "a"


def test_interrupted_folder_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), atomic_folder(tmp_path / "one") as folder:
        write_and_raise(folder / "a.txt", KeyboardInterrupt())
    assert not any(tmp_path.iterdir())


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_killed_process_leaves_no_half_target(tmp_path: Path) -> None:
    program = """
import os, signal, sys
from pathlib import Path
from detbench.data.files import atomic_path
with atomic_path(Path(sys.argv[1])) as path:
    path.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    result = subprocess.run([sys.executable, "-c", program, str(tmp_path / "a.json")], check=False)
    assert result.returncode == -signal.SIGKILL
    assert not (tmp_path / "a.json").exists()


def test_current_folder_and_mounts_are_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for path in (Path(), tmp_path / "here", Path("../here")):
        with (
            pytest.raises(
                InputError,
                match="is the current folder and cannot be replaced; name a new folder in it",
            ),
            atomic_folder(path),
        ):
            pass
    with atomic_folder(Path("inside")) as folder:
        (folder / "a.txt").write_text("a")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "disk").mkdir()
    monkeypatch.setattr(Path, "is_mount", lambda path: path.name == "disk")
    with (
        pytest.raises(InputError, match="disk: is a mount point and cannot be replaced"),
        atomic_folder(tmp_path / "disk"),
    ):
        pass


def test_names_too_long_are_user_errors(tmp_path: Path) -> None:
    for context in (atomic_folder, atomic_path):
        with (
            pytest.raises(InputError, match="cannot be written: File name too long"),
            context(tmp_path / ("x" * 300)),
        ):
            pass


def test_names_that_are_not_utf_8_are_user_errors(tmp_path: Path) -> None:
    with (
        pytest.raises(
            InputError, match=r"a\.json: cannot be written: the name 'bild \\udcff' is not UTF-8"
        ),
        atomic_path(tmp_path / "a.json"),
    ):
        "bild \udcff".encode()
    assert not any(tmp_path.iterdir())


def test_check_writable_accepts_new_paths_and_existing_files(tmp_path: Path) -> None:
    (tmp_path / "a.json").touch()
    for path in (tmp_path / "a.json", tmp_path / "new" / "b.json"):
        check_writable(path, folder=False)
    check_writable(tmp_path / "new" / "folder", folder=True)
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"], "nothing is written"


def test_check_writable_refuses_what_can_never_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="is a folder, expected a file to write"):
        check_writable(tmp_path, folder=False)
    for path, folder in ((tmp_path / "file" / "a.json", False), (tmp_path / "file", True)):
        with pytest.raises(InputError, match=r"cannot be written: .*file is a file, not a folder"):
            check_writable(path, folder=folder)


def test_bytes_on_disk_of_files_and_folders(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a").write_bytes(b"123")
    (tmp_path / "b").write_bytes(b"12")
    assert bytes_on_disk(tmp_path / "b") == 2
    assert bytes_on_disk(tmp_path) == 5
    assert bytes_on_disk(tmp_path / "none") is None
