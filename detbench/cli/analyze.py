"""`detbench analyze`: where the errors of detectors come from."""

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
    from detbench.bench.analysis.analyze import Study
    from detbench.metrics.errors.slices import Attribute
    from detbench.metrics.scoring.evaluation import Evaluation


@app.command("analyze")
def analyze_command(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="GROUND_TRUTH DETECTIONS...",
            help="Inputs as for `detbench eval`, or run folders alone.",
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
            help="CSV with image_id and attributes of images; each value becomes a slice.",
            show_default=False,
        ),
    ] = None,
    beta: Annotated[
        float, typer.Option(help="Beta of the F measure that score thresholds maximize.")
    ] = 1.0,
    tidecv: Annotated[
        bool,
        typer.Option(
            "--tidecv",
            help="Compute costs as tidecv 1.0.1 does: at most 100 detections per image, AP 0 for "
            "classes without objects.",
        ),
    ] = False,
    resamples: Annotated[
        int,
        typer.Option(min=0, help="Number of resamples for intervals and p-values; 0 for none."),
    ] = 1000,
    seed: Annotated[
        int,
        typer.Option(
            min=0, help="Random seed of resamples, and of the half of images that sets thresholds."
        ),
    ] = 0,
    json: JsonTarget = None,
    plots: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write the plots as PNG files.", show_default=False),
    ] = None,
    csv: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write every table as a CSV file.", show_default=False),
    ] = None,
    threads: Threads = None,
) -> None:
    """Explain where errors come from.

    Shows the cost of each kind of error, confusions, calibration, hard objects and images, likely
    label errors, and the sensitivity of the score to ties, limits and thresholds.
    """
    from detbench.bench.analysis.analyze import analyze
    from detbench.bench.analysis.record import study_document
    from detbench.metrics.errors.thresholds import check_beta
    from detbench.metrics.warmup import warm_analysis
    from detbench.reports.terminal.analysis import study_tables

    check_beta(beta)
    inputs = [*paths, *filter(None, [slices, groups])]
    check_output_paths(json_files(json), [folder for folder in (plots, csv) if folder], inputs)
    _check_tables(csv, inputs)
    if _are_runs(paths):
        data_options = (protocol, split, images, name, only_present, allow_unknown, groups)
        evaluations = _evaluations_of_runs(paths, any(data_options))
    else:
        ground_truth, detections = load_inputs(
            paths[0],
            paths[1:],
            detector_names(paths[1:], name),
            split=split,
            images=images,
            only_present=only_present,
            allow_unknown=allow_unknown,
            groups=groups,
        )
        chosen = protocol_from_options(ground_truth, protocol)
        evaluations = evaluate_all(ground_truth, detections, chosen, threads)
    attributes = _attributes(slices, evaluations)
    warm_analysis(log)
    with status("analyzing"):
        study = analyze(
            evaluations, attributes, resamples=resamples, seed=seed, beta=beta, as_tidecv=tidecv
        )
    document = study_document(study)
    save_json(json, document, "analysis")
    _save_tables(study, csv)
    _save_plots(study, plots)
    show_results(json, document, lambda: study_tables(study))


def _check_tables(folder: Path | None, inputs: list[Path]) -> None:
    """Refuse a folder in which a table would replace an input."""
    if folder:
        from detbench.cli.shared.output_paths import check_distinct
        from detbench.reports.analysis_frames import FRAMES

        check_distinct([folder / f"{name}.csv" for name in FRAMES], inputs)


def _save_tables(study: Study, folder: Path | None) -> None:
    if folder:
        from detbench.reports.analysis_frames import save_analysis_csv

        log(f"tables: {len(save_analysis_csv(study, folder))} files in {folder}")


def _save_plots(study: Study, folder: Path | None) -> None:
    if folder:
        from detbench.reports.plots.analysis import save_analysis_plots

        with status("plotting"):
            files = save_analysis_plots(study, folder)
        log(f"plots: {len(files)} files in {folder}")


def _are_runs(paths: list[Path]) -> bool:
    """Return whether all paths are run folders; a ground truth without detections is an error."""
    from detbench.bench.run_files import RECORD

    if all((path / RECORD).is_file() for path in paths):
        return True
    if len(paths) < 2:
        raise DetbenchError(
            f"{paths[0]} has no detections; give detections after the ground truth, or run folders"
        )
    return False


def _evaluations_of_runs(folders: list[Path], any_data_option: bool) -> list[Evaluation]:
    """Score runs again; options that choose what is scored are refused, since runs record it."""
    from detbench.bench.runs import read_run
    from detbench.cli.shared.detector_names import check_distinct_names
    from detbench.metrics.warmup import warm_scoring

    if any_data_option:
        raise DetbenchError(
            "run folders record what was scored and how; "
            "remove the options that choose data, names or protocol"
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
    from detbench.metrics.errors.slices import attributes_of_columns

    columns = read_attributes(file, evaluations[0].ground_truth)
    try:
        return attributes_of_columns(columns)
    except DetbenchError as error:
        raise InputError(
            file, str(error), fix="remove the column, rename it, or group its values"
        ) from error
