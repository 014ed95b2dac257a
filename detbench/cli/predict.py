"""`detbench predict` and `detbench adapters`: run a model over a dataset, and the ways to run one."""

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
from detbench.cli.shared.output_paths import check_output_paths
from detbench.cli.shared.prediction import map_and_show_classes, run_detector
from detbench.errors import DetbenchError, InputError

if TYPE_CHECKING:
    from detbench.adapters.detector import Detector
    from detbench.data.ground_truth import GroundTruth

Model = Annotated[
    str,
    typer.Argument(
        help="ADAPTER:PATH[,OPTION=VALUE...], as onnx:model.onnx,decoder=yolox,score=0.001",
        show_default=False,
    ),
]


@app.command("predict")
def predict_command(
    model: Model,
    dataset: DatasetPath,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="Where the detections go: .parquet or .json.",
            show_default=False,
        ),
    ] = None,
    split: Split = None,
    images: Images = None,
    only_present: OnlyPresent = False,
    batch: Batch = None,
    readers: Readers = 2,
    name: Annotated[
        str | None,
        typer.Option(help="Name of the detector. Default: the model file's.", show_default=False),
    ] = None,
    allow_unmapped: AllowUnmapped = False,
    allow_broken: AllowBroken = False,
    no_cache: NoCache = False,
    preview: Annotated[
        int,
        typer.Option(metavar="N", min=0, help="Draw N pictures with boxes and the model's input."),
    ] = 0,
    try_resize: Annotated[
        bool,
        typer.Option(
            "--try-resize",
            help="Score a sample under stretch, letterbox and crop side by side, and stop.",
        ),
    ] = False,
    sample: Annotated[
        int, typer.Option(metavar="N", min=1, help="Pictures in the sample of --try-resize.")
    ] = 100,
) -> None:
    """Run a model over a dataset; started again after an interruption, it goes on where it was."""
    from detbench.adapters.catalogue import load_detector, parse_spec
    from detbench.data.load import save_detections

    if try_resize and (output or preview or batch or name or allow_broken):
        raise DetbenchError(
            "--try-resize writes no detections; leave out -o, --preview, --batch, --name and --allow-broken"
        )
    if not try_resize:
        _check_output(output, [dataset, Path(parse_spec(model).target)])
    truth = load_dataset(dataset, split=split, images=images)
    if only_present:
        truth = truth.select_images(present_positions(truth))
    detector = load_detector(model)
    mapping = map_and_show_classes(detector, truth, allow_unmapped=allow_unmapped)
    if output is None:
        _try_resize(model, detector, truth, sample, allow_unmapped=allow_unmapped)
        return
    if preview:
        _check_preview(detector)
    found = run_detector(
        detector,
        truth,
        mapping,
        name=name,
        batch=batch,
        readers=readers,
        allow_broken=allow_broken,
        cached=not no_cache,
    )
    save_detections(found, truth, output)
    log(f"detections: {output}")
    if preview:
        _previews(detector, truth, output, preview)


def _check_output(output: Path | None, inputs: list[Path]) -> None:
    """Refuse, before the model is run, an output that cannot be written or would replace an input."""
    from detbench.data.formats.table import DETECTIONS_FORMATS

    if output is None:
        raise DetbenchError("where shall the detections go? give -o FILE")
    suffixes = [known.suffix for known in DETECTIONS_FORMATS.values() if known.suffix]
    if output.suffix.lower() not in suffixes:
        raise InputError(
            output,
            "its suffix names no format of detections",
            fix=f"use one of {', '.join(suffixes)}",
        )
    check_output_paths([output], [], inputs)


def _check_preview(detector: Detector) -> None:
    from detbench.adapters.replay import ReplayDetector

    if isinstance(detector, ReplayDetector):
        raise DetbenchError(
            "--preview shows a model's input, and a replay has no model; leave it out"
        )


def _previews(detector: Detector, truth: GroundTruth, output: Path, count: int) -> None:
    from detbench.data.load import load_detections
    from detbench.reports.plots.preview import save_previews

    folder = output.with_name(f"{output.stem}-previews")
    drawn = save_previews(detector, truth, load_detections(output, truth), count, folder)
    log(f"previews: {len(drawn)} files in {folder}")


def _try_resize(
    model: str, detector: Detector, truth: GroundTruth, sample: int, *, allow_unmapped: bool
) -> None:
    from detbench.bench.resize_trial import resize_trial, sample_images
    from detbench.reports.terminal.resize_trial import trial_table

    chosen = truth.select_images(sample_images(truth, sample))
    trials = resize_trial(
        model,
        detector,
        chosen,
        allow_unmapped=allow_unmapped,
        on_fit=lambda fit: log(f"{fit} ..."),
    )
    show(
        f"{detector.name} on {len(chosen.image_ids):,} images of {truth.name}", trial_table(trials)
    )


@app.command("adapters")
def adapters_command() -> None:
    """List the ways to run a model, and what installs each."""
    from detbench.adapters.catalogue import adapters
    from detbench.reports.terminal.adapters import adapter_table

    show(adapter_table(adapters()))
