"""Darknet's .data file: `names`, and a list of images for each split.

    classes = 2
    train = data/train.txt
    valid = data/test.txt
    names = data/obj.names

Paths start at the folder that Darknet was started in, often the one above the file. CVAT and
Datumaro write the prefix `data/` without such a folder. Labels lie beside the images, or in a
folder `labels` beside `images` or `JPEGImages`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from detbench.data.formats.parsing.text_lists import read_list, read_name_list
from detbench.data.formats.yolo.description import (
    SPLIT_ALIASES,
    Description,
    choose_split,
    images_in_folder,
)
from detbench.data.formats.yolo.path_lists import candidates, resolve
from detbench.errors import InputError

_OTHER_KEYS = {"classes", "names", "backup", "eval", "results", "labels", "top", "difficult"}


def describe_darknet(path: Path, split: str | None, images: Path | None) -> Description:
    """Return what a .data file states about one split.

    Args:
        path: The file.
        split: See `choose_split`. Darknet's `valid` is `val`.
        images: A folder that has the listed images, or others if it has none of them.

    Raises:
        InputError: The file is malformed, or a list is missing.
    """
    data = read_data_file(path)
    folders = _folders(path)
    class_names = read_name_list(_file(path, data, "names", folders))
    count = data.get("classes", str(len(class_names)))
    if count != str(len(class_names)):
        raise InputError(
            path,
            f"classes is {count}, but there are {len(class_names)} names",
            where="classes",
            fix="make them agree",
        )
    splits = {SPLIT_ALIASES.get(key, key): key for key in data if key not in _OTHER_KEYS}
    if not splits:
        raise InputError(
            path, "lists no images", fix="expected a key train, valid or test with a list"
        )
    name = choose_split(path, list(splits), split)
    # The list says `data/obj/x.jpg`, and may lie in `data` itself.
    has_list = not images or bool(candidates(data[splits[name]], folders))
    list_file = _file(path, data, splits[name], folders) if has_list else None
    entries = read_list(list_file) if list_file else []
    folders = [*folders, list_file.parent] if list_file else folders
    labels = resolve([_label_path(entry) for entry in entries], folders) if images else []
    folder = path.resolve().parent
    return Description(
        path,
        name=folder.name if path.stem == "obj" else path.stem,
        class_names=class_names,
        split=name,
        images=_listed_images(images, entries) if images else resolve(entries, folders),
        label_files={label.stem: label for label in labels},
    )


def _label_path(image: str) -> str:
    return f"{image.rpartition('.')[0]}.txt"


def _listed_images(folder: Path, entries: Sequence[str]) -> list[Path]:
    """Return the images of a folder whose names a list has; all of them if it has none."""
    names = {PurePosixPath(entry.replace("\\", "/")).name for entry in entries}
    images = images_in_folder(folder)
    return [image for image in images if image.name in names] or images


def read_data_file(path: Path) -> Mapping[str, str]:
    """Return the keys and values of a .data file.

    Raises:
        InputError: The file is missing or cannot be read, or has no `names`.
    """
    pairs = (line.partition("=") for line in read_list(path) if not line.startswith("#"))
    data = {key.strip(): value.strip() for key, equals, value in pairs if equals and value.strip()}
    if "names" not in data:
        raise InputError(
            path,
            "has no class names",
            fix="a Darknet .data file has the keys classes, train, valid and names",
        )
    return data


def _folders(path: Path) -> list[Path]:
    """Return where relative paths may start: at the file, above it, and here."""
    folder = path.absolute().parent
    return [folder, folder.parent, folder.parent.parent, Path.cwd()]


def _file(path: Path, data: Mapping[str, str], key: str, folders: list[Path]) -> Path:
    files = candidates(data[key], folders)
    if not files:
        searched = ", ".join(str(folder) for folder in dict.fromkeys(folders))
        raise InputError(
            path,
            f"there is no file {data[key]}; searched in {searched}",
            where=key,
            fix="correct the path",
        )
    if len(files) > 1:
        raise InputError(
            path,
            f"{data[key]} can be {files[0]} or {files[1]}",
            where=key,
            fix="write the absolute path",
        )
    return files[0]
