"""`detbench eval`: score detections against ground truth."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from detbench.cli.shared.app import (
    AllowUnknown,
    Columns,
    DatasetPath,
    DifficultRule,
    Groups,
    Images,
    IouThresholds,
    MatlabRecalls,
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
from detbench.cli.shared.console import log, status
from detbench.cli.shared.detector_names import check_run_folders, detector_names
from detbench.cli.shared.json_output import JsonTarget, json_files, save_json, show_results
from detbench.cli.shared.loading import load_inputs
from detbench.cli.shared.output_paths import check_output_paths
from detbench.cli.shared.scoring import (
    evaluate_all,
    evaluation_tables,
    exit_if_nothing_counts,
    intervals_of,
    protocol_from_options,
    ranking_of,
    warn_of_suspicions,
)

if TYPE_CHECKING:
    from rich.console import RenderableType

    from detbench.bench.results import ValueIntervals
    from detbench.data.checks.suspicion import Suspicion
    from detbench.metrics.scoring.evaluation import Evaluation


@app.command("eval")
def evaluate_command(
    context: typer.Context,
    ground_truth: DatasetPath,
    detections: Annotated[
        list[Path],
        typer.Argument(
            help="One for each detector: VOC, COCO or YOLO results, .parquet, or another of "
            "`detbench data formats`.",
            show_default=False,
        ),
    ],
    protocol: ProtocolName = None,
    split: Split = None,
    images: Images = None,
    columns: Columns = None,
    name: Names = None,
    difficult: DifficultRule = None,
    strict_overlap: StrictOverlap = False,
    no_plus_one: NoPlusOne = False,
    matlab_recalls: MatlabRecalls = False,
    iou: IouThresholds = None,
    max_detections: MaxDetections = None,
    only_present: OnlyPresent = False,
    allow_unknown: AllowUnknown = False,
    groups: Groups = None,
    json: JsonTarget = None,
    plots: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Plot precision-recall curves, AP by class, size and IoU, and F1 by score.",
            show_default=False,
        ),
    ] = None,
    audit: Annotated[
        bool,
        typer.Option(
            "--audit",
            help="Score the files, or the same boxes, with pycocotools too and say how it differs.",
        ),
    ] = False,
    conventions: Annotated[
        bool,
        typer.Option("--conventions", help="Show mAP at IoU 0.5 under every common convention."),
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
    from detbench.metrics.scoring.suspicions import find_suspicions

    names = detector_names(detections, name)
    check_output_paths(
        json_files(json),
        [folder for folder in (plots, runs) if folder],
        [ground_truth, *detections, *filter(None, [groups])],
    )
    dataset, detectors = load_inputs(
        ground_truth,
        detections,
        names,
        split=split,
        images=images,
        columns=columns,
        only_present=only_present,
        allow_unknown=allow_unknown,
        groups=groups,
    )
    if runs:
        check_run_folders(runs, [detector.name for detector in detectors])
    rules = protocol_from_options(
        dataset,
        protocol,
        difficult=difficult,
        strict_overlap=strict_overlap,
        no_plus_one=no_plus_one,
        matlab_recalls=matlab_recalls,
        iou=iou,
        max_detections=max_detections,
    )
    evaluations = evaluate_all(dataset, detectors, rules, threads)
    intervals = intervals_of(evaluations, wanted=not no_intervals)
    ranking = ranking_of(evaluations, wanted=not no_intervals)
    tables = evaluation_tables(evaluations, intervals, ranking)
    extra_records: list[dict[str, Any]] = [{} for _ in evaluations]
    for evaluation, record, path in zip(evaluations, extra_records, detections, strict=True):
        if conventions:
            tables += _convention_tables(evaluation, record)
        if audit:
            tables += _audit_lines(evaluation, record, ground_truth, path)

    suspicions = [find_suspicions(evaluation) for evaluation in evaluations]
    document = results_document(evaluations, intervals, extra_records, ranking, suspicions)
    save_json(json, document)
    if plots:
        _save_plots(evaluations, intervals, plots)
    if runs:
        _write_runs(runs, evaluations, intervals, suspicions, context)
    warn_of_suspicions(document)
    show_results(json, document, lambda: tables)
    exit_if_nothing_counts(evaluations)


def _save_plots(
    evaluations: Sequence[Evaluation], intervals: Sequence[ValueIntervals], folder: Path
) -> None:
    from detbench.reports.frames import frames
    from detbench.reports.plots.detector_plots import save_plots

    with status("drawing"):
        tables = frames(evaluations, intervals=intervals)
        files = save_plots(evaluations, folder, tables=tables)
    log(f"plots: {len(files)} files in {folder}")


def _write_runs(
    parent: Path,
    evaluations: Sequence[Evaluation],
    intervals: Sequence[ValueIntervals],
    suspicions: Sequence[list[Suspicion]],
    context: typer.Context,
) -> None:
    from detbench.bench.runs import write_run
    from detbench.cli.shared.command_line import passed_options

    options = passed_options(context)
    for evaluation, ends, suspected in zip(evaluations, intervals, suspicions, strict=True):
        folder = parent / evaluation.detections.name
        write_run(folder, evaluation, options=options, intervals=ends, suspicions=suspected)
        log(f"run: {folder}")


def _convention_tables(evaluation: Evaluation, record: dict[str, Any]) -> list[RenderableType]:
    """Score under every convention, add the values to the record, and return their table."""
    from detbench.bench.results import convention_records
    from detbench.metrics.scoring.conventions import coco_numbers, convention_table
    from detbench.reports.terminal.conventions import convention_grid, convention_lines

    rows = convention_table(evaluation.ground_truth, evaluation.detections)
    coco = coco_numbers(evaluation.ground_truth, evaluation.detections)
    record.update(convention_records(rows, coco))
    above, below = convention_lines(evaluation.detections.name, coco)
    return [above, convention_grid(rows), below]


def _audit_lines(
    evaluation: Evaluation, record: dict[str, Any], ground_truth_path: Path, detections_path: Path
) -> list[RenderableType]:
    """Score with pycocotools, add the differences to the record, and return lines on them."""
    from dataclasses import asdict

    from detbench.metrics.scoring.audit import audit
    from detbench.metrics.scoring.file_audit import coco_files
    from detbench.reports.terminal.audit import audit_lines

    ground_truth, detections = evaluation.ground_truth, evaluation.detections
    files = coco_files(ground_truth_path, detections_path, ground_truth)
    with status(f"scoring {detections.name} with pycocotools"):
        outcome = audit(ground_truth, detections, files)
    record["audit"] = asdict(outcome)
    return [*audit_lines(detections.name, outcome)]
