"""`detbench predict` runs a model over a dataset; `detbench adapters` lists the ways to run one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detbench.cli.shared.app import (
    AllowBroken,
    AllowUnmapped,
    Batch,
    DatasetPath,
    Images,
    NoCache,
    OnlyPresent,
    Readers,
    Split,
    app,
)
from detbench.cli.shared.console import log, show
from detbench.cli.shared.loading import load_dataset, present_positions
from detbench.cli.shared.output_paths import check_output_paths, model_path
from detbench.cli.shared.prediction import map_and_show_classes, run_detector
from detbench.cli.shared.scoring import log_suspicion
from detbench.errors import DetbenchError, InputError

if TYPE_CHECKING:
    from detbench.adapters.detector import Detector
    from detbench.data.detections import Detections
    from detbench.data.ground_truth import GroundTruth

Model = Annotated[
    str,
    typer.Argument(
        help="ADAPTER:PATH[,OPTION=VALUE...], for example onnx:model.onnx,decoder=yolox.",
        show_default=False,
    ),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--output",
        metavar="FILE",
        help="File for the detections: .parquet or .json.",
        show_default=False,
    ),
]
Name = Annotated[
    str | None,
    typer.Option(
        help="Name of the detector. Default: the name of the model file.", show_default=False
    ),
]
Preview = Annotated[
    int,
    typer.Option(metavar="N", min=0, help="Draw N images with their boxes and the model's input."),
]
TryResize = Annotated[
    bool,
    typer.Option(
        "--try-resize",
        help="Score a sample with each way of resizing (fit=) and exit; nothing is written.",
    ),
]
Sample = Annotated[
    int, typer.Option(metavar="N", min=1, help="Number of images that --try-resize scores.")
]


@app.command("predict")
def predict_command(
    model: Model,
    dataset: DatasetPath,
    output: Output = None,
    split: Split = None,
    images: Images = None,
    only_present: OnlyPresent = False,
    batch: Batch = None,
    readers: Readers = 2,
    name: Name = None,
    allow_unmapped: AllowUnmapped = False,
    allow_broken: AllowBroken = False,
    no_cache: NoCache = False,
    preview: Preview = 0,
    try_resize: TryResize = False,
    sample: Sample = 100,
) -> None:
    """Run a model over a dataset and write its detections. An interrupted run can be resumed."""
    from detbench.adapters.catalogue import load_detector
    from detbench.data.load import save_detections

    if try_resize and (output or preview or batch or name or allow_broken):
        raise DetbenchError(
            "--try-resize writes no detections; "
            "leave out -o, --preview, --batch, --name and --allow-broken"
        )
    if not try_resize:
        _check_output(output, [dataset, model_path(model)])
    ground_truth = load_dataset(dataset, split=split, images=images)
    if only_present:
        ground_truth = ground_truth.select_images(present_positions(ground_truth))
    detector = load_detector(model)
    mapping = map_and_show_classes(detector, ground_truth, allow_unmapped=allow_unmapped)
    if output is None:
        _try_resize(model, detector, ground_truth, sample, allow_unmapped=allow_unmapped)
        return
    if preview:
        _check_preview(detector)
    detections = run_detector(
        detector,
        ground_truth,
        mapping,
        name=name,
        batch=batch,
        readers=readers,
        allow_broken=allow_broken,
        cached=not no_cache,
    )
    save_detections(detections, ground_truth, output)
    log(f"detections: {output}")
    _warn_of_suspicions(ground_truth, detections)
    if preview:
        _save_previews(detector, ground_truth, output, preview)


def _warn_of_suspicions(ground_truth: GroundTruth, detections: Detections) -> None:
    from detbench.metrics.protocols.table import protocol_named
    from detbench.metrics.scoring.suspicions import detection_suspicions

    protocol = protocol_named(ground_truth.protocol)
    for suspicion in detection_suspicions(ground_truth, detections, protocol):
        log_suspicion(detections.name, str(suspicion))


def _check_output(output: Path | None, inputs: list[Path]) -> None:
    """Raise an error, before the model runs, if the detections cannot be written to the output."""
    from detbench.data.formats.table import DETECTIONS_FORMATS

    if output is None:
        raise DetbenchError("no file for the detections; name one with -o FILE")
    suffixes = [file_format.suffix for file_format in DETECTIONS_FORMATS.values()]
    suffixes = [suffix for suffix in suffixes if suffix]
    if output.suffix.lower() not in suffixes:
        raise InputError(
            output,
            "cannot infer the format of the detections from its suffix",
            fix=f"use {' or '.join(suffixes)}",
        )
    check_output_paths([output], [], inputs)


def _check_preview(detector: Detector) -> None:
    from detbench.adapters.replay import ReplayDetector

    if isinstance(detector, ReplayDetector):
        raise DetbenchError(
            "--preview shows a model's input, but a replay has no model; leave it out"
        )


def _save_previews(detector: Detector, ground_truth: GroundTruth, output: Path, count: int) -> None:
    from detbench.data.load import load_detections
    from detbench.reports.plots.preview import save_previews

    folder = output.with_name(f"{output.stem}-previews")
    detections = load_detections(output, ground_truth)
    files = save_previews(detector, ground_truth, detections, count, folder)
    log(f"previews: {len(files)} files in {folder}")


def _try_resize(
    model: str,
    detector: Detector,
    ground_truth: GroundTruth,
    sample: int,
    *,
    allow_unmapped: bool,
) -> None:
    from detbench.bench.resize_trial import resize_trial, sample_images
    from detbench.reports.terminal.resize_trial import trial_table

    sampled = ground_truth.select_images(sample_images(ground_truth, sample))
    trials = resize_trial(
        model,
        detector,
        sampled,
        allow_unmapped=allow_unmapped,
        on_fit=lambda fit: log(f"{fit} ..."),
    )
    n_images = f"{len(sampled.image_ids):,} images"
    show(f"{detector.name} on {n_images} of {ground_truth.name}", trial_table(trials))


@app.command("adapters")
def adapters_command() -> None:
    """List the ways to run a model, and how to install each."""
    from detbench.adapters.catalogue import adapters
    from detbench.reports.terminal.adapters import adapter_table

    show(adapter_table(adapters()))
