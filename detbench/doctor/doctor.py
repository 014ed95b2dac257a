"""Doctor: runs all checks, in the order in which one mistake hides another.

Image IDs come first, then boxes, then classes. What a check can fix is fixed, in memory, before the
next one looks, so that one mistake is one finding, and several mistakes are proven one after the
other. What remains is counted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from detbench.data.checks.suspicion import SEVERITIES
from detbench.doctor.case import Case
from detbench.doctor.checks.boxes import check_boxes
from detbench.doctor.checks.classes import check_classes, check_unannotated
from detbench.doctor.checks.counts import check_duplicates, check_limit, check_presence
from detbench.doctor.checks.extents import (
    check_numbers,
    check_outside,
    check_sizes,
    check_smaller_than_pixel,
)
from detbench.doctor.checks.ground_truth.annotations import check_annotations
from detbench.doctor.checks.ground_truth.box_formats import check_box_format
from detbench.doctor.checks.ground_truth.boxes import check_ground_truth_boxes
from detbench.doctor.checks.ground_truth.flags import check_flags
from detbench.doctor.checks.ground_truth.numbers import check_box_sizes
from detbench.doctor.checks.images import (
    check_id_rules,
    check_image_ids,
    check_missing,
    check_unknown_images,
)
from detbench.doctor.checks.images_and_boxes import check_images_and_boxes
from detbench.doctor.checks.mixed_boxes import check_mixed_boxes
from detbench.doctor.checks.offsets import check_offset
from detbench.doctor.checks.pairing import check_pairing, check_placement
from detbench.doctor.checks.score_column import check_score_column
from detbench.doctor.checks.scores import (
    check_class_scores,
    check_constant,
    check_low_scores,
    check_range,
    check_ties,
)
from detbench.doctor.checks.unlabeled import check_unlabeled
from detbench.doctor.findings import Finding
from detbench.doctor.fixes.commands import with_commands
from detbench.doctor.fixes.plan import plan_repair
from detbench.doctor.fixes.proven import prove_fixes
from detbench.doctor.fixes.repair import Repair
from detbench.doctor.fixes.withheld import (
    withhold_lossy_fix,
    withhold_lossy_rewriting,
    withhold_useless_fixes,
)
from detbench.doctor.read_case import read_case

Check = Callable[[Case], Finding | list[Finding] | None]

_HIDING_CHECKS: tuple[tuple[Check, ...], ...] = (
    (check_numbers,),
    (check_score_column,),
    (check_id_rules,),
    (check_image_ids, check_images_and_boxes, check_mixed_boxes, check_boxes),
    (check_unknown_images,),
    (check_classes,),
    (check_smaller_than_pixel,),
    (check_offset,),
)
"""Checks of mistakes that hide others, which are looked for after a fix. Mistakes of the same group
can hide one another."""
MAX_ROUNDS = 3
"""How often a group is repeated at most, as long as it finds something that can be fixed."""
_OTHER_CHECKS: tuple[Check, ...] = (
    check_sizes,
    check_outside,
    check_missing,
    check_duplicates,
    check_class_scores,
    check_constant,
    check_ties,
    check_range,
    check_low_scores,
    check_unannotated,
    check_unlabeled,
    check_limit,
)
_SHAPELESS = ("boxes-collapsed", "error")
"""ID and severity of the finding after which boxes show nothing else."""
_HIDING_NOTHING = ("image-ids-unknown", "pixel-offset", "not-finite", "not-a-number")
"""Findings beside which detections can still be of other images."""


def examine(
    ground_truth: str | Path,
    detections: str | Path,
    *,
    split: str | None = None,
    images: str | Path | None = None,
    protocol: str | None = None,
    columns: Sequence[str] = (),
) -> list[Finding]:
    """Return everything that is wrong or unusual with detections and their ground truth.

    It also reads what `detbench eval` refuses: texts for numbers, NaN, unknown IDs. Files are not
    changed.

    Args:
        ground_truth: File or folder of annotations, in any known format.
        detections: File or folder of detections, in any known format.
        split: Image set of VOC and YOLO, as for `detbench eval`.
        images: Folder of the images, if the annotations do not name it.
        protocol: Name of the protocol; None for the dataset's own.
        columns: What the columns of CSV files are, as for `detbench eval`.

    Returns:
        Findings, most severe first.

    Raises:
        InputError: The format of a file is not recognized, or the file cannot be read at all.
    """
    case = _read(ground_truth, detections, split, images, protocol, columns)
    findings = with_commands(case, prove_fixes(case, find_all(case), find_all))
    distinct = {(finding.id, finding.evidence): finding for finding in findings}
    return sorted(distinct.values(), key=lambda finding: SEVERITIES.index(finding.severity))


def plan_fix(
    ground_truth: str | Path,
    detections: str | Path,
    finding_ids: Sequence[str],
    *,
    split: str | None = None,
    images: str | Path | None = None,
    protocol: str | None = None,
    columns: Sequence[str] = (),
) -> Repair:
    """Return the ground truth, or the detections, without the faults of these IDs.

    `Repair.write` writes them to a new file or folder. Arguments are those of `examine`.

    Args:
        ground_truth: File or folder of annotations.
        detections: File or folder of detections.
        finding_ids: IDs of findings of one of the two; `ground-truth:ID` or `detections:ID` if both
            have a finding of the same ID.
        split: Image set of VOC and YOLO.
        images: Folder of the images.
        protocol: Name of the protocol.
        columns: What the columns of CSV files are.

    Raises:
        DetbenchError: A finding does not exist or cannot be fixed, IDs concern both ground truth
            and detections, or something would be lost that other fixes keep.
    """
    case = _read(ground_truth, detections, split, images, protocol, columns)
    return plan_repair(case, find_all(case), finding_ids)


def _read(
    ground_truth: str | Path,
    detections: str | Path,
    split: str | None,
    images: str | Path | None,
    protocol: str | None,
    columns: Sequence[str],
) -> Case:
    return read_case(
        Path(ground_truth),
        Path(detections),
        split=split,
        images=None if images is None else Path(images),
        protocol=protocol,
        columns=columns,
    )


def find_all(case: Case) -> list[Finding]:
    """Return all findings in the order of the checks.

    The evidence of each assumes that those before it are fixed.
    """
    return withhold_lossy_rewriting(case, _check_ground_truth_and_detections(case))


def _check_ground_truth_and_detections(case: Case) -> list[Finding]:
    # The ground truth comes first: the detections are judged by it, with its boxes as they should
    # be.
    findings = [*check_annotations(case), *check_flags(case)]
    case, format_findings = check_box_format(case)
    case, size_findings = check_box_sizes(case)
    findings += [
        *format_findings,
        *size_findings,
        *check_ground_truth_boxes(case),
        *_as_list(check_presence(case)),
    ]
    if len(case.rows):
        findings += withhold_useless_fixes(_check_detections(case))
        # A note on the pairing says already that next to nothing is found.
        if all(each.severity == "note" and each.id != "wrong-split" for each in findings):
            findings += _as_list(check_placement(case))
    return findings


def _check_detections(case: Case) -> list[Finding]:
    findings: list[Finding] = []
    for group in _HIDING_CHECKS:
        case = _run_repeatedly(case, group, findings)
        if any((finding.id, finding.severity) == _SHAPELESS for finding in findings):
            _run(case, (check_sizes,), findings)
            return findings
    # Detections of other images fit the objects by chance only, as do mistaken ones.
    if all(finding.id in _HIDING_NOTHING for finding in findings):
        findings += _as_list(check_pairing(case))
    # Counts and scores of detections of other images mean nothing.
    are_of_other_images = any(
        finding.id in ("wrong-split", "image-ids-shifted") and finding.fix_rows is None
        for finding in findings
    )
    checks = _OTHER_CHECKS
    if are_of_other_images or not len(case.scored):
        checks = (check_sizes,)
    _run(case, checks, findings)
    return findings


def _run_repeatedly(case: Case, checks: tuple[Check, ...], findings: list[Finding]) -> Case:
    """Run checks until nothing more is found that can be fixed.

    Findings are appended to `findings`; the case is returned without them.
    """
    for _ in range(MAX_ROUNDS):
        before, case = case, _run(case, checks, findings)
        if case is before:
            break
    return case


def _run(case: Case, checks: tuple[Check, ...], findings: list[Finding]) -> Case:
    """Run each check once; see `_run_repeatedly`."""
    for check in checks:
        for finding in _as_list(check(case)):
            kept = withhold_lossy_fix(case, finding)
            findings.append(kept)
            if kept.fix_rows and kept.severity != "note":
                case = case.with_rows(kept.fix_rows(case.rows), without=kept.id)
    return case


def _as_list(result: Finding | list[Finding] | None) -> list[Finding]:
    if result is None:
        return []
    return result if isinstance(result, list) else [result]
