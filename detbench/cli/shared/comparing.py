"""Comparing: the steps from models and evaluations to run folders and the page, which `compare`, `report` and `demo` share."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from detbench.cli.shared.app import INTERRUPTED
from detbench.cli.shared.prediction import predicted, shown_mapping
from detbench.cli.shared.steps import check_distinct, check_run_names, warn_of_suspicions
from detbench.cli.shared.talk import show, status, talk

if TYPE_CHECKING:
    from detbench.bench.latency.contender import Task
    from detbench.bench.latency.sweep import Timed
    from detbench.bench.results import ValueIntervals
    from detbench.bench.runs import Run
    from detbench.data.detections import Detections
    from detbench.data.ground_truth import GroundTruth
    from detbench.metrics.scoring.evaluation import Evaluation
    from detbench.reports.frames import Frames


def run_model(
    spec: str,
    truth: GroundTruth,
    *,
    name: str | None,
    taken: Iterable[Detections] = (),
    allow_unmapped: bool,
    **options: Any,
) -> Detections:
    """Load the model of a spec and return what it finds; `options` are those of `predicted`.

    Raises:
        DetbenchError: also where one of `taken` has its name already, before it is run.
    """
    from detbench.adapters.catalogue import load_detector

    with status(f"loading {spec}"):
        detector = load_detector(spec)
    try:
        check_distinct([*(each.name for each in taken), name or detector.name])
        talk(
            f"{name or detector.name}: running over {len(truth.image_ids):,} pictures of {truth.name}"
        )
        return predicted(
            detector,
            truth,
            shown_mapping(detector, truth, allow_unmapped=allow_unmapped),
            name=name,
            **options,
        )
    finally:
        detector.close()


def recorded(
    folder: Path,
    evaluations: Sequence[Evaluation],
    known: Sequence[ValueIntervals],
    specs: dict[str, str],
    latency_s: float,
    options: dict[str, Any],
) -> list[Run]:
    """Return the runs of evaluations, those of an earlier comparison as they are, others timed where they have a model, and written."""
    from detbench.bench.compare import finished_run, of_model, read_again
    from detbench.bench.runs import write_run

    check_run_names([evaluation.detections.name for evaluation in evaluations])
    kept = {
        evaluation.detections.name: finished_run(folder / evaluation.detections.name, evaluation)
        for evaluation in evaluations
    }
    timed = _timed(
        {name: spec for name, spec in specs.items() if not kept[name]},
        evaluations[0].ground_truth,
        latency_s,
    )
    runs = []
    for evaluation, intervals in zip(evaluations, known, strict=True):
        name = evaluation.detections.name
        if earlier := kept[name]:
            talk(
                f"run: {folder / name} (finished before, kept{_lacks(earlier, timed=name in specs, intervals=bool(intervals))})"
            )
            runs.append(earlier)
            continue
        with status(f"recording {name}"):
            write_run(
                folder / name,
                evaluation,
                options=options,
                intervals=intervals,
                latency=of_model(timed, name) if timed else (),
            )
            runs.append(read_again(folder / name))
        talk(f"run: {folder / name}")
    warn_of_suspicions({"runs": [run.record["evaluations"][0] for run in runs]})
    return runs


def _lacks(earlier: Run, *, timed: bool, intervals: bool) -> str:
    """Return what a finished run lacks of what was asked for."""
    missing = {
        "times": timed and not earlier.latency,
        "intervals": intervals and not earlier.record["evaluations"][0].get("intervals"),
    }
    lacking = [what for what, is_missing in missing.items() if is_missing]
    return (
        f"; it has no {' and no '.join(lacking)}, which come once the folder is removed"
        if lacking
        else ""
    )


def _timed(specs: dict[str, str], truth: GroundTruth, latency_s: float) -> Timed | None:
    """Time models and say what must not be quoted; None without models."""
    from detbench.bench.compare import time_models, timing_pictures
    from detbench.reports.terminal.latency import reason_lines

    if not specs:
        return None
    with ExitStack() as shown:

        def on_task(names: str, task: Task) -> None:
            shown.close()
            shown.enter_context(status(f"timing {names}: {task.stage}, batch {task.batch}"))

        timed = time_models(specs, timing_pictures(truth), most_s=latency_s, on_task=on_task)
    if timed.interrupted:
        talk("interrupted; the same command goes on with what was predicted, and times again")
        raise typer.Exit(INTERRUPTED)
    for line in reason_lines(timed.results):
        talk(line)
    return timed


def written(
    page: Path,
    tables: Frames,
    pictures: int,
    command: str,
    *,
    plots: Path | None = None,
    csv: Path | None = None,
    markdown: Path | None = None,
    latex: Path | None = None,
) -> None:
    """Write the page, and the plots and tables that were asked for, show times, and say where everything is."""
    from detbench.data.files import atomic_path
    from detbench.reports import writers
    from detbench.reports.page.page import write_page
    from detbench.reports.terminal.latency import CAPTION, latency_table

    results = [result for scored in tables.detectors if scored.run for result in scored.run.latency]
    if results:
        show(latency_table(results), CAPTION)
    with status("building the page"):
        write_page(page, tables, command=command, gallery_size=pictures)
    if plots:
        from detbench.reports.plots.precision_recall import save_plots

        with status("drawing"):
            drawn = save_plots(
                [scored.evaluation for scored in tables.detectors], plots, tables=tables
            )
        talk(f"plots: {len(drawn)} files in {plots}")
    for path, write in ((markdown, writers.markdown), (latex, writers.latex)):
        if path:
            with atomic_path(path) as temporary:
                temporary.write_text(write(tables), encoding="utf-8")
            talk(f"table: {path}")
    if csv:
        talk(f"tables: {len(writers.save_csv(tables, csv))} files in {csv}")
    talk(f"report: {page}")


def report_command_line(runs: Sequence[Run], page: Path) -> str:
    """Return the command that builds a page again from its run folders."""
    return shlex.join(["detbench", "report", *(str(run.folder) for run in runs), "-o", str(page)])
