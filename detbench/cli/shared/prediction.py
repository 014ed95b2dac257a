"""Prediction: runs a detector over a dataset and shows its class mapping and its progress."""

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
    detector: Detector, ground_truth: GroundTruth, *, allow_unmapped: bool
) -> ClassMapping:
    """Map the model's classes to the dataset's and print the table, even if it is an error."""
    from detbench.adapters.classes import map_classes
    from detbench.reports.terminal.class_mapping import mapping_table

    names = detector.class_names, ground_truth.class_names
    try:
        mapping = map_classes(*names, allow_unmapped=allow_unmapped)
    except DetbenchError:
        with suppress(DetbenchError), warnings.catch_warnings():
            warnings.simplefilter("ignore", DetbenchWarning)
            log_table(mapping_table(map_classes(*names, allow_unmapped=True)))
        raise
    log_table(mapping_table(mapping))
    return mapping


def run_detector(
    detector: Detector,
    ground_truth: GroundTruth,
    mapping: ClassMapping,
    *,
    name: str | None,
    batch: int | None,
    readers: int,
    allow_broken: bool,
    cached: bool,
) -> Detections:
    """Run the detector over the images and log a summary; arguments as for `run_model`.

    Ctrl-C exits with code 130 and a message on how to resume.
    """
    from detbench.bench.predict import predict
    from detbench.bench.prediction_cache import PredictionCache
    from detbench.cache_folder import cache_folder
    from detbench.metrics.warmup import warm_postprocessing

    warm_postprocessing(log)
    try:
        with _shown_progress(len(ground_truth.image_ids)) as on_progress:
            detections, progress = predict(
                detector,
                ground_truth,
                mapping,
                batch_size=batch,
                readers=readers,
                allow_broken=allow_broken,
                cache=PredictionCache(cache_folder()) if cached else None,
                on_progress=on_progress,
            )
    except KeyboardInterrupt:
        if cached:
            log("interrupted; run the same command again to resume after the last finished chunk")
        else:
            log("interrupted; nothing is kept (--no-cache)")
        raise typer.Exit(INTERRUPTED) from None
    log(_summary(progress, len(detections)))
    return replace(detections, name=name) if name else detections


def _summary(progress: Progress, n_detections: int) -> str:
    """Return one line on a finished run."""
    summary = (
        f"{progress.done:,} images ({progress.from_cache:,} from an earlier run), "
        f"{n_detections:,} detections"
    )
    if not progress.infer_s:
        return summary
    images_per_s = (progress.done - progress.from_cache) / progress.elapsed_s
    busy = f"model busy {progress.infer_share:.0%} of the time"
    return f"{summary}, {images_per_s:.1f} images/s, {busy}"


@contextmanager
def _shown_progress(total: int) -> Iterator[Callable[[Progress], None]]:
    """Show a progress bar; the block gets the function that advances it."""
    with progress_bar("images", total) as advance:
        yield lambda current: advance(current.done)
