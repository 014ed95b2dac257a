"""Predict: run a detector over the pictures of a dataset, with the model kept busy and nothing lost when it is interrupted.

Threads read and prepare the next batches, and finish the last one, while the model runs. Pictures are cut into chunks, and finished chunks
are kept in a cache under a key made of everything that decides their content, so that a run that was killed goes on where it was
and ends with the same detections, bit for bit.
"""

from __future__ import annotations

import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from detbench.adapters.classes import ClassMapping
from detbench.adapters.detector import Batch, Detector, Found
from detbench.adapters.pictures import read_picture
from detbench.adapters.replay import ReplayDetector
from detbench.bench.prediction_cache import PredictionCache
from detbench.data.detections import Detections
from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchError, DetbenchWarning, InputError

_CHUNK_PICTURES = 32
_PREPARED_BATCHES = 4
_NAMED = 5
NOTHING = Found(np.zeros((0, 4)), np.zeros(0), np.zeros(0, np.int64))


@dataclass
class Progress:
    """What a run has done so far, and where its time went."""

    total: int
    done: int = 0
    from_cache: int = 0
    infer_s: float = 0.0
    elapsed_s: float = 0.0
    broken: list[str] = field(default_factory=list)
    """One sentence per picture that could not be read."""
    notes: dict[str, list[str]] = field(default_factory=dict)
    """What was unusual about pictures, and their names."""

    @property
    def infer_share(self) -> float:
        """The part of the time in which the model ran, 0..1; NaN when nothing was run."""
        return self.infer_s / self.elapsed_s if self.done > self.from_cache else float("nan")


@dataclass(frozen=True)
class _Prepared:
    """A batch ready for the model; None where none of its pictures could be read."""

    batch: Batch | None
    readable: tuple[bool, ...]
    broken: tuple[str, ...]
    notes: tuple[tuple[str, str], ...]


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
        allow_broken: a picture that cannot be read has no detections, instead of stopping the run.
        cache: where finished chunks are kept and found again; None to run everything.
        on_progress: called after every batch.

    Returns:
        The detections for `ground_truth`, with the effective settings, and the final progress.

    Raises:
        InputError: a picture is missing or cannot be read.
        DetbenchError: the model takes another batch size, or it is not known where the pictures are.
    """
    size = _batch_size(detector, batch_size)
    settings: dict[str, Any] = {**detector.settings, "batch_size": size}
    progress = Progress(len(ground_truth.image_ids))
    if isinstance(detector, ReplayDetector):
        found = [detector.found_for(image_id) for image_id in ground_truth.image_ids]
    else:
        found = _run(
            detector, _chunks(_picture_paths(ground_truth), size), size, readers, allow_broken, cache, settings, progress, on_progress
        )
    _warn(progress)
    return _detections(detector, ground_truth, mapping, found, settings), progress


def _batch_size(detector: Detector, asked: int | None) -> int:
    if asked is not None and detector.batch_size not in (None, asked):
        raise DetbenchError(f"{detector.name} takes batches of {detector.batch_size} only, not of {asked}; leave --batch out")
    return asked or detector.batch_size or 1


def _picture_paths(ground_truth: GroundTruth) -> list[Path]:
    folder = ground_truth.image_folder
    if folder is None:
        raise DetbenchError(f"{ground_truth.name}: it is not known where the pictures are; give their folder (--images)")
    return [folder / (name or image_id) for name, image_id in zip(ground_truth.image_files, ground_truth.image_ids, strict=True)]


def _chunks(paths: Sequence[Path], batch_size: int) -> list[Sequence[Path]]:
    """Cut into runs of whole batches, about `_CHUNK_PICTURES` long, at the same places in every run."""
    step = max(_CHUNK_PICTURES // batch_size, 1) * batch_size
    return [paths[first : first + step] for first in range(0, len(paths), step)]


def _run(
    detector: Detector,
    chunks: Sequence[Sequence[Path]],
    batch_size: int,
    readers: int,
    allow_broken: bool,
    cache: PredictionCache | None,
    settings: dict[str, Any],
    progress: Progress,
    on_progress: Callable[[Progress], None],
) -> list[Found]:
    """Return what is in all pictures, from the cache or from the model."""
    started = time.perf_counter()
    keys = [cache.key(settings, chunk) if cache else "" for chunk in chunks]
    results = [cache.load(key) if cache else None for key in keys]
    progress.from_cache = progress.done = sum(len(result) for result in results if result is not None)
    missing = [number for number, result in enumerate(results) if result is None]
    batches = [chunks[number][first : first + batch_size] for number in missing for first in range(0, len(chunks[number]), batch_size)]
    stream = _found_in_batches(detector, batches, readers, allow_broken, progress)
    for number in missing:
        found: list[Found] = []
        broken_before = len(progress.broken)
        while len(found) < len(chunks[number]):
            found += next(stream)
            progress.done = progress.from_cache + sum(len(chunks[n]) for n in missing if n < number) + len(found)
            progress.elapsed_s = time.perf_counter() - started
            on_progress(progress)
        results[number] = found
        if cache and len(progress.broken) == broken_before:
            cache.store(keys[number], found)
    progress.elapsed_s = time.perf_counter() - started
    return [each for result in results if result is not None for each in result]


def _found_in_batches(
    detector: Detector, batches: Sequence[Sequence[Path]], readers: int, allow_broken: bool, progress: Progress
) -> Iterator[list[Found]]:
    """Yield what is in each batch; the model runs in this thread, postprocessing of a batch beside the next one's run."""
    with ThreadPoolExecutor(1) as finisher:
        finishing: deque[Future[list[Found]]] = deque()
        for prepared in _prepared_ahead(detector, batches, readers, allow_broken):
            progress.broken += prepared.broken
            for kind, name in prepared.notes:
                progress.notes.setdefault(kind, []).append(name)
            outputs = None
            if prepared.batch is not None:
                inputs = detector.to_device(prepared.batch)
                started = time.perf_counter()
                outputs = detector.infer(inputs)
                detector.synchronize()
                progress.infer_s += time.perf_counter() - started
            finishing.append(finisher.submit(_finish, detector, prepared, outputs))
            if len(finishing) > 1:
                yield finishing.popleft().result()
        while finishing:
            yield finishing.popleft().result()


