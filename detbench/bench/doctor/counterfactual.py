"""Counterfactuals: the average precision that the same detections have when they are read in another way."""

from __future__ import annotations

from detbench.bench.doctor.case import Case
from detbench.bench.doctor.rows import Rows, detections_of
from detbench.metrics.evaluate import evaluate


def average_precision(case: Case, rows: Rows) -> float:
    """Return the headline number of the case's protocol for `rows` on the sampled images; 0 where nothing is to be found."""
    found = detections_of(rows, case.sampled_truth, case.sample)
    return evaluate(case.sampled_truth, found, case.protocol).average_precision or 0.0


def told(case: Case, rows: Rows, how: str) -> str:
    """Say what AP becomes when the detections are read as `how`, for the evidence of a finding."""
    before, after = average_precision(case, case.rows), average_precision(case, rows)
    few = len(case.sample) < len(case.truth.image_ids)
    where = f" on a sample of {len(case.sample)} images" if few else ""
    return f"{how}, {case.protocol.measures[0].name} goes from {short(before)} to {short(after)}{where}"


def short(value: float) -> str:
    """Write a number in 0..1 with two significant digits at least, without the 0 before the point."""
    text = f"{value:.4f}" if value < 0.01 else f"{value:.3f}"
    return text.removeprefix("0") if value < 1 else text
