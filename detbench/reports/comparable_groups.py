"""Comparable groups: which detectors may stand in one table, and under which names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from detbench.bench.results import ValueIntervals, intervals_record
from detbench.bench.runs import Run, read_run
from detbench.errors import DetbenchError
from detbench.metrics.scoring.comparable import differences_between
from detbench.metrics.scoring.evaluation import Evaluation
from detbench.reports.scored_detector import ScoredDetector

Source = Run | Evaluation | str | Path
"""A run, an evaluation, or a run folder."""


def scored_detector(
    source: Source,
    earlier: Sequence[ScoredDetector],
    intervals: ValueIntervals | None = None,
) -> ScoredDetector:
    """Return a run or an evaluation with its group and a name that is unique in the group.

    Args:
        source: a run is scored again under its recorded protocol.
        earlier: the detectors before this one; it joins the group of those it is comparable with.
        intervals: in place of those that the run recorded.
    """
    run = _run(source)
    evaluation = run.evaluation() if run else source
    if not isinstance(evaluation, Evaluation):
        raise DetbenchError(f"neither a run nor an evaluation: {source!r}")
    group = _group(evaluation, earlier)
    return ScoredDetector(
        name=_unique_name(
            evaluation.detections.name,
            {scored.name for scored in earlier if scored.group == group},
        ),
        group=group,
        evaluation=evaluation,
        latency=tuple(run.record.get("latency") or ()) if run else (),
        run=run,
        intervals=_recorded_intervals(evaluation, run, intervals),
    )


def _recorded_intervals(
    evaluation: Evaluation, run: Run | None, intervals: ValueIntervals | None
) -> dict[str, Any]:
    """Return intervals as a record has them, those that are passed first; empty without any."""
    if intervals is not None:
        return intervals_record(evaluation, intervals)
    return (run.record["evaluations"][0].get("intervals") or {}) if run else {}


def _run(source: Source) -> Run | None:
    if isinstance(source, str | Path):
        return read_run(Path(source))
    return source if isinstance(source, Run) else None


def _group(evaluation: Evaluation, earlier: Sequence[ScoredDetector]) -> int:
    """Return the number of the group that an evaluation joins, or of a new one."""
    for scored in earlier:
        if not differences_between(scored.evaluation, evaluation):
            return scored.group
    return len({scored.group for scored in earlier})


def _unique_name(name: str, taken: set[str]) -> str:
    unique, number = name, 2
    while unique in taken:
        unique, number = f"{name} #{number}", number + 1
    return unique
