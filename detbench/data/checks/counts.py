"""Checks of counts: objects that count or do not, and detections: none, on no object, too many."""

from __future__ import annotations

import numpy as np

from detbench.data.checks.suspicion import Severity, Suspicion
from detbench.data.columns import Flags, groups_from_offsets
from detbench.data.detection_rows import DetectionRows
from detbench.data.ground_truth import GroundTruth
from detbench.wording import plural

NOTED_CROWDS = 0.05
"""Share of crowds among objects that is worth a note of the doctor. COCO has .012."""
MAX_CROWDS = 0.25
"""Share above which single objects seem to be flagged. Datasets of persons and traffic that flag
groups and unclear objects have about a fifth: .18 in the test set of KAIST."""
MIN_CROWDS = 5
"""Crowds from which on their share is worth a warning."""
FORMATS_WITH_REGIONS = ("bbgt", "crowdhuman", "kitti", "visdrone")
"""Formats in which regions that do not count are normal, in any number."""
MIN_POSSIBLE = 20
"""Objects that detections could lie on from which on it means something that they do not."""
MIN_FOUND = 0.05
"""Smallest normal share of them with a detection on them. Weak detectors, simulated on 26 kinds of
images, find .12 and more."""
FEW_DIFFICULT, MANY_DIFFICULT = 5, 0.1
"""Difficult objects, in number and as a share, from which on it is named that they count; VOC 2007
has .2."""
_CROWD_FIX = "set iscrowd to 0 if they are single objects, such as brush masks from CVAT"


def check_counted(ground_truth: GroundTruth, counted: Flags) -> Suspicion | None:
    """Check whether any object counts.

    Args:
        ground_truth: G objects.
        counted: (G,) which objects the protocol counts.
    """
    if counted.any():
        return None
    total, n_crowds = len(ground_truth), int(ground_truth.iscrowd.sum())
    if not total:
        evidence = "there are no objects in the ground truth"
        fix = "check that this is the file of a split with public annotations"
    elif n_crowds:
        evidence = f"none of {plural(total, 'object')} counts, since {n_crowds:,} are crowds"
        fix = _CROWD_FIX
    else:
        evidence = f"none of {plural(total, 'object')} counts, since all are difficult"
        fix = "choose another split, or count them with --difficult count"
    evidence += ": no class has an average precision"
    return Suspicion("class-without-ground-truth", "error", evidence, fix)


def check_difficult(ground_truth: GroundTruth, counted: Flags) -> Suspicion | None:
    """Check for many difficult objects that count, though the tools of most formats ignore them.

    Args:
        ground_truth: G objects.
        counted: (G,) which objects the protocol counts.
    """
    n_counted = int((ground_truth.difficult & counted).sum())
    if n_counted < max(FEW_DIFFICULT, MANY_DIFFICULT * len(ground_truth)):
        return None
    evidence = f"{n_counted:,} difficult objects are counted, as in the COCO protocol"
    fix = "--difficult ignore leaves them out"
    return Suspicion("difficult-counted", "note", evidence, fix, is_reported=True)


def check_crowds(ground_truth: GroundTruth, counted: Flags) -> Suspicion | None:
    """Check for many crowds, which hide whether objects are found.

    A region with a crowd of several classes is meant to be ignored, and is not considered; nor is
    any in a format in which they are normal.

    Args:
        ground_truth: G objects.
        counted: (G,) which objects the protocol counts.
    """
    crowds = ground_truth.iscrowd & ~counted
    is_normal = ground_truth.source.partition(" ")[0] in FORMATS_WITH_REGIONS
    if is_normal or not crowds.any() or not counted.any():
        return None
    is_region = crowds & _has_twin(ground_truth, crowds)
    n_crowds, total = int((crowds & ~is_region).sum()), int((~is_region).sum())
    if n_crowds <= NOTED_CROWDS * total:
        return None
    is_much = n_crowds > MAX_CROWDS * total
    severity: Severity = "warning" if is_much and n_crowds >= MIN_CROWDS else "note"
    evidence = (
        f"{n_crowds:,} of {plural(total, 'object')} ({n_crowds / total:.0%}) are crowds: AP does "
        "not show whether they are found"
    )
    return Suspicion("many-crowds", severity, evidence, _CROWD_FIX, is_reported=is_much)


def _has_twin(ground_truth: GroundTruth, crowds: Flags) -> Flags:
    """Return which objects (G,) have the box of another of the crowds in their image."""
    rows = np.flatnonzero(crowds)
    images = groups_from_offsets(ground_truth.offsets)[rows, None]
    keys = np.hstack([images, ground_truth.boxes[rows]])
    _, inverse, counts = np.unique(keys, axis=0, return_inverse=True, return_counts=True)
    has_twin = np.zeros(len(ground_truth), np.bool_)
    has_twin[rows] = counts[inverse.ravel()] > 1
    return has_twin


def check_empty(rows: DetectionRows) -> Suspicion | None:
    """Check whether there are no detections at all."""
    if len(rows):
        return None
    fix = "check that this is the file of a finished run"
    return Suspicion("detections-empty", "error", "there are no detections", fix)


def check_objects_found(n_objects: int, n_detections: int, n_found: int) -> Suspicion | None:
    """Check whether almost no object has a detection on it, as with boxes of another format.

    Args:
        n_objects: Number of objects on the images that are looked at.
        n_detections: Number of their highest-scoring detections.
        n_found: Number of objects with one of these on them, whatever the classes.
    """
    n_possible = min(n_objects, n_detections)
    if n_possible < MIN_POSSIBLE or n_found >= MIN_FOUND * n_possible:
        return None
    evidence = (
        f"almost no detection lies on an object: {n_found:,} of {n_possible:,} that could are "
        "found, with IoU ≥ .5 and any class"
    )
    fix = "find out why with detbench doctor: box format, unit, image size, or other images"
    return Suspicion("objects-not-found", "warning", evidence, fix)


def check_detection_limit(
    rows: DetectionRows, n_classes: int, max_detections: int | None
) -> Suspicion | None:
    """Check for detections that the protocol's limit per image and class leaves out.

    Args:
        rows: The detections; all of a known image and class.
        n_classes: Number of classes of the ground truth.
        max_detections: The limit, None for a protocol without one.
    """
    if max_detections is None:
        return None
    cells = rows.image_index * n_classes + rows.class_index
    counts = np.unique(cells, return_counts=True)[1]
    n_cut = int(np.maximum(counts - max_detections, 0).sum())
    if n_cut == 0:
        return None
    evidence = (
        f"{n_cut:,} detections are not scored: they are beyond the {max_detections} "
        "highest-scoring ones of their image and class"
    )
    fix = "this is the COCO protocol's rule; other tools may count them"
    return Suspicion("too-many-detections", "note", evidence, fix, is_reported=True)
