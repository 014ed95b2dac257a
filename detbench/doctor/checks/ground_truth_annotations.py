"""Annotations: what is wrong with the ground truth itself."""

from __future__ import annotations

from collections import Counter

import numpy as np

from detbench.data.formats.voc.annotations import VOC_CLASSES
from detbench.doctor.case import AnnotationFile, Case
from detbench.doctor.checks.ground_truth_numbers import check_annotation_numbers
from detbench.doctor.evidence.counterfactual import told_of_truth
from detbench.doctor.findings import Finding, Severity
from detbench.doctor.fixes.commands import keeping, rewriting
from detbench.doctor.fixes.ground_truths import with_measured_areas

VOC_OBJECTS, COCO_OBJECTS = 600, 600
"""Objects from which on no difficult (VOC: 6–20 %) or no crowd (COCO: 1.2 %) among them is no accident."""
COCO_CLASSES = 80
TRUNCATED = 30
"""Truncated objects beside which a set without a single difficult one has lost them."""


def check_annotations(case: Case) -> list[Finding]:
    """Return what is wrong with numbers, ids, areas and flags of the ground truth."""
    file = case.annotations
    found = (
        []
        if file is None
        else [
            *check_annotation_numbers(case, file),
            *_listed_ids(file),
            *_ids(file),
            *_areas(case, file),
        ]
    )
    return [*found, *_nothing(case), *_flags(case)]


def _nothing(case: Case) -> list[Finding]:
    """No object that counts, though none was left out for its own faults."""
    if case.regular.any() or (
        not len(case.truth) and case.annotations is not None and case.annotations.ids
    ):
        return []
    objects = (
        f"none of the {len(case.truth):,} objects counts (difficult or crowd)"
        if len(case.truth)
        else "there are no objects"
    )
    evidence = f"{objects} in the ground truth: no class has an average precision"
    return [
        Finding(
            "class-without-ground-truth",
            "error",
            evidence,
            "check that this is the file of a split with public annotations",
        )
    ]


def _listed_ids(file: AnnotationFile) -> list[Finding]:
    """Images or categories that share an id."""
    found = []
    for part, finding in zip(
        file.parts, ("image-ids-duplicate", "category-ids-duplicate"), strict=True
    ):
        if part.shared:
            listed = ", ".join(part.shared[:5]) + (" …" if len(part.shared) > 5 else "")
            evidence = f"several {part.name} share an id ({listed}); which of them an annotation means cannot be told"
            edit = (
                f"d[{part.name!r}] = [*{{str(e['id']): e for e in d[{part.name!r}][::-1]}}.values()][::-1]"
                if part.copied
                else ""
            )
            fix = (
                ""
                if part.copied
                else f"give each of the {part.name} an id of its own, in their annotations as well"
            )
            found.append(Finding(finding, "error", evidence, fix, edit=edit))
    return found


def _ids(file: AnnotationFile) -> list[Finding]:
    total, found = len(file.ids), []
    renumber = rewriting("id=n")
    shared = {
        number: count
        for number, count in Counter(map(str, file.ids)).items()
        if count > 1 and number != "None"
    }
    if shared:
        first = next(iter(shared))
        evidence = f"{sum(shared.values()):,} of {total:,} annotations share an id (the first: {first}); tools keep one of each"
        found.append(Finding("annotation-ids-duplicate", "error", evidence, "", edit=renumber))
    if missing := sum(
        number is None and not odd for number, odd in zip(file.ids, file.odd.tolist(), strict=True)
    ):
        evidence = f"{missing:,} of {total:,} annotations have no id; pycocotools stops"
        found.append(Finding("annotation-ids-duplicate", "warning", evidence, "", edit=renumber))
    if any(type(number) in (int, float) and number == 0 for number in file.ids):
        row = next(n for n, number in enumerate(file.ids) if number == 0)
        evidence = f"annotations[{row}] has id 0; pycocotools takes what matches it for unmatched, so that AP falls there, not here"
        found.append(Finding("annotation-id-zero", "warning", evidence, "", edit=renumber))
    for count, finding, what in (
        (file.unknown_images, "image-ids-unknown", "images"),
        (file.unknown_classes, "class-ids-80-91", "categories"),
    ):
        if count and file.form == "yolo":
            evidence = f"{count:,} of {total:,} labels are of classes that have no name (the first: {file.first_unknown})"
            found.append(
                Finding(
                    finding,
                    "error",
                    evidence,
                    "name these classes in the yaml, or count classes from 0",
                )
            )
        elif count:
            evidence = (
                f"{count:,} of {total:,} annotations are of {what} that the file does not list"
            )
            key = "image_id" if what == "images" else "category_id"
            fix = keeping(
                f"str(a.get({key!r})).removesuffix('.0') in {{str(e['id']).removesuffix('.0') for e in d[{what!r}]}}"
            )
            found.append(Finding(finding, "error", evidence, "", edit=fix))
    return found


