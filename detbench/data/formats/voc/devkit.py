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
LABEL_MAP = "labelmap.txt"
"""The list of classes that CVAT and Datumaro write beside ImageSets."""
IMAGE_SETS = "ImageSets/Main"
_MEMBER = re.compile(
    r"(?:\./)?((?:.*?/)??)(Annotations/.+\.xml|ImageSets/Main/[^/]+\.txt|labelmap\.txt)"
)
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

        It is the name of the folder above `VOCdevkit`, else of the folder, else of the tar. A
        folder that has the name of a year only follows VOC's layout, so the one above is taken.
        """
        if self.members is not None:
            is_named = self.folder_name and year_in(self.folder_name) is None
            return self.folder_name if is_named else self.path.name
        folder = Path(self.root).resolve()
        if folder.parent.name == "VOCdevkit":
            folder = folder.parent.parent
        if year_in(folder.name):
            folder = folder.parent
        return folder.name or self.folder_name

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

    def has(self, name: str) -> bool:
        """Return whether there is a file, by its name below the year's folder."""
        if self.members is not None:
            return self.root + name in self.members
        return os.path.isfile(self.root + name)  # noqa: PTH113  see `read`

    def lists(self) -> list[str]:
        """Return the names, without `.txt`, of all files in ImageSets/Main, sorted."""
        if self.members is None:
            return sorted(file.stem for file in Path(self.root, IMAGE_SETS).glob("*.txt"))
        start = f"{self.root}{IMAGE_SETS}/"
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
        with_image_sets = [name for name in members if f"{IMAGE_SETS}/" in name]
        roots = sorted({name.split(f"{IMAGE_SETS}/")[0] for name in with_image_sets})
    else:
        roots = _year_folders(path)
    if len(roots) == 1:
        return Devkit(path, roots[0], members)
    if not roots:
        raise InputError(
            path,
            "contains no VOC devkit: there is no ImageSets/Main in it, nor XML files with the root "
            "<annotation>",
            fix="give the folder with Annotations, ImageSets and JPEGImages",
        )
    raise InputError(path, f"contains several VOC devkits: {', '.join(roots)}", fix="give one")


def _year_folders(path: Path) -> list[str]:
    """Return the folders with image sets: a folder, those in it, or those in its VOCdevkit.

    For a folder of annotations, it is the folder above, whose image sets say what is a split.
    """
    above = [path.resolve().parent] if path.resolve().name == "Annotations" else []
    for candidates in ([path], above, _folders_in(path), _folders_in(path / "VOCdevkit")):
        roots = [f"{folder}/" for folder in candidates if any((folder / IMAGE_SETS).glob("*.txt"))]
        if roots:
            return roots
    return []


def _folders_in(path: Path) -> list[Path]:
    try:
        # A folder of images has many entries, and asking the file system about each is slow.
        with os.scandir(path) as entries:
            return sorted(Path(entry.path) for entry in entries if entry.is_dir())
    except OSError:
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


class ImageFiles:
    """The image files of a split, and which of them is that of an annotation.

    Args:
        folder: The folder of the images; None if it is unknown.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self._names: dict[str, frozenset[str]] = {}
        self._stems: dict[str, dict[str, list[str]]] = {}

    def find(self, stem: str, stated: str) -> str:
        """Return the name of an image's file, relative to the folder.

        It is the file with the stem of the annotation, since renamed images keep the old name in
        `<filename>`; then the file that is stated. If neither exists, it is the stated name, or
        the stem with `.jpg` if that has no suffix.

        Args:
            stem: The path of the image without suffix, relative to the folder.
            stated: The text of `<filename>`; it may be empty, or a path with slashes of any kind.
        """
        directory, _, name = stem.rpartition("/")
        stated_name = stated.replace("\\", "/").rpartition("/")[2]
        stated_stem = stated_name.rpartition(".")[0]
        exists = stated_name in self._names_in(directory)
        if exists and stated_stem == name:
            file = stated_name
        elif name in self.stems(directory):
            file = self.stems(directory)[name][0]
        elif exists:
            file = stated_name
        else:
            return stated if "." in stated else f"{stem}.jpg"
        return f"{directory}/{file}" if directory else file

    def stems(self, directory: str) -> dict[str, list[str]]:
        """Return stem → names of the images in a folder below the folder of the images."""
        if directory not in self._stems:
            stems: dict[str, list[str]] = {}
            for name in sorted(self._names_in(directory)):
                stem, suffix = os.path.splitext(name)  # noqa: PTH122  a Path per image is slow
                if _is_image_suffix(suffix) and not name.startswith("."):
                    stems.setdefault(stem, []).append(name)
            self._stems[directory] = stems
        return self._stems[directory]

    def _names_in(self, directory: str) -> frozenset[str]:
        if directory not in self._names:
            self._names[directory] = self._list(directory)
        return self._names[directory]

    def _list(self, directory: str) -> frozenset[str]:
        if self.folder is None:
            return frozenset()
        try:
            return frozenset(os.listdir(self.folder / directory))  # noqa: PTH208  only names
        except OSError:
            return frozenset()


def _is_image_suffix(suffix: str) -> bool:
    from detbench.data.image_headers import IMAGE_SUFFIXES

    return suffix.lower() in IMAGE_SUFFIXES
