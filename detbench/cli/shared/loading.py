"""Loading: the ground truth and detections that a command names, with progress on stderr."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from detbench.cli.shared.console import log, status
from detbench.cli.shared.detector_names import check_distinct_names

if TYPE_CHECKING:
    from detbench.data.columns import Ints
    from detbench.data.detections import Detections
    from detbench.data.ground_truth import GroundTruth


def load_inputs(
    ground_truth_path: Path,
    detection_paths: Sequence[Path],
    names: Sequence[str | None],
    *,
    split: str | None = None,
    images: Path | None = None,
    only_present: bool = False,
    allow_unknown: bool = False,
    groups: Path | None = None,
    columns: Sequence[str] | None = None,
) -> tuple[GroundTruth, list[Detections]]:
    """Load the ground truth and the detections of each file.

    Args:
        ground_truth_path: in any format that `load_ground_truth` reads.
        detection_paths: one for each detector.
        names: of the detectors; None where the file names it.
        split: image set of a VOC or YOLO dataset.
        images: folder of the images.
        only_present: keep only the images whose image file exists.
        allow_unknown: drop detections on unknown images or of unknown classes, with a warning.
        groups: CSV file that assigns images to groups.
        columns: what the columns of CSV files are, with or without a side in front.
    """
    from detbench.data.load import columns_of_inputs, load_detections

    stated, *stated_of_detections = columns_of_inputs(
        columns or (), [ground_truth_path, *detection_paths]
    )
    ground_truth = load_dataset(ground_truth_path, split=split, images=images, columns=stated)
    if groups:
        from detbench.data.groups import read_groups

        ground_truth = replace(ground_truth, groups=read_groups(groups, ground_truth))
    detections = []
    for path, name, stated in zip(detection_paths, names, stated_of_detections, strict=True):
        with status(f"reading {path}"):
            detections.append(
                load_detections(
                    path, ground_truth, allow_unknown=allow_unknown, name=name, columns=stated
                )
            )
    check_distinct_names([detector.name for detector in detections])
    if not only_present:
        return ground_truth, detections
    positions = present_positions(ground_truth)
    subset = ground_truth.select_images(positions)
    return subset, [detector.select_images(subset, positions) for detector in detections]


def load_dataset(
    path: Path, *, split: str | None, images: Path | None, columns: str | None = None
) -> GroundTruth:
    """Load ground truth, with progress on stderr."""
    from detbench.data.load import load_ground_truth

    with status(f"reading {path}"):
        return load_ground_truth(path, split=split, images=images, columns=columns)


def present_positions(ground_truth: GroundTruth) -> Ints:
    """Return the positions of the images whose image file exists, and print how many there are."""
    positions = ground_truth.images_with_files()
    log(
        f"only present: {len(positions):,} of {len(ground_truth.image_ids):,} images "
        f"have a file in {ground_truth.image_folder}"
    )
    return positions
