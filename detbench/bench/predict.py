"""Predict: run a detector over the pictures of a dataset, with the model kept busy and nothing lost when it is interrupted.

Threads read and prepare the next batches, and finish the last one, while the model runs. Pictures are cut into chunks, and finished chunks
are kept in a cache under a key made of everything that decides their content, so that a run that was killed goes on where it was
and ends with the same detections, bit for bit.
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
from detbench.wording import plural

_CHUNK_PICTURES = 32
_NAMED = 5


@dataclass
class Progress:
    """What a run has done so far, and where its time went."""

    total: int
    done: int = 0
    from_cache: int = 0
    infer_s: float = 0.0
    elapsed_s: float = 0.0

    @property
    def infer_share(self) -> float:
        """The part of the time in which the model ran, 0..1; NaN when nothing was run."""
        return self.infer_s / self.elapsed_s if self.done > self.from_cache else float("nan")


@dataclass
class _Run:
    """One run of a detector: what stays the same through it, and how far it is."""

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
    """Run a detector over all pictures of a dataset.

    Args:
        detector: the model.
        ground_truth: whose `image_folder` and `image_files` say where the pictures are; its objects are not looked at.
        mapping: from the model's classes to the dataset's; detections of unmapped classes are dropped.
        batch_size: pictures per batch; None for the model's own, else 1.
        readers: threads that read and prepare pictures.
        allow_broken: pictures that cannot be read have no detections; otherwise they fail the run, after all others are done and cached.
        cache: where finished chunks are kept and found again; None to run everything. A detector whose settings hold no `digest` of
            its model is not cached.
        on_progress: called after every batch.

    Returns:
        The detections for `ground_truth`, with the effective settings, and the final progress.

    Raises:
        InputError: pictures are missing or cannot be read, or one has another size than the annotations say.
        DetbenchError: the model takes another batch size, or it is not known where the pictures are.
    """
    size = _batch_size(detector, batch_size)
    settings: dict[str, Any] = {**detector.settings, "batch_size": size}
    progress = Progress(len(ground_truth.image_ids))
    if isinstance(detector, ReplayDetector):
        seen = [ImageResult(detector.detections_for(image_id)) for image_id in ground_truth.image_ids]
        progress.done = progress.total
    else:
        known = cache if "digest" in settings else None
        seen = _run(
            _Run(detector, size, readers, known, settings, progress, on_progress),
            _chunks(image_tasks(ground_truth), size),
        )
    settings |= {
        "classes": mapping.as_dict(),
        **_remarks(ground_truth, seen, allow_broken=allow_broken),
    }
    return collect_detections(
        [each.found for each in seen], ground_truth, mapping, name=detector.name, settings=settings
    ), progress


def _batch_size(detector: Detector, asked: int | None) -> int:
    if asked is not None and detector.batch_size not in (None, asked):
        raise DetbenchError(
            f"{detector.name} takes batches of {detector.batch_size} only, not of {asked}; leave --batch out"
        )
    return asked or detector.batch_size or 1


def _chunks(tasks: Sequence[ImageTask], batch_size: int) -> list[Sequence[ImageTask]]:
    """Cut into runs of whole batches, about `_CHUNK_PICTURES` long, at the same places in every run."""
    step = max(_CHUNK_PICTURES // batch_size, 1) * batch_size
    return [tasks[first : first + step] for first in range(0, len(tasks), step)]


def _run(run: _Run, chunks: Sequence[Sequence[ImageTask]]) -> list[ImageResult]:
    """Return what is in all pictures, from the cache or from the model."""
    started = time.perf_counter()
    progress = run.progress
    keys = [
        run.cache.key(run.detector.name, run.settings, [task.path for task in chunk])
        if run.cache
        else ""
        for chunk in chunks
    ]
    results = [
        run.cache.load(key, len(chunk)) if run.cache else None
        for key, chunk in zip(keys, chunks, strict=True)
    ]
    progress.from_cache = progress.done = sum(
        len(result) for result in results if result is not None
    )
    missing = [number for number, result in enumerate(results) if result is None]
    batches = [
        chunks[n][first : first + run.batch_size]
        for n in missing
        for first in range(0, len(chunks[n]), run.batch_size)
    ]
    with closing(_seen_in_batches(run, batches)) as stream:
        for number in missing:
            seen: list[ImageResult] = []
            while len(seen) < len(chunks[number]):
                batch = next(stream)
                seen += batch
                progress.done += len(batch)
                progress.elapsed_s = time.perf_counter() - started
                run.on_progress(progress)
            results[number] = seen
            _keep(run, keys[number], seen)
    progress.elapsed_s = time.perf_counter() - started
    return [each for result in results if result is not None for each in result]


def _keep(run: _Run, key: str, seen: Sequence[ImageResult]) -> None:
    """Store a finished chunk; a cache that cannot be written is said once and used no more."""
    if run.cache is None:
        return
    try:
        run.cache.store(key, seen)
    except InputError as error:
        fix = "the run goes on without it; set DETBENCH_CACHE to another folder, or give --no-cache"
        warnings.warn(
            f"the cache {run.cache.folder} cannot be written ({error.problem}); {fix}",
            DetbenchWarning,
            stacklevel=2,
        )
        run.cache = None


def _seen_in_batches(
    run: _Run, batches: Sequence[Sequence[ImageTask]]
) -> Generator[list[ImageResult], None, None]:
    """Yield what is in each batch; the model runs in this thread, postprocessing of a batch beside the next one's run."""
    detector = run.detector
    with ThreadPool(1) as finisher, closing(prefetch_batches(detector, batches, run.readers)) as stream:
        finishing: deque[Future[list[ImageResult]]] = deque()
        for prepared in stream:
            outputs = None
            if prepared.batch is not None:
                inputs = detector.to_device(prepared.batch)
                started = time.perf_counter()
                outputs = detector.infer(inputs)
                detector.synchronize()
                run.progress.infer_s += time.perf_counter() - started
            finishing.append(finisher.submit(_finish, detector, prepared, outputs))
            if len(finishing) > 1:
                yield finishing.popleft().result()
        while finishing:
            yield finishing.popleft().result()


