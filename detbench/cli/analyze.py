"""`detbench analyze`: why detectors score what they do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detbench.cli.shared.app import (
    AllowUnknown,
    Groups,
    Images,
    Names,
    OnlyPresent,
    ProtocolName,
    Split,
    Threads,
    app,
)
from detbench.cli.shared.console import log, status
from detbench.cli.shared.detector_names import detector_names
from detbench.cli.shared.json_output import JsonTarget, json_files, save_json, show_results
from detbench.cli.shared.loading import load_inputs
from detbench.cli.shared.output_paths import check_output_paths
from detbench.cli.shared.scoring import evaluate_all, protocol_from_options
from detbench.errors import DetbenchError

if TYPE_CHECKING:
    from detbench.metrics.errors.slices import Attribute
    from detbench.metrics.scoring.evaluation import Evaluation


@app.command("analyze")
def analyze_command(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="GROUND_TRUTH DETECTIONS...",
            help="As for `detbench eval`; or run folders alone, which hold both.",
            show_default=False,
        ),
    ],
    protocol: ProtocolName = None,
    split: Split = None,
    images: Images = None,
    name: Names = None,
    only_present: OnlyPresent = False,
    allow_unknown: AllowUnknown = False,
    groups: Groups = None,
    slices: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="CSV of image_id and attributes of images, each of which makes slices.",
            show_default=False,
        ),
    ] = None,
    beta: Annotated[
        float, typer.Option(help="Of the F measure that score thresholds are chosen by.")
    ] = 1.0,
    tidecv: Annotated[
        bool,
        typer.Option(
            "--tidecv",
            help="Costs as tidecv 1.0.1 gives them: 100 detections per image, classes without objects as 0.",
        ),
    ] = False,
    replicates: Annotated[
        int, typer.Option(min=0, help="Draws of images for intervals and p-values; 0 for none.")
    ] = 1000,
    seed: Annotated[
        int,
        typer.Option(min=0, help="Names the draws, and the halves on which thresholds are chosen."),
    ] = 0,
    json: JsonTarget = None,
    plots: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Draw the analyses.", show_default=False)
    ] = None,
    csv: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write every table as CSV.", show_default=False),
    ] = None,
    threads: Threads = None,
) -> None:
    """Say where the errors come from.

    Kinds of errors and what they cost, confusions, calibration, objects and images that are hard, suspected label errors, and how far the
    score is open.
    """
    from detbench.bench.analysis_record import study_document
    from detbench.bench.analyze import analyze
    from detbench.metrics.errors.thresholds import check_beta
    from detbench.metrics.warmup import warm_analysis
    from detbench.reports.terminal.analysis import study_tables

    check_beta(beta)
    given = [*paths, *filter(None, [slices, groups])]
    check_output_paths(json_files(json), [folder for folder in (plots, csv) if folder], given)
    _check_tables(csv, given)
    if _are_runs(paths):
        evaluations = _of_runs(
            paths,
            [protocol, split, images, name, only_present or None, allow_unknown or None, groups],
        )
    else:
        names = detector_names(paths[1:], name)
        truth, found = load_inputs(
            paths[0],
            paths[1:],
            names,
            split=split,
            images=images,
            only_present=only_present,
            allow_unknown=allow_unknown,
            groups=groups,
        )
        evaluations = evaluate_all(truth, found, protocol_from_options(truth, protocol), threads)
    attributes = _attributes(slices, evaluations)
    warm_analysis(log)
    with status("analyzing"):
        study = analyze(
            evaluations, attributes, replicates=replicates, seed=seed, beta=beta, as_tidecv=tidecv
        )
    document = study_document(study)
    save_json(json, document, "analysis")
    if csv:
        from detbench.reports.analysis_frames import save_analysis_csv

        log(f"tables: {len(save_analysis_csv(study, csv))} files in {csv}")
    if plots:
        from detbench.reports.plots.analysis import save_analysis_plots

        with status("drawing"):
            drawn = save_analysis_plots(study, plots)
        log(f"plots: {len(drawn)} files in {plots}")
    show_results(json, document, lambda: study_tables(study))


def _check_tables(folder: Path | None, inputs: list[Path]) -> None:
    """Refuse a folder in which a table would replace an input."""
    if folder:
        from detbench.cli.shared.output_paths import check_distinct
        from detbench.reports.analysis_frames import TABLES

        check_distinct([folder / f"{table}.csv" for table in TABLES], inputs)


def _are_runs(paths: list[Path]) -> bool:
    """Return whether all paths are run folders; a ground truth without detections is an error."""
    from detbench.bench.runs import RECORD

    if all((path / RECORD).is_file() for path in paths):
        return True
    if len(paths) < 2:
        raise DetbenchError(
            "give detections after the ground truth, or run folders, as `detbench eval -o` writes them"
        )
    return False


def _of_runs(folders: list[Path], options: list[object]) -> list[Evaluation]:
    """Score the runs again; options that choose what is scored are refused, since the runs say it."""
    from detbench.bench.runs import read_run
    from detbench.cli.shared.detector_names import check_distinct_names
    from detbench.metrics.warmup import warm_scoring

    if any(option is not None for option in options):
        raise DetbenchError(
            "run folders say themselves what was scored and how; leave out options that choose data, names or protocol"
        )
    warm_scoring(log)
    runs = [read_run(folder) for folder in folders]
    check_distinct_names([run.detections.name for run in runs])
    return [run.evaluation() for run in runs]


def _attributes(file: Path | None, evaluations: list[Evaluation]) -> list[Attribute]:
    if file is None:
        return []
    from detbench.data.attributes import read_attributes
    from detbench.errors import InputError
    from detbench.metrics.errors.slices import by_columns

    columns = read_attributes(file, evaluations[0].ground_truth)
    try:
        return by_columns(columns)
    except DetbenchError as error:
        raise InputError(
            file, str(error), fix="leave this column out, rename it, or group its values"
        ) from error
