"""Description of a YOLO dataset: the classes and images of one split, whatever file states them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from detbench.data.formats.format import refuse_split
from detbench.data.image_headers import IMAGE_SUFFIXES
from detbench.errors import InputError

SPLITS = ("val", "test", "train")
SPLIT_ALIASES = {"valid": "val", "validation": "val"}
"""Other names of splits, by the one that Ultralytics uses."""


@dataclass(frozen=True)
class Description:
    """What is known of one split before any label is read."""

    path: Path
    """The file that describes the dataset, or its folder if there is none."""
    name: str
    """The name of the dataset."""
    class_names: list[str]
    split: str | None
    """The split; None for a dataset without splits."""
    images: list[Path]
    keypoint_shape: tuple[int, int] | None = None
    """Number and dimensions of the keypoints, if the file states them."""
    label_files: dict[str, Path] = field(default_factory=dict)
    """Stem of an image → its label file, where the user gives the folder of images and the file
    lists others, beside which the labels lie."""
    task: str | None = None
    """The task of Ultralytics, if the file states it."""


def choose_split(path: Path, splits: list[str], split: str | None) -> str:
    """Return the split that the user chose, or else `val`, as in Ultralytics, or the only one.

    Args:
        path: The file that lists the splits, for messages.
        splits: The splits that have images, at least one.
        split: The one that the user chose.

    Raises:
        InputError: There is no such split, or there are several and none was chosen.
    """
    split = SPLIT_ALIASES.get(split or "", split)
    if split in splits:
        return split
    if split is not None:
        raise InputError(
            path,
            f"there is no split {split!r}",
            fix=f"choose one of: {', '.join(splits)}",
        )
    if "val" in splits:
        return "val"
    if len(splits) == 1:
        return splits[0]
    raise InputError(
        path,
        f"there are several splits: {', '.join(splits)}",
        fix="choose one with --split",
    )


def images_in_folder(folder: Path) -> list[Path]:
    """Return all images in a folder and its subfolders, sorted."""
    if not folder.is_dir():
        raise InputError(folder, "no such folder of images")
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES)


def find_images(
    path: Path, root: Path, split: str | None, images: Path | None
) -> tuple[str | None, list[Path]]:
    """Return split and images of a dataset whose file does not say where they are.

    They lie in `images` or, without this folder, in the dataset's own. Subfolders named after
    splits are splits.

    Args:
        path: The file that describes the dataset, for messages.
        root: The folder of the dataset.
        split: The split that the user chose.
        images: The folder of the images, if the user gives it.

    Raises:
        InputError: There is no such split, or there are several and none was chosen.
    """
    folder = images or (root / "images" if (root / "images").is_dir() else root)
    subfolders = {
        SPLIT_ALIASES.get(subfolder.name, subfolder.name): subfolder
        for subfolder in sorted(folder.iterdir())
        if subfolder.is_dir()
    }
    splits = [name for name in SPLITS if name in subfolders]
    if not splits:
        refuse_split(path, split)
        return None, images_in_folder(folder)
    name = choose_split(path, splits, split)
    return name, images_in_folder(subfolders[name])
