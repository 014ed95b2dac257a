"""Predict: runs a detector over the images of a dataset; interrupted runs can be resumed.

Threads read and preprocess the next batches, and postprocess the last one, while the model runs.
Images are split into chunks. Finished chunks are kept in a cache under a key of everything that
decides their content, so that an interrupted run resumes and ends with the same detections, bit
for bit.
"""

from __future__ import annotations

import time
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np

from detbench.adapters.classes import ClassMapping
from detbench.adapters.collection import collect_detections
from detbench.adapters.detector import Detector, ImageDetections
from detbench.adapters.prefetch import ImageTask, PreparedBatch, image_tasks, prefetch_batches
from detbench.adapters.replay import ReplayDetector
from detbench.bench.prediction_cache import ImageResult, PredictionCache
from detbench.data.detections import Detections
from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchError, DetbenchWarning, InputError
from detbench.threads import ThreadPool
from detbench.wording import first_few, plural

_CHUNK_IMAGES = 32
_MAX_LISTED = 5
"""Images named in a message."""


@dataclass
class Progress:
    """How far a run is, and where its time went."""

    total: int
    """Images of the dataset."""
    done: int = 0
    from_cache: int = 0
    infer_s: float = 0.0
    """Seconds in which the model ran."""
    elapsed_s: float = 0.0

    @property
    def infer_share(self) -> float:
        """Fraction of the time in which the model ran, 0–1; NaN if it ran on no image."""
        return self.infer_s / self.elapsed_s if self.done > self.from_cache else float("nan")


@dataclass
class _Run:
    """One run of a detector: its settings and its progress."""

    detector: Detector
    batch_size: int
    readers: int
    cache: PredictionCache | None
    settings: dict[str, Any]
    progress: Progress
    on_progress: Callable[[Progress], None]


