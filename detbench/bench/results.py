"""Results as plain values: what `eval --json` prints and run folders record."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import msgspec

from detbench.data.checks.suspicion import Suspicion
from detbench.data.schema_version import SCHEMA_VERSION
from detbench.metrics.protocols.protocol import Protocol
from detbench.metrics.protocols.table import changed_switches
from detbench.metrics.scoring.evaluation import Evaluation
from detbench.metrics.uncertainty.clusters import group_count
from detbench.metrics.uncertainty.intervals import Interval

if TYPE_CHECKING:
    from detbench.metrics.scoring.conventions import Convention
    from detbench.metrics.uncertainty.ranking import RankedPair, Ranking

ValueIntervals = Mapping[str, tuple[Interval, tuple[Interval, ...]]]
"""By measure: the interval of the value and those of the classes, as `value_intervals` returns."""


def evaluation_record(
    evaluation: Evaluation,
    intervals: ValueIntervals | None = None,
    suspicions: Sequence[Suspicion] = (),
) -> dict[str, Any]:
    """Return the summary, the classes and the suspicions of an evaluation.

    Values of classes without ground truth are null. `intervals` is present if there are any, see
    `intervals_record`.
    """
    record = {
        "name": evaluation.detections.name,
        "summary": evaluation.summary,
        "classes": _class_records(evaluation),
        "classes_without_ground_truth": classes_without_ground_truth(evaluation),
        "suspicions": [
            {"id": suspicion.id, "evidence": suspicion.evidence, "fix": suspicion.fix}
            for suspicion in suspicions
        ],
    }
    if intervals:
        record["intervals"] = intervals_record(evaluation, intervals)
    return record


def intervals_record(evaluation: Evaluation, intervals: ValueIntervals) -> dict[str, Any]:
    """Return the `intervals` of an evaluation's record; empty without any.

    `summary` has `[low, high]` of each measure, `classes` that of the headline measure for each
    class. `groups` is the number of groups that were resampled, null if images were.
    """
    if not intervals:
        return {}
    headline, class_intervals = next(iter(intervals.values()))
    class_names = evaluation.ground_truth.class_names
    return {
        "confidence": headline.confidence,
        "method": headline.method,
        "groups": group_count(evaluation.ground_truth),
        "summary": {measure: _ends(interval) for measure, (interval, _) in intervals.items()},
        "classes": {
            name: _ends(interval)
            for name, interval in zip(class_names, class_intervals, strict=True)
        },
    }


def _ends(interval: Interval) -> list[float | None]:
    """Return low and high; null for both if there is no interval."""
    return [interval.low, interval.high] if interval.is_defined else [None, None]


def classes_without_ground_truth(evaluation: Evaluation) -> list[str]:
    """Return the classes without any object to find, which every mean leaves out."""
    positives = evaluation.counts[:, 0, 0, 3]
    return [
        name
        for name, count in zip(evaluation.ground_truth.class_names, positives, strict=True)
        if count == 0
    ]


def _class_records(evaluation: Evaluation) -> dict[str, dict[str, float | int | None]]:
    columns = evaluation.class_columns()
    return {
        name: {column: null_for_nan(values[k].item()) for column, values in columns.items()}
        for k, name in enumerate(evaluation.ground_truth.class_names)
    }


def null_for_nan(value: Any) -> Any:
    """Return a value, None if it is NaN, which JSON lacks."""
    return None if isinstance(value, float) and math.isnan(value) else value


def protocol_record(protocol: Protocol) -> dict[str, Any]:
    """Return every switch of a protocol; infinite ends of area ranges are null."""
    record = asdict(protocol)
    for area in record["area_ranges"]:
        area.update({end: None for end in ("low", "high") if math.isinf(area[end])})
    return record


def recorded_protocol(record: dict[str, Any]) -> Protocol:
    """Return the protocol that `protocol_record` recorded; missing newer switches have defaults.

    Raises:
        msgspec.ValidationError: A switch has no such value.
        DetbenchError: The switches do not fit together.
    """
    areas = [_with_infinite_ends(area) for area in record.get("area_ranges", ())]
    return msgspec.convert(record | ({"area_ranges": areas} if areas else {}), Protocol)


def _with_infinite_ends(area: dict[str, Any]) -> dict[str, Any]:
    low, high = area.get("low"), area.get("high")
    return area | {
        "low": -math.inf if low is None else low,
        "high": math.inf if high is None else high,
    }


def results_document(
    evaluations: Sequence[Evaluation],
    intervals: Sequence[ValueIntervals] | None = None,
    extra: Sequence[dict[str, Any]] | None = None,
    ranking: Ranking | None = None,
    suspicions: Sequence[Sequence[Suspicion]] | None = None,
) -> dict[str, Any]:
    """Return the JSON document of one or more evaluations under one protocol.

    Args:
        evaluations: One per detector.
        intervals: One per evaluation.
        extra: More keys for the record of each evaluation.
        ranking: Adds `ranks`, the range of ranks consistent with the data, and `pairs`, the
            differences.
        suspicions: Of each evaluation, about its input.
    """
    protocol = evaluations[0].protocol
    additions = extra or [{} for _ in evaluations]
    intervals = intervals or [{} for _ in evaluations]
    suspicions = suspicions or [() for _ in evaluations]
    rows = zip(evaluations, intervals, suspicions, additions, strict=True)
    document = {
        "schema_version": SCHEMA_VERSION,
        "protocol": protocol.name,
        "changed_switches": {
            switch: protocol_record(protocol)[switch] for switch in changed_switches(protocol)
        },
        "runs": [
            evaluation_record(evaluation, measures, suspected) | more
            for evaluation, measures, suspected, more in rows
        ],
    }
    return document | _ranking_record(ranking) if ranking else document


def _ranking_record(ranking: Ranking) -> dict[str, Any]:
    return {
        "ranks": {place.name: [place.best_rank, place.worst_rank] for place in ranking.detectors},
        "pairs": [_pair_record(pair) for pair in ranking.pairs()],
    }


def _pair_record(pair: RankedPair) -> dict[str, Any]:
    return {
        "measure": pair.measure,
        "better": pair.better,
        "worse": pair.worse,
        "difference": null_for_nan(pair.difference),
        "low": null_for_nan(pair.low),
        "high": null_for_nan(pair.high),
        "p_value": null_for_nan(pair.p),
        "significant": pair.significant,
    }


def convention_records(rows: list[Convention], coco: dict[str, float | None]) -> dict[str, Any]:
    """Return a table of conventions as JSON-ready values."""
    return {"iou": 0.5, "conventions": [asdict(row) for row in rows], "coco": coco}
