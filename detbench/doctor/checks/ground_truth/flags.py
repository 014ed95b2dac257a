"""Checks of flags: difficult or crowd objects that became ordinary ones, and ordinary ones crowds.

Lost flags themselves are gone. Signs of them are other keys of the file, or that a known dataset
has some.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from detbench.data.checks.counts import check_crowds
from detbench.data.formats.voc.annotations import VOC_CLASSES
from detbench.doctor.case import Case
from detbench.doctor.evidence.counterfactual import change_with_ground_truth
from detbench.doctor.findings import Finding
from detbench.metrics.protocols.crowd_and_difficult import counted_objects

MIN_OBJECTS = 600
"""Objects of VOC's or COCO's classes from which on it is no accident that none is difficult (6–20%
in VOC) or a crowd (1.2% in COCO)."""
N_COCO_CLASSES = 80
MIN_TRUNCATED = 30
"""Truncated objects from which on a set without a single difficult one has lost them."""


def check_flags(case: Case) -> list[Finding]:
    """Check for lost flags, and for crowds that seem to be single objects."""
    return [*_check_lost_flags(case), *_check_many_crowds(case)]


def _check_many_crowds(case: Case) -> list[Finding]:
    ground_truth = case.ground_truth
    suspicion = check_crowds(ground_truth, counted_objects(ground_truth, case.protocol))
    if suspicion is None:
        return []
    without_crowds = replace(ground_truth, iscrowd=np.zeros(len(ground_truth), np.bool_))
    change = change_with_ground_truth(case, without_crowds, "with all of them as objects")
    evidence = f"{suspicion.evidence}; {change}"
    return [Finding(suspicion.id, suspicion.severity, evidence, suspicion.fix)]


def _check_lost_flags(case: Case) -> list[Finding]:
    """Check for signs that there were difficult or crowd flags, if none is left."""
    signs = [sign for sign in (_sign_of_difficult(case), _sign_of_crowds(case)) if sign]
    if not signs:
        return []
    evidence = (
        f"{'; '.join(signs)}: objects that the protocol ignores count as missed, and detections on "
        "them as false positives"
    )
    fix = (
        "take the annotations from the official file, or convert them again with their flags, as "
        "`detbench convert` does"
    )
    return [Finding("flags-lost", "warning", evidence, fix)]


def _sign_of_difficult(case: Case) -> str:
    """Return the strongest sign that there were difficult objects, empty without any."""
    ground_truth, file = case.ground_truth, case.annotations
    if ground_truth.difficult.any() or ground_truth.iscrowd.any():
        return ""
    n_objects, n_truncated = len(ground_truth), int(ground_truth.truncated.sum())
    if file is not None and file.n_ignored:
        return (
            f"{file.n_ignored:,} annotations have ignore set, but neither difficult nor iscrowd, "
            "and pycocotools overwrites ignore"
        )
    if case.n_only_difficult:
        return (
            f"{case.n_only_difficult:,} entries of the class lists say that an image holds only "
            "difficult objects, but no object is difficult"
        )
    if set(ground_truth.class_names) == set(VOC_CLASSES) and n_objects >= MIN_OBJECTS:
        return f"none of {n_objects:,} objects of VOC's classes is difficult; in VOC one in ten is"
    if file is not None and file.n_truncated_keys and not file.n_difficult_keys:
        return (
            f"{file.n_truncated_keys:,} annotations have the key truncated, as VOC's do, but none "
            "has the key difficult"
        )
    if n_truncated >= MIN_TRUNCATED:
        return f"{n_truncated:,} objects are truncated, but not a single one is difficult"
    return ""


def _sign_of_crowds(case: Case) -> str:
    """Return the strongest sign that there were crowds, empty without any."""
    ground_truth, file = case.ground_truth, case.annotations
    if file is not None and file.n_regions:
        return (
            f"{file.n_regions:,} annotations have the run-length mask of a crowd region, but "
            "iscrowd is not 1"
        )
    names, n_objects = ground_truth.class_names, len(ground_truth)
    has_coco_classes = len(names) == N_COCO_CLASSES and "person" in names
    if not has_coco_classes or ground_truth.iscrowd.any():
        return ""
    if file is not None and n_objects and file.n_without_crowd_key == len(file.ids):
        return "no annotation has an iscrowd, which all of COCO's have"
    if n_objects >= MIN_OBJECTS:
        return f"none of {n_objects:,} objects of COCO's classes is a crowd; in COCO one in 80 is"
    return ""
