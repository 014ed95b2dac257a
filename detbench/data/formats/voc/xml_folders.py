"""Folders of VOC annotations without image sets, as LabelImg, Roboflow and FiftyOne write them.

All XML of a folder is one split. XML lies beside the images, or in a folder of its own
(`Annotations`, `labels`) beside a folder of images. Folders called `train`, `valid`, `test` or the
like, above or below that, are splits; other folders belong to the same split.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from detbench.data.formats.voc.devkit import Devkit, ImageFiles
from detbench.data.formats.voc.image_sets import Split, choose_split
from detbench.errors import InputError
from detbench.wording import first_few

ANNOTATION_FOLDERS = frozenset({"annotations", "annotation", "labels", "label", "xml", "xmls"})
"""Names, in lower case, of folders that hold annotations and name no split."""
IMAGE_FOLDERS = ("JPEGImages", "images", "Images", "data", "imgs", "img", "image")
"""Names of folders beside them that hold the images."""
SPLIT_FOLDERS = frozenset(
    {"train", "training", "trainval", "val", "valid", "validation", "test", "testing", "eval"}
)
"""Names, in lower case, of folders that are splits."""
_MAX_DEPTH = 3
_MAX_PEEKED = 20
"""Files of a folder that are looked at to find one annotation."""
_HEAD_BYTES = 4096
_ROOT = re.compile(rb"(?:\xef\xbb\xbf)?(?:\s|<\?.*?\?>|<!--.*?-->)*<annotation[\s>/]", re.DOTALL)
_MAX_LISTED = 5


Place = tuple[str, ...]
"""A folder, as its path below the root."""


@dataclass(frozen=True)
class XmlFolder:
    """A folder that holds annotations."""

    parts: Place
    """Its path below the root; empty for the root itself."""
    files: dict[str, str]
    """Name without suffix → name of each XML file, sorted."""

    @property
    def split(self) -> str | None:
        """The folder in its path that is a split, or None."""
        return next((part for part in self.parts if part.lower() in SPLIT_FOLDERS), None)

    @property
    def own_name(self) -> str:
        """Its path without folders that only say that they hold annotations."""
        return "/".join(part for part in self.parts if part.lower() not in ANNOTATION_FOLDERS)

    def path_of(self, stem: str) -> str:
        """Return the path of an annotation below the root."""
        return "/".join((*self.parts, self.files[stem]))


def is_xml_folder(path: Path) -> bool:
    """Return whether a folder, or one a few levels below it, holds VOC annotations.

    A YAML file makes it a YOLO dataset, whose images may also have annotations in XML.
    """
    if not path.is_dir() or any(path.glob("*.yaml")) or any(path.glob("*.yml")):
        return False
    return bool(find_xml_folders(path))


def find_xml_folders(path: Path) -> list[XmlFolder]:
    """Return the folders that hold VOC annotations, sorted.

    Their paths are below `root_of(path)`. Hidden files and folders are left out.
    """
    if not path.is_dir():
        return []
    folders = []
    start = path.resolve().name if root_of(path) != path else ""
    for place, names in _walk(path, (start,) if start else ()):
        files = {Path(name).stem: name for name in names if name.lower().endswith(".xml")}
        if _has_annotation(path.joinpath(*place[bool(start) :]), list(files.values())):
            folders.append(XmlFolder(place, files))
    return folders


def root_of(path: Path) -> Path:
    """Return the folder of the dataset: the one above a folder of annotations."""
    return path.resolve().parent if path.resolve().name.lower() in ANNOTATION_FOLDERS else path


def _walk(folder: Path, place: Place) -> list[tuple[Place, list[str]]]:
    """Return the folders a few levels deep, with the sorted names of their files."""
    places = []
    for current, folders, files in os.walk(folder, followlinks=True):
        parts = Path(current).relative_to(folder).parts
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__")))
        if len(parts) == _MAX_DEPTH:
            folders.clear()
        visible = sorted(name for name in files if not name.startswith("."))
        places.append(((*place, *parts), visible))
    return places


def _has_annotation(folder: Path, names: list[str]) -> bool:
    """Return whether one of the first files has the root `<annotation>`."""
    for name in names[:_MAX_PEEKED]:
        try:
            with (folder / name).open("rb") as file:
                if _ROOT.match(file.read(_HEAD_BYTES)):
                    return True
        except OSError:
            continue
    return False


def open_xml_folder(
    path: Path, folders: list[XmlFolder], split: str | None, images: Path | None
) -> Split:
    """Find one split of a folder of annotations without image sets.

    Image ids are the names of the XML files without suffix.

    Args:
        path: The folder.
        folders: Those in it that hold annotations, from `find_xml_folders`.
        split: The folder that is a split. Default: `test`, or the only one.
        images: The folder of the images. Default: beside the XML, or beside its folder.

    Raises:
        InputError: The split is unknown, or there are several and none was chosen; two XML files
            of the split have the same name.
    """
    root = root_of(path)
    splits = _splits(root, folders)
    name = choose_split(str(path), sorted(splits), split)
    chosen = splits[name]
    _check_unique(path, chosen)
    # Ids in one order for the whole split, whatever the order of its folders.
    owners = sorted(
        (stem, position) for position, folder in enumerate(chosen) for stem in folder.files
    )
    files = ImageFiles(root)
    places = {folder.parts: _image_place(files, folder) for folder in folders}
    own_places = [places[folder.parts] for folder in chosen]
    image_files, prefixes = _image_files(root, own_places, images)
    unlisted = [
        stem
        for folder in folders
        if folder not in chosen and places[folder.parts] in own_places
        for stem in folder.files
    ]
    return Split(
        name=name,
        dataset_name=_dataset_name(root, name),
        devkit=Devkit(path, f"{root}/", None),
        image_ids=[stem for stem, _ in owners],
        annotations=[chosen[position].path_of(stem) for stem, position in owners],
        listed_classes=frozenset(),
        images=image_files,
        image_stems=[f"{prefixes[position]}{stem}" for stem, position in owners],
        unlisted_folders=tuple(sorted({prefix.rstrip("/") for prefix in prefixes})),
        other_stems=frozenset(unlisted),
    )


def _dataset_name(root: Path, split: str) -> str:
    """Return the name of the folder, or that of the folder above one that is the split itself."""
    folder = root.resolve()
    is_split = folder.name == split and split.lower() in SPLIT_FOLDERS
    return folder.parent.name if is_split else folder.name


def _image_files(
    root: Path, places: list[Place | None], images: Path | None
) -> tuple[ImageFiles, list[str]]:
    """Return the image files of a split, and what precedes the names of those of each folder.

    Args:
        root: The folder of the dataset.
        places: Where the images of each folder of annotations lie; None if there are none.
        images: The folder that the user gives.
    """
    without_prefix = ["" for _ in places]
    if images is not None:
        return ImageFiles(images), without_prefix
    if len(set(places)) > 1:
        return ImageFiles(root), ["".join(f"{part}/" for part in place or ()) for place in places]
    place = places[0]
    return ImageFiles(None if place is None else root.joinpath(*place)), without_prefix


def _image_place(files: ImageFiles, folder: XmlFolder) -> Place | None:
    """Return the folder that holds most of the images of some annotations, None without any."""
    stems = {place: files.stems("/".join(place)) for place in _candidates(folder.parts)}
    places = [place for place, images in stems.items() if images]
    return max(places, key=lambda place: len(stems[place].keys() & folder.files), default=None)


def _candidates(parts: Place) -> list[Place]:
    """Return where the images of a folder of annotations may lie: beside them, or in a folder.

    `train/labels` has its images in `train/images`, and `Annotations/train` in `JPEGImages/train`
    or in `JPEGImages`.
    """
    candidates = [parts]
    for position, part in enumerate(parts):
        if part.lower() in ANNOTATION_FOLDERS:
            before, after = parts[:position], parts[position + 1 :]
            candidates += [(*before, name, *after) for name in IMAGE_FOLDERS]
            candidates += [(*before, name) for name in IMAGE_FOLDERS]
            candidates.append(before)
    candidates += [(*parts, name) for name in IMAGE_FOLDERS]
    candidates += [(name, *parts) for name in IMAGE_FOLDERS]
    return list(dict.fromkeys(candidates))


def _check_unique(path: Path, folders: list[XmlFolder]) -> None:
    uses = Counter(stem for folder in folders for stem in folder.files)
    repeated = [stem for stem, count in uses.items() if count > 1]
    if repeated:
        stem = repeated[0]
        files = [folder.path_of(stem) for folder in folders if stem in folder.files]
        raise InputError(
            path,
            f"image {stem!r} has several annotations: {first_few(files, _MAX_LISTED)}",
            fix="give one of the folders, or rename the files",
        )


def _splits(root: Path, folders: list[XmlFolder]) -> dict[str, list[XmlFolder]]:
    """Return split → its folders. Without any folder that names a split, all are one."""
    root_name = root.resolve().name
    if not any(folder.split for folder in folders):
        return {root_name: folders}
    splits: dict[str, list[XmlFolder]] = {}
    for folder in folders:
        splits.setdefault(folder.split or folder.own_name or root_name, []).append(folder)
    return splits