def _areas(case: Case, file: AnnotationFile) -> list[Finding]:
    if file.form != "coco":
        return []
    total, found = len(file.ids), []
    measured = np.abs(file.sizes[:, 0] * file.sizes[:, 1])
    from_boxes = rewriting(
        "area=a['bbox'][2] * a['bbox'][3]",
        "not (isinstance(a.get('area'), (int, float)) and a['area'] > 0)",
    )
    missing = np.isnan(file.areas) & ~file.odd_areas
    if missing.any():
        evidence = f"{missing.sum():,} of {total:,} annotations have no area; width · height stands in for it here, pycocotools stops"
        found.append(Finding("area-missing", "warning", evidence, "", edit=from_boxes))
    for wrong, how in (
        (
            (file.areas == 0) & (measured > 0),
            "have area 0 though their box has one: they count as small, APm and APl leave them out",
        ),
        (
            file.areas < 0,
            "have an area below 0, and count in no range of sizes, not even that of all",
        ),
    ):
        if wrong.any():
            proof = told_of_truth(
                case, with_measured_areas(case.truth), "with the areas of the boxes"
            )
            severity: Severity = "error" if 2 * wrong.sum() > total else "warning"
            found.append(
                Finding(
                    "area-zero",
                    severity,
                    f"{wrong.sum():,} of {total:,} annotations {how}; {proof}",
                    "",
                    edit=from_boxes,
                )
            )
    return found


def _flags(case: Case) -> list[Finding]:
    """Difficult and crowd flags of which the rest of the file says that there were some."""
    truth, file = case.truth, case.annotations
    signs = []
    if not truth.difficult.any() and not truth.iscrowd.any():
        signs += _lost_difficult(case)
    if file is not None and file.regions:
        signs.append(
            f"{file.regions:,} annotations have the run-length mask of a crowd region, but iscrowd is not 1"
        )
    elif (
        len(truth.class_names) == COCO_CLASSES
        and not truth.iscrowd.any()
        and "person" in truth.class_names
    ):
        if file is not None and len(truth) and file.without_crowd_key == len(file.ids):
            signs.append("no annotation has an iscrowd, which all of COCO's have")
        elif len(truth) >= COCO_OBJECTS:
            signs.append(
                f"none of {len(truth):,} objects of COCO's classes is a crowd, where one in 80 is"
            )
    if not signs:
        return []
    fix = "take the annotations from the official file, or convert them again with their flags: `detbench convert` keeps them"
    consequence = "what the protocol ignores counts as missed objects and false positives"
    return [Finding("flags-lost", "warning", f"{'; '.join(signs)}: {consequence}", fix)]


def _lost_difficult(case: Case) -> list[str]:
    truth, file = case.truth, case.annotations
    if file is not None and file.ignored:
        return [
            f"{file.ignored:,} annotations have ignore set, but neither difficult nor iscrowd, and pycocotools overwrites ignore"
        ]
    if case.marked_difficult:
        return [
            f"{case.marked_difficult:,} entries of the class lists say that an image holds only difficult objects, but no object is"
        ]
    if set(truth.class_names) == set(VOC_CLASSES) and len(truth) >= VOC_OBJECTS:
        return [
            f"none of {len(truth):,} objects of VOC's classes is difficult, where one in ten is"
        ]
    if file is not None and file.truncated_keys and not file.difficult_keys:
        return [
            f"{file.truncated_keys:,} annotations say whether they are truncated, as VOC's do, but none whether it is difficult"
        ]
    if truth.truncated.sum() >= TRUNCATED:
        return [
            f"{truth.truncated.sum():,} objects are truncated, but not a single one is difficult"
        ]
    return []
