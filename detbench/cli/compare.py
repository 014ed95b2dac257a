"""`detbench compare` and `detbench report`: from models and detections to one page, and the page again from run folders."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from detbench.cli.shared.app import (
    AllowBroken,
    AllowUnknown,
    AllowUnmapped,
    Batch,
    DatasetPath,
    DifficultRule,
    Groups,
    Images,
    IouThresholds,
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
from detbench.cli.shared.comparing import recorded, report_command_line, run_model, written
from detbench.cli.shared.steps import (
    check_targets,
    chosen_protocol,
    evaluate_all,
    given_names,
    intervals_of,
    load_all,
    passed_options,
    tables,
)
from detbench.cli.shared.talk import show, status, talk
from detbench.cli.shared.targets import model_path

if TYPE_CHECKING:
    from detbench.bench.runs import Run

Plots = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Write every plot as a PNG file.", show_default=False),
]
Csv = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Write every table as a CSV file.", show_default=False),
]
Markdown = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Write summary and classes as Markdown.", show_default=False),
]
Latex = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Write summary and classes as LaTeX.", show_default=False),
]
Pictures = Annotated[
    int, typer.Option("--pictures", metavar="N", min=0, help="Telling images on the page, at most.")
]


@app.command("compare")
def compare_command(
    context: typer.Context,
    dataset: DatasetPath,
    detectors: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL_OR_DETECTIONS...",
            help="ADAPTER:PATH[,OPTION=VALUE...] or a model file, which is run; or a file or folder of detections.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            metavar="DIR",
            help="Where report.html and the run folders go.",
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
    allow_unmapped: AllowUnmapped = False,
    allow_broken: AllowBroken = False,
    batch: Batch = None,
    readers: Readers = 2,
    no_cache: NoCache = False,
    no_latency: Annotated[
        bool, typer.Option("--no-latency", help="Do not time the models.")
    ] = False,
    latency_seconds: Annotated[
        float, typer.Option(min=0.1, help="Of timing for each model and stage, at most.")
    ] = 5.0,
    pictures: Pictures = 60,
    plots: Plots = None,
    csv: Csv = None,
    markdown: Markdown = None,
    latex: Latex = None,
    no_intervals: NoIntervals = False,
    threads: Threads = None,
) -> None:
    """Compare detectors: predict, score, time, record, and write one page.

    Started again into the same folder, it keeps the runs that are finished, and refuses to replace any that differ.
    """
    from detbench.bench.compare import is_model
    from detbench.reports.frames import frames

    places = [Path(each) for each in detectors]
    names = given_names(places, name)
    page = output / "report.html"
    inputs = [
        dataset,
        *(model_path(each) if is_model(each) else Path(each) for each in detectors),
        *filter(None, [groups]),
    ]
    check_targets(
        [page, *filter(None, (markdown, latex))], [output, *filter(None, [csv, plots])], inputs
    )
    stored = [number for number, each in enumerate(detectors) if not is_model(each)]
    truth, loaded = load_all(
        dataset,
        [places[number] for number in stored],
        [names[number] for number in stored],
        split=split,
        images=images,
        only_present=only_present,
        allow_unknown=allow_unknown,
        groups=groups,
    )
    rules = chosen_protocol(
        truth,
        protocol,
        difficult=difficult,
        strict_overlap=strict_overlap,
        no_plus_one=no_plus_one,
        iou=iou,
        max_detections=max_detections,
    )
    found = dict(zip(stored, loaded, strict=True))
    for number, spec in enumerate(detectors):
        if number not in found:
            run_options: dict[str, Any] = {
                "name": names[number],
                "batch": batch,
                "readers": readers,
                "allow_broken": allow_broken,
                "cached": not no_cache,
            }
            found[number] = run_model(
                spec, truth, taken=found.values(), allow_unmapped=allow_unmapped, **run_options
            )
    evaluations = evaluate_all(
        truth, [found[number] for number in range(len(detectors))], rules, threads
    )
    specs = {
        found[number].name: spec
        for number, spec in enumerate(detectors)
        if number not in stored and not spec.startswith("replay:")
    }
    known = intervals_of(evaluations, wanted=not no_intervals)
    runs = recorded(
        output / "runs",
        evaluations,
        known,
        {} if no_latency else specs,
        latency_seconds,
        passed_options(context),
    )
    compared = frames(runs)
    show(*tables(evaluations, known, compared.ranking))
    written(
        page,
        compared,
        pictures,
        report_command_line(runs, page),
        plots=plots,
        csv=csv,
        markdown=markdown,
        latex=latex,
    )


@app.command("report")
def report_command(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN...",
            help="Run folders, or the folder that `compare` wrote.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FILE", help="The page to write.")
    ] = Path("report.html"),
    images: Images = None,
    pictures: Pictures = 60,
    plots: Plots = None,
    csv: Csv = None,
    markdown: Markdown = None,
    latex: Latex = None,
) -> None:
    """Build the page again from run folders alone."""
    from dataclasses import replace

    from detbench.cli.shared.steps import command_line
    from detbench.metrics.warmup import warm_scoring
    from detbench.reports.frames import frames

    folders = [_run_folders(given) for given in runs]
    files, places = [output, *filter(None, (markdown, latex))], [*filter(None, [csv, plots])]
    check_targets(files, places, [folder for given in folders for folder in given])
    found = [run for given in folders for run in _read_in_order(given)]
    if images:
        found = [
            replace(run, ground_truth=replace(run.ground_truth, image_folder=images))
            for run in found
        ]
    warm_scoring(talk)
    written(
        output,
        frames(found),
        pictures,
        command_line(),
        plots=plots,
        csv=csv,
        markdown=markdown,
        latex=latex,
    )


def _read_in_order(folders: Sequence[Path]) -> list[Run]:
    """Read runs and return them in the order in which they were made, as `compare` shows them."""
    from detbench.bench.runs import read_run

    runs = []
    for folder in folders:
        with status(f"reading {folder}"):
            runs.append(read_run(folder))
    return sorted(runs, key=lambda run: str(run.record["created"]))


def _run_folders(given: Path) -> list[Path]:
    """Return the run folders below what `compare -o` wrote, or the folder itself."""
    inside = given / "runs"
    if not inside.is_dir():
        return [given]
    return sorted(
        folder for folder in inside.iterdir() if folder.is_dir() and not folder.name.startswith(".")
    )
