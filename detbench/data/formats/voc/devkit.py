"""The files of a VOC devkit (annotations and image sets), in a folder or in an official tar."""

from __future__ import annotations

import lzma
import os
import re
import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from detbench.errors import InputError, read_error

TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz")
_MEMBER = re.compile(r"(?:\./)?((?:.*/)?)(Annotations/[^/]+\.xml|ImageSets/Main/[^/]+\.txt)")
"""The members of a tar that are read: the prefix of the year, and the name below it."""


@dataclass(frozen=True)
class Devkit:
    """One year of VOC: the folder that holds Annotations, ImageSets/Main and JPEGImages."""

    path: Path
    """The path that the user gave."""
    root: str
    """The year's folder: a path with a trailing slash, or the prefix of the members of a tar."""
    members: Mapping[str, bytes] | None
    """Name → content of a tar's annotations and image sets; None for a folder."""

    @property
    def year(self) -> int | None:
        """The year in the folder's name (`VOC2007`), or None."""
        return year_in(self.folder_name)

    @property
    def folder_name(self) -> str:
        """The name of the year's folder; empty for a tar without one."""
        return (Path(self.root) if self.members is not None else Path(self.root).resolve()).name

    @property
    def dataset_name(self) -> str:
        """The name of a dataset in VOC's layout that is not VOC.

        It is the name of the folder above `VOCdevkit`, else of the year's folder, else of the tar.
        """
        if self.members is not None:
            return self.folder_name or self.path.name
        root = Path(self.root).resolve()
        return root.parent.parent.name if root.parent.name == "VOCdevkit" else root.name

    def read(self, name: str) -> bytes:
        """Return the bytes of a file, by its name below the year's folder.

        Raises:
            FileNotFoundError: The file is missing.
            InputError: The file cannot be read.
        """
        if self.members is None:
            try:
                # There is a file per image, and making a Path of each costs more than reading it.
                with open(self.root + name, "rb") as file:  # noqa: PTH123
                    return file.read()
            except FileNotFoundError:
                raise
            except (OSError, ValueError) as error:
                raise read_error(self.location(name), error) from error
        try:
            return self.members[self.root + name]
        except KeyError:
            raise FileNotFoundError(name) from None

    def location(self, name: str) -> str:
        """Return what messages call a file of this devkit."""
        return self.root + name if self.members is None else f"{self.path}:{self.root}{name}"

    def lists(self) -> list[str]:
        """Return the names, without `.txt`, of all files in ImageSets/Main, sorted."""
        if self.members is None:
            return sorted(file.stem for file in Path(self.root, "ImageSets/Main").glob("*.txt"))
        start = self.root + "ImageSets/Main/"
        return sorted(
            name.removeprefix(start).removesuffix(".txt")
            for name in self.members
            if name.startswith(start)
        )


def year_in(text: str) -> int | None:
    """Return the year of a name like `VOC2007`, or None."""
    match = re.fullmatch(r"VOC(\d{4})", text.strip())
    return int(match[1]) if match else None


def is_devkit(path: Path) -> bool:
    """Return whether a folder holds at least one year of VOC, or a file is named like a tar."""
    if path.is_file():
        return path.name.lower().endswith(TAR_SUFFIXES)
    return bool(_year_folders(path))


def open_devkit(path: Path) -> Devkit:
    """Find the one year of VOC at `path`.

    `path` is the year's folder, its parent `VOCdevkit`, the folder above that, or a tar of any of
    these. A tar is read once, from front to back, and only annotations and image sets are kept;
    nothing is extracted.

    Raises:
        InputError: There is no year, there are several, or the tar is damaged.
    """
    # Path.exists raises for names that no file can have; os.path.exists does not.
    if not os.path.exists(path):  # noqa: PTH110
        raise InputError(
            path,
            "no such file or folder",
            fix="give a VOC devkit folder (…/VOCdevkit/VOC2007) or an official tar",
        )
    members = None
    if path.is_file():
        members = _read_tar(path)
        with_image_sets = [name for name in members if "ImageSets/Main/" in name]
        roots = sorted({name.split("ImageSets/Main/")[0] for name in with_image_sets})
    else:
        roots = _year_folders(path)
    if len(roots) == 1:
        return Devkit(path, roots[0], members)
    if not roots:
        raise InputError(
            path,
            "contains no VOC devkit: there is no ImageSets/Main in it",
            fix="give the folder with Annotations, ImageSets and JPEGImages",
        )
    raise InputError(path, f"contains several VOC devkits: {', '.join(roots)}", fix="give one")


def _year_folders(path: Path) -> list[str]:
    for candidates in ([path], sorted(path.glob("VOC*")), sorted(path.glob("VOCdevkit/VOC*"))):
        roots = [f"{folder}/" for folder in candidates if (folder / "ImageSets" / "Main").is_dir()]
        if roots:
            return roots
    return []


def _read_tar(path: Path) -> dict[str, bytes]:
    """Return name → content of the annotations and image sets in a tar."""
    members: dict[str, bytes] = {}
    try:
        with tarfile.open(path) as tar:
            for member in tar:
                name = _MEMBER.fullmatch(member.name)
                if name and member.isfile() and (file := tar.extractfile(member)):
                    members[name[1] + name[2]] = file.read()
            check_tar_end(tar)
    except (tarfile.TarError, EOFError, OSError, zlib.error, lzma.LZMAError) as error:
        if isinstance(error, OSError) and error.errno:
            raise read_error(path, error) from error
        reason = str(error).partition(":")[0]
        raise InputError(
            path,
            f"is not a complete tar archive ({reason})",
            fix="fetch it again: `detbench fetch voc2007` resumes and checks it",
        ) from error
    return members


def check_tar_end(tar: tarfile.TarFile) -> None:
    """Check that an archive that was read to its end is complete.

    `tarfile` takes a file that is cut between two members for a shorter archive. A complete one
    stops at a block of zeros, and a compressed one is intact to its last byte.

    Raises:
        EOFError: The block of zeros is missing.
        OSError, zlib.error, lzma.LZMAError: The compressed file is damaged.
    """
    assert tar.fileobj is not None  # noqa: S101  tarfile.open always gives one
    tar.fileobj.seek(tar.offset)
    if tar.fileobj.read(tarfile.BLOCKSIZE) != tarfile.NUL * tarfile.BLOCKSIZE:
        raise EOFError("it stops before its end mark")
    # Reading the rest makes the decompressor verify its checksum.
    while tar.fileobj.read(1 << 16):
        pass
