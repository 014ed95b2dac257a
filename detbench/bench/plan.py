"""Plan as plain values: what `plan --json` prints. Differences are in the measure's own unit (0..1)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from detbench.bench.results import SCHEMA_VERSION
from detbench.metrics.scoring.evaluation import Evaluation
from detbench.metrics.uncertainty.clusters import group_count
from detbench.metrics.uncertainty.intervals import intervals
from detbench.metrics.uncertainty.power import Plan
from detbench.metrics.uncertainty.replicates import Resampled


def plan_document(
    plan: Plan, evaluations: Sequence[Evaluation], resampled: Sequence[Resampled]
) -> dict[str, Any]:
    """Return the JSON document of a plan made from one or two detectors; null where something cannot be told."""
    return {
        "schema_version": SCHEMA_VERSION,
        "protocol": evaluations[0].protocol.name,
        "measure": plan.measure.name,
        "images": plan.images,
        "groups": group_count(evaluations[0].ground_truth),
        "detectors": [
            {"name": each.name, **_plain(asdict(intervals(each)[0]))} for each in resampled
        ],
        "standard_error": _number(plan.standard_error),
        "correlation": _number(plan.correlation),
        "correlation_assumed": plan.assumed,
        "power": plan.power,
        "level": plan.level,
        "smallest_difference": _number(plan.smallest),
        "difference": plan.difference,
        "images_needed": plan.needed,
        "classes": {
            name: {"smallest_difference": _number(smallest)} for name, smallest in plan.classes
        },
    }


def _plain(record: dict[str, Any]) -> dict[str, Any]:
    return {
        key: _number(value) if isinstance(value, float) else value for key, value in record.items()
    }


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
