"""Annotations: what is wrong with the ground truth itself."""

from __future__ import annotations

from collections import Counter

import numpy as np

from detbench.bench.doctor.case import AnnotationFile, Case
from detbench.bench.doctor.findings import Finding
from detbench.bench.doctor.fixes import keeping, rewriting
from detbench.data.voc import VOC_CLASSES

VOC_OBJECTS, COCO_OBJECTS = 600, 600
"""Objects from which on no difficult (VOC: 6–20 %) or no crowd (COCO: 1.2 %) among them is no accident."""
COCO_CLASSES = 80
TRUNCATED = 30
"""Truncated objects beside which a set without a single difficult one has lost them."""


def check_annotations(case: Case) -> list[Finding]:
    """Return what is wrong with ids, numbers, areas and flags of the ground truth."""
    file = case.annotations
    found = [] if file is None else [*_ids(case, file), *_numbers(case, file), *_areas(case, file)]
    return [*found, *_flags(case)]


def _ids(case: Case, file: AnnotationFile) -> list[Finding]:
    total, found = len(file.ids), []
    renumber = rewriting(case, "id=n")
    shared = {number: count for number, count in Counter(map(str, file.ids)).items() if count > 1 and number != "None"}
    if shared:
        first = next(iter(shared))
        evidence = f"{sum(shared.values()):,} of {total:,} annotations share an id (the first: {first}); tools keep one of each"
        found.append(Finding("annotation-ids-duplicate", "error", evidence, renumber))
    if any(type(number) in (int, float) and number == 0 for number in file.ids):
        row = next(n for n, number in enumerate(file.ids) if number == 0)
        evidence = f"annotations[{row}] has id 0; pycocotools takes what matches it for unmatched, so that AP falls there, not here"
        found.append(Finding("annotation-id-zero", "warning", evidence, renumber))
    for count, finding, what in (
        (file.unknown_images, "image-ids-unknown", "images"),
        (file.unknown_classes, "class-ids-80-91", "categories"),
    ):
        if count:
            evidence = f"{count:,} of {total:,} annotations are of {what} that the file does not list"
            key = "image_id" if what == "images" else "category_id"
            fix = keeping(case, f"a.get({key!r}) in {{e['id'] for e in d[{what!r}]}}")
            found.append(Finding(finding, "error", evidence, fix))
    return found


def _numbers(case: Case, file: AnnotationFile) -> list[Finding]:
    total, found = len(file.ids), []
    endless = ~np.isfinite(file.boxes).all(axis=1)
    sizes = file.boxes[:, 2:]
    negative, empty = (sizes < 0).any(axis=1), (sizes == 0).any(axis=1) & ~(sizes < 0).any(axis=1)
    positive = keeping(case, "a['bbox'][2] > 0 and a['bbox'][3] > 0")
    if file.texts:
        numbers = rewriting(case, "bbox=[float(s) for s in a['bbox']], area=float(a.get('area', 0))")
        found.append(
            Finding("not-a-number", "error", f"{file.texts:,} of {total:,} annotations have a text where a number belongs", numbers)
        )
    if endless.any() and int(endless.sum()) > file.texts:
        first = f"annotations[{int(endless.argmax())}]"
        evidence = f"{endless.sum():,} of {total:,} annotations have a NaN, infinite or missing box (the first: {first})"
        fix = keeping(case, "len(a.get('bbox', [])) == 4 and all(abs(s) < 1e9 for s in a['bbox'])")
        found.append(Finding("not-finite", "error", evidence, fix))
    if negative.any():
        row = int(negative.argmax())
        evidence = (
            f"{negative.sum():,} of {total:,} annotations have a negative width or height (annotations[{row}]: {file.boxes[row].tolist()})"
        )
        found.append(Finding("negative-size", "error", evidence, positive))
    if empty.any():
        evidence = f"{empty.sum():,} of {total:,} boxes have no width or height (annotations[{int(empty.argmax())}]): nothing matches them"
        found.append(Finding("zero-area", "warning", evidence, positive))
    return found


def _areas(case: Case, file: AnnotationFile) -> list[Finding]:
    total, found = len(file.ids), []
    measured = file.boxes[:, 2] * file.boxes[:, 3]
    from_boxes = rewriting(case, "area=a['bbox'][2] * a['bbox'][3]")
    missing, zero = np.isnan(file.areas), (file.areas == 0) & (measured > 0)
    if missing.any():
        evidence = f"{missing.sum():,} of {total:,} annotations have no area; width · height stands in for it here, pycocotools stops"
        found.append(Finding("area-missing", "warning", evidence, from_boxes))
    if zero.any():
        evidence = (
            f"{zero.sum():,} of {total:,} annotations have area 0 though their box has one: they count as small, APm and APl leave them out"
        )
        found.append(Finding("area-zero", "error" if 2 * zero.sum() > total else "warning", evidence, from_boxes))
    return found


def _flags(case: Case) -> list[Finding]:
    """Difficult and crowd flags of which the rest of the file says that there were some."""
    truth, file = case.truth, case.annotations
    signs = []
    if not truth.difficult.any() and not truth.iscrowd.any():
        signs += _lost_difficult(case)
    if file is not None and file.regions:
        signs.append(f"{file.regions:,} annotations have the run-length mask of a crowd region, but iscrowd is not 1")
    elif len(truth.class_names) == COCO_CLASSES and not truth.iscrowd.any() and "person" in truth.class_names:
        if file is not None and len(truth) and file.without_crowd_key == len(file.ids):
            signs.append("no annotation has an iscrowd, which all of COCO's have")
        elif len(truth) >= COCO_OBJECTS:
            signs.append(f"none of {len(truth):,} objects of COCO's classes is a crowd, where one in 80 is")
    if not signs:
        return []
    fix = "take the annotations from the official file, or convert them again with their flags: `detbench convert` keeps them"
    consequence = "what the protocol ignores counts as missed objects and false positives"
    return [Finding("flags-lost", "warning", f"{'; '.join(signs)}: {consequence}", fix)]


def _lost_difficult(case: Case) -> list[str]:
    truth, file = case.truth, case.annotations
    if file is not None and file.ignored:
        return [f"{file.ignored:,} annotations have ignore set, but neither difficult nor iscrowd, and pycocotools overwrites ignore"]
    if case.marked_difficult:
        return [f"{case.marked_difficult:,} entries of the class lists say that an image holds only difficult objects, but no object is"]
    if set(truth.class_names) == set(VOC_CLASSES) and len(truth) >= VOC_OBJECTS:
        return [f"none of {len(truth):,} objects of VOC's classes is difficult, where one in ten is"]
    if file is not None and file.truncated_keys and not file.difficult_keys:
        return [f"{file.truncated_keys:,} annotations say whether they are truncated, as VOC's do, but none whether it is difficult"]
    if truth.truncated.sum() >= TRUNCATED:
        return [f"{truth.truncated.sum():,} objects are truncated, but not a single one is difficult"]
    return []
