"""Audit: how far a detector's scores are from those of pycocotools, in lines."""

from __future__ import annotations

from detbench.metrics.scoring.audit import Audit
from detbench.metrics.scoring.cocoeval import Summary
from detbench.metrics.scoring.file_audit import FileAudit
from detbench.reports.terminal.table import number_text

_DIGITS = 4


def audit_lines(name: str, audit: Audit) -> list[str]:
    """Return the largest differences for the detector `name`, of the summary and of the arrays.

    If the user's COCO files were scored as they are, their differences and the causes follow.
    """
    files = audit.files
    if files is not None and files.identical:
        what = "the files as they are, scored by pycocotools, COCO protocol"
        return [f"{name}: {what}", *_difference_lines(audit)]
    what = "the same boxes scored by pycocotools, COCO protocol"
    lines = [f"{name}: {what}", *_difference_lines(audit)]
    return lines if files is None else [*lines, *_file_lines(name, audit, files)]


def _difference_lines(audit: Audit) -> list[str]:
    verdict = "equal bit for bit" if audit.identical else "not equal"
    difference = f"largest absolute difference {audit.array_difference:g}"
    return [
        f"  largest absolute difference of the 12 numbers: {audit.summary_difference:g}",
        f"  precision, recall and scores arrays: {verdict}, {difference}",
    ]


def _file_lines(name: str, audit: Audit, files: FileAudit) -> list[str]:
    """Return what pycocotools says to files that it reads otherwise than detbench."""
    heading = f"{name}: the files as they are, which pycocotools reads otherwise"
    if files.pycocotools is None:
        return [heading, f"  pycocotools stops: {files.error}", *_cause_lines(files)]
    return [
        heading,
        f"  pycocotools: {_numbers(files.pycocotools)}",
        f"  detbench: {_numbers(audit.ours)}",
        f"  largest absolute difference of the 12 numbers: {files.summary_difference:g}",
        *_cause_lines(files),
    ]


def _cause_lines(files: FileAudit) -> list[str]:
    if files.causes:
        causes = "; ".join(files.causes)
        return [f"  cause: {causes}. Without this, pycocotools gives the same numbers."]
    if files.error:
        return []
    return ["  cause: unknown; docs/protocols.md lists the known ones. Please report the files."]


def _numbers(summary: Summary) -> str:
    return ", ".join(f"{name} {number_text(value, _DIGITS)}" for name, value in summary.items())
