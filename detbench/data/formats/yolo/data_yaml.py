"""The data.yaml of a YOLO dataset, as Ultralytics defines it: classes, splits and images."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from detbench.data.formats.parsing.plain_text import read_text
from detbench.data.formats.parsing.text_lists import read_list, read_name_list
from detbench.data.formats.yolo.description import (
    SPLIT_ALIASES,
    SPLITS,
    Description,
    choose_split,
    find_images,
    images_in_folder,
)
from detbench.data.formats.yolo.label_shapes import TASKS, read_keypoint_shape
from detbench.data.formats.yolo.path_lists import locate, resolve
from detbench.errors import InputError


def describe_data_yaml(path: Path, split: str | None, images: Path | None) -> Description:
    """Return what a data.yaml states about one split.

    Args:
        path: The file.
        split: See `choose_split`.
        images: A folder to use instead of those that the file names.

    Raises:
        InputError: The file is malformed, or a folder or list of images is missing.
    """
    data = load_data_yaml(path)
    class_names = read_class_names(path, data)
    splits = [name for name in SPLITS if data.get(name)]
    name: str | None
    if splits:
        name = choose_split(path, splits, split)
        listed = images_in_folder(images) if images else list_images(path, data, name)
    elif images or (path.parent / "images").is_dir():  # supervision lists no images
        name, listed = find_images(path, path.parent, split, images)
    else:
        raise InputError(
            path,
            "lists no images",
            fix=f"expected one of the keys {', '.join(SPLITS)} with a folder or a list",
        )
    task = data.get("task")
    return Description(
        path,
        # `coco8.yaml` names its dataset, `data.yaml` does not.
        name=path.resolve().parent.name if path.stem == "data" else path.stem,
        class_names=class_names,
        split=name,
        images=listed,
        keypoint_shape=read_keypoint_shape(path, data.get("kpt_shape")),
        task=task if task in TASKS else None,
    )


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
    return {SPLIT_ALIASES.get(str(key), str(key)): value for key, value in data.items()}


def read_class_names(path: Path, data: Mapping[str, Any]) -> list[str]:
    """Return the class names in the order of their numbers.

    Raises:
        InputError: `names` is neither a list, nor numbered from 0, nor a file with a name in each
            line, or `nc` is another number.
    """
    names = data["names"]
    list_file = locate(names, [path.parent]) if isinstance(names, str) and names else None
    if list_file is not None:
        names = read_name_list(list_file)
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


def list_images(path: Path, data: Mapping[str, Any], split: str) -> list[Path]:
    """Return the images of a split, sorted within each folder, in file order within each list.

    Raises:
        InputError: A folder or list is missing or cannot be read.
    """
    # `path` may be that of another machine.
    roots = [path.parent / str(data.get("path") or ""), path.parent]
    entries = data[split] if isinstance(data[split], list) else [data[split]]
    images: list[Path] = []
    for entry in map(str, entries):
        # Roboflow writes `../train/images` for a folder beside the file, as Ultralytics knows.
        source = locate(entry, roots)
        if source is None:
            raise InputError(
                roots[0] / entry,
                f"no such folder or list, but {path} names it",
                where=f"split {split}",
                fix="correct the path",
            )
        images += images_in_folder(source) if source.is_dir() else _images_in_list(source, roots)
    return images


def _images_in_list(path: Path, roots: list[Path]) -> list[Path]:
    """Return the images that a text file lists.

    `./` means the folder of the list; other relative paths start at the root of the dataset.
    """
    entries = read_list(path)
    in_folder = [entry for entry in entries if entry.startswith("./")]
    in_root = [entry for entry in entries if not entry.startswith("./")]
    paths = dict(zip(in_folder, resolve(in_folder, [path.parent, *roots]), strict=True))
    paths |= dict(zip(in_root, resolve(in_root, [*roots, path.parent]), strict=True))
    return [paths[entry] for entry in entries]