def predict(
    detector: Detector,
    ground_truth: GroundTruth,
    mapping: ClassMapping,
    *,
    batch_size: int | None = None,
    readers: int = 2,
    allow_broken: bool = False,
    cache: PredictionCache | None = None,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> tuple[Detections, Progress]:
    """Run a detector over all images of a dataset.

    Args:
        detector: the model.
        ground_truth: the dataset, for the paths and sizes of its images; objects are not used.
        mapping: from the model's classes to the dataset's; detections of unmapped classes are
            dropped.
        batch_size: images per batch; None for the model's own, else 1.
        readers: threads that read and preprocess images.
        allow_broken: accept unreadable images, which then have no detections. Otherwise they are
            an error, after all other images are done and cached.
        cache: for finished chunks; None to run everything. Detectors whose settings hold no
            `digest` of their model are not cached.
        on_progress: called after every batch.

    Returns:
        The detections, with the effective settings, and the final progress.

    Raises:
        InputError: images are missing or unreadable, or one has another size than annotated.
        DetbenchError: the model takes another batch size, or the folder of the images is unknown.
    """
    size = _batch_size(detector, batch_size)
    settings: dict[str, Any] = {**detector.settings, "batch_size": size}
    progress = Progress(len(ground_truth.image_ids))
    if isinstance(detector, ReplayDetector):
        results = [
            ImageResult(detector.detections_for(image_id)) for image_id in ground_truth.image_ids
        ]
        progress.done = progress.total
    else:
        usable_cache = cache if "digest" in settings else None
        run = _Run(detector, size, readers, usable_cache, settings, progress, on_progress)
        results = _run_chunks(run, _chunks(image_tasks(ground_truth), size))
    settings["classes"] = mapping.as_dict()
    settings["image_notes"] = _note_counts(ground_truth, results)
    settings["broken_images"] = _unreadable(ground_truth, results, allow_broken=allow_broken)
    detections = collect_detections(
        [result.detections for result in results],
        ground_truth,
        mapping,
        name=detector.name,
        settings=settings,
    )
    return detections, progress


def _batch_size(detector: Detector, requested: int | None) -> int:
    if requested is not None and detector.batch_size not in (None, requested):
        raise DetbenchError(
            f"{detector.name} takes batches of {detector.batch_size} only, not of {requested}; "
            "leave --batch out"
        )
    return requested or detector.batch_size or 1


def _chunks(tasks: Sequence[ImageTask], batch_size: int) -> list[Sequence[ImageTask]]:
    """Split into chunks of whole batches, of about `_CHUNK_IMAGES` images.

    The same dataset and batch size always give the same chunks, so that they have the same keys.
    """
    step = max(_CHUNK_IMAGES // batch_size, 1) * batch_size
    return [tasks[first : first + step] for first in range(0, len(tasks), step)]


def _run_chunks(run: _Run, chunks: Sequence[Sequence[ImageTask]]) -> list[ImageResult]:
    """Return the results of all images, from the cache or from the model."""
    started = time.perf_counter()
    progress = run.progress

    # 1. Load the chunks that an earlier run has finished.
    keys = [_key(run, chunk) for chunk in chunks]
    results = [
        run.cache.load(key, len(chunk)) if run.cache else None
        for key, chunk in zip(keys, chunks, strict=True)
    ]
    progress.from_cache = progress.done = sum(len(result) for result in results if result)
    missing = [number for number, result in enumerate(results) if result is None]

    # 2. Run the model on the others, in one stream of batches across the chunks.
    batches = [
        chunks[number][first : first + run.batch_size]
        for number in missing
        for first in range(0, len(chunks[number]), run.batch_size)
    ]
    with closing(_run_batches(run, batches)) as stream:
        for number in missing:
            chunk_results: list[ImageResult] = []
            while len(chunk_results) < len(chunks[number]):
                batch_results = next(stream)
                chunk_results += batch_results
                progress.done += len(batch_results)
                progress.elapsed_s = time.perf_counter() - started
                run.on_progress(progress)
            results[number] = chunk_results
            _store(run, keys[number], chunk_results)
    progress.elapsed_s = time.perf_counter() - started
    return [result for chunk in results if chunk is not None for result in chunk]


def _key(run: _Run, chunk: Sequence[ImageTask]) -> str:
    """Return the key of a chunk in the cache; empty without a cache."""
    if run.cache is None:
        return ""
    return run.cache.key(run.detector.name, run.settings, [task.path for task in chunk])


def _store(run: _Run, key: str, results: Sequence[ImageResult]) -> None:
    """Store a finished chunk; if the cache cannot be written, warn once and stop using it."""
    if run.cache is None:
        return
    try:
        run.cache.store(key, results)
    except InputError as error:
        warnings.warn(
            f"the cache {run.cache.folder} cannot be written ({error.problem}); the run continues "
            "without it; set DETBENCH_CACHE to another folder, or add --no-cache",
            DetbenchWarning,
            stacklevel=2,
        )
        run.cache = None


def _run_batches(
    run: _Run, batches: Sequence[Sequence[ImageTask]]
) -> Generator[list[ImageResult], None, None]:
    """Yield the results of each batch.

    The model runs in this thread; another thread postprocesses a batch while the next one runs.
    """
    detector = run.detector
    with (
        ThreadPool(1) as postprocessor,
        closing(prefetch_batches(detector, batches, run.readers)) as stream,
    ):
        pending: deque[Future[list[ImageResult]]] = deque()
        for prepared in stream:
            outputs = None
            if prepared.batch is not None:
                inputs = detector.to_device(prepared.batch)
                started = time.perf_counter()
                outputs = detector.infer(inputs)
                detector.synchronize()
                run.progress.infer_s += time.perf_counter() - started
            pending.append(postprocessor.submit(_postprocess, detector, prepared, outputs))
            if len(pending) > 1:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


def _postprocess(detector: Detector, prepared: PreparedBatch, outputs: Any) -> list[ImageResult]:
    """Return the results of a batch; unreadable images have no detections.

    Raises InputError naming the images, if the detector finds a problem in its outputs.
    """
    nothing = ImageDetections(np.zeros((0, 4)), np.zeros(0), np.zeros(0, np.int64))
    detections: Iterator[ImageDetections] = iter(())
    if prepared.batch is not None:
        try:
            detections = iter(detector.postprocess(detector.to_host(outputs), prepared.batch))
        except DetbenchError as error:
            images = [
                path
                for path, problem in zip(prepared.paths, prepared.errors, strict=True)
                if not problem
            ]
            others = f" and {len(images) - 1} others of its batch" if len(images) > 1 else ""
            raise InputError(
                images[0], f"{error}", where=f"run through {detector.name}{others}"
            ) from error
    return [
        ImageResult(nothing if problem else next(detections), notes, problem)
        for problem, notes in zip(prepared.errors, prepared.notes, strict=True)
    ]


def _unreadable(
    ground_truth: GroundTruth, results: Sequence[ImageResult], *, allow_broken: bool
) -> list[str]:
    """Return the names of unreadable images with a warning; unless allowed they are an error."""
    problems = [result.error for result in results if result.error]
    if problems:
        sentence = f"{plural(len(problems), 'image')} could not be read"
        reasons = first_few(problems, _MAX_LISTED)
        if not allow_broken:
            raise DetbenchError(
                f"{sentence}: {reasons}; repair the files, or add --allow-broken to skip them "
                "(all other images are done and cached)"
            )
        warnings.warn(
            f"{sentence} and have no detections: {reasons}", DetbenchWarning, stacklevel=3
        )
    return [
        name for name, result in zip(ground_truth.image_names, results, strict=True) if result.error
    ]


def _note_counts(ground_truth: GroundTruth, results: Sequence[ImageResult]) -> dict[str, int]:
    """Return the number of images per note, with a warning for each note."""
    names: dict[str, list[str]] = {}
    for result, name in zip(results, ground_truth.image_names, strict=True):
        for note in result.notes:
            names.setdefault(note, []).append(name)
    for note, images in names.items():
        warnings.warn(
            f"{plural(len(images), 'image')}: {note} ({first_few(images, _MAX_LISTED)})",
            DetbenchWarning,
            stacklevel=3,
        )
    return {note: len(images) for note, images in names.items()}
