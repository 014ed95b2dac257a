"""Results as plain values: what `eval --json` prints and run folders record."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import msgspec

from detbench.doctor.suspicions import suspicions
from detbench.metrics.protocols.protocol import Protocol
from detbench.metrics.scoring.conventions import Convention
from detbench.metrics.scoring.evaluation import Evaluation
from detbench.metrics.uncertainty.clusters import group_count
from detbench.metrics.uncertainty.intervals import Interval
from detbench.metrics.uncertainty.ranking import Ranking

SCHEMA_VERSION = 1


ValueIntervals = Mapping[str, tuple[Interval, tuple[Interval, ...]]]
"""By measure: the interval of the value and those of the classes, as `value_intervals` gives them."""


def evaluation_record(
    evaluation: Evaluation, known: ValueIntervals | None = None
) -> dict[str, Any]:
    """Return the summary, the classes and the suspicions of an evaluation; null where a class has no ground truth.

    With intervals, `intervals` holds `[low, high]` of each measure in `summary`, and of the headline measure for each class in `classes`;
    `groups` is how many groups of images were drawn, null where images were.
    """
    record = {
        "name": evaluation.detections.name,
        "summary": evaluation.summary,
        "classes": _classes(evaluation),
        "classes_without_ground_truth": classes_without_ground_truth(evaluation),
        "suspicions": [
            {"id": each.id, "evidence": each.evidence, "fix": each.fix}
            for each in suspicions(evaluation)
        ],
    }
    return record | {"intervals": intervals_record(evaluation, known)} if known else record


def intervals_record(evaluation: Evaluation, known: ValueIntervals) -> dict[str, Any]:
    """Return the `intervals` of an evaluation's record; empty without any."""
    if not known:
        return {}
    overall, classes = next(iter(known.values()))
    return {
        "confidence": overall.confidence,
        "method": overall.method,
        "groups": group_count(evaluation.ground_truth),
        "summary": {name: _ends(interval) for name, (interval, _) in known.items()},
        "classes": {
            name: _ends(interval)
            for name, interval in zip(evaluation.ground_truth.class_names, classes, strict=True)
        },
    }


def _ends(interval: Interval) -> list[float | None]:
    """Return low and high, or null for both where there is no telling."""
    return [interval.low, interval.high] if interval.known else [None, None]


def classes_without_ground_truth(evaluation: Evaluation) -> list[str]:
    """Return the classes that have nothing to find and are left out of every mean."""
    positives = evaluation.counts[:, 0, 0, 3]
    return [
        name
        for name, count in zip(evaluation.ground_truth.class_names, positives, strict=True)
        if count == 0
    ]


def _classes(evaluation: Evaluation) -> dict[str, dict[str, float | int | None]]:
    columns = evaluation.class_columns()
    return {
        name: {column: _plain(values[k].item()) for column, values in columns.items()}
        for k, name in enumerate(evaluation.ground_truth.class_names)
    }


def _plain(value: Any) -> Any:
    """Return a value with null for NaN."""
    return None if isinstance(value, float) and math.isnan(value) else value


def protocol_record(protocol: Protocol) -> dict[str, Any]:
    """Return every switch of a protocol; unlimited area ranges have null ends."""
    record = asdict(protocol)
    for area in record["area_ranges"]:
        area.update({end: None for end in ("low", "high") if math.isinf(area[end])})
    return record


def recorded_protocol(record: dict[str, Any]) -> Protocol:
    """Return the protocol that `protocol_record` wrote down, with every switch; switches that are newer than the record get their defaults.

    Raises:
        msgspec.ValidationError: a switch has no such value.
        DetbenchError: the switches do not go together.
    """
    areas = [_with_ends(area) for area in record.get("area_ranges", ())]
    return msgspec.convert(record | ({"area_ranges": areas} if areas else {}), Protocol)


def _with_ends(area: dict[str, Any]) -> dict[str, Any]:
    """Return an area range whose absent ends are infinite."""
    low, high = area.get("low"), area.get("high")
    return area | {
        "low": -math.inf if low is None else low,
        "high": math.inf if high is None else high,
    }


def results_document(
    evaluations: Sequence[Evaluation],
    known: Sequence[ValueIntervals] | None = None,
    extra: Sequence[dict[str, Any]] | None = None,
    ranked: Ranking | None = None,
) -> dict[str, Any]:
    """Return the JSON document of one or more evaluations under one protocol.

    `known` are their intervals; `extra` adds keys to each run; with `ranked`, `ranks` says from where to where each may stand, and `pairs`
    holds the differences.
    """
    additions = extra or [{} for _ in evaluations]
    each: Sequence[ValueIntervals] = known or [{} for _ in evaluations]
    document = {
        "schema_version": SCHEMA_VERSION,
        "protocol": evaluations[0].protocol.name,
        "changed_switches": {
            switch: protocol_record(evaluations[0].protocol)[switch]
            for switch in evaluations[0].protocol.changed
        },
        "runs": [
            evaluation_record(one, ends) | more
            for one, ends, more in zip(evaluations, each, additions, strict=True)
        ],
    }
    return document | _ranking_record(ranked) if ranked else document


def _ranking_record(ranked: Ranking) -> dict[str, Any]:
    pairs = [
        {name: _plain(value) for name, value in pair._asdict().items()} for pair in ranked.pairs()
    ]
    return {
        "ranks": {place.name: [place.best_rank, place.worst_rank] for place in ranked.places},
        "pairs": pairs,
    }


def convention_records(rows: list[Convention], coco: dict[str, float | None]) -> dict[str, Any]:
    """Return a convention table as JSON-ready values."""
    return {"iou": 0.5, "conventions": [asdict(row) for row in rows], "coco": coco}
