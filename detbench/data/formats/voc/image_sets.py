"""The image sets of a VOC devkit: which splits there are, and which images belong to one."""

from __future__ import annotations

from detbench.data.formats.voc.devkit import Devkit
from detbench.errors import InputError, read_error

_FOLDER = "ImageSets/Main"


def find_splits(devkit: Devkit) -> tuple[list[str], set[str]]:
    """Return the splits of a devkit, and the classes that have a list of their own per split.

    `dog_test.txt` is the list of class `dog` if there is a split `test`, else a split `dog_test`.
    """
    splits: list[str] = []
    classes: set[str] = set()
    # A split's name is shorter than the names of its class lists, so it comes first.
    for name in sorted(devkit.lists(), key=len):
        candidates = [name.removesuffix(f"_{split}") for split in splits]
        prefixes = [prefix for prefix in candidates if prefix not in ("", name)]
        if prefixes:
            classes.add(min(prefixes, key=len))
        else:
            splits.append(name)
    return sorted(splits), classes


def choose_split(devkit: Devkit, splits: list[str], split: str | None) -> str:
    """Return the split that the user chose, or else `test`, or else the only one.

    Raises:
        InputError: There is no such split, or there are several and none was chosen.
    """
    listed = ", ".join(splits) or "none"
    folder = devkit.location(_FOLDER)
    if split is not None:
        if split not in splits:
            raise InputError(folder, f"there is no split {split!r}", fix=f"choose one of: {listed}")
        return split
    if "test" in splits:
        return "test"
    if len(splits) != 1:
        raise InputError(
            folder,
            f"there are several splits: {listed}" if splits else "there are no splits",
            fix="choose one with --split" if splits else "",
        )
    return splits[0]


def read_image_set(devkit: Devkit, split: str) -> list[str]:
    """Return the ids of the images of a split, one per line of its file.

    Raises:
        InputError: The file cannot be read, or a line is not an id or repeats one.
    """
    name = f"{_FOLDER}/{split}.txt"
    location = devkit.location(name)
    try:
        text = devkit.read(name).decode("utf-8-sig")
    except FileNotFoundError:
        raise InputError(
            location,
            "is a link to a missing file",
            fix="replace it by the list itself",
        ) from None
    except UnicodeDecodeError as error:
        raise read_error(location, error) from None

    first_line: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        image_id = line.strip()
        _check_image_id(image_id, location, number)
        if image_id in first_line:
            raise InputError(
                location,
                f"image {image_id!r} is already in line {first_line[image_id]}",
                where=f"line {number}",
                fix="list every image once",
            )
        if image_id:
            first_line[image_id] = number
    return list(first_line)


def _check_image_id(image_id: str, location: str, line: int) -> None:
    if not image_id.isprintable():
        problem = f"{image_id!r} cannot be the name of an image"
    elif len(image_id.split()) > 1:
        problem = f"expected one image id, found {image_id!r}"
    else:
        return
    raise InputError(location, problem, where=f"line {line}", fix="list one image id per line")
