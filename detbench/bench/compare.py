"""Compare: what a comparison is made of, what of an earlier one is kept, and how its models are timed."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from itertools import groupby
from pathlib import Path

from detbench.adapters.catalogue import ADAPTERS, adapters, parse_spec
from detbench.bench.latency.contender import Task
from detbench.bench.latency.images import EncodedImage, embedded_images
from detbench.bench.latency.models import Model, load_contender
from detbench.bench.latency.result import LatencyResult
from detbench.bench.latency.sweep import Plan, Timed, sweep
from detbench.bench.runs import RECORD, Run, read_run
from detbench.data.files import is_free
from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchError, DetbenchWarning, InputError
from detbench.metrics.scoring.evaluation import Evaluation

_PICTURES = 16
"""Pictures over which timed requests rotate."""
_ANOTHER = "name another -o, or remove this folder"


def is_model(argument: str) -> bool:
    """Return whether an argument names a model to run: `ADAPTER:...` of a known adapter, or a path whose suffix says which adapter runs it.

    Everything else, and detbench's own Parquet without `replay:` before it, holds detections.
    """
    try:
        spec = parse_spec(argument)
    except DetbenchError:
        return False
    if argument.startswith(f"{spec.name}:"):
        return spec.name in {adapter.name for adapter in adapters()}
    return bool(ADAPTERS[spec.name].needs)


def finished_run(folder: Path, evaluation: Evaluation) -> Run | None:
    """Return the run that an earlier comparison left in a folder, or None where there is none yet.

    Raises:
        InputError: the folder holds something else: no run, or one on other data or groups, by another protocol or of other detections.
    """
    if is_free(folder):
        return None
    if not (folder / RECORD).is_file():
        raise InputError(folder, "already exists and is not a run folder", fix=_ANOTHER)
    run = read_again(folder)
    for what, ours, theirs in (
        ("other ground truth", evaluation.ground_truth.digest, run.ground_truth.digest),
        (
            "other groups of images",
            evaluation.ground_truth.units.tolist(),
            run.ground_truth.units.tolist(),
        ),
        ("another protocol", evaluation.protocol, run.protocol),
        ("other detections", evaluation.detections.digest, run.detections.digest),
    ):
        if ours != theirs:
            raise InputError(folder, f"holds a run of {what}, which is not replaced", fix=_ANOTHER)
    return run


def read_again(folder: Path) -> Run:
    """Read a run folder whose detections were read before, without repeating what there was to warn of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DetbenchWarning)
        return read_run(folder)


def timing_pictures(truth: GroundTruth) -> tuple[EncodedImage, ...]:
    """Return the first pictures of a dataset that are there, encoded as they are; embedded ones where there are none."""
    if truth.image_folder is None:
        return embedded_images()
    paths = (truth.image_folder / name for name in truth.picture_names[: 4 * _PICTURES])
    found = tuple(EncodedImage(path.name, path.read_bytes()) for path in paths if path.is_file())
    return found[:_PICTURES] or embedded_images()


def time_models(
    specs: Mapping[str, str],
    images: Sequence[EncodedImage],
    *,
    most_s: float,
    on_task: Callable[[str, Task], None] = lambda *_: None,
) -> Timed:
    """Time models, in turns where they take the same number of pictures at a time.

    Args:
        specs: by the names of the detectors.
        images: over which requests rotate.
        most_s: at most so many seconds for each model and stage.
        on_task: called with the names of those being timed.
    """
    least_s = min(Plan().min_s, most_s)
    done = Timed()
    with ExitStack() as opened:
        contenders = []
        for name, spec in specs.items():
            contenders.append(load_contender(Model(spec, name), images))
            opened.callback(contenders[-1].close)
        contenders.sort(key=lambda each: each.batch_size or 1)
        for _, group in groupby(contenders, key=lambda each: each.batch_size or 1):
            turn = list(group)
            names = ", ".join(each.name for each in turn)
            timed = sweep(
                turn,
                Plan(min_s=least_s, max_s=most_s),
                lambda task, names=names: on_task(names, task),  # type: ignore[misc]
            )
            done = replace(
                timed, results=done.results + timed.results, pairs=done.pairs + timed.pairs
            )
            if timed.interrupted:
                break
    return done


def of_model(timed: Timed, name: str) -> list[LatencyResult]:
    """Return the results of one model."""
    return [result for result in timed.results if result.model == name]
