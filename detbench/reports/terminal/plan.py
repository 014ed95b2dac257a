"""Power analysis table: the differences that a dataset can show, in a terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from detbench.data.ground_truth import GroundTruth
from detbench.metrics.uncertainty.power import PowerAnalysis
from detbench.metrics.uncertainty.replicates import Replicates
from detbench.reports.dataset_and_protocol import image_count_text
from detbench.reports.terminal.table import ABSENT, plain_table

_UNKNOWN = "unknown: results do not vary between resamples of these images"


def plan_lines(
    analysis: PowerAnalysis, detectors: Sequence[Replicates], ground_truth: GroundTruth
) -> list[str]:
    """Return the scores, the smallest detectable difference, and the images needed."""
    scores = " and ".join(
        f"{detector.name} {_points(value)}"
        for detector, value in zip(detectors, analysis.values, strict=True)
    )
    if analysis.assumed:
        correlation = (
            f"assumed correlation with an equally variable detector {analysis.correlation:g}"
        )
    else:
        correlation = f"correlation between the detectors {analysis.correlation:.2f}"
    smallest = (
        f"smallest detectable difference with power {analysis.power:g} at level {analysis.level:g}"
    )
    lines = [
        f"{analysis.measure.name} on {image_count_text(ground_truth)}: {scores}; {correlation}",
        f"standard error of a difference: {_points_or_unknown(analysis.standard_error)}",
        f"{smallest}: {_points_or_unknown(analysis.smallest)}",
    ]
    if analysis.difference is not None:
        needed = _UNKNOWN if analysis.needed is None else f"{analysis.needed:,}"
        grouped = "" if ground_truth.groups is None else ", in groups of the same size"
        lines.append(f"images needed for {_points(analysis.difference)} points: {needed}{grouped}")
    return lines


def plan_table(analysis: PowerAnalysis) -> Table:
    """Return the smallest difference of each class."""
    table = plain_table("class", "smallest difference, points")
    for name, smallest in analysis.classes:
        table.add_row(Text(name), _points(smallest))
    return table


def _points_or_unknown(value: float) -> str:
    return _UNKNOWN if math.isnan(value) else f"{_points(value)} points"


def _points(value: float) -> str:
    return ABSENT if math.isnan(value) else f"{100 * value:.2f}"
