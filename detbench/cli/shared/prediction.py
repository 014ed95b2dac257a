"""Prediction: how commands run a detector over a dataset, with its class mapping and its progress shown."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import typer

from detbench.cli.shared.app import INTERRUPTED
from detbench.cli.shared.console import log, log_table, progress_bar, status
from detbench.cli.shared.detector_names import check_distinct_names
from detbench.errors import DetbenchError, DetbenchWarning

if TYPE_CHECKING:
    from detbench.adapters.classes import ClassMapping
    from detbench.adapters.detector import Detector
    from detbench.bench.predict import Progress
    from detbench.data.detections import Detections
    from detbench.data.ground_truth import GroundTruth


def run_model(
    spec: str,
    ground_truth: GroundTruth,
    *,
    name: str | None,
    other_names: Sequence[str] = (),
    allow_unmapped: bool,
    batch: int | None,
    readers: int,
    allow_broken: bool,
    cached: bool,
) -> Detections:
    """Load the model of a spec and return its detections on a dataset.

    Args:
        spec: `ADAPTER:PATH[,OPTION=VALUE...]` or a model file.
        ground_truth: whose images the model is run on.
        name: of the detector; None: the model's own.
        other_names: names of other detectors, which this one must not have.
        allow_unmapped: allow classes of model or dataset without a counterpart in the other.
        batch: images per batch; None: the model's own.
        readers: threads that read and prepare images.
        allow_broken: skip images that cannot be read.
        cached: reuse and keep predictions in the cache.

    Raises:
        DetbenchError: also for a name that another detector has, before the model is run.
    """
    from detbench.adapters.catalogue import load_detector

    with status(f"loading {spec}"):
        detector = load_detector(spec)
    try:
        label = name or detector.name
        check_distinct_names([*other_names, label])
        log(f"{label}: running on {len(ground_truth.image_ids):,} images of {ground_truth.name}")
        return run_detector(
            detector,
            ground_truth,
            map_and_show_classes(detector, ground_truth, allow_unmapped=allow_unmapped),
            name=name,
            batch=batch,
            readers=readers,
            allow_broken=allow_broken,
            cached=cached,
        )
    finally:
        detector.close()


def map_and_show_classes(
    detector: Detector, truth: GroundTruth, *, allow_unmapped: bool
) -> ClassMapping:
    """Map the model's classes to the dataset's and print the table, also where it is an error."""
    from detbench.adapters.classes import map_classes
    from detbench.reports.terminal.class_mapping import mapping_table

    try:
        mapping = map_classes(
            detector.class_names, truth.class_names, allow_unmapped=allow_unmapped
        )
    except DetbenchError:
        with suppress(DetbenchError), warnings.catch_warnings():
            warnings.simplefilter("ignore", DetbenchWarning)
            log_table(
                mapping_table(
                    map_classes(detector.class_names, truth.class_names, allow_unmapped=True)
                )
            )
        raise
    log_table(mapping_table(mapping))
    return mapping


def run_detector(
    detector: Detector,
    truth: GroundTruth,
    mapping: ClassMapping,
    *,
    name: str | None,
    batch: int | None,
    readers: int,
    allow_broken: bool,
    cached: bool,
) -> Detections:
    """Run the detector over the pictures and say how it went; Ctrl-C ends the command and says how to go on."""
    from detbench.bench.predict import Progress, predict
    from detbench.bench.prediction_cache import PredictionCache, default_cache_folder
    from detbench.metrics.warmup import warm_postprocessing

    cache = PredictionCache(default_cache_folder()) if cached else None
    progress = Progress(len(truth.image_ids))
    warm_postprocessing(log)
    try:
        with _bar(progress) as on_progress:
            found, progress = predict(
                detector,
                truth,
                mapping,
                batch_size=batch,
                readers=readers,
                allow_broken=allow_broken,
                cache=cache,
                on_progress=on_progress,
            )
    except KeyboardInterrupt:
        kept = (
            "the same command goes on from the last finished chunk"
            if cached
            else "nothing is kept (--no-cache)"
        )
        log(f"interrupted; {kept}")
        raise typer.Exit(INTERRUPTED) from None
    run = progress.done - progress.from_cache
    speed = (
        f", {run / progress.elapsed_s:.1f} pictures/s, model busy {progress.infer_share:.0%} of the time"
        if progress.infer_s
        else ""
    )
    log(
        f"{progress.done:,} pictures ({progress.from_cache:,} from an earlier run), {len(found):,} detections{speed}"
    )
    return replace(found, name=name) if name else found


@contextmanager
def _bar(progress: Progress) -> Iterator[Callable[[Progress], None]]:
    with progress_bar("pictures", progress.total) as advance:
        yield lambda now: advance(now.done)
