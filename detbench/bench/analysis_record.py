"""Analysis records: a study as plain values, what `analyze --json` prints; null stands for what is not there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from detbench.bench.analyze import IOU, Analysis, Calibration, Study
from detbench.bench.results import SCHEMA_VERSION
from detbench.metrics.bands import Band
from detbench.metrics.calibration import LAECE_IOU
from detbench.metrics.evaluation import Evaluation
from detbench.metrics.intervals import Interval
from detbench.metrics.label_errors import LabelError
from detbench.metrics.operating import Operating
from detbench.metrics.slices import Slice
from detbench.metrics.trait_recall import TraitRecall


def study_document(study: Study) -> dict[str, Any]:
    """Return the JSON document of a study, ready to be written."""
    first = study.analyses[0].evaluation
    document = {
        "schema_version": SCHEMA_VERSION,
        "dataset": first.ground_truth.name,
        "protocol": first.protocol.name,
        "measure": first.protocol.measures[0].name,
        "iou": IOU,
        "background_iou": study.analyses[0].tide.background,
        "replicates": study.replicates,
        "seed": study.seed,
        "runs": [_run(analysis) for analysis in study.analyses],
        "label_errors": [_label_error(first, error) for error in study.label_errors],
    }
    return dict(_plain(document))


def _run(analysis: Analysis) -> dict[str, Any]:
    names = analysis.evaluation.ground_truth.class_names
    return {
        "name": analysis.name,
        "value": analysis.evaluation.average_precision,
        "score_threshold": analysis.score,
        "tide": _tide(analysis),
        "confusion": {
            "iou": analysis.confusion.iou,
            "score_threshold": analysis.confusion.score,
            "classes": [*names, None],
            "counts": analysis.confusion.counts,
        },
        "lrp": _lrp(analysis, names),
        "calibration": None if analysis.calibration is None else _calibration(analysis, analysis.calibration, names),
        "thresholds": {
            "beta": analysis.operating.beta,
            "all_classes": _operating(analysis.pooled, 0),
            "classes": {name: _operating(analysis.operating, k) for k, name in enumerate(names)},
        },
        "recall": {
            recall.trait.name: _recall(recall, analysis.recall_intervals[n])
            for n, recall in enumerate(analysis.recalls)
        },
        "slices": [_slice(found) for found in analysis.slices],
        "bands": [_band(band) for band in analysis.bands],
        "score_cuts": [{"score": cut, "value": value} for cut, value in analysis.cuts.items()],
        "corrected": analysis.corrected,
    }  # fmt: skip


def _tide(analysis: Analysis) -> dict[str, Any]:
    found, intervals = analysis.tide, analysis.tide_intervals
    return {
        "iou": found.iou,
        "base": found.base,
        "base_interval": _ends(intervals.get("base")),
        "costs": {name: {"value": cost, "interval": _ends(intervals.get(name))} for name, cost in found.costs.items()},
        "counts": found.counts,
    }


def _lrp(analysis: Analysis, names: Sequence[str]) -> dict[str, Any]:
    found = analysis.lrp
    columns = ("error", "localisation", "false_positives", "false_negatives", "threshold")
    return {
        "iou": found.iou,
        "mean": found.means,
        "mean_error_interval": _ends(analysis.lrp_interval),
        "classes": {name: {column: getattr(found, column)[k] for column in columns} for k, name in enumerate(names)},
    }


def _calibration(analysis: Analysis, found: Calibration, names: Sequence[str]) -> dict[str, Any]:
    known = found.la_ece[~np.isnan(found.la_ece)]
    diagram = found.diagram
    columns = zip(diagram.edges[:-1], diagram.edges[1:], diagram.counts, diagram.score, diagram.precision, diagram.placement, strict=True)
    return {
        "d_ece": found.d_ece,
        "d_ece_interval": _ends(analysis.d_ece_interval),
        "d_ece_sure": found.d_ece_sure,
        "la_ece": known.mean() if len(known) else None,
        "la_ece_iou": LAECE_IOU,
        "la_ece_classes": dict(zip(names, found.la_ece, strict=True)),
        "bins": [dict(zip(("low", "high", "detections", "score", "precision", "placement"), row, strict=True)) for row in columns],
    }


def _operating(found: Operating, k: int) -> dict[str, Any]:
    return {name: getattr(found, name)[k] for name in ("threshold", "chosen", "value", "precision", "recall")}


def _recall(found: TraitRecall, intervals: Sequence[Interval]) -> list[dict[str, Any]]:
    return [
        {
            "value": value,
            "objects": found.objects[v],
            "reached": found.reached[v],
            "recall": found.taken[v],
            "interval": _ends(intervals[v]) if intervals else None,
        }
        for v, value in enumerate(found.trait.values)
    ]


def _slice(found: Slice) -> dict[str, Any]:
    columns = ("attribute", "value", "images", "objects", "score", "p", "p_holm", "p_fdr")
    difference = {"difference": found.difference.estimate, "interval": _ends(found.difference)}
    return {name: getattr(found, name) for name in columns} | difference


def _band(band: Band) -> dict[str, Any]:
    return {"name": band.name, "low": band.low, "high": band.high, "evidence": band.evidence, "rule": band.rule}


def _label_error(evaluation: Evaluation, error: LabelError) -> dict[str, Any]:
    return {
        "kind": error.kind,
        "image_id": evaluation.ground_truth.image_ids[error.image],
        "class": error.class_name,
        "detected": error.detected,
        "box": error.box,
        "suspicion": error.suspicion,
        "detectors": error.detectors,
    }


def _ends(interval: Interval | None) -> tuple[float, float] | None:
    return (interval.low, interval.high) if interval is not None and interval.known else None


def _plain(value: Any) -> Any:
    """Return a value of JSON's own types, null for NaN and infinity."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    return None if isinstance(value, float) and not math.isfinite(value) else value
