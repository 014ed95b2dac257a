"""Compare: which arguments are models, which earlier runs are kept, and how models are timed."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from detbench.adapters.catalogue import ADAPTERS, adapters, parse_spec
from detbench.bench.latency.assembly import SweepResult
from detbench.bench.latency.images import EncodedImage, embedded_images
from detbench.bench.latency.measurement import measure
from detbench.bench.latency.model_specs import ModelSpec
from detbench.bench.latency.sweep import Progress
from detbench.bench.latency.timing_plan import TimingPlan
from detbench.bench.run_files import RECORD
from detbench.bench.runs import Run, read_run
from detbench.data.files import is_missing_or_empty
from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchError, DetbenchWarning, InputError
from detbench.metrics.scoring.comparable import ground_truth_differences, protocol_differences
from detbench.metrics.scoring.evaluation import Evaluation

_MAX_IMAGES = 16
"""Number of images that timed queries rotate over."""
_SEARCHED_PER_IMAGE = 4
"""So many image files are looked for per image to time, since some may be missing."""
_FIX = "choose another -o, or remove this folder"


def is_model(argument: str) -> bool:
    """Return whether an argument names a model to run, not detections.

    A model is `ADAPTER:...` of a known adapter, or a path whose suffix implies an adapter. All
    other arguments, and detbench's own Parquet without `replay:`, hold detections.
    """
    try:
        spec = parse_spec(argument)
    except DetbenchError:
        return False
    if argument.startswith(f"{spec.name}:"):
        return spec.name in {adapter.name for adapter in adapters()}
    return bool(ADAPTERS[spec.name].needs)


def finished_run(folder: Path, evaluation: Evaluation) -> Run | None:
    """Return the run that an earlier comparison left in a folder, None if there is none yet.

    Raises:
        InputError: The folder holds something else: no run, or a run on other ground truth, under
            another protocol, or of other detections.
    """
    if is_missing_or_empty(folder):
        return None
    if not (folder / RECORD).is_file():
        raise InputError(folder, "already exists and is not a run folder", fix=_FIX)
    run = read_again(folder)
    differences = [
        *ground_truth_differences(evaluation.ground_truth, run.ground_truth),
        *protocol_differences(evaluation.protocol, run.protocol),
    ]
    if not differences and evaluation.detections.digest != run.detections.digest:
        differences = ["different detections"]
    if differences:
        raise InputError(folder, f"already holds a run with {differences[0]}", fix=_FIX)
    return run


def read_again(folder: Path) -> Run:
    """Read a run folder whose detections were read before, without repeating their warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DetbenchWarning)
        return read_run(folder)


def timing_images(ground_truth: GroundTruth) -> tuple[EncodedImage, ...]:
    """Return the first encoded images of a dataset that exist; embedded ones if there are none."""
    if ground_truth.image_folder is None:
        return embedded_images()
    names = ground_truth.image_names[: _SEARCHED_PER_IMAGE * _MAX_IMAGES]
    paths = [ground_truth.image_folder / name for name in names]
    images = [EncodedImage(path.name, path.read_bytes()) for path in paths if path.is_file()]
    return tuple(images[:_MAX_IMAGES]) or embedded_images()


def time_models(
    specs: Mapping[str, str],
    images: Sequence[EncodedImage],
    plan: TimingPlan,
    progress: Progress | None = None,
) -> SweepResult:
    """Time models, each at its own batch size; those with the same batch size are compared.

    Args:
        specs: By the names of the detectors.
        images: Queries rotate over these.
        plan: What to time.
        progress: Called as the measurement goes on.

    Raises:
        DetbenchError: A model cannot be loaded.
    """
    models = [ModelSpec(spec, name) for name, spec in specs.items()]
    return measure(models, images, replace(plan, own_batches=True), progress)
