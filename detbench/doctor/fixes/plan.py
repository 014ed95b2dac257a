"""Plan of a fix: from IDs of findings to fixed ground truth or fixed detections."""

from __future__ import annotations

from collections.abc import Sequence

from detbench.data.detection_rows import DetectionRows
from detbench.data.formats.coco.result_layouts import read_json_leniently
from detbench.data.formats.lenient_files import AnnotationsFile
from detbench.doctor.case import Case
from detbench.doctor.checks.ground_truth.box_formats import check_box_format
from detbench.doctor.checks.ground_truth.numbers import check_box_sizes
from detbench.doctor.findings import CocoDocument, Finding
from detbench.doctor.fixes.commands import Side, fixable_ids
from detbench.doctor.fixes.repair import CocoRepair, DatasetRepair, DetectionsRepair, Repair
from detbench.doctor.fixes.rewritten_ground_truth import rewritten_ground_truth
from detbench.errors import DetbenchError

_SIDES: tuple[Side, ...] = ("ground-truth", "detections")


def plan_repair(case: Case, findings: Sequence[Finding], words: Sequence[str]) -> Repair:
    """Return the fixed ground truth, or the fixed detections, whichever the IDs concern.

    Faults are fixed in the order in which they were found, whatever the order of the IDs.

    Args:
        case: The case as it was read.
        findings: All its findings, in the order of the checks.
        words: IDs of findings; `ground-truth:ID` or `detections:ID` for an ID of both sides.

    Raises:
        DetbenchError: An ID is not among the findings that can be fixed, it is ambiguous, IDs
            concern both sides, or another fault has to be fixed as well.
    """
    sides = [_side_and_id(case, findings, word) for word in words]
    ids = [finding_id for _, finding_id in sides]
    if len({side for side, _ in sides}) > 1:
        lists = [
            f"{_name(side)}: {', '.join(finding_id for of, finding_id in sides if of == side)}"
            for side in _SIDES
        ]
        raise DetbenchError(
            f"these IDs concern both ground truth and detections ({'; '.join(lists)}); "
            "run `detbench doctor` once for each of the two"
        )
    file = case.annotations
    if sides[0][0] == "detections" or file is None:
        rows = _fixed_rows(case, findings, ids)
        return DetectionsRepair(case, rows, _with_fixed_ground_truth(case, findings))
    if file.format_name == "coco":
        return CocoRepair(case, _fixed_document(case, findings, ids))
    return _dataset_repair(case, file, findings, ids)


def _name(side: Side) -> str:
    return side.replace("-", " ")


def _side_and_id(case: Case, findings: Sequence[Finding], word: str) -> tuple[Side, str]:
    """Return which side an ID concerns, and the ID without the name of the side."""
    prefix, colon, rest = word.partition(":")
    finding_id = rest if colon else word
    fixable = {side: fixable_ids(findings, side) for side in _SIDES}
    matching = [
        side for side in _SIDES if finding_id in fixable[side] and prefix in (side, finding_id)
    ]
    if len(matching) == 1:
        return matching[0], finding_id
    if matching:
        raise DetbenchError(
            f"{finding_id} is found in both ground truth and detections; write "
            f"--fix ground-truth:{finding_id} or --fix detections:{finding_id}"
        )
    lists = [f"{_name(side)}: {', '.join(fixable[side])}" for side in _SIDES if fixable[side]]
    raise DetbenchError(
        f"{case.file.path}: no finding {word} can be fixed here; findings with a fix: "
        f"{'; '.join(lists) or 'none'}; run `detbench doctor` without --fix to see all findings"
    )


def _fix_options(ids: Sequence[str]) -> str:
    return " ".join(f"--fix {finding_id}" for finding_id in ids)


def _fixed_rows(case: Case, findings: Sequence[Finding], ids: Sequence[str]) -> DetectionRows:
    """Return the rows of a case without the faults of these IDs."""
    rows = case.rows
    for finding in findings:
        if finding.fix_rows and finding.id in ids:
            rows = finding.fix_rows(rows)
    n_lost = int((~rows.scorable).sum())
    if not n_lost and len(rows):
        return rows
    others = [other for other in fixable_ids(findings, "detections") if other not in ids]
    fix = "run `detbench doctor` without --fix to see all findings"
    if others:
        fix = f"fix as well: {_fix_options(others)}"
    raise DetbenchError(
        f"{case.file.path}: {n_lost:,} of {len(rows):,} detections still cannot be scored and "
        f"would be lost; {fix}"
    )


def _with_fixed_ground_truth(case: Case, findings: Sequence[Finding]) -> Case:
    """Return the case with the boxes of the ground truth as they should be."""
    if any(finding.fix_document for finding in findings):
        case, _ = check_box_format(case)
        case, _ = check_box_sizes(case)
    return case


def _fixed_document(case: Case, findings: Sequence[Finding], ids: Sequence[str]) -> CocoDocument:
    """Return the COCO annotations without the faults of these IDs; other keys are kept."""
    document: CocoDocument = read_json_leniently(case.ground_truth_path, "annotations")
    # Areas come last: they are computed from boxes, which other edits convert.
    for finding in sorted(findings, key=lambda finding: finding.id.startswith("area-")):
        if finding.fix_document and finding.id in ids:
            finding.fix_document(document)
    return document


def _dataset_repair(
    case: Case, file: AnnotationsFile, findings: Sequence[Finding], ids: Sequence[str]
) -> DatasetRepair:
    """Return VOC or YOLO ground truth without its faults, which are fixed all at once."""
    faults = [finding for finding in findings if finding.fix_document]
    others = [other for other in fixable_ids(faults, "ground-truth") if other not in ids]
    if others:
        raise DetbenchError(
            f"{case.ground_truth_path}: VOC and YOLO ground truth is fixed as a whole; fix as "
            f"well: {_fix_options(others)}"
        )
    return DatasetRepair(
        case=case,
        ground_truth=rewritten_ground_truth(case, faults),
        format_name=file.format_name,
        split=file.split,
    )
