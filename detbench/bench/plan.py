"""Power analysis as plain values: what `plan --json` prints.

Differences are in the measure's own unit (0..1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from detbench.bench.results import null_for_nan
from detbench.data.schema_version import SCHEMA_VERSION
from detbench.metrics.scoring.evaluation import Evaluation
from detbench.metrics.uncertainty.clusters import group_count
from detbench.metrics.uncertainty.intervals import intervals
from detbench.metrics.uncertainty.power import PowerAnalysis
from detbench.metrics.uncertainty.replicates import Replicates


def plan_document(
    analysis: PowerAnalysis, evaluations: Sequence[Evaluation], replicates: Sequence[Replicates]
) -> dict[str, Any]:
    """Return the JSON document of a power analysis of one or two detectors.

    Numbers that the data do not determine are null.
    """
    return {
        "schema_version": SCHEMA_VERSION,
        "protocol": evaluations[0].protocol.name,
        "measure": analysis.measure.name,
        "images": analysis.images,
        "groups": group_count(evaluations[0].ground_truth),
        "detectors": [_detector_record(detector) for detector in replicates],
        "standard_error": null_for_nan(analysis.standard_error),
        "correlation": null_for_nan(analysis.correlation),
        "correlation_assumed": analysis.assumed,
        "power": analysis.power,
        "level": analysis.level,
        "smallest_difference": null_for_nan(analysis.smallest),
        "difference": analysis.difference,
        "images_needed": analysis.needed,
        "classes": {
            name: {"smallest_difference": null_for_nan(smallest)}
            for name, smallest in analysis.classes
        },
    }


def _detector_record(replicates: Replicates) -> dict[str, Any]:
    interval, _ = intervals(replicates)
    values = {key: null_for_nan(value) for key, value in asdict(interval).items()}
    return {"name": replicates.name, **values}
