"""Recognition of folders of text files that are neither VOC's nor YOLO's."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from detbench.data.formats.text_files import bbgt, class_text, dota, kitti, visdrone
from detbench.data.formats.text_files.label_folder import most_lines

_FORMATS = (bbgt.FORMAT, dota.FORMAT, visdrone.FORMAT, kitti.FORMAT)


def is_other_than_yolo(path: Path) -> bool:
    """Tell whether the lines of a folder's files are of a format other than YOLO's."""
    return _is_certain(path) or class_text.recognizes(path)


def is_other_than_voc(path: Path, class_names: Collection[str]) -> bool:
    """Tell whether the lines of a folder's files are of a format other than VOC's results.

    Those begin with the id of an image, and lines of text per image with the name of a class.
    """

    def names_class(line: str) -> bool:
        return line.split()[0] in class_names

    return _is_certain(path) or most_lines(path, names_class)


def _is_certain(path: Path) -> bool:
    return any(text_format.recognizes(path) for text_format in _FORMATS)
