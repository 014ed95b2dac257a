"""Atomic writing: a file or folder appears complete, or not at all.

Everything is written under a hidden name beside its target and renamed at the end. An error or an
interruption removes the hidden name. A killed process may leave it behind, but never a half-written
target.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from detbench.errors import InputError

# System errors that the user can do something about; all others are bugs.
_USER_ERRORS = {
    errno.EACCES,
    errno.EBUSY,
    errno.EDQUOT,
    errno.EEXIST,
    errno.EFBIG,
    errno.EISDIR,
    errno.ENAMETOOLONG,
    errno.ENOENT,
    errno.ENOSPC,
    errno.ENOTDIR,
    errno.ENOTEMPTY,
    errno.EPERM,
    errno.EROFS,
}


def check_file_target(path: Path) -> None:
    """Check that a file may be written at `path`, replacing at most another file.

    Raises:
        InputError: There is a folder, a device or a pipe.
    """
    with _system_errors(path, path):
        if path.is_dir():
            raise InputError(path, "is a folder, expected a file to write", fix="name a file")
        if path.exists() and not path.is_file():
            raise InputError(
                path,
                "is a device or a pipe, and writing would replace it",
                fix="name a file",
            )


def is_missing_or_empty(path: Path) -> bool:
    """Return whether there is nothing at `path`, or only an empty folder."""
    return not path.exists() or (path.is_dir() and not any(path.iterdir()))


def check_writable(path: Path, *, folder: bool) -> None:
    """Check, before any work is done, that a file or folder can be written at `path`.

    Raises:
        InputError: Its parent is a file, the user lacks permission, or `check_file_target` fails.
    """
    if not folder:
        check_file_target(path)
    with _system_errors(path, path):
        existing = next(parent for parent in (path, *path.absolute().parents) if parent.exists())
    if existing.is_file() and (folder or existing != path):
        raise InputError(
            path,
            f"cannot be written: {existing} is a file, not a folder",
            fix="name another path",
        )
    if not os.access(existing, os.W_OK):
        raise InputError(
            path,
            f"cannot be written: no permission for {existing}",
            fix="name a path you may write to",
        )


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a hidden path beside `path` that becomes `path` if the block ends without an error.

    It has the same suffixes. Missing parent folders are created; an existing file is replaced. On
    an error, the hidden file is removed and `path` stays as it was.

    Raises:
        InputError: The system refuses: no space, no permission, a read-only disk.
    """
    check_file_target(path)
    hidden = _hidden_path(path)
    with _system_errors(path, hidden):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            yield hidden
            # The bytes must be on the disk before the name is, or a power cut could leave a name
            # without bytes.
            _flush_file(hidden)
            hidden.replace(path)
        finally:
            hidden.unlink(missing_ok=True)
        _flush_folder(path.parent)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield a hidden, empty folder that becomes `path` if the block ends without an error.

    On an error, the hidden folder is removed and `path` stays as it was.

    Raises:
        InputError: There is a folder that is not empty, is the current one, or is a mount point;
            or the system refuses, as for `atomic_path`.
    """
    _check_folder_target(path)
    hidden = _hidden_path(path)
    with _system_errors(path, hidden):
        try:
            hidden.mkdir(parents=True)
            yield hidden
            for member in hidden.rglob("*"):
                _flush_folder(member) if member.is_dir() else _flush_file(member)
            # Windows renames no folder onto another one, not even an empty one.
            if path.is_dir():
                path.rmdir()
            hidden.rename(path)
        finally:
            shutil.rmtree(hidden, ignore_errors=True)
        _flush_folder(path.parent)


def bytes_on_disk(path: Path) -> int | None:
    """Return the size of a file, or of all files in a folder; None if there is neither."""
    if path.is_dir():
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return path.stat().st_size if path.is_file() else None


def _check_folder_target(path: Path) -> None:
    """Raise InputError for anything that a new folder cannot replace."""
    with _system_errors(path, path):
        if not path.exists():
            return
        if not is_missing_or_empty(path):
            raise InputError(
                path,
                "already exists and is not an empty folder",
                fix="name another folder or remove this one first",
            )
        fix = "name a new folder in it"
        if path.samefile(Path.cwd()):
            raise InputError(path, "is the current folder and cannot be replaced", fix=fix)
        if path.is_mount():
            raise InputError(path, "is a mount point and cannot be replaced", fix=fix)


def _hidden_path(path: Path) -> Path:
    return path.parent / f".{secrets.token_hex(4)}.{path.name}"


@contextmanager
def _system_errors(path: Path, hidden: Path) -> Iterator[None]:
    """Turn system errors about `path` or `hidden` into an InputError about `path`.

    An OSError about any other file passes through: it does not come from writing here.
    """
    if "\0" in str(path):
        raise InputError(path, "is no path: it has a NUL character", fix="name another path")
    try:
        yield
    except UnicodeEncodeError as error:
        raise InputError(
            path,
            f"cannot be written: the name {error.object!r} is not UTF-8",
            fix="rename that file or folder",
        ) from error
    except OSError as error:
        # Copying names the source first, and what it writes second.
        filename = str(error.filename2 or error.filename or hidden)
        concerns_path = Path(filename) in (path, *path.parents)
        concerns_hidden = filename.startswith(str(hidden))
        if not (concerns_path or concerns_hidden) or error.errno not in _USER_ERRORS:
            raise
        raise InputError(
            path,
            f"cannot be written: {os.strerror(error.errno)}",
            fix="free space, or name a path you may write to",
        ) from error


def _flush_file(path: Path) -> None:
    """Force the bytes of a file onto the disk, before its name changes."""
    with path.open("r+b") as file:
        os.fsync(file.fileno())


def _flush_folder(path: Path) -> None:
    """Force the names in a folder onto the disk; Windows has no way to do so."""
    if os.name == "posix":
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
