"""`detbench eval`: score detections against ground truth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from detbench.cli.shared.app import (
    AllowUnknown,
    DatasetPath,
    DifficultRule,
    Groups,
    Images,
    IouThresholds,
    MaxDetections,
    Names,
    NoIntervals,
    NoPlusOne,
    OnlyPresent,
    ProtocolName,
    Split,
    StrictOverlap,
    Threads,
    app,
)
from detbench.cli.shared.steps import (
    check_run_folders,
    check_targets,
    chosen_protocol,
    evaluate_all,
    given_names,
    intervals_of,
    load_all,
    passed_options,
    ranking_of,
    tables,
    warn_of_suspicions,
)
from detbench.cli.shared.talk import show, show_json, status, talk

if TYPE_CHECKING:
    from rich.console import RenderableType

    from detbench.metrics.scoring.evaluation import Evaluation


@app.command("eval")
def evaluate_command(
    context: typer.Context,
    ground_truth: DatasetPath,
    detections: Annotated[
        list[Path],
        typer.Argument(
            help="comp3/comp4 folder, COCO results .json, YOLO text folder, or our .parquet; one for each detector.",
            show_default=False,
        ),
    ],
    protocol: ProtocolName = None,
    split: Split = None,
    images: Images = None,
    name: Names = None,
    difficult: DifficultRule = None,
    strict_overlap: StrictOverlap = False,
    no_plus_one: NoPlusOne = False,
    iou: IouThresholds = None,
    max_detections: MaxDetections = None,
    only_present: OnlyPresent = False,
    allow_unknown: AllowUnknown = False,
    groups: Groups = None,
    json: Annotated[
        str | None,
        typer.Option(
            metavar="PATH|-",
            help="Write the results as JSON; - prints them and nothing else.",
            show_default=False,
        ),
    ] = None,
    plots: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Draw precision-recall curves, AP by class, size and IoU, F1 over the score.",
            show_default=False,
        ),
    ] = None,
    audit: Annotated[
        bool,
        typer.Option(
            "--audit",
            help="Score the same boxes with pycocotools too and print the largest difference.",
        ),
    ] = False,
    conventions: Annotated[
        bool, typer.Option("--conventions", help="Show the score under every convention in use.")
    ] = False,
    runs: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--runs",
            metavar="DIR",
            help="Write a run folder for each detector.",
            show_default=False,
        ),
    ] = None,
    no_intervals: NoIntervals = False,
    threads: Threads = None,
) -> None:
    """Score detections against ground truth and compare detectors."""
    from detbench.bench.results import results_document
    from detbench.bench.runs import write_json, write_run

    names = given_names(detections, name)
    file = None if json in (None, "-") else Path(json)
    check_targets(
        [file] if file else [],
        [folder for folder in (plots, runs) if folder],
        [ground_truth, *detections, *filter(None, [groups])],
    )
    truth, found = load_all(
        ground_truth,
        detections,
        names,
        split=split,
        images=images,
        only_present=only_present,
        allow_unknown=allow_unknown,
        groups=groups,
    )
    if runs:
        check_run_folders(runs, [detector.name for detector in found])
    rules = chosen_protocol(
        truth,
        protocol,
        difficult=difficult,
        strict_overlap=strict_overlap,
        no_plus_one=no_plus_one,
        iou=iou,
        max_detections=max_detections,
    )
    evaluations = evaluate_all(truth, found, rules, threads)
    known = intervals_of(evaluations, wanted=not no_intervals)
    ranked = ranking_of(evaluations, wanted=not no_intervals)
    shown: list[RenderableType] = [*tables(evaluations, known, ranked)]
    extra: list[dict[str, Any]] = [{} for _ in evaluations]
    for evaluation, more in zip(evaluations, extra, strict=True):
        if conventions:
            shown += _conventions(evaluation, more)
        if audit:
            shown += _audit(evaluation, more)

    document = results_document(evaluations, known, extra, ranked)
    if file:
        write_json(file, document)
        talk(f"results: {file}")
    if plots:
        from detbench.reports.frames import frames
        from detbench.reports.plots.precision_recall import save_plots

        with status("drawing"):
            drawn = save_plots(evaluations, plots, tables=frames(evaluations, known=known))
        talk(f"plots: {len(drawn)} files in {plots}")
    if runs:
        passed = passed_options(context)
        for evaluation, intervals in zip(evaluations, known, strict=True):
            talk(
                f"run: {write_run(runs / evaluation.detections.name, evaluation, options=passed, intervals=intervals)}"
            )
    warn_of_suspicions(document)
    if json == "-":
        show_json(document)
    else:
        show(*shown)


def _conventions(evaluation: Evaluation, record: dict[str, Any]) -> list[RenderableType]:
    """Score under every convention, add it to the record, and return what to show."""
    from detbench.bench.results import convention_records
    from detbench.metrics.scoring.conventions import coco_numbers, convention_table
    from detbench.reports.terminal.evaluation import convention_grid, convention_lines

    rows = convention_table(evaluation.ground_truth, evaluation.detections)
    coco = coco_numbers(evaluation.ground_truth, evaluation.detections)
    record.update(convention_records(rows, coco))
    above, below = convention_lines(evaluation.detections.name, coco)
    return [above, convention_grid(rows), below]


def _audit(evaluation: Evaluation, record: dict[str, Any]) -> list[RenderableType]:
    """Score with pycocotools, add the differences to the record, and return what to show."""
    from dataclasses import asdict

    from detbench.metrics.scoring.audit import audit
    from detbench.reports.terminal.evaluation import audit_lines

    with status(f"scoring {evaluation.detections.name} with pycocotools"):
        outcome = audit(evaluation.ground_truth, evaluation.detections)
    record["audit"] = asdict(outcome)
    return ["\n".join(audit_lines(evaluation.detections.name, outcome))]
