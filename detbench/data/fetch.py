"""Fetching of VOC 2007: official archives are downloaded or given, verified, and unpacked."""

from __future__ import annotations

import gzip
import lzma
import os
import shutil
import tarfile
import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path, PureWindowsPath

from detbench.data.download import download, file_md5
from detbench.data.files import atomic_folder
from detbench.data.formats.voc.devkit import check_tar_end, open_devkit
from detbench.errors import DetbenchWarning, InputError, read_error

BASE_URL = "http://host.robots.ox.ac.uk/pascal/VOC/voc2007/"
ARCHIVES = {
    "trainval": ("VOCtrainval_06-Nov-2007.tar", "c52e279531787972c589f7e41ab4ae64"),
    "test": ("VOCtest_06-Nov-2007.tar", "b6e924de25625d8de591ea690078ad9f"),
}
"""File name and MD5 of each part."""
DOWNLOADS = "VOC2007.download"
"""The folder, in the target folder, that keeps unfinished downloads."""


def fetch_voc2007(
    folder: Path,
    *,
    from_files: Sequence[Path] = (),
    base_url: str = BASE_URL,
    parts: Sequence[str] = ("test",),
) -> Path:
    """Put VOC 2007 into a folder, and return its devkit, `folder/VOCdevkit/VOC2007`.

    Archives are unpacked into a hidden folder in `folder/VOCdevkit`, which gets its name when
    everything is there, so that a killed run leaves no half dataset. Other files in `folder` stay.

    Args:
        folder: The folder.
        from_files: Archives to unpack instead of downloading. One that is not official is warned
            about and used, since there are archives of the annotations only.
        base_url: The server.
        parts: `test` and `trainval`. They are downloaded to `folder/VOC2007.download`, resuming
            what an interrupted run left there, and removed in the end.

    Raises:
        InputError: There is a `VOC2007` already, a part is unknown, a checksum is wrong, an archive
            is damaged, or its members would land outside the folder.
        DetbenchError: The server cannot be reached.
    """
    for part in parts:
        if part not in ARCHIVES:
            raise InputError(
                folder,
                f"VOC 2007 has no part {part!r}",
                fix=f"choose from: {', '.join(ARCHIVES)}",
            )
    folder = folder.absolute()
    year, downloads = folder / "VOCdevkit" / "VOC2007", folder / DOWNLOADS
    if os.path.lexists(year):
        raise InputError(
            year,
            "already exists",
            fix="evaluate with it, or remove it to fetch it again",
        )
    created = [path for path in (downloads, year.parent, folder) if not os.path.lexists(path)]
    try:
        with atomic_folder(year) as hidden:
            # Archives may contain a VOCdevkit folder; only the year in it is kept.
            unpacked = hidden / ".unpacked"
            if from_files:
                archives = _given_archives(from_files)
            else:
                archives = _downloaded_archives(downloads, base_url, parts)
            for archive in archives:
                _unpack(archive, unpacked)
            for member in list(_year_folder(unpacked, folder).iterdir()):
                member.rename(hidden / member.name)
            if unpacked.exists():
                shutil.rmtree(unpacked)
        if not from_files:
            _remove_downloads(downloads, parts)
    finally:
        # After an error, no empty folder is left that did not exist before.
        for path in created:
            _remove_if_empty(path)
    return year


def _given_archives(files: Sequence[Path]) -> Iterator[Path]:
    """Yield the files that the user gave; warn about those that are not official archives."""
    official = [md5 for _, md5 in ARCHIVES.values()]
    for file in files:
        if not file.is_file():
            raise InputError(
                file,
                "no such file",
                fix="give an official archive, such as VOCtest_06-Nov-2007.tar",
            )
        try:
            md5 = file_md5(file)
        except OSError as error:
            raise read_error(file, error) from error
        if md5 not in official:
            message = f"{file}: is none of the official archives (by its MD5); it is used anyway"
            warnings.warn(message, DetbenchWarning, stacklevel=3)
        yield file


def _downloaded_archives(folder: Path, base_url: str, parts: Sequence[str]) -> Iterator[Path]:
    """Download the parts, and yield each when it is there."""
    for name, md5 in (ARCHIVES[part] for part in parts):
        download(f"{base_url.rstrip('/')}/{name}", folder / name, md5)
        yield folder / name


def _remove_downloads(folder: Path, parts: Sequence[str]) -> None:
    """Remove the archives and, unless there is something else in it, their folder."""
    for part in parts:
        (folder / ARCHIVES[part][0]).unlink(missing_ok=True)
    _remove_if_empty(folder)


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()


def _unpack(archive: Path, folder: Path) -> None:
    """Unpack an archive of plain files and folders whose names stay inside `folder`.

    All members are checked before the first is written. tarfile's filter for data alone is not
    enough: some releases of Python let chains of links through (CVE-2025-4517).
    """
    try:
        with tarfile.open(archive) as tar:
            members = tar.getmembers()
            check_tar_end(tar)
            for member in members:
                _check_member(archive, member)
            tar.extractall(folder, members, filter="data")
    except tarfile.FilterError as error:
        raise _refusal(archive, str(error)) from error
    except (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile) as error:
        reason = str(error).partition(":")[0]
        raise InputError(
            archive,
            f"is not a complete tar archive ({reason})",
            fix="fetch it again",
        ) from error


def _check_member(archive: Path, member: tarfile.TarInfo) -> None:
    """Raise an error unless a member is a plain file or folder with a name below the target."""
    name = member.name
    if not (member.isreg() or member.isdir()):
        kind = "a link" if member.issym() or member.islnk() else "a device or another special file"
        raise _refusal(archive, f"{name!r} is {kind}; only files and folders are unpacked")
    windows = PureWindowsPath(name)
    if windows.anchor or ".." in windows.parts or "\0" in name:
        raise _refusal(archive, f"{name!r} would be extracted outside the destination")


def _refusal(archive: Path, reason: str) -> InputError:
    return InputError(
        archive,
        f"refused: {reason}",
        fix="this is not a dataset; do not unpack it by other means either",
    )


def _year_folder(unpacked: Path, folder: Path) -> Path:
    """Return the year's folder in what was unpacked.

    Raises:
        InputError: There is none, or that of another year.
    """
    try:
        devkit = open_devkit(unpacked)
    except InputError as error:
        raise InputError(
            folder,
            "would not contain exactly one VOC devkit after unpacking",
            fix="give archives of VOC 2007",
        ) from error
    if devkit.year not in (None, 2007):
        raise InputError(
            folder,
            f"would contain {devkit.folder_name} instead of VOC 2007",
            fix="unpack it with tar; `detbench eval` reads it",
        )
    return Path(devkit.root)
