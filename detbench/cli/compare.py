"""`detbench compare` and `detbench report`: from models and detections to one page, and the page again from run folders."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from detbench.cli.app import (
    INTERRUPTED,
    AllowBroken,
    AllowUnknown,
    AllowUnmapped,
    Batch,
    DatasetPath,
    DifficultRule,
    Images,
    IouThresholds,
    MaxDetections,
    Names,
    NoCache,
    NoPlusOne,
    OnlyPresent,
    ProtocolName,
    Readers,
    Split,
    StrictOverlap,
    Threads,
    app,
)
from detbench.cli.prediction import predicted, shown_mapping
from detbench.cli.steps import (
    check_names_differ,
    check_run_names,
    check_targets,
    chosen_protocol,
    evaluate_all,
    given_names,
    load_all,
    passed_options,
    tables,
    warn_of_suspicions,
)
from detbench.cli.talk import show, status, talk

if TYPE_CHECKING:
    from detbench.bench.latency.contender import Task
    from detbench.bench.latency.sweep import Timed
    from detbench.bench.runs import Run
    from detbench.data.detections import Detections
    from detbench.data.ground_truth import GroundTruth
    from detbench.metrics.evaluation import Evaluation

Csv = Annotated[Path | None, typer.Option(metavar="DIR", help="Write every table as a CSV file.", show_default=False)]
Markdown = Annotated[Path | None, typer.Option(metavar="FILE", help="Write summary and classes as Markdown.", show_default=False)]
Latex = Annotated[Path | None, typer.Option(metavar="FILE", help="Write summary and classes as LaTeX.", show_default=False)]
Pictures = Annotated[int, typer.Option("--pictures", metavar="N", min=0, help="Telling images on the page, at most.")]


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
        Path, typer.Option("-o", "--output", metavar="DIR", help="Where report.html and the run folders go.", show_default=False)
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
    allow_unmapped: AllowUnmapped = False,
    allow_broken: AllowBroken = False,
    batch: Batch = None,
    readers: Readers = 2,
    no_cache: NoCache = False,
    no_latency: Annotated[bool, typer.Option("--no-latency", help="Do not time the models.")] = False,
    latency_seconds: Annotated[float, typer.Option(min=0.1, help="Of timing for each model and stage, at most.")] = 5.0,
    pictures: Pictures = 60,
    csv: Csv = None,
    markdown: Markdown = None,
    latex: Latex = None,
    threads: Threads = None,
) -> None:
    """Compare detectors: predict, score, time, record, and write one page.

    Started again into the same folder, it keeps the runs that are finished, and refuses to replace any that differ.
    """
    from detbench.bench.compare import is_model

    places = [Path(each) for each in detectors]
    names = given_names(places, name)
    page = output / "report.html"
    check_targets([page, *filter(None, (markdown, latex))], [output, *filter(None, [csv])], [dataset, *places])
    stored = [number for number, each in enumerate(detectors) if not is_model(each)]
    truth, loaded = load_all(
        dataset,
        [places[number] for number in stored],
        [names[number] for number in stored],
        split=split,
        images=images,
        only_present=only_present,
        allow_unknown=allow_unknown,
    )
    rules = chosen_protocol(
        truth, protocol, difficult=difficult, strict_overlap=strict_overlap, no_plus_one=no_plus_one, iou=iou, max_detections=max_detections
    )
    found = dict(zip(stored, loaded, strict=True))
    for number, spec in enumerate(detectors):
        if number not in found:
            run_options = {"name": names[number], "batch": batch, "readers": readers, "allow_broken": allow_broken, "cached": not no_cache}
            found[number] = _predicted(spec, truth, allow_unmapped=allow_unmapped, **run_options)
    evaluations = evaluate_all(truth, [found[number] for number in range(len(detectors))], rules, threads)
    check_names_differ(found.values())
    specs = {found[number].name: spec for number, spec in enumerate(detectors) if number not in stored and not spec.startswith("replay:")}
    runs = _recorded(output / "runs", evaluations, {} if no_latency else specs, latency_seconds, passed_options(context))
    show(*tables(evaluations))
    _written(page, runs, pictures, _report_command(runs, page), csv=csv, markdown=markdown, latex=latex)


@app.command("report")
def report_command(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="Run folders, or the folder that `compare` wrote.", show_default=False)
    ],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="The page to write.")] = Path("report.html"),
    images: Images = None,
    pictures: Pictures = 60,
    csv: Csv = None,
    markdown: Markdown = None,
    latex: Latex = None,
) -> None:
    """Build the page again from run folders alone."""
    from dataclasses import replace

    from detbench.bench.runs import read_run
    from detbench.cli.steps import command_line
    from detbench.metrics.warmup import warm_scoring

    folders = [folder for given in runs for folder in _run_folders(given)]
    check_targets([output, *filter(None, (markdown, latex))], [*filter(None, [csv])], folders)
    found = []
    for folder in folders:
        with status(f"reading {folder}"):
            found.append(read_run(folder))
    if images:
        found = [replace(run, ground_truth=replace(run.ground_truth, image_folder=images)) for run in found]
    warm_scoring(talk)
    _written(output, found, pictures, command_line(), csv=csv, markdown=markdown, latex=latex)


def _run_folders(given: Path) -> list[Path]:
    """Return the run folders below what `compare -o` wrote, or the folder itself."""
    inside = given / "runs"
    return sorted(folder for folder in inside.iterdir() if not folder.name.startswith(".")) if inside.is_dir() else [given]


def _predicted(spec: str, truth: GroundTruth, *, allow_unmapped: bool, **options: Any) -> Detections:
    from detbench.adapters.catalogue import load_detector

    with status(f"loading {spec}"):
        detector = load_detector(spec)
    talk(f"{detector.name}: running over {len(truth.image_ids):,} pictures of {truth.name}")
    try:
        return predicted(detector, truth, shown_mapping(detector, truth, allow_unmapped=allow_unmapped), **options)
    finally:
        detector.close()


def _recorded(
    folder: Path, evaluations: Sequence[Evaluation], specs: dict[str, str], latency_s: float, options: dict[str, Any]
) -> list[Run]:
    """Return the runs of evaluations, those of an earlier comparison as they are, others timed where they have a model, and written."""
    from detbench.bench.compare import finished_run, of_model, read_again
    from detbench.bench.results import evaluation_record
    from detbench.bench.runs import write_run

    check_run_names([evaluation.detections.name for evaluation in evaluations])
    kept = {evaluation.detections.name: finished_run(folder / evaluation.detections.name, evaluation) for evaluation in evaluations}
    timed = _timed({name: spec for name, spec in specs.items() if not kept[name]}, evaluations[0].ground_truth, latency_s)
    runs = []
    for evaluation in evaluations:
        name = evaluation.detections.name
        if earlier := kept[name]:
            talk(f"run: {folder / name} (finished before, kept)")
            runs.append(earlier)
            continue
        with status(f"recording {name}"):
            write_run(folder / name, evaluation, options=options, latency=of_model(timed, name) if timed else ())
            runs.append(read_again(folder / name))
        talk(f"run: {folder / name}")
    warn_of_suspicions({"runs": [evaluation_record(evaluation) for evaluation in evaluations]})
    return runs


def _timed(specs: dict[str, str], truth: GroundTruth, latency_s: float) -> Timed | None:
    """Time models and say what must not be quoted; None without models."""
    from detbench.bench.compare import time_models, timing_pictures
    from detbench.reports.latency_table import reason_lines

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


def _written(
    page: Path, runs: Sequence[Run], pictures: int, command: str, *, csv: Path | None, markdown: Path | None, latex: Path | None
) -> None:
    """Write the page and the tables that were asked for, show times, and say where everything is."""
    from detbench.data.files import atomic_path
    from detbench.reports import writers
    from detbench.reports.frames import frames
    from detbench.reports.latency_table import CAPTION, latency_table
    from detbench.reports.page.page import write_page

    results = [result for run in runs for result in run.latency]
    if results:
        show(latency_table(results), CAPTION)
    with status("building the page"):
        tables = frames(runs)
        write_page(page, tables, command=command, gallery_size=pictures)
    for path, write in ((markdown, writers.markdown), (latex, writers.latex)):
        if path:
            with atomic_path(path) as temporary:
                temporary.write_text(write(tables), encoding="utf-8")
            talk(f"table: {path}")
    if csv:
        talk(f"tables: {len(writers.save_csv(tables, csv))} files in {csv}")
    talk(f"report: {page}")


def _report_command(runs: Sequence[Run], page: Path) -> str:
    return shlex.join(["detbench", "report", *(str(run.folder) for run in runs), "-o", str(page)])
