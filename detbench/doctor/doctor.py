"""Doctor: all checks in the order in which one mistake hides another.

Image ids come first, then the reading of boxes, then classes: each is mended, in memory, before what follows is looked at, so that one
mistake is one finding, and several are proven one after the other. What remains is counted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from detbench.doctor.case import Case
from detbench.doctor.checks.boxes import check_boxes
from detbench.doctor.checks.classes import check_absent, check_classes
from detbench.doctor.checks.counts import check_crowded, check_cut, check_doubled, check_empty
from detbench.doctor.checks.extents import check_numbers, check_outside, check_sizes
from detbench.doctor.checks.ground_truth_annotations import check_annotations
from detbench.doctor.checks.ground_truth_boxes import check_truth_boxes
from detbench.doctor.checks.ground_truth_formats import mended_truth
from detbench.doctor.checks.ground_truth_numbers import mended_sizes
from detbench.doctor.checks.images import check_image_ids, check_missing, check_unknown_images
from detbench.doctor.checks.images_and_boxes import check_images_and_boxes
from detbench.doctor.checks.offsets import check_offset
from detbench.doctor.checks.pairing import check_pairing
from detbench.doctor.checks.score_column import check_score_column
from detbench.doctor.checks.scores import (
    check_class_as_score,
    check_constant,
    check_range,
    check_threshold,
    check_ties,
)
from detbench.doctor.findings import SEVERITIES, Finding
from detbench.doctor.fixes.commands import with_commands
from detbench.doctor.fixes.rewriting import (
    none_beside,
    offered,
    truth_offered,
    write_mended,
    write_mended_truth,
)
from detbench.doctor.reading.read_case import read_case

Check = Callable[[Case], Finding | list[Finding] | None]

_HIDING: tuple[tuple[Check, ...], ...] = (
    (check_numbers,),
    (check_score_column,),
    (check_image_ids, check_images_and_boxes, check_boxes),
    (check_unknown_images,),
    (check_classes,),
    (check_offset,),
)
"""Checks whose mistakes hide others, which are looked for after mending; those of a group can hide one another."""
ROUNDS = 3
"""How often a group is gone through at most, as long as it finds what can be mended."""
_REST: tuple[Check, ...] = (
    check_sizes, check_outside, check_missing, check_doubled, check_class_as_score, check_constant, check_ties, check_range,
    check_threshold, check_absent, check_cut, check_crowded,
)  # fmt: skip
_HIDING_NOTHING = ("image-ids-unknown", "pixel-offset", "not-finite", "not-a-number")
"""Findings beside which detections and images can still be of different pairs."""


def examine(
    ground_truth: str | Path,
    detections: str | Path,
    *,
    split: str | None = None,
    images: str | Path | None = None,
    protocol: str | None = None,
) -> list[Finding]:
    """Return everything that is wrong or peculiar with detections and their ground truth, most severe first; the files stay as they are.

    `split`, `images` and `protocol` are those of `detbench eval`. Reads what `eval` refuses: texts for numbers, NaN, unknown ids.
    Raises InputError where a file is not recognised or not readable at all.
    """
    return diagnose(
        read_case(
            Path(ground_truth),
            Path(detections),
            split=split,
            images=None if images is None else Path(images),
            protocol=protocol,
        )
    )


def diagnose(case: Case) -> list[Finding]:
    """Return all findings of a case, most severe first."""
    found = with_commands(case, findings_of(case))
    unique = {(finding.id, finding.evidence): finding for finding in found}
    return sorted(unique.values(), key=lambda finding: SEVERITIES.index(finding.severity))


def findings_of(case: Case) -> list[Finding]:
    """Return all findings in the order in which they were found: the evidence of each is given once those before it are mended."""
    return truth_offered(case, _all_findings(case))


def _all_findings(case: Case) -> list[Finding]:
    found = check_annotations(case)
    case, truth_findings = mended_truth(case)
    case, size_findings = mended_sizes(case)
    found += [
        *truth_findings,
        *size_findings,
        *check_truth_boxes(case),
        *_listed(check_empty(case)),
    ]
    if not len(case.rows):
        return found
    hiding: list[Finding] = []
    for group in _HIDING:
        case = _gone_through(case, group, hiding)
    if all(finding.id in _HIDING_NOTHING for finding in hiding):
        hiding += _listed(check_pairing(case))
    of_others = any(
        finding.id in ("wrong-split", "image-ids-shifted") and finding.mend is None
        for finding in hiding
    )
    rest: list[Finding] = []
    _looked_for(case, (check_sizes,) if of_others or not len(case.scored) else _REST, rest)
    return [*found, *none_beside([*hiding, *rest])]


def _gone_through(case: Case, checks: tuple[Check, ...], found: list[Finding]) -> Case:
    """Look until nothing more is found that can be mended; add what is found, and return the case without it."""
    for _ in range(ROUNDS):
        before, case = case, _looked_for(case, checks, found)
        if case is before:
            break
    return case


def _looked_for(case: Case, checks: tuple[Check, ...], found: list[Finding]) -> Case:
    """Add what the checks find, and return the case without it."""
    for check in checks:
        for finding in _listed(check(case)):
            kept = offered(case, finding)
            found.append(kept)
            if kept.mend and kept.severity != "note":
                case = replace(
                    case,
                    rows=kept.mend(case.rows),
                    mended=tuple(dict.fromkeys((*case.mended, kept.id))),
                )
    return case


def _listed(found: Finding | list[Finding] | None) -> list[Finding]:
    if found is None:
        return []
    return found if isinstance(found, list) else [found]


def mend(
    ground_truth: str | Path,
    detections: str | Path,
    finding_ids: Sequence[str],
    target: str | Path,
    *,
    split: str | None = None,
    images: str | Path | None = None,
    protocol: str | None = None,
) -> tuple[int, int]:
    """Write the detections without the faults of these ids to `target`, in the format of its name or of the source.

    Faults are mended in the order in which they are found, whatever that of the ids. Returns how many detections were written and how many
    were read. Raises DetbenchError where a fault is not there or only a new run of the detector mends it, and where detections would be
    lost that still cannot be scored (NaN, unknown images and classes).
    """
    case = read_case(
        Path(ground_truth),
        Path(detections),
        split=split,
        images=None if images is None else Path(images),
        protocol=protocol,
    )
    return write_mended(case, findings_of(case), finding_ids, Path(target))


def mend_truth(
    ground_truth: str | Path,
    detections: str | Path,
    target: str | Path,
    *,
    split: str | None = None,
    images: str | Path | None = None,
    protocol: str | None = None,
) -> tuple[int, int]:
    """Write the split of VOC or YOLO ground truth that is read, without the faults found in it, to the new folder `target`.

    What can be no object is left out. Returns how many objects were written and how many were read. Raises DetbenchError where there is
    nothing to mend, and for COCO annotations, whose findings have a command that mends the file itself.
    """
    case = read_case(
        Path(ground_truth),
        Path(detections),
        split=split,
        images=None if images is None else Path(images),
        protocol=protocol,
    )
    return write_mended_truth(case, findings_of(case), Path(target))
