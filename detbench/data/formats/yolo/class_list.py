"""YOLO datasets without a data.yaml: a folder with a list of classes, images and labels.

LabelImg writes `classes.txt` into the folder of images and labels, Label Studio beside the folders
`images` and `labels`, and Roboflow `_darknet.labels` into each folder of its Darknet export.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from detbench.data.formats.parsing.text_lists import CLASS_LISTS, OTHER_TEXTS, read_name_list
from detbench.data.formats.yolo.description import Description, find_images
from detbench.data.formats.yolo.label_files import holds_numbers

_MAX_PROBED = 20


def find_class_list(path: Path) -> Path | None:
    """Return the class list at `path`, or of the dataset in this folder; None without one.

    A folder without a text file of numbers is no dataset.
    """
    if not path.is_dir():
        return path if path.name in CLASS_LISTS and path.is_file() else None
    for folder in (path, path / "labels"):
        for name in CLASS_LISTS:
            if (folder / name).is_file() and _has_labels(path):
                return folder / name
    return None


def describe_class_list(path: Path, split: str | None, images: Path | None) -> Description:
    """Return the classes and images of a folder with a list of classes.

    Args:
        path: The list.
        split: See `find_images`.
        images: The folder of the images, if the user gives it.

    Raises:
        InputError: The list is malformed, or there is no such split.
    """
    root = path.parent.parent if path.parent.name == "labels" else path.parent
    name, listed = find_images(path, root, split, images)
    return Description(
        path,
        name=root.resolve().name,
        class_names=read_name_list(path),
        split=name,
        images=listed,
    )


def _has_labels(folder: Path) -> bool:
    texts = (path for path in folder.rglob("*.txt") if path.stem.lower() not in OTHER_TEXTS)
    return any(holds_numbers(path) for path in islice(texts, _MAX_PROBED))
