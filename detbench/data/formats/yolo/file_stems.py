"""File stems: how YOLO's label and result files are named after images."""

from __future__ import annotations

from pathlib import Path

from detbench.data.formats.parsing.file_names import check_file_name
from detbench.data.ground_truth import GroundTruth


def file_stems(ground_truth: GroundTruth) -> list[str]:
    """Return the name without suffix of each image's files.

    It is that of the image file, else the image id; the ids for all images if two files have the
    same.

    Raises:
        DetbenchError: An image id cannot name a file.
    """
    stems = [
        Path(file).stem or image_id
        for file, image_id in zip(ground_truth.image_files, ground_truth.image_ids, strict=True)
    ]
    if len(set(stems)) != len(stems):
        stems = list(ground_truth.image_ids)
    for stem in stems:
        check_file_name(stem)
    return stems


def images_by_stem(ground_truth: GroundTruth) -> dict[str, int]:
    """Return file stem → position of the image: named after the image file, else after its id."""
    by_id = {image_id: position for position, image_id in enumerate(ground_truth.image_ids)}
    by_file = {stem: position for position, stem in enumerate(file_stems(ground_truth))}
    return by_id | by_file
