"""Counterfactuals: the average precision that the same detections have when they are read in another way."""

from __future__ import annotations

from dataclasses import replace

from detbench.data.ground_truth import GroundTruth
from detbench.doctor.case import Case
from detbench.doctor.reading.rows import Rows, detections_of
from detbench.metrics.scoring.evaluate import evaluate


def average_precision(case: Case, rows: Rows) -> float:
    """Return the headline number of the case's protocol for `rows` on the sampled images; 0 where nothing is to be found."""
    found = detections_of(rows, case.sampled_truth, case.sample)
    return evaluate(case.sampled_truth, found, case.protocol).average_precision or 0.0


def told(case: Case, rows: Rows, how: str) -> str:
    """Say what AP becomes when the detections are read as `how`, for the evidence of a finding."""
    return _compared(case, average_precision(case, rows), how)


def told_of_truth(case: Case, truth: GroundTruth, how: str, rows: Rows | None = None) -> str:
    """Say what AP becomes when the ground truth is read as `how`, and the detections as `rows`."""
    return _compared(
        case,
        average_precision(replace(case, truth=truth), case.rows if rows is None else rows),
        how,
    )


def _compared(case: Case, after: float, how: str) -> str:
    before, name = average_precision(case, case.rows), case.protocol.measures[0].name
    mended = [*(["the ground truth"] if case.truth_mended else []), *case.mended]
    given = f"with {listed(mended)} mended, and " if mended else ""
    change = (
        f"stays {short(before)}"
        if short(before) == short(after)
        else f"goes from {short(before)} to {short(after)}"
    )
    return f"{given}{how}, {name} {change}{_where(case)}"


def listed(words: list[str]) -> str:
    """Join words as a sentence does: a, b and c."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def left(case: Case, rows: Rows, how: str) -> str:
    """Say what AP is of the rows that are left, for the evidence of a finding about rows that `detbench eval` refuses."""
    return f"{how}, {case.protocol.measures[0].name} is {short(average_precision(case, rows))}{_where(case)}"


def _where(case: Case) -> str:
    return (
        f" on a sample of {len(case.sample)} images"
        if len(case.sample) < len(case.truth.image_ids)
        else ""
    )


def short(value: float) -> str:
    """Write a number in 0..1 with two significant digits at least, without the 0 before the point."""
    text = f"{value:.4f}" if value < 0.01 else f"{value:.3f}"
    return text.removeprefix("0") if value < 1 else text
