"""File stems: how YOLO's label and result files are named after images."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from detbench.data.formats.parsing.file_names import check_file_name
from detbench.data.formats.parsing.image_ids import match_images
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


def images_of_files(
    folder: Path, files: Iterable[Path], ground_truth: GroundTruth
) -> dict[str, int]:
    """Return file stem → position of the image, of those that are named after an image.

    They have the name of an image file, else an image id.

    Args:
        folder: The folder, for messages.
        files: All its files of results.
        ground_truth: The ground truth.

    Raises:
        InputError: A name fits several images.
    """
    stems = [file.stem for file in files]
    positions = match_images(folder, ground_truth, stems, are_files=True)
    pairs = zip(stems, positions, strict=True)
    return {stem: position for stem, position in pairs if position >= 0}
