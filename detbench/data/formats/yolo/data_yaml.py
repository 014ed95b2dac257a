"""The data.yaml of a YOLO dataset: its classes, its splits and the images of each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from detbench.data.formats.parsing.plain_text import read_text
from detbench.data.image_headers import IMAGE_SUFFIXES
from detbench.errors import InputError, read_error

SPLITS = ("val", "test", "train")


def load_data_yaml(path: Path) -> Mapping[str, Any]:
    """Return the contents of a data.yaml.

    Raises:
        InputError: The file is missing, is not YAML, or has no `names`.
    """
    import yaml

    try:
        data = yaml.safe_load(read_text(path))
    except FileNotFoundError:
        raise InputError(path, "no such file", fix="give the dataset's data.yaml") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}" if mark else ""
        raise InputError(
            path,
            f"is not YAML: {str(error).splitlines()[0]}",
            where=where,
        ) from error
    if not isinstance(data, dict) or "names" not in data:
        raise InputError(
            path,
            "has no class names",
            fix="a YOLO dataset has the keys names, path, train and val",
        )
    return data


def read_class_names(path: Path, data: Mapping[str, Any]) -> list[str]:
    """Return the class names in the order of their numbers.

    Raises:
        InputError: `names` is neither a list nor numbered from 0, or `nc` is another number.
    """
    names = data["names"]
    if isinstance(names, list):
        names = dict(enumerate(names))
    if not isinstance(names, dict) or sorted(names, key=str) != sorted(range(len(names)), key=str):
        raise InputError(
            path,
            "names must be a list, or numbered from 0 without a gap",
            where="names",
        )
    count = data.get("nc", len(names))
    if count != len(names):
        raise InputError(
            path,
            f"nc is {count}, but there are {len(names)} names",
            where="nc",
            fix="make them agree",
        )
    return [str(names[number]) for number in range(len(names))]


def choose_split(path: Path, data: Mapping[str, Any], split: str | None) -> str:
    """Return the split that the user chose, or else `val`, as in Ultralytics, or the only one.

    Raises:
        InputError: There is no such split, or there are several and none was chosen.
    """
    splits = [name for name in SPLITS if data.get(name)]
    if not splits:
        raise InputError(
            path,
            "lists no images",
            fix=f"expected one of the keys {', '.join(SPLITS)} with a folder or a list",
        )
    if split in splits:
        return split
    if split is not None:
        raise InputError(
            path,
            f"there is no split {split!r}",
            fix=f"choose one of: {', '.join(splits)}",
        )
    if "val" in splits or len(splits) == 1:
        return splits[0]
    raise InputError(
        path,
        f"there are several splits: {', '.join(splits)}",
        fix="choose one with --split",
    )


def list_images(path: Path, data: Mapping[str, Any], split: str) -> list[Path]:
    """Return the images of a split, sorted within each folder, in file order within each list.

    Raises:
        InputError: A folder or list is missing or cannot be read.
    """
    root = path.parent / str(data.get("path") or "")
    entries = data[split] if isinstance(data[split], list) else [data[split]]
    images: list[Path] = []
    for entry in map(str, entries):
        source = root / entry
        # Roboflow writes `../train/images` for a folder beside the file, as Ultralytics knows.
        if not _exists(source) and entry.startswith("../"):
            source = root / entry.removeprefix("../")
        if not _exists(source):
            raise InputError(
                source,
                f"no such folder or list, but {path} names it",
                where=f"split {split}",
                fix="correct the path",
            )
        images += images_in_folder(source) if source.is_dir() else _images_in_list(source, root)
    return images


def images_in_folder(folder: Path) -> list[Path]:
    """Return all images in a folder and its subfolders, sorted."""
    if not folder.is_dir():
        raise InputError(folder, "no such folder of images")
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES)


def _images_in_list(path: Path, root: Path) -> list[Path]:
    """Return the images that a text file lists.

    `./` means the folder of the list; other relative paths start at the root of the dataset.
    """
    lines = [line.strip() for line in read_text(path).splitlines()]
    return [(path.parent if line.startswith("./") else root) / line for line in lines if line]


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:
        raise read_error(path, error) from error
