"""The headline measure alone: what is scored again when labels or limits change."""

from __future__ import annotations

from dataclasses import replace

from detbench.metrics.protocols.protocol import Measure, Protocol
from detbench.metrics.scoring.evaluation import Evaluation


def headline_measure(evaluation: Evaluation) -> Measure:
    """Return the headline measure, at the largest limit of detections."""
    return replace(evaluation.protocol.measures[0], max_detections=None)


def headline_protocol(
    evaluation: Evaluation, max_detections: tuple[int, ...] | None = None
) -> Protocol:
    """Return the protocol of the headline measure alone, with nothing but its area range.

    Args:
        evaluation: Its protocol.
        max_detections: Limits of detections; None for that of the measure.
    """
    protocol = evaluation.protocol
    area, limit, _ = evaluation.indices_of(protocol.measures[0])
    if max_detections is None:
        max_detections = protocol.max_detections[limit:][:1] if protocol.max_detections else ()
    return replace(
        protocol,
        measures=(headline_measure(evaluation),),
        area_ranges=(protocol.area_ranges[area],),
        max_detections=max_detections,
    )
