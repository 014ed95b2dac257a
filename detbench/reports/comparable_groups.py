"""Groups: which detectors may stand in one table, and under which names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from detbench.bench.results import ValueIntervals, intervals_record
from detbench.bench.runs import Run, read_run
from detbench.errors import DetbenchError
from detbench.metrics.scoring.evaluation import Evaluation
from detbench.reports.scored_detector import Scored

Given = Run | Evaluation | str | Path


def grouped(given: Given, before: Sequence[Scored], known: ValueIntervals | None = None) -> Scored:
    """Return a run or an evaluation with its group and a name of its own, given those before it."""
    run = (
        read_run(Path(given))
        if isinstance(given, str | Path)
        else given
        if isinstance(given, Run)
        else None
    )
    evaluation = given if isinstance(given, Evaluation) else run.evaluation() if run else None
    if evaluation is None:
        raise DetbenchError(f"neither a run nor an evaluation: {given!r}")
    group = next(
        (each.group for each in before if _comparable(each.evaluation, evaluation)),
        len({each.group for each in before}),
    )
    taken = {each.name for each in before if each.group == group}
    name, number = evaluation.detections.name, 2
    while name in taken:
        name, number = f"{evaluation.detections.name} #{number}", number + 1
    recorded = run.record["evaluations"][0].get("intervals") if run else None
    intervals = recorded if known is None else intervals_record(evaluation, known)
    return Scored(
        name,
        group,
        evaluation,
        tuple(run.record.get("latency") or ()) if run else (),
        run,
        intervals or {},
    )


def _comparable(a: Evaluation, b: Evaluation) -> bool:
    same_data = a.ground_truth is b.ground_truth or a.ground_truth.digest == b.ground_truth.digest
    return same_data and _drawn_alike(a, b) and a.protocol == b.protocol


def _drawn_alike(a: Evaluation, b: Evaluation) -> bool:
    return bool(np.array_equal(a.ground_truth.clusters, b.ground_truth.clusters))


def what_differs(a: Evaluation, b: Evaluation) -> str:
    """Return what keeps two evaluations from being compared, in words."""
    if a.ground_truth.digest != b.ground_truth.digest:
        sizes = (
            f"{each.ground_truth.name} with {len(each.ground_truth.image_ids):,} images"
            for each in (a, b)
        )
        return f"they were scored on different data ({' and '.join(sizes)}; the digests of the ground truths differ)"
    if not _drawn_alike(a, b):
        return "their images are drawn in different groups (--groups)"
    if a.protocol.name != b.protocol.name:
        return f"they were scored by protocols {a.protocol.name} and {b.protocol.name}"
    switches = [
        name for name in vars(a.protocol) if getattr(a.protocol, name) != getattr(b.protocol, name)
    ]
    return f"they were scored by protocol {a.protocol.name} with different {', '.join(switches)}"
