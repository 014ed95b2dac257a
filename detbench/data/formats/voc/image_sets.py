"""The splits of a dataset in VOC's layout: which there are, and which images belong to one."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

from detbench.data.formats.voc.devkit import (
    IMAGE_SETS,
    LABEL_MAP,
    Devkit,
    ImageFiles,
    open_devkit,
)
from detbench.errors import DetbenchWarning, InputError, read_error
from detbench.wording import plural


@dataclass(frozen=True)
class Split:
    """One split: its images, and the file of the annotation of each."""

    name: str
    dataset_name: str
    """The name of a dataset that is not VOC."""
    devkit: Devkit
    image_ids: list[str]
    annotations: list[str]
    """I names below the root of the devkit; empty for an image that has no annotation."""
    listed_classes: frozenset[str]
    """Classes that are known without any object."""
    images: ImageFiles
    image_stems: list[str]
    """I paths of images without suffix, below the folder of `images`."""
    unlisted_folders: tuple[str, ...] = ()
    """Folders below that of `images` where an image may lie that has no annotation, if no list says
    which images belong to the split."""
    other_stems: frozenset[str] = frozenset()
    """Names without suffix of images in them that belong to other splits."""

    def location(self, image: int) -> str:
        """Return what messages call the annotation of an image, by its position."""
        return self.devkit.location(self.annotations[image])

    def read(self, image: int) -> bytes | None:
        """Return the annotation of an image, by its position; None if it has none.

        Raises:
            InputError: It is missing, or cannot be read.
        """
        name = self.annotations[image]
        if not name:
            return None
        try:
            return self.devkit.read(name)
        except FileNotFoundError:
            raise InputError(
                self.devkit.location(name),
                f"is missing, but image {self.image_ids[image]!r} is in split {self.name!r}",
                fix=f"add it, or remove the image from {IMAGE_SETS}/{self.name}.txt",
            ) from None


def open_image_set(path: Path, split: str | None, images: Path | None) -> Split:
    """Find one split of a dataset with image sets.

    Args:
        path: A folder or an official tar.
        split: See `choose_split`.
        images: The folder of the images. Default: JPEGImages, except for a tar.

    Raises:
        InputError: There are no image sets, the split is unknown, or its list of images is
            malformed.
    """
    devkit = open_devkit(path)
    splits, listed_classes = find_splits(devkit)
    name = choose_split(devkit.location(IMAGE_SETS), splits, split)
    image_ids = read_image_set(devkit, name)
    folder = Path(devkit.root, "JPEGImages")
    has_folder = devkit.members is None and folder.is_dir()
    return Split(
        name=name,
        dataset_name=devkit.dataset_name,
        devkit=devkit,
        image_ids=image_ids,
        annotations=_annotations(devkit, name, image_ids),
        listed_classes=frozenset(listed_classes | _mapped_classes(devkit)),
        images=ImageFiles(images or (folder if has_folder else None)),
        image_stems=image_ids,
    )


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


def choose_split(location: str, splits: list[str], split: str | None) -> str:
    """Return the split that the user chose, or else `test`, or else the only one.

    Args:
        location: What messages call the folder of the splits.
        splits: Their names.
        split: The chosen one, if any.

    Raises:
        InputError: There is no such split, or there are several and none was chosen.
    """
    listed = ", ".join(splits) or "none"
    if split is not None:
        if split not in splits:
            problem = f"there is no split {split!r}"
            raise InputError(location, problem, fix=f"choose one of: {listed}")
        return split
    if "test" in splits:
        return "test"
    if len(splits) != 1:
        raise InputError(
            location,
            f"there are several splits: {listed}" if splits else "there are no splits",
            fix="choose one with --split" if splits else "",
        )
    return splits[0]


def read_image_set(devkit: Devkit, split: str) -> list[str]:
    """Return the ids of the images of a split, one per line of its file.

    An id may be a path and hold spaces: a line is one id if it is the name of an annotation.

    Raises:
        InputError: The file cannot be read, or a line is not an id or repeats one.
    """
    name = f"{IMAGE_SETS}/{split}.txt"
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
        _check_image_id(devkit, image_id, location, number)
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


def _check_image_id(devkit: Devkit, image_id: str, location: str, line: int) -> None:
    if not image_id.isprintable():
        problem = f"{image_id!r} cannot be the name of an image"
        fix = "list one image id per line"
    elif len(image_id.split()) > 1 and not _is_image(devkit, image_id):
        problem = f"expected one image id, found {image_id!r}"
        fix = f"list one image id per line; there is no Annotations/{image_id}.xml"
    else:
        return
    raise InputError(location, problem, where=f"line {line}", fix=fix)


def _is_image(devkit: Devkit, image_id: str) -> bool:
    """Return whether an id with spaces is the name of an annotation, or of an image without one."""
    if devkit.has(f"Annotations/{image_id}.xml"):
        return True
    if devkit.members is not None or not devkit.has(LABEL_MAP):
        return False
    directory, _, name = image_id.rpartition("/")
    return name in ImageFiles(Path(devkit.root, "JPEGImages")).stems(directory)


def _annotations(devkit: Devkit, split: str, image_ids: list[str]) -> list[str]:
    """Return the name of the annotation of each image.

    CVAT and Datumaro list images without objects and write no annotation for them. Their
    `labelmap.txt` shows that they made the dataset; elsewhere a missing annotation is an error.
    """
    names = [f"Annotations/{image_id}.xml" for image_id in image_ids]
    if not devkit.has(LABEL_MAP):
        return names
    existing = [name if devkit.has(name) else "" for name in names]
    n_missing = existing.count("")
    if n_missing == len(existing):
        return names  # the reader refuses the first
    if n_missing:
        warnings.warn(
            f"{devkit.location(f'{IMAGE_SETS}/{split}.txt')}: {n_missing:,} of "
            f"{plural(len(names), 'image')} have no XML file: they count as images without "
            "objects, for which CVAT and Datumaro write none",
            DetbenchWarning,
            stacklevel=4,
        )
    return existing


def _mapped_classes(devkit: Devkit) -> set[str]:
    """Return the classes in the label map of CVAT and Datumaro, if there is one."""
    if not devkit.has(LABEL_MAP):
        return set()
    try:
        lines = devkit.read(LABEL_MAP).decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise read_error(devkit.location(LABEL_MAP), error) from None
    labels = [line.split(":")[0].strip() for line in lines if not line.startswith("#")]
    return {label for label in labels if label and label != "background"}
