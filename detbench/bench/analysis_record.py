"""Analysis records: a study as plain values, what `analyze --json` prints; null stands for what is not there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from detbench.bench.analyze import IOU, SURE, Analysis, Calibration, Study
from detbench.bench.results import SCHEMA_VERSION
from detbench.metrics.errors.calibration import LAECE_IOU
from detbench.metrics.errors.label_errors import LabelError, places_in_images
from detbench.metrics.errors.lrp import PARTS
from detbench.metrics.errors.sensitivity import Band
from detbench.metrics.errors.slices import Slice
from detbench.metrics.errors.thresholds import Operating
from detbench.metrics.errors.trait_recall import TraitRecall
from detbench.metrics.scoring.evaluation import Evaluation
from detbench.metrics.uncertainty.intervals import Interval


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
        "label_errors": [
            _label_error(first, error, place)
            for error, place in zip(
                study.label_errors,
                places_in_images(first.ground_truth, study.label_errors),
                strict=True,
            )
        ],
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
        "calibration": None if analysis.calibration is None else _calibration(analysis.calibration, names),
        "thresholds": {
            "beta": analysis.operating.beta,
            "all_classes": _operating(analysis.pooled, 0, analysis.pooled_interval),
            "classes": {name: _operating(analysis.operating, k, _of(analysis.operating_intervals, k)) for k, name in enumerate(names)},
        },
        "recall": {
            recall.trait.name: _recall(recall, analysis.recall_intervals[n])
            for n, recall in enumerate(analysis.recalls)
        },
        "slices": [_slice(found) for found in analysis.slices],
        "bands": [_band(band) for band in analysis.bands],
        "score_cuts": [{"score": cut, "value": value} for cut, value in analysis.cuts.items()],
        "corrected": analysis.corrected,
        "corrected_range": analysis.corrected_range,
    }  # fmt: skip


def _tide(analysis: Analysis) -> dict[str, Any]:
    found, intervals = analysis.tide, analysis.tide_intervals
    return {
        "iou": found.iou,
        "as_tidecv": found.as_tidecv,
        "base_rule": found.rule,
        "base": found.base,
        "base_interval": _ends(intervals.get("base")),
        "costs": {
            name: {"value": cost, "interval": _ends(intervals.get(name))}
            for name, cost in found.costs.items()
        },
        "counts": found.counts,
    }


def _lrp(analysis: Analysis, names: Sequence[str]) -> dict[str, Any]:
    found, classes = analysis.lrp, analysis.lrp_class_intervals
    return {
        "iou": found.iou,
        "mean": found.means,
        "mean_intervals": {part: _ends(analysis.lrp_intervals.get(part)) for part in PARTS},
        "classes": {
            name: {column: getattr(found, column)[k] for column in (*PARTS, "threshold")}
            | {"intervals": {part: _ends(_of(classes.get(part, ()), k)) for part in PARTS}}
            for k, name in enumerate(names)
        },
    }


def _calibration(found: Calibration, names: Sequence[str]) -> dict[str, Any]:
    diagram, errors = found.diagram, ("d_ece", "d_ece_sure", "la_ece")
    columns = zip(
        diagram.edges[:-1],
        diagram.edges[1:],
        diagram.counts,
        diagram.score,
        diagram.precision,
        diagram.placement,
        strict=True,
    )
    return {
        **{name: getattr(found, name) for name in errors},
        **{f"{name}_interval": _ends(getattr(found.intervals, name, None)) for name in errors},
        "sure": SURE,
        "la_ece_iou": LAECE_IOU,
        "la_ece_classes": dict(zip(names, found.la_ece_classes, strict=True)),
        "bins": [
            dict(
                zip(
                    ("low", "high", "detections", "score", "precision", "placement"),
                    row,
                    strict=True,
                )
            )
            for row in columns
        ],
    }


def _operating(found: Operating, k: int, interval: Interval | None) -> dict[str, Any]:
    return {
        name: getattr(found, name)[k]
        for name in ("threshold", "chosen", "value", "precision", "recall")
    } | {"interval": _ends(interval)}


def _of(intervals: Sequence[Interval], k: int) -> Interval | None:
    return intervals[k] if intervals else None


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
    return {
        "name": band.name,
        "low": band.low,
        "high": band.high,
        "evidence": band.evidence,
        "rule": band.rule,
    }


def _label_error(evaluation: Evaluation, error: LabelError, place: int | None) -> dict[str, Any]:
    return {
        "kind": error.kind,
        "image_id": evaluation.ground_truth.image_ids[error.image],
        "object_in_image": place,
        "object": error.object,
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
