"""`detbench compare` and `detbench report`: compare detectors, and rebuild the page from runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detbench.cli.shared.app import (
    AllowBroken,
    AllowUnknown,
    AllowUnmapped,
    Batch,
    Columns,
    DatasetPath,
    DifficultRule,
    Groups,
    Images,
    IouThresholds,
    MatlabRecalls,
    MaxDetections,
    Names,
    NoCache,
    NoIntervals,
    NoPlusOne,
    OnlyPresent,
    ProtocolName,
    Readers,
    Split,
    StrictOverlap,
    Threads,
    app,
)
from detbench.cli.shared.command_line import command_line, passed_options
from detbench.cli.shared.console import log, show, status
from detbench.cli.shared.detector_names import detector_names
from detbench.cli.shared.loading import load_inputs
from detbench.cli.shared.output_paths import check_output_paths, model_path
from detbench.cli.shared.prediction import run_model
from detbench.cli.shared.recording import record_runs
from detbench.cli.shared.report_files import (
    EXAMPLE_IMAGES,
    CsvFolder,
    ExampleImages,
    LatexFile,
    MarkdownFile,
    PlotsFolder,
    ReportFiles,
    rebuild_command,
)
from detbench.cli.shared.scoring import (
    evaluate_all,
    evaluation_tables,
    exit_if_nothing_counts,
    intervals_of,
    protocol_from_options,
)
from detbench.cli.shared.timing import Processes

if TYPE_CHECKING:
    from detbench.bench.runs import Run
    from detbench.data.detections import Detections
    from detbench.data.ground_truth import GroundTruth


@app.command("compare")
def compare_command(
    context: typer.Context,
    dataset: DatasetPath,
    detectors: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL_OR_DETECTIONS...",
            help="A model to run, as ADAPTER:PATH[,OPTION=VALUE...] or a model file; "
            "or a file or folder of detections.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            metavar="DIR",
            help="Folder for report.html and the run folders.",
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
    allow_unmapped: AllowUnmapped = False,
    allow_broken: AllowBroken = False,
    batch: Batch = None,
    readers: Readers = 2,
    no_cache: NoCache = False,
    no_latency: Annotated[
        bool, typer.Option("--no-latency", help="Do not time the models.")
    ] = False,
    latency_seconds: Annotated[
        float | None,
        typer.Option(
            min=0.1,
            help="Maximum seconds of timing for each model and stage, over all processes. "
            "Default: 6, or less if loading takes most of a minute.",
            show_default=False,
        ),
    ] = None,
    processes: Processes = None,
    example_images: ExampleImages = EXAMPLE_IMAGES,
    plots: PlotsFolder = None,
    csv: CsvFolder = None,
    markdown: MarkdownFile = None,
    latex: LatexFile = None,
    no_intervals: NoIntervals = False,
    threads: Threads = None,
) -> None:
    """Compare detectors: predict, score, time, record, and write one page.

    Repeat the command to resume: finished runs in the folder are kept.
    Runs with other data, protocol or detections are never replaced.
    """
    from detbench.bench.compare import is_model
    from detbench.bench.latency.timing_plan import TimingPlan
    from detbench.reports.frames import frames

    names = detector_names([Path(detector) for detector in detectors], name)
    models = {number: spec for number, spec in enumerate(detectors) if is_model(spec)}
    report = ReportFiles(output / "report.html", plots, csv, markdown, latex)
    check_output_paths(
        report.files,
        [output, *report.folders],
        [dataset, *_input_paths(detectors, models), *filter(None, [groups])],
    )
    stored = [number for number in range(len(detectors)) if number not in models]
    ground_truth, stored_detections = load_inputs(
        dataset,
        [Path(detectors[number]) for number in stored],
        [names[number] for number in stored],
        split=split,
        images=images,
        columns=columns,
        only_present=only_present,
        allow_unknown=allow_unknown,
        groups=groups,
    )
    rules = protocol_from_options(
        ground_truth,
        protocol,
        difficult=difficult,
        strict_overlap=strict_overlap,
        no_plus_one=no_plus_one,
        matlab_recalls=matlab_recalls,
        iou=iou,
        max_detections=max_detections,
    )
    by_number = dict(zip(stored, stored_detections, strict=True))
    for number, spec in models.items():
        by_number[number] = run_model(
            spec,
            ground_truth,
            name=names[number],
            other_names=[detections.name for detections in by_number.values()],
            allow_unmapped=allow_unmapped,
            batch=batch,
            readers=readers,
            allow_broken=allow_broken,
            cached=not no_cache,
        )
    detections = [by_number[number] for number in range(len(detectors))]
    evaluations = evaluate_all(ground_truth, detections, rules, threads)
    intervals = intervals_of(evaluations, wanted=not no_intervals)
    runs = record_runs(
        output / "runs",
        evaluations,
        intervals,
        {} if no_latency else _timed_specs(models, by_number),
        plan=TimingPlan(max_s=latency_seconds, processes=processes),
        options=passed_options(context),
    )
    tables = frames(runs)
    show(*evaluation_tables(evaluations, intervals, tables.ranking))
    report.write(tables, command=rebuild_command(runs, report.page), example_images=example_images)
    exit_if_nothing_counts(evaluations)


def _input_paths(detectors: Sequence[str], models: Mapping[int, str]) -> list[Path]:
    """Return the files and folders that the detectors are read from."""
    return [
        model_path(detector) if number in models else Path(detector)
        for number, detector in enumerate(detectors)
    ]


def _timed_specs(models: Mapping[int, str], detections: Mapping[int, Detections]) -> dict[str, str]:
    """Return the specs of the models to time by detector name; replayed detections have none."""
    return {
        detections[number].name: spec
        for number, spec in models.items()
        if not spec.startswith("replay:")
    }


@app.command("report")
def report_command(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN...",
            help="Run folders, or the folder that `detbench compare` wrote.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FILE", help="The page to write.")
    ] = Path("report.html"),
    images: Images = None,
    example_images: ExampleImages = EXAMPLE_IMAGES,
    plots: PlotsFolder = None,
    csv: CsvFolder = None,
    markdown: MarkdownFile = None,
    latex: LatexFile = None,
) -> None:
    """Rebuild the page from run folders alone."""
    from detbench.metrics.warmup import warm_scoring
    from detbench.reports.frames import frames

    folders_of = [_run_folders(path) for path in runs]
    report = ReportFiles(output, plots, csv, markdown, latex)
    check_output_paths(
        report.files,
        report.folders,
        [folder for folders in folders_of for folder in folders],
    )
    loaded = [run for folders in folders_of for run in _read_in_order(folders)]
    if images:
        loaded = [_with_image_folder(run, images) for run in loaded]
    warm_scoring(log)
    report.write(frames(loaded), command=command_line(), example_images=example_images)


def _run_folders(path: Path) -> list[Path]:
    """Return the run folders that `detbench compare -o` wrote below a folder, or the folder."""
    parent = path / "runs"
    if not parent.is_dir():
        return [path]
    return sorted(
        folder for folder in parent.iterdir() if folder.is_dir() and not folder.name.startswith(".")
    )


def _read_in_order(folders: Sequence[Path]) -> list[Run]:
    """Read runs and return them in the order of their creation, as `compare` shows them."""
    from detbench.bench.runs import read_run

    runs = []
    for folder in folders:
        with status(f"reading {folder}"):
            runs.append(read_run(folder))
    return sorted(runs, key=lambda run: str(run.record["created"]))


def _with_image_folder(run: Run, folder: Path) -> Run:
    from dataclasses import replace

    ground_truth: GroundTruth = replace(run.ground_truth, image_folder=folder)
    return replace(run, ground_truth=ground_truth)
