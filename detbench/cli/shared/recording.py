"""Recording: from evaluations to run folders, with latency where there is a model to time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from detbench.cli.shared.app import INTERRUPTED
from detbench.cli.shared.console import log, status
from detbench.cli.shared.detector_names import check_run_names
from detbench.cli.shared.scoring import warn_of_suspicions
from detbench.cli.shared.timing import timing_progress

if TYPE_CHECKING:
    from detbench.bench.latency.assembly import SweepResult
    from detbench.bench.latency.timing_plan import TimingPlan
    from detbench.bench.results import ValueIntervals
    from detbench.bench.runs import Run
    from detbench.data.checks.suspicion import Suspicion
    from detbench.data.ground_truth import GroundTruth
    from detbench.metrics.scoring.evaluation import Evaluation


def record_runs(
    parent: Path,
    evaluations: Sequence[Evaluation],
    intervals: Sequence[ValueIntervals],
    specs: dict[str, str],
    *,
    plan: TimingPlan,
    options: dict[str, Any],
    suspicions: Sequence[Sequence[Suspicion]] | None = None,
) -> list[Run]:
    """Write a run folder for each evaluation, and return the runs.

    A run that an earlier comparison finished is kept as it is. Models of the others are timed.

    Args:
        parent: folder of the run folders.
        evaluations: one for each detector.
        intervals: of each evaluation; empty ones if they are not wanted.
        specs: the model of each detector that is to be timed, by the detector's name.
        plan: of the timing; each model is timed at its own batch size.
        options: of the command, for the records.
        suspicions: about the input of each evaluation; None to look for them.
    """
    from detbench.bench.compare import finished_run, read_again
    from detbench.bench.runs import write_run

    names = [evaluation.detections.name for evaluation in evaluations]
    check_run_names(names)
    finished = {
        name: finished_run(parent / name, evaluation)
        for name, evaluation in zip(names, evaluations, strict=True)
    }
    untimed = {name: spec for name, spec in specs.items() if not finished[name]}
    timed = _time_models(untimed, evaluations[0].ground_truth, plan)
    runs = []
    for place, (name, evaluation, ends) in enumerate(
        zip(names, evaluations, intervals, strict=True)
    ):
        folder = parent / name
        if earlier := finished[name]:
            missing = _missing_parts(earlier, timed=name in specs, intervals=bool(ends))
            log(f"run: {folder} (finished before, kept{missing})")
            runs.append(earlier)
            continue
        latency = timed.results_of(name) if timed else ()
        with status(f"recording {name}"):
            write_run(
                folder,
                evaluation,
                options=options,
                intervals=ends,
                latency=latency,
                suspicions=suspicions[place] if suspicions else None,
            )
            runs.append(read_again(folder))
        log(f"run: {folder}")
    warn_of_suspicions({"runs": [run.record["evaluations"][0] for run in runs]})
    return runs


def _missing_parts(run: Run, *, timed: bool, intervals: bool) -> str:
    """Return what a finished run lacks of what this command would record, as the end of a line."""
    missing = []
    if timed and not run.latency:
        missing.append("times")
    if intervals and not run.record["evaluations"][0].get("intervals"):
        missing.append("intervals")
    if not missing:
        return ""
    return f"; it has no {' and no '.join(missing)}, remove the folder to record them"


def _time_models(
    specs: dict[str, str], ground_truth: GroundTruth, plan: TimingPlan
) -> SweepResult | None:
    """Time models and print why a result must not be quoted; None without models."""
    from detbench.bench.compare import time_models, timing_images
    from detbench.reports.terminal.latency import reason_lines

    if not specs:
        return None
    with timing_progress(list(specs), plan) as progress:
        timed = time_models(specs, timing_images(ground_truth), plan, progress)
    if timed.interrupted:
        log("interrupted; the same command continues from the predictions and times again")
        raise typer.Exit(INTERRUPTED)
    for line in reason_lines(timed.results):
        log(line)
    return timed
