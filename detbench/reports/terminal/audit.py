"""Audit: how far a detector's scores are from those of pycocotools, in lines."""

from __future__ import annotations

from detbench.metrics.scoring.audit import Audit


def audit_lines(name: str, audit: Audit) -> list[str]:
    """Return the largest differences for the detector `name`, of the summary and of the arrays."""
    verdict = "equal bit for bit" if audit.identical else "not equal"
    difference = f"largest absolute difference {audit.array_difference:g}"
    return [
        f"{name}: the same boxes scored by pycocotools, COCO protocol",
        f"  largest absolute difference of the 12 numbers: {audit.summary_difference:g}",
        f"  precision, recall and scores arrays: {verdict}, {difference}",
    ]
