"""Plan table: what a dataset can show, for people."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from detbench.data.ground_truth import GroundTruth
from detbench.metrics.uncertainty.power import Plan
from detbench.metrics.uncertainty.replicates import Resampled
from detbench.reports.headings import image_count_text
from detbench.reports.terminal.table import ABSENT, plain_table

_UNKNOWN = "cannot be told: results do not vary between draws of these images"


def plan_lines(plan: Plan, detectors: Sequence[Resampled], truth: GroundTruth) -> list[str]:
    """Return what was planned from, the smallest difference that shows, and the images that the one asked about needs."""
    alike = "" if truth.groups is None else ", in groups of the same size"
    values = " and ".join(
        f"{each.name} {_points(value)}" for each, value in zip(detectors, plan.values, strict=True)
    )
    if plan.assumed:
        spread = f"a rival of equal spread and correlation {plan.correlation:g} is assumed"
    else:
        spread = f"their correlation over draws of images is {plan.correlation:.2f}"
    lines = [
        f"{plan.measure.name} on {image_count_text(truth)}: {values}; {spread}",
        f"standard error of a difference: {_told(plan.standard_error)}",
        f"smallest difference shown with power {plan.power:g} at level {plan.level:g}: {_told(plan.smallest)}",
    ]
    if plan.difference is not None:
        needed = _UNKNOWN if plan.needed is None else f"{plan.needed:,}"
        lines.append(f"images needed for {_points(plan.difference)} points: {needed}{alike}")
    return lines


def plan_table(plan: Plan) -> Table:
    """Return the smallest difference of each class."""
    table = plain_table()
    table.add_column("class", overflow="fold")
    table.add_column("smallest difference, points", justify="right")
    for name, smallest in plan.classes:
        table.add_row(Text(name), _points(smallest))
    return table


def _told(value: float) -> str:
    return _UNKNOWN if math.isnan(value) else f"{_points(value)} points"


def _points(value: float) -> str:
    return ABSENT if math.isnan(value) else f"{100 * value:.2f}"
