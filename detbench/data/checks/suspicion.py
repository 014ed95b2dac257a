"""Suspicion: one thing that seems wrong with the input of an evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
"""From the most to the least severe."""


@dataclass(frozen=True)
class Suspicion:
    """What seems wrong, how severe it is, what shows it, and what to do about it."""

    id: str
    """Stable, for scripts; `detbench.doctor.findings.MEANINGS` explains each ID."""
    severity: Severity
    evidence: str
    fix: str
    """Advice in words."""
    is_reported: bool = False
    """Whether `eval`, `compare` and `predict` report it even if it is a note."""

    def __str__(self) -> str:
        return f"{self.evidence}; {self.fix}"


def score_text(value: float) -> str:
    """Return a score in 0..1 with three decimals (four below .01) and no zero before the point."""
    text = f"{value:.4f}" if value < 0.01 else f"{value:.3f}"
    return text.removeprefix("0") if value < 1 else text
