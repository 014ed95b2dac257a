"""`detbench predict` and `detbench adapters`: run a model over a dataset, and the ways to run one."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detbench.cli.app import INTERRUPTED, DatasetPath, Images, OnlyPresent, Split, app
from detbench.cli.steps import load_dataset, present_positions
from detbench.cli.talk import show, talk, talk_table, tracked
from detbench.errors import DetbenchError, DetbenchWarning, InputError

if TYPE_CHECKING:
    from detbench.adapters.classes import ClassMapping
    from detbench.adapters.detector import Detector
    from detbench.bench.predict import Progress
    from detbench.data.ground_truth import GroundTruth

Model = Annotated[
    str,
    typer.Argument(help="ADAPTER:PATH[,OPTION=VALUE...], as onnx:model.onnx,decoder=yolox,score=0.001", show_default=False),
]


@app.command("predict")
def predict_command(
    model: Model,
    dataset: DatasetPath,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Where the detections go: .parquet or .json.", show_default=False)
    ] = None,
    split: Split = None,
    images: Images = None,
    only_present: OnlyPresent = False,
    batch: Annotated[
        int | None, typer.Option(min=1, help="Pictures per batch. Default: the model's own, else 1.", show_default=False)
    ] = None,
    readers: Annotated[int, typer.Option(min=1, help="Threads that read and prepare pictures.")] = 2,
    name: Annotated[str | None, typer.Option(help="Name of the detector. Default: the model file's.", show_default=False)] = None,
    allow_unmapped: Annotated[
        bool, typer.Option("--allow-unmapped", help="Allow classes of model or dataset that have no partner in the other.")
    ] = False,
    allow_broken: Annotated[
        bool, typer.Option("--allow-broken", help="Go on over pictures that cannot be read; they have no detections.")
    ] = False,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Run every picture, and keep nothing for a later run.")] = False,
    preview: Annotated[int, typer.Option(metavar="N", min=0, help="Draw N pictures with boxes and the model's input.")] = 0,
    try_resize: Annotated[
        bool, typer.Option("--try-resize", help="Score a sample under stretch, letterbox and crop side by side, and stop.")
    ] = False,
    sample: Annotated[int, typer.Option(metavar="N", min=1, help="Pictures in the sample of --try-resize.")] = 100,
) -> None:
    """Run a model over a dataset; started again after an interruption, it goes on where it was."""
    from detbench.adapters.catalogue import load_detector, parse_spec

    if try_resize and (output or preview or batch or name or allow_broken):
        raise DetbenchError("--try-resize writes no detections; leave out -o, --preview, --batch, --name and --allow-broken")
    if not try_resize:
        _check_output(output, [dataset, Path(parse_spec(model).target)])
    truth = load_dataset(dataset, split=split, images=images)
    if only_present:
        truth = truth.select_images(present_positions(truth))
    detector = load_detector(model)
    mapping = _mapping(detector, truth, allow_unmapped=allow_unmapped)
    if output is None:
        _try_resize(model, detector, truth, sample, allow_unmapped=allow_unmapped)
        return
    if preview:
        _check_preview(detector)
    _predict(detector, truth, mapping, output, name, batch, readers, allow_broken=allow_broken, cached=not no_cache)
    if preview:
        _previews(detector, truth, output, preview)


def _check_output(output: Path | None, inputs: list[Path]) -> None:
    """Refuse, before the model is run, an output that cannot be written or would replace an input."""
    from detbench.data.files import check_place
    from detbench.data.formats import DETECTIONS_FORMATS

    if output is None:
        raise DetbenchError("where shall the detections go? give -o FILE")
    suffixes = [known.suffix for known in DETECTIONS_FORMATS.values() if known.suffix]
    if output.suffix.lower() not in suffixes:
        raise InputError(output, "its suffix names no format of detections", fix=f"use one of {', '.join(suffixes)}")
    check_place(output, folder=False)
    if any(output.exists() and given.exists() and output.samefile(given) for given in inputs):
        raise InputError(output, "is an input and would be replaced", fix="name another place")


def _mapping(detector: Detector, truth: GroundTruth, *, allow_unmapped: bool) -> ClassMapping:
    """Map the model's classes to the dataset's and print the table, also where it is an error."""
    from detbench.adapters.classes import map_classes
    from detbench.reports.terminal import mapping_table

    try:
        mapping = map_classes(detector.class_names, truth.class_names, allow_unmapped=allow_unmapped)
    except DetbenchError:
        with suppress(DetbenchError), warnings.catch_warnings():
            warnings.simplefilter("ignore", DetbenchWarning)
            talk_table(mapping_table(map_classes(detector.class_names, truth.class_names, allow_unmapped=True)))
        raise
    talk_table(mapping_table(mapping))
    return mapping


def _check_preview(detector: Detector) -> None:
    from detbench.adapters.replay import ReplayDetector

    if isinstance(detector, ReplayDetector):
        raise DetbenchError("--preview shows a model's input, and a replay has no model; leave it out")


def _predict(
    detector: Detector,
    truth: GroundTruth,
    mapping: ClassMapping,
    output: Path,
    name: str | None,
    batch: int | None,
    readers: int,
    *,
    allow_broken: bool,
    cached: bool,
) -> None:
    """Run the detector, write what it found, and say how it went."""
    from dataclasses import replace

    from detbench.bench.predict import Progress, predict
    from detbench.bench.prediction_cache import PredictionCache, default_folder
    from detbench.data.load import save_detections
    from detbench.metrics.warmup import warm_postprocessing

    cache = PredictionCache(default_folder()) if cached else None
    progress = Progress(len(truth.image_ids))
    warm_postprocessing(talk)
    try:
        with _bar(progress) as on_progress:
            found, progress = predict(
                detector, truth, mapping, batch_size=batch, readers=readers, allow_broken=allow_broken, cache=cache, on_progress=on_progress
            )
    except KeyboardInterrupt:
        kept = "the same command goes on from the last finished chunk" if cached else "nothing is kept (--no-cache)"
        talk(f"interrupted; {kept}")
        raise typer.Exit(INTERRUPTED) from None
    found = replace(found, name=name) if name else found
    save_detections(found, truth, output)
    run = progress.done - progress.from_cache
    speed = f", {run / progress.elapsed_s:.1f} pictures/s, model busy {progress.infer_share:.0%} of the time" if progress.infer_s else ""
    talk(f"{progress.done:,} pictures ({progress.from_cache:,} from an earlier run), {len(found):,} detections{speed}")
    talk(f"detections: {output}")


def _previews(detector: Detector, truth: GroundTruth, output: Path, count: int) -> None:
    from detbench.data.load import load_detections
    from detbench.reports.preview import save_previews

    folder = output.with_name(f"{output.stem}-previews")
    drawn = save_previews(detector, truth, load_detections(output, truth), count, folder)
    talk(f"previews: {len(drawn)} files in {folder}")


@contextmanager
def _bar(progress: Progress) -> Iterator[Callable[[Progress], None]]:
    with tracked("pictures", progress.total) as advance:
        yield lambda now: advance(now.done)


def _try_resize(model: str, detector: Detector, truth: GroundTruth, sample: int, *, allow_unmapped: bool) -> None:
    from detbench.bench.resize_trial import resize_trial, sample_images
    from detbench.reports.terminal import trial_table

    chosen = truth.select_images(sample_images(truth, sample))
    trials = resize_trial(model, detector, chosen, allow_unmapped=allow_unmapped, on_fit=lambda fit: talk(f"{fit} ..."))
    show(f"{detector.name} on {len(chosen.image_ids):,} images of {truth.name}", trial_table(trials))


@app.command("adapters")
def adapters_command() -> None:
    """List the ways to run a model, and what installs each."""
    from detbench.adapters.catalogue import adapters
    from detbench.reports.terminal import adapter_table

    show(adapter_table(adapters()))
