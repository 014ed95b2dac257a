"""Checks of ground truth numbers: texts in their place, not finite ones, and impossible sizes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from detbench.data.checks.suspicion import Severity
from detbench.data.columns import Flags, Floats
from detbench.data.formats.lenient_files import AnnotationsFile, EntryList
from detbench.data.ground_truth import GroundTruth
from detbench.doctor.case import Case
from detbench.doctor.edits.coco_document import (
    change_negative_sizes,
    drop_impossible_image_sizes,
    drop_not_finite,
    drop_without_extent,
    read_texts_as_numbers,
)
from detbench.doctor.edits.ground_truth_columns import with_boxes, with_extent
from detbench.doctor.evidence.counterfactual import change_with_ground_truth, score_of_rest
from detbench.doctor.findings import CocoDocument, Finding
from detbench.doctor.readings.box_formats import (
    NO_OFFSET,
    corner_offset,
    ordered_corners,
    positive_sizes,
)

MOST = 0.5
"""Share of boxes without extent above which the file is written wrongly."""


def check_annotation_numbers(case: Case, file: AnnotationsFile) -> list[Finding]:
    """Return which numbers of the annotations are not numbers, or impossible ones."""
    return [
        *_check_malformed(case, file),
        *_check_not_finite(case, file),
        *_check_image_sizes(file),
    ]


def _check_malformed(case: Case, file: AnnotationsFile) -> list[Finding]:
    """Check for texts, or nothing, in place of numbers, in any list of the file."""
    n_malformed = int(file.malformed.sum())
    counts = [f"{n_malformed:,} of {len(file.malformed):,} annotations"] if n_malformed else []
    firsts = [file.first_malformed] if n_malformed else []
    for entries in file.entry_lists:
        if entries.malformed:
            n_values = len(entries.malformed)
            counts.append(f"{n_values:,} values of {entries.count:,} {entries.name}")
            firsts.append(entries.malformed[0])
    if not counts:
        return []
    is_coco = file.format_name == "coco"
    problem = "have a text, or nothing, in place of a number" if is_coco else "are malformed"
    rest = score_of_rest(case, case.rows, "with numbers in quotes read as numbers")
    evidence = (
        f"in the ground truth, {' and '.join(counts)} {problem} (the first: {firsts[0]}): {rest}"
    )
    edit = partial(read_texts_as_numbers, numeric_image_ids=file.numeric_image_ids)
    return [Finding("not-a-number", "error", evidence, fix_document=edit)]


def _check_not_finite(case: Case, file: AnnotationsFile) -> list[Finding]:
    """Check for boxes that are not finite."""
    wrong = ~np.isfinite(file.box_numbers).all(axis=1) & ~file.malformed_boxes
    if not wrong.any():
        return []
    evidence = (
        f"{wrong.sum():,} of {len(wrong):,} annotations have a NaN or infinite box (the first: "
        f"{file.location(int(wrong.argmax()))}): {score_of_rest(case, case.rows, 'without them')}"
    )
    return [Finding("not-finite", "error", evidence, fix_document=drop_not_finite)]


def _check_image_sizes(file: AnnotationsFile) -> list[Finding]:
    """Check for widths and heights of images that are negative or not finite."""
    return [
        finding
        for entries in file.entry_lists
        for finding in (
            _image_size_finding(entries, "negative-size", entries.negative, "negative"),
            _image_size_finding(entries, "not-finite", entries.not_finite, "not finite"),
        )
        if finding is not None
    ]


def _image_size_finding(
    entries: EntryList, finding: str, wrong: tuple[str, ...], problem: str
) -> Finding | None:
    if not wrong:
        return None
    evidence = (
        f"{len(wrong):,} sides of {entries.count:,} {entries.name} are {problem} (the first: "
        f"{wrong[0]})"
    )
    return Finding(finding, "error", evidence, fix_document=drop_impossible_image_sizes)


def check_box_sizes(case: Case) -> tuple[Case, list[Finding]]:
    """Check for annotated boxes of negative or of no width or height.

    Returns:
        The case without the boxes of negative size, and the findings.
    """
    file = case.annotations
    if file is None:
        return case, []
    sizes = file.sizes
    if case.is_ground_truth_fixed:
        boxes = case.ground_truth.boxes
        sizes = np.ones_like(file.sizes)
        sizes[file.object_annotations] = boxes[:, 2:] - boxes[:, :2]
    negative: Flags = np.asarray((sizes < 0).any(axis=1))
    empty: Flags = np.asarray((sizes == 0).any(axis=1) & ~negative)
    findings = []
    if negative.any():
        fixed = without_negative_sizes(case)
        findings.append(_negative_finding(case, file, negative, fixed))
        case = case.with_ground_truth(fixed.ground_truth)
    if empty.any():
        findings.append(_empty_finding(file, empty))
    return case, findings


def _negative_finding(
    case: Case, file: AnnotationsFile, negative: Flags, fixed: PositiveSizes
) -> Finding:
    first = int(negative.argmax())
    change = change_with_ground_truth(case, fixed.ground_truth, fixed.how)
    evidence = (
        f"{negative.sum():,} of {len(negative):,} annotations have a negative width or height (the "
        f"first: {file.location(first)}: {file.box_numbers[first].tolist()}), which "
        f"`detbench eval` refuses; {change}"
    )
    edit: Callable[[CocoDocument], None] = drop_without_extent
    if fixed.change is not None:
        edit = partial(change_negative_sizes, change=fixed.change)
    return Finding("negative-size", "error", evidence, fix_document=edit)


def _empty_finding(file: AnnotationsFile, empty: Flags) -> Finding:
    is_refused = file.format_name == "voc"
    severity: Severity = "error" if is_refused or empty.mean() > MOST else "warning"
    consequence = "`detbench eval` refuses them" if is_refused else "nothing matches them"
    evidence = (
        f"{empty.sum():,} of {len(empty):,} annotated boxes have no width or height (the first: "
        f"{file.location(int(empty.argmax()))}): {consequence}"
    )
    return Finding("zero-area", severity, evidence, fix_document=drop_without_extent)


class PositiveSizes(NamedTuple):
    """A ground truth without boxes of negative or of no width or height."""

    ground_truth: GroundTruth
    how: str
    """How it differs, as an adverbial phrase."""
    change: Callable[[Floats], Floats] | None
    """What boxes of negative size become; None if they are left out."""


def without_negative_sizes(case: Case) -> PositiveSizes:
    """Return the ground truth without boxes of negative or of no width or height.

    Swapped corners are put in order, or signs of sizes dropped, if the detections fit better then.
    In files that are written anew, corners are put in order unless the detections fit worse.
    """
    left_out = PositiveSizes(with_extent(case.ground_truth), "without them", None)
    variants = [
        PositiveSizes(_with_changed_boxes(case, change), how, change)
        for change, how in (
            (ordered_corners, "with their corners in order"),
            (positive_sizes, "with their sizes without the sign"),
        )
    ]
    scores = [_score(case, variant.ground_truth) for variant in (left_out, *variants)]
    if max(scores) > scores[0]:
        return (left_out, *variants)[int(np.argmax(scores))]
    is_written_anew = case.annotations is not None and case.annotations.format_name != "coco"
    return variants[0] if is_written_anew and scores[1] == scores[0] else left_out


def _score(case: Case, ground_truth: GroundTruth) -> float:
    return case.with_ground_truth(ground_truth).quick_score.score(case.rows)


def _with_changed_boxes(case: Case, change: Callable[[Floats], Floats]) -> GroundTruth:
    """Return the objects that have an extent once boxes of negative size are changed."""
    ground_truth, file = case.ground_truth, case.annotations
    # Corners are in order as written, not as continuous edges: xmin is the smaller one in VOC.
    offset = np.array(NO_OFFSET, np.float64)
    if file is not None and not case.is_ground_truth_fixed:
        offset += corner_offset(file)
    boxes = change(ground_truth.boxes + offset) - offset
    changed = (boxes != ground_truth.boxes).any(axis=1)
    measured = changed if file is not None and file.format_name == "coco" else np.ones_like(changed)
    return with_extent(with_boxes(ground_truth, boxes, measured=measured))
