"""File stems: how YOLO's label and result files are named after images."""

from __future__ import annotations

from pathlib import Path

from detbench.data.formats.parsing.file_names import check_file_name
from detbench.data.ground_truth import GroundTruth


def file_stems(ground_truth: GroundTruth) -> list[str]:
    """Return the name without suffix of each image's files, for writing.

    It is that of the image file, else the image id; the ids for all images if two files have the
    same. An id may be a path, whose folders become subfolders.

    Raises:
        DetbenchError: An image id cannot name a file.
    """
    stems = _stems(ground_truth)
    if len(set(stems)) != len(stems):
        stems = list(ground_truth.image_ids)
    for stem in stems:
        for part in stem.split("/"):
            check_file_name(part)
    return stems


def need_folders(ground_truth: GroundTruth) -> bool:
    """Return whether several image files have the same stem and differ by their folders."""
    stems = _stems(ground_truth)
    return len(set(stems)) != len(stems)


def _stems(ground_truth: GroundTruth) -> list[str]:
    return [
        Path(file).stem or image_id
        for file, image_id in zip(ground_truth.image_files, ground_truth.image_ids, strict=True)
    ]