def _finish(detector: Detector, prepared: _Prepared, outputs: Any) -> list[Found]:
    if prepared.batch is None:
        return [NOTHING] * len(prepared.readable)
    found = iter(detector.postprocess(detector.to_host(outputs), prepared.batch))
    return [next(found) if readable else NOTHING for readable in prepared.readable]


def _prepared_ahead(detector: Detector, batches: Sequence[Sequence[Path]], readers: int, allow_broken: bool) -> Iterator[_Prepared]:
    """Yield batches in order, with the next ones read and prepared on other threads meanwhile."""
    pool = ThreadPoolExecutor(readers)
    pending: deque[Future[_Prepared]] = deque()
    try:
        for paths in batches:
            pending.append(pool.submit(_prepare, detector, paths, allow_broken))
            if len(pending) > _PREPARED_BATCHES:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _prepare(detector: Detector, paths: Sequence[Path], allow_broken: bool) -> _Prepared:
    pictures, readable, broken, notes = [], [], [], []
    for path in paths:
        try:
            read = read_picture(path)
        except InputError as error:
            if not allow_broken:
                raise
            readable.append(False)
            broken.append(str(error))
            continue
        readable.append(True)
        pictures.append(read.picture)
        notes += [(note, path.name) for note in read.notes]
    return _Prepared(detector.preprocess(pictures) if pictures else None, tuple(readable), tuple(broken), tuple(notes))


def _warn(progress: Progress) -> None:
    """Say which pictures were unusual or left out."""
    for note, names in progress.notes.items():
        warnings.warn(f"{len(names):,} pictures: {note} ({_listed(names)})", DetbenchWarning, stacklevel=3)
    if progress.broken:
        sentences = _listed(progress.broken)
        warnings.warn(
            f"{len(progress.broken):,} pictures could not be read and have no detections: {sentences}", DetbenchWarning, stacklevel=3
        )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else "")


def _detections(
    detector: Detector, ground_truth: GroundTruth, mapping: ClassMapping, found: Sequence[Found], settings: dict[str, Any]
) -> Detections:
    """Bring what was found into the dataset's classes."""
    classes = np.asarray(mapping.indices, np.int64)[np.concatenate([each.classes for each in found] or [np.zeros(0, np.int64)])]
    images = np.repeat(np.arange(len(found)), [len(each.scores) for each in found])
    known = classes >= 0
    return Detections.from_rows(
        ground_truth,
        image_index=images[known],
        class_index=classes[known],
        scores=np.concatenate([each.scores for each in found] or [np.zeros(0)])[known],
        boxes=np.concatenate([each.boxes for each in found] or [np.zeros((0, 4))])[known],
        name=detector.name,
        source=f"{detector.name} on {ground_truth.name}",
        settings=settings,
    )
