"""Fetches VOC 2007: official archives, downloaded or at hand, checked and unpacked into a folder that `read_voc` takes."""

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
from pathlib import Path

from detbench.data.download import download, file_md5
from detbench.data.files import atomic_folder
from detbench.data.formats.parsing.plain_text import read_error
from detbench.data.formats.voc.devkit import check_tar_end, open_devkit
from detbench.errors import DetbenchWarning, InputError

BASE_URL = "http://host.robots.ox.ac.uk/pascal/VOC/voc2007/"
ARCHIVES = {
    "trainval": ("VOCtrainval_06-Nov-2007.tar", "c52e279531787c972589f7e41ab4ae64"),
    "test": ("VOCtest_06-Nov-2007.tar", "b6e924de25625d8de591ea690078ad9f"),
}
"""File name and MD5 of each part."""
STORE = "VOC2007.download"
"""The folder, in the target folder, that keeps what an interrupted download has got so far."""


def fetch_voc2007(
    folder: Path,
    *,
    from_files: Sequence[Path] = (),
    base_url: str = BASE_URL,
    parts: Sequence[str] = ("test",),
) -> Path:
    """Put VOC 2007 into `folder`, beside whatever lies there, and return its year's folder, `folder/VOCdevkit/VOC2007`.

    With `from_files`, these archives are unpacked and nothing is downloaded; one that is not an official archive is warned about,
    since there are archives of the annotations only. Otherwise `parts` (`test`, `trainval`) are downloaded into
    `folder/VOC2007.download`, taking up what an interrupted run left there; and removed at the end.

    Members are unpacked into a hidden folder in `folder/VOCdevkit` that gets its name when all is there: a killed run leaves no half
    dataset. Only the year's folder is kept. Raises InputError where there is a `VOC2007` already, for an unknown part, a wrong checksum
    of a download, a damaged archive, or one whose members would land outside the folder; DetbenchError where the server cannot be
    reached.
    """
    for part in parts:
        if part not in ARCHIVES:
            raise InputError(
                folder, f"VOC 2007 has no part {part!r}", fix=f"choose from: {', '.join(ARCHIVES)}"
            )
    folder = folder.absolute()
    year, store = folder / "VOCdevkit" / "VOC2007", folder / STORE
    if os.path.lexists(year):
        raise InputError(
            year, "is there already", fix="evaluate with it, or remove it first to fetch it again"
        )
    made = [place for place in (store, year.parent, folder) if not os.path.lexists(place)]
    try:
        with atomic_folder(year) as hidden:
            unpacked = hidden / ".unpacked"
            for archive in (
                _at_hand(from_files) if from_files else _downloaded(store, base_url, parts)
            ):
                _extract(archive, unpacked)
            for member in list(_year(unpacked, folder).iterdir()):
                member.rename(hidden / member.name)
            if unpacked.exists():
                shutil.rmtree(unpacked)
        if not from_files:
            _clear(store, parts)
    finally:
        for place in made:
            _remove_if_empty(place)
    return year


def _at_hand(files: Sequence[Path]) -> Iterator[Path]:
    for file in files:
        if not file.is_file():
            raise InputError(
                file, "no such file", fix="name an official archive, as VOCtest_06-Nov-2007.tar"
            )
        try:
            found = file_md5(file)
        except OSError as error:
            raise read_error(file, error) from error
        if found not in [md5 for _, md5 in ARCHIVES.values()]:
            warnings.warn(
                f"{file}: is none of the official archives (by its MD5); it is used as it is",
                DetbenchWarning,
                stacklevel=3,
            )
        yield file


def _downloaded(store: Path, base_url: str, parts: Sequence[str]) -> Iterator[Path]:
    for name, md5 in (ARCHIVES[part] for part in parts):
        download(f"{base_url.rstrip('/')}/{name}", store / name, md5)
        yield store / name


def _clear(store: Path, parts: Sequence[str]) -> None:
    """Remove what was downloaded and, unless something else lies in it, its folder."""
    for part in parts:
        (store / ARCHIVES[part][0]).unlink(missing_ok=True)
    _remove_if_empty(store)


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()


def _extract(archive: Path, folder: Path) -> None:
    """Unpack an archive whose members stay inside `folder`; links, devices and permissions are held to what data needs."""
    try:
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")
            check_tar_end(tar)
    except tarfile.FilterError as error:
        raise InputError(
            archive,
            f"refused: {error}",
            fix="this is no dataset; do not unpack it by other means either",
        ) from error
    except (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile) as error:
        reason = str(error).partition(":")[0]
        raise InputError(
            archive, f"is not a complete tar archive ({reason})", fix="fetch it again"
        ) from error


def _year(unpacked: Path, folder: Path) -> Path:
    """Return the year's folder in what was unpacked; InputError where there is none, or that of another year."""
    try:
        devkit = open_devkit(unpacked)
    except InputError as error:
        raise InputError(
            folder,
            "would hold no single VOC devkit after unpacking",
            fix="name archives of VOC 2007",
        ) from error
    if devkit.year not in (None, 2007):
        raise InputError(
            folder,
            f"would hold {devkit.folder_name} and not VOC 2007",
            fix="unpack it with tar; `detbench eval` reads it",
        )
    return Path(devkit.root)