def _finish(detector: Detector, prepared: PreparedBatch, outputs: Any) -> list[ImageResult]:
    """Postprocess a batch; what is wrong with the outputs is said with the pictures they are of."""
    nothing = ImageDetections(np.zeros((0, 4)), np.zeros(0), np.zeros(0, np.int64))
    found: Iterator[ImageDetections] = iter(())
    if prepared.batch is not None:
        try:
            found = iter(detector.postprocess(detector.to_host(outputs), prepared.batch))
        except DetbenchError as error:
            readable = [
                path
                for path, broken in zip(prepared.paths, prepared.errors, strict=True)
                if not broken
            ]
            others = f" and {len(readable) - 1} more of its batch" if len(readable) > 1 else ""
            raise InputError(
                readable[0], f"{error}", where=f"run through {detector.name}{others}"
            ) from error
    return [
        ImageResult(nothing if broken else next(found), notes, broken)
        for broken, notes in zip(prepared.errors, prepared.notes, strict=True)
    ]


def _remarks(
    ground_truth: GroundTruth, seen: Sequence[ImageResult], *, allow_broken: bool
) -> dict[str, Any]:
    """Warn of unusual and unreadable pictures, and return both for the record; unreadable ones are an error unless allowed."""
    notes: dict[str, list[str]] = {}
    broken: list[str] = []
    reasons: list[str] = []
    for each, name in zip(seen, ground_truth.image_names, strict=True):
        for note in each.notes:
            notes.setdefault(note, []).append(name)
        if each.broken:
            broken.append(name)
            reasons.append(each.broken)
    for note, names in notes.items():
        warnings.warn(
            f"{plural(len(names), 'picture')}: {note} ({_listed(names)})",
            DetbenchWarning,
            stacklevel=3,
        )
    if broken:
        sentence = f"{plural(len(broken), 'picture')} could not be read"
        if not allow_broken:
            fix = "mend them, or --allow-broken to go on without them (what is done is kept)"
            raise DetbenchError(f"{sentence}: {_listed(reasons)}; {fix}")
        warnings.warn(
            f"{sentence} and have no detections: {_listed(reasons)}", DetbenchWarning, stacklevel=3
        )
    return {
        "broken_pictures": broken,
        "picture_notes": {note: len(names) for note, names in notes.items()},
    }


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMED]) + (
        f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    )
