"""Atomic writing: a file or folder is there complete, or not at all.

Everything is written under a hidden name beside its target and renamed at the end. An error or an interruption removes the
hidden name; a killed process may leave it behind, but never a half-written target.
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

_REFUSED_BY_DISK = {
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
    """Raise InputError for what must not be replaced by a file: a folder, a device, a pipe."""
    with _refusals_named(path, path):
        if path.is_dir():
            raise InputError(path, "is a folder, a file is to be written here", fix="name a file")
        if path.exists() and not path.is_file():
            raise InputError(
                path, "is a device or a pipe, which a file would replace", fix="name a file"
            )


def is_missing_or_empty(path: Path) -> bool:
    """Tell whether nothing is there, or an empty folder."""
    return not path.exists() or (path.is_dir() and not any(path.iterdir()))


def check_writable(path: Path, *, folder: bool) -> None:
    """Raise InputError where it is plain before any work is done that no file, or no folder, can ever be written."""
    if not folder:
        check_file_target(path)
    with _refusals_named(path, path):
        there = next(place for place in (path, *path.absolute().parents) if place.exists())
    if there.is_file() and (folder or there != path):
        raise InputError(
            path, f"cannot be written: {there} is a file, not a folder", fix="name another place"
        )
    if not os.access(there, os.W_OK):
        raise InputError(
            path,
            f"cannot be written: no permission for {there}",
            fix="name a place you may write to",
        )


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a hidden path beside `path`, with the same suffixes, which becomes `path` when the block ends without an error.

    Missing parent folders are made; an existing file is replaced. What the disk refuses (full, read-only, no permission) is an
    `InputError`; every other error passes through. Either way the hidden file is removed and `path` stays as it was.
    """
    check_file_target(path)
    hidden = _hidden(path)
    with _refusals_named(path, hidden):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            yield hidden
            _flush(hidden)
            hidden.replace(path)
        finally:
            hidden.unlink(missing_ok=True)
        _flush_folder(path.parent)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield a hidden, empty folder beside `path`, which becomes `path` when the block ends without an error.

    An existing folder must be empty and one that can be replaced: not the current one, not where a disk is mounted (`InputError`
    otherwise, before anything is written). Errors are treated as in `atomic_path`.
    """
    _check_folder_target(path)
    hidden = _hidden(path)
    with _refusals_named(path, hidden):
        try:
            hidden.mkdir(parents=True)
            yield hidden
            for member in hidden.rglob("*"):
                _flush_folder(member) if member.is_dir() else _flush(member)
            if path.is_dir():
                path.rmdir()
            hidden.rename(path)
        finally:
            shutil.rmtree(hidden, ignore_errors=True)
        _flush_folder(path.parent)


def _check_folder_target(path: Path) -> None:
    """Raise InputError for what a new folder cannot take the place of."""
    with _refusals_named(path, path):
        if not path.exists():
            return
        if not is_missing_or_empty(path):
            raise InputError(
                path,
                "already exists and is not an empty folder",
                fix="name another folder or remove this one first",
            )
        if path.samefile(Path.cwd()):
            raise InputError(
                path,
                "is the current folder, which a new one cannot replace",
                fix="name a new folder in it",
            )
        if path.is_mount():
            raise InputError(
                path,
                "is where a disk is mounted, which a new folder cannot replace",
                fix="name a new folder in it",
            )


def _hidden(path: Path) -> Path:
    return path.parent / f".{secrets.token_hex(4)}.{path.name}"


@contextmanager
def _refusals_named(path: Path, hidden: Path) -> Iterator[None]:
    """Turn the disk's refusals of `hidden` or `path`, and names that no text can hold, into an InputError.

    An OSError about any other file is not ours to explain.
    """
    try:
        yield
    except UnicodeEncodeError as error:
        problem = f"cannot be written: the name {error.object!r} is not UTF-8"
        raise InputError(path, problem, fix="give that file or folder another name") from error
    except OSError as error:
        named = str(error.filename or hidden)
        ours = named.startswith(str(hidden)) or Path(named) in (path, *path.parents)
        if not ours or error.errno not in _REFUSED_BY_DISK:
            raise
        raise InputError(
            path,
            f"cannot be written: {os.strerror(error.errno)}",
            fix="free the space, or name a place you may write to",
        ) from error


def bytes_on_disk(path: Path) -> int | None:
    """Return the size of a file, or of all files in a folder; None where there is neither."""
    if path.is_dir():
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return path.stat().st_size if path.is_file() else None


def _flush(path: Path) -> None:
    """Have the system put a file's bytes on the disk before its name is changed."""
    with path.open("r+b") as file:
        os.fsync(file.fileno())


def _flush_folder(path: Path) -> None:
    """The same for the names in a folder, where the system can (Windows cannot)."""
    if os.name == "posix":
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
