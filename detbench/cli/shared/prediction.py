"""Prediction: how commands run a detector over a dataset, with its class mapping and its progress shown."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import typer

from detbench.cli.shared.app import INTERRUPTED
from detbench.cli.shared.talk import talk, talk_table, tracked
from detbench.errors import DetbenchError, DetbenchWarning

if TYPE_CHECKING:
    from detbench.adapters.classes import ClassMapping
    from detbench.adapters.detector import Detector
    from detbench.bench.predict import Progress
    from detbench.data.detections import Detections
    from detbench.data.ground_truth import GroundTruth


def shown_mapping(detector: Detector, truth: GroundTruth, *, allow_unmapped: bool) -> ClassMapping:
    """Map the model's classes to the dataset's and print the table, also where it is an error."""
    from detbench.adapters.classes import map_classes
    from detbench.reports.terminal.evaluation import mapping_table

    try:
        mapping = map_classes(
            detector.class_names, truth.class_names, allow_unmapped=allow_unmapped
        )
    except DetbenchError:
        with suppress(DetbenchError), warnings.catch_warnings():
            warnings.simplefilter("ignore", DetbenchWarning)
            talk_table(
                mapping_table(
                    map_classes(detector.class_names, truth.class_names, allow_unmapped=True)
                )
            )
        raise
    talk_table(mapping_table(mapping))
    return mapping


def predicted(
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
    from detbench.bench.prediction_cache import PredictionCache, default_folder
    from detbench.metrics.warmup import warm_postprocessing

    cache = PredictionCache(default_folder()) if cached else None
    progress = Progress(len(truth.image_ids))
    warm_postprocessing(talk)
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
        talk(f"interrupted; {kept}")
        raise typer.Exit(INTERRUPTED) from None
    run = progress.done - progress.from_cache
    speed = (
        f", {run / progress.elapsed_s:.1f} pictures/s, model busy {progress.infer_share:.0%} of the time"
        if progress.infer_s
        else ""
    )
    talk(
        f"{progress.done:,} pictures ({progress.from_cache:,} from an earlier run), {len(found):,} detections{speed}"
    )
    return replace(found, name=name) if name else found


@contextmanager
def _bar(progress: Progress) -> Iterator[Callable[[Progress], None]]:
    with tracked("pictures", progress.total) as advance:
        yield lambda now: advance(now.done)
