"""Proven fixes: only fixes whose output, read again, holds what they promise are offered.

Every command is carried out in a temporary folder before it is shown. Its output is read by the
strict readers, compared and scored; after the fix of a fault, all checks look at it once more.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from detbench.data.checks.suspicion import score_text
from detbench.data.formats.table import recognize_detections
from detbench.doctor.case import Case
from detbench.doctor.findings import WRITE_AGAIN, Finding
from detbench.doctor.fixes.commands import Side, fixable_ids, new_path
from detbench.doctor.fixes.plan import plan_repair
from detbench.doctor.fixes.proof import NotProvenError, Proof
from detbench.doctor.fixes.repair import DatasetRepair, DetectionsRepair, Repair
from detbench.doctor.read_case import read_case
from detbench.errors import DetbenchError, DetbenchWarning

FindAll = Callable[[Case], list[Finding]]
"""Returns all findings of a case."""

MAX_COPIED_IMAGES = 300
"""Images of a YOLO dataset that are copied for a proof; more of them are sampled."""
MAX_LOSS = 0.001
"""Score that a fix of detections may lose: the order of ties changes as much."""
_SEED = 7


def prove_fixes(case: Case, findings: list[Finding], find_all: FindAll) -> list[Finding]:
    """Return findings with the proof of their fix, or without a fix that could not be proven.

    Args:
        case: The case as it was read.
        findings: All its findings, in the order of the checks.
        find_all: Returns all findings of another case.
    """
    faults = [finding for finding in findings if finding.severity != "note"]
    for side in ("ground-truth", "detections"):
        ids = fixable_ids(faults, side)
        if ids:
            findings = _with_proof(case, findings, side, ids, ids, find_all)
    # What is only a note is fixed in a copy of its own, together with all faults.
    ids = fixable_ids([each for each in findings if each.severity != "note"], "detections")
    for finding_id in fixable_ids(findings, "detections"):
        if finding_id not in ids:
            findings = _with_proof(
                case, findings, "detections", (*ids, finding_id), (finding_id,), None
            )
    return findings


def _with_proof(
    case: Case,
    findings: list[Finding],
    side: Side,
    ids: Sequence[str],
    proven_ids: Sequence[str],
    find_all: FindAll | None,
) -> list[Finding]:
    """Carry out the command that fixes some IDs, and return the findings with what came of it.

    Args:
        case: The case as it was read.
        findings: All its findings.
        side: The side that is fixed.
        ids: IDs that the command fixes.
        proven_ids: Those of them whose findings get the proof.
        find_all: Returns all findings of another case; None to only compare and score.
    """
    try:
        proof, problem = _carried_out(case, findings, side, ids, find_all), ""
    except DetbenchError as error:
        proof, problem = None, str(error)

    def changed(finding: Finding) -> Finding:
        is_fixed = finding.fix_rows if side == "detections" else finding.fix_document
        if finding.id not in proven_ids or not is_fixed:
            return finding
        if proof is None:
            advice = f"{WRITE_AGAIN}: a fix was tried and is not offered, since {problem}"
            return replace(finding, fix_rows=None, fix_document=None, fix=advice)
        outcome = f"the command was carried out and its output read again: {proof}"
        return replace(finding, evidence=f"{finding.evidence}; {outcome}")

    return [changed(finding) for finding in findings]


def _carried_out(
    case: Case, findings: list[Finding], side: Side, ids: Sequence[str], find_all: FindAll | None
) -> Proof:
    """Carry out a command in a temporary folder, and return the proof that it fixes its IDs.

    Raises:
        DetbenchError: It cannot be carried out, or does not do what it should.
    """
    words = [f"{side}:{finding_id}" for finding_id in ids]
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", DetbenchWarning)
        repair = _small_enough(plan_repair(case, findings, words))
        path = Path(folder) / new_path(case, side).name
        repair.check_target(path)
        repair.save(path)
        proof = repair.prove(path)
        if isinstance(repair, DetectionsRepair):
            _check_score(repair.fixed_case.quick_score.score(case.rows), proof.score)
        if find_all is not None:
            fixed_case = _read_again(case, repair, side, path)
            _check_findings(findings, find_all(fixed_case), side, ids)
    return proof


def _check_score(before: float, after: float) -> None:
    """Raise NotProvenError if a fix of detections lowers their score."""
    if after < before - MAX_LOSS:
        raise NotProvenError(
            f"the score would fall from {score_text(before)} to {score_text(after)}"
        )


def _small_enough(repair: Repair) -> Repair:
    """Return a repair of a sample of the images, if it would copy many of them."""
    if not isinstance(repair, DatasetRepair) or repair.format_name != "yolo":
        return repair
    n_images = len(repair.ground_truth.image_ids)
    if n_images <= MAX_COPIED_IMAGES:
        return repair
    chosen = np.random.default_rng(_SEED).choice(n_images, MAX_COPIED_IMAGES, replace=False)
    return replace(repair, ground_truth=repair.ground_truth.select_images(np.sort(chosen)))


def _read_again(case: Case, repair: Repair, side: Side, path: Path) -> Case:
    """Return the case with what was written in place of what it was made from."""
    if side == "detections":
        recognized = recognize_detections(path, case.ground_truth)
        if recognized is None:
            raise NotProvenError("what it writes is not recognized")
        rows, file = recognized[1].read_leniently(path, case.ground_truth)
        return replace(case, rows=rows, file=file, fixed=())
    is_dataset = isinstance(repair, DatasetRepair) and repair.is_folder(path)
    return read_case(
        path,
        case.file.path,
        split=repair.split if isinstance(repair, DatasetRepair) and is_dataset else None,
        images=None,
        protocol=case.protocol.name,
    )


def _check_findings(
    before: list[Finding], after: list[Finding], side: Side, ids: Sequence[str]
) -> None:
    """Check that the fixed findings are gone, and that there are no new errors.

    Raises:
        NotProvenError: They are not, or there are.
    """
    faults = [finding for finding in after if finding.severity != "note"]
    left = [finding_id for finding_id in fixable_ids(faults, side) if finding_id in ids]
    if left:
        raise NotProvenError(f"{', '.join(left)} is still found afterwards")
    ids_before = {finding.id for finding in before}
    new = {finding.id for finding in faults if finding.severity == "error"} - ids_before
    if new:
        raise NotProvenError(f"{', '.join(sorted(new))} is found afterwards")
