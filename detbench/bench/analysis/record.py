"""Analysis record: a study as the JSON document of `detbench analyze --json`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from detbench.bench.analysis.analyze import IOU, TABLES, Analysis, Study
from detbench.bench.analysis.intervals import CONFIDENT
from detbench.bench.analysis.tables import finite, record_of
from detbench.data.schema_version import SCHEMA_VERSION
from detbench.metrics.errors.calibration import LAECE_IOU
from detbench.metrics.errors.error_kinds import BACKGROUND_IOU


def study_document(study: Study) -> dict[str, Any]:
    """Return the JSON document of a study, ready to be written."""
    return {
        "schema_version": SCHEMA_VERSION,
        "dataset": study.ground_truth.name,
        "protocol": study.analyses[0].evaluation.protocol.name,
        "measure": study.headline,
        "iou": IOU,
        "background_iou": BACKGROUND_IOU,
        "la_ece_iou": LAECE_IOU,
        "confident_score": CONFIDENT,
        **asdict(study.settings),
        "runs": [_run(analysis) for analysis in study.analyses],
        "label_errors": [record_of(row) for row in study.label_error_rows],
    }


def _run(analysis: Analysis) -> dict[str, Any]:
    tables = {name: [record_of(row) for row in getattr(analysis, name)] for name in TABLES}
    return {
        "name": analysis.name,
        "value": analysis.evaluation.average_precision,
        "score_threshold": finite(analysis.score_threshold),
        "base_rule": analysis.base_rule,
        "corrected_range": analysis.corrected_range,
        **tables,
    }
