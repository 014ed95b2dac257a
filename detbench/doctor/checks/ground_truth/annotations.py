"""Checks of annotations: their numbers, IDs and areas."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Literal

import numpy as np

from detbench.data.checks.counts import check_counted
from detbench.data.checks.suspicion import Severity
from detbench.data.columns import Flags
from detbench.data.formats.lenient_files import AnnotationsFile, EntryList
from detbench.doctor.case import Case
from detbench.doctor.checks.ground_truth.numbers import check_annotation_numbers
from detbench.doctor.edits.coco_document import (
    drop_repeated_entries,
    keep_listed,
    measure_areas,
    renumber,
)
from detbench.doctor.edits.ground_truth_columns import with_measured_areas
from detbench.doctor.evidence.counterfactual import change_with_ground_truth
from detbench.doctor.findings import Finding
from detbench.metrics.protocols.crowd_and_difficult import counted_objects

_ZERO_AREA = (
    "have area 0 though their box has one: they count as small, and APm and APl leave them out"
)
_NEGATIVE_AREA = "have an area below 0, and count in no range of areas, not even in that of all"
_LISTED = 5
"""Shared IDs that the evidence lists."""


def check_annotations(case: Case) -> list[Finding]:
    """Return what is wrong with the annotations themselves, before any box is looked at."""
    file = case.annotations
    if file is None:
        return _check_objects(case)
    return [
        *check_annotation_numbers(case, file),
        *_check_entry_ids(file.images, "image-ids-duplicate"),
        *_check_entry_ids(file.classes, "category-ids-duplicate"),
        *_check_annotation_ids(file),
        *_check_unknown(file),
        *_check_areas(case, file),
        *_check_objects(case),
    ]


def _check_objects(case: Case) -> list[Finding]:
    """Check whether any object counts, unless all were left out for their own faults."""
    ground_truth, file = case.ground_truth, case.annotations
    was_left_out = not len(ground_truth) and file is not None and bool(file.ids)
    suspicion = check_counted(ground_truth, counted_objects(ground_truth, case.protocol))
    return [] if suspicion is None or was_left_out else [Finding.from_suspicion(suspicion)]


def _check_entry_ids(entries: EntryList, finding: str) -> list[Finding]:
    """Check for images or categories that share an ID."""
    shared, name = entries.shared_ids, entries.name
    if not shared or name == "classes":
        return []
    listed = ", ".join(shared[:_LISTED]) + (" …" if len(shared) > _LISTED else "")
    evidence = (
        f"several {name} share an ID ({listed}): it is ambiguous which of them an annotation means"
    )
    if entries.shared_are_equal:
        edit = partial(drop_repeated_entries, list_name=name)
        return [Finding(finding, "error", evidence, fix_document=edit)]
    fix = f"give each of the {name} an ID of its own, in their annotations as well"
    return [Finding(finding, "error", evidence, fix)]


def _check_annotation_ids(file: AnnotationsFile) -> list[Finding]:
    """Check for annotations that share an ID, have none, or have ID 0."""
    total, findings = len(file.ids), []

    def add(finding: str, severity: Severity, evidence: str) -> None:
        findings.append(Finding(finding, severity, evidence, fix_document=renumber))

    uses = Counter(str(number) for number in file.ids if number is not None)
    shared = {number: count for number, count in uses.items() if count > 1}
    if shared:
        add(
            "annotation-ids-duplicate",
            "error",
            f"{sum(shared.values()):,} of {total:,} annotations share an ID (the first: "
            f"{next(iter(shared))}); tools keep one of each",
        )
    ids_and_faults = zip(file.ids, file.malformed.tolist(), strict=True)
    n_missing = sum(number is None and not malformed for number, malformed in ids_and_faults)
    if n_missing:
        add(
            "annotation-ids-duplicate",
            "warning",
            f"{n_missing:,} of {total:,} annotations have no ID; pycocotools stops",
        )
    zeros = [row for row, number in enumerate(file.ids) if _is_zero(number)]
    if zeros:
        add(
            "annotation-id-zero",
            "warning",
            f"annotations[{zeros[0]}] has ID 0; pycocotools treats what matches it as unmatched, "
            "so that AP falls there, but not here",
        )
    return findings


def _is_zero(number: object) -> bool:
    return isinstance(number, int | float) and not isinstance(number, bool) and number == 0


def _check_unknown(file: AnnotationsFile) -> list[Finding]:
    """Check for annotations of images or categories that the file does not list."""
    if file.first_unknown_class:
        return _check_unnamed_classes(file)
    lists: tuple[tuple[int, str, Literal["images", "categories"], str], ...] = (
        (file.n_unknown_images, "image-ids-unknown", "images", "image_id"),
        (file.n_unknown_classes, "class-ids-80-91", "categories", "category_id"),
    )
    return [
        Finding(
            finding,
            "error",
            f"{count:,} of {len(file.ids):,} annotations are of {name} that the file does not list",
            fix_document=partial(keep_listed, list_name=name, key=key),
        )
        for count, finding, name, key in lists
        if count
    ]


def _check_unnamed_classes(file: AnnotationsFile) -> list[Finding]:
    evidence = (
        f"{file.n_unknown_classes:,} of {len(file.ids):,} labels are of classes without a name "
        f"(the first: {file.first_unknown_class})"
    )
    fix = "name these classes in the YAML, or count classes from 0"
    return [Finding("class-ids-80-91", "error", evidence, fix)]


def _check_areas(case: Case, file: AnnotationsFile) -> list[Finding]:
    """Check for missing areas, and for areas that are 0 or below."""
    if file.format_name != "coco":
        return []
    total, findings = len(file.ids), []
    missing = np.isnan(file.areas) & ~file.malformed_areas
    if missing.any():
        evidence = (
            f"{missing.sum():,} of {total:,} annotations have no area; width · height is used "
            "here, pycocotools stops"
        )
        findings.append(Finding("area-missing", "warning", evidence, fix_document=measure_areas))
    box_areas = np.abs(file.sizes[:, 0] * file.sizes[:, 1])
    problems: tuple[tuple[Flags, str], ...] = (
        ((file.areas == 0) & (box_areas > 0), _ZERO_AREA),
        (file.areas < 0, _NEGATIVE_AREA),
    )
    for wrong, problem in problems:
        if wrong.any():
            fixed = with_measured_areas(case.ground_truth)
            change = change_with_ground_truth(case, fixed, "with the areas of the boxes")
            evidence = f"{wrong.sum():,} of {total:,} annotations {problem}; {change}"
            severity: Severity = "error" if 2 * wrong.sum() > total else "warning"
            findings.append(Finding("area-zero", severity, evidence, fix_document=measure_areas))
    return findings
