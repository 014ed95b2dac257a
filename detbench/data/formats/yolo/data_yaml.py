"""The data.yaml of a YOLO dataset, as Ultralytics defines it: classes, splits and images."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from detbench.data.formats.parsing.text_lists import read_list, read_name_list
from detbench.data.formats.parsing.yaml_text import YamlText, read_yaml_text
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

_ABSENT: tuple[YamlText, ...] = ("", "~", "null", "Null", "NULL", [], {})
"""Values of keys that state nothing."""


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
        task=task if isinstance(task, str) and task in TASKS else None,
    )


def load_data_yaml(path: Path) -> Mapping[str, YamlText]:
    """Return the contents of a data.yaml, all as texts; without keys whose value is empty or null.

    Raises:
        InputError: The file is missing, is not YAML, or has no `names`.
    """
    try:
        data = read_yaml_text(path)
    except FileNotFoundError:
        raise InputError(path, "no such file", fix="give the dataset's data.yaml") from None
    if not isinstance(data, dict) or "names" not in data:
        raise InputError(
            path,
            "has no class names",
            fix="a YOLO dataset has the keys names, path, train and val",
        )
    return {
        SPLIT_ALIASES.get(key, key): value
        for key, value in data.items()
        if value not in _ABSENT or key == "names"
    }


def read_class_names(path: Path, data: Mapping[str, YamlText]) -> list[str]:
    """Return the class names in the order of their numbers, as the file has them.

    Raises:
        InputError: `names` is neither a list, nor numbered from 0, nor a file with a name in each
            line, or `nc` is another number.
    """
    names = data["names"]
    list_file = locate(names, [path.parent]) if isinstance(names, str) and names else None
    if list_file is not None:
        names = [*read_name_list(list_file)]
    if isinstance(names, list):
        names = {str(number): name for number, name in enumerate(names)}
    if not isinstance(names, dict) or names.keys() != set(map(str, range(len(names)))):
        raise InputError(
            path,
            "names must be a list, or numbered from 0 without a gap",
            where="names",
        )
    texts = [names[str(number)] for number in range(len(names))]
    for number, name in enumerate(texts):
        if not isinstance(name, str) or not name:
            raise InputError(path, f"class {number} has no name", where="names", fix="write a text")
    count = data.get("nc", str(len(names)))
    if count != str(len(names)):
        stated = count if isinstance(count, str) else "no number"
        raise InputError(
            path,
            f"nc is {stated}, but there are {len(names)} names",
            where="nc",
            fix="make them agree",
        )
    return [name for name in texts if isinstance(name, str)]


def list_images(path: Path, data: Mapping[str, YamlText], split: str) -> list[Path]:
    """Return the images of a split, sorted within each folder, in file order within each list.

    Raises:
        InputError: A folder or list is missing or cannot be read.
    """
    # `path` may be that of another machine.
    roots = [path.parent / _path(path, data), path.parent]
    listed = data[split]
    images: list[Path] = []
    for entry in listed if isinstance(listed, list) else [listed]:
        if not isinstance(entry, str):
            raise InputError(
                path,
                "must be a folder, a file or a list of them",
                where=f"split {split}",
            )
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


def _path(path: Path, data: Mapping[str, YamlText]) -> str:
    """Return the root that a data.yaml states, relative to its folder or absolute."""
    root = data.get("path", "")
    if not isinstance(root, str):
        raise InputError(path, "must be a folder", where="path")
    return root


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
