"""Train a YOLO from scratch or from a trained one.

An interrupted training resumes after its last epoch, and the same seed gives the same model.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.adapters.classes import fold
from detbench.adapters.yolo.model_file import read_yolo, save_yolo
from detbench.data.columns import Floats
from detbench.data.files import check_writable
from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchError, InputError
from detbench.training.yolo.anchors import find_anchors
from detbench.training.yolo.checkpoints import Checkpoints, TrainingState
from detbench.training.yolo.images import PreparedImages, check_images_exist, prepare
from detbench.training.yolo.training_plan import PADDING, TrainingPlan, setting_differences
from detbench.wording import plural

if TYPE_CHECKING:
    from detbench.adapters.yolo.model import Yolo
    from detbench.training.yolo.callbacks import Progress

_MAX_GRADIENT_NORM = 10.0
_FINAL_RATE = 0.01
"""The last learning rate, as a fraction of the maximum."""


@dataclass(frozen=True)
class TrainingListener:
    """Functions that are called while a training runs."""

    on_image: Callable[[int], None] = lambda _: None
    """With the number of images prepared."""
    on_begin: Callable[[TrainingState], None] = lambda _: None
    """Before the first step; the history holds the epochs of earlier runs."""
    on_step: Callable[[Progress], None] = lambda _: None
    on_epoch: Callable[[TrainingState], None] = lambda _: None


@dataclass(frozen=True, eq=False)
class TrainingResult:
    """The result of a training."""

    path: Path
    """The model of the best epoch."""
    state: TrainingState
    object_sizes: Floats
    """(n, 2) widths and heights in cells of the training objects, from which anchors are found."""


@dataclass(frozen=True, eq=False)
class _Run:
    """What the steps of one training share."""

    plan: TrainingPlan
    validation: GroundTruth
    output: Path
    checkpoints: Checkpoints
    listener: TrainingListener


def train(
    plan: TrainingPlan,
    ground_truth: GroundTruth,
    validation: GroundTruth,
    output: Path,
    *,
    start: Path | None = None,
    resume: bool = True,
    listener: TrainingListener | None = None,
) -> TrainingResult:
    """Train a model, and write the epoch with the best VOC 2007 mAP on the validation images.

    Sets the global seeds of Python, numpy and Keras. After each epoch the state is saved beside
    `output` (see `checkpoints`). A training with the same plan, data and start resumes from there.
    The checkpoints are removed at the end.

    Args:
        plan: how to train.
        ground_truth: what to learn from, with image files.
        validation: what each epoch is scored on, with image files and the same classes.
        output: the `.keras` file to write.
        start: a trained YOLO of detbench that provides weights, classes, anchors and shape. Those
            of the plan are for new models only.
        resume: False discards what an interrupted training left.
        listener: receives progress.

    Raises:
        InputError: if the output cannot be written, an image is missing or damaged, no image has
            an object, the data have a class that the model or the training data lack, or an
            interrupted training had other settings.
        DivergedError: if the loss or the weights become NaN or infinite. The model of the best
            epoch so far is written first.
    """
    check_output(output)
    listener, checkpoints = listener or TrainingListener(), Checkpoints(output)
    start_model = read_yolo(start) if start else None
    if start_model is not None:
        ground_truth = with_classes(ground_truth, start_model.class_names)
        plan = _with_shape(plan, start_model)
    validation = with_classes(validation, ground_truth.class_names)
    check_images_exist(validation)
    settings = _settings(plan, ground_truth, validation, start)
    state = _interrupted_state(checkpoints, settings) if resume else None
    prepared = prepare(ground_truth, plan.preprocessing, listener.on_image)
    object_sizes = prepared.object_sizes / plan.stride
    if state is None:
        state = TrainingState(settings, _anchors(plan, start_model, object_sizes))
    if not resume:
        checkpoints.remove()
    run = _Run(plan, validation, output, checkpoints, listener)
    model = _build_model(plan, ground_truth, state, len(prepared.images))
    if start_model is not None:
        model.set_weights(start_model.get_weights())
    if state.history:
        checkpoints.restore(model, len(state.history))
    listener.on_begin(state)
    _fit(run, model, prepared, state)
    _write_best(run, model, state)
    checkpoints.remove()
    return TrainingResult(output, state, object_sizes)


def with_classes(ground_truth: GroundTruth, names: Sequence[str]) -> GroundTruth:
    """Return ground truth with its classes numbered as in `names`.

    Raises InputError if it has a class that is not in `names`, even one without objects.
    """
    if ground_truth.class_names == tuple(names):
        return ground_truth
    numbers = {fold(name): number for number, name in enumerate(names)}
    unknown = [name for name in ground_truth.class_names if fold(name) not in numbers]
    if unknown:
        raise InputError(
            ground_truth.source or ground_truth.name,
            f"{len(unknown)} of {plural(len(ground_truth.class_names), 'class')} "
            f"are not in the model (the first: {unknown[0]!r})",
            fix=f"the model has {', '.join(names)}; train a new one on a split with all classes",
        )
    mapping = np.array([numbers[fold(name)] for name in ground_truth.class_names], np.int32)
    return replace(
        ground_truth,
        class_names=tuple(names),
        class_index=mapping[ground_truth.class_index],
        category_ids=np.arange(1, len(names) + 1),
    )


def check_output(output: Path) -> None:
    """Raise InputError if no model can be written, before any work is done."""
    if output.suffix != ".keras":
        renamed = output.with_suffix(".keras").name
        raise InputError(output, "does not end in .keras", fix=f"name it {renamed}")
    check_writable(output, folder=False)
    check_writable(Checkpoints(output).folder, folder=True)


def _with_shape(plan: TrainingPlan, model: Yolo) -> TrainingPlan:
    """Return the plan with the shape of a trained model."""
    return replace(
        plan,
        size=model.input_size,
        anchors=len(model.anchors),
        stride=model.stride,
        width=model.width,
        depth=model.depth,
    )


def _settings(
    plan: TrainingPlan, ground_truth: GroundTruth, validation: GroundTruth, start: Path | None
) -> dict[str, Any]:
    """Return what must be equal to resume a training."""
    start_digest = f"sha256:{hashlib.sha256(start.read_bytes()).hexdigest()}" if start else None
    digests = {
        "data": ground_truth.digest,
        "validation": validation.digest,
        "start": start_digest,
    }
    return {**plan.as_dict(), **digests}


def _interrupted_state(checkpoints: Checkpoints, settings: dict[str, Any]) -> TrainingState | None:
    """Return the state of an interrupted training; InputError if its settings were different."""
    state = checkpoints.latest()
    if state is not None and (changes := setting_differences(state.settings, settings)):
        raise InputError(
            checkpoints.folder,
            f"holds an interrupted training with other settings ({'; '.join(changes)})",
            fix="use the same settings to resume, or --no-resume to start over",
        )
    return state


def _anchors(
    plan: TrainingPlan, start_model: Yolo | None, object_sizes: Floats
) -> list[list[float]]:
    """Return the anchors of the start model, else new ones for the training objects."""
    if start_model is not None:
        return [list(anchor) for anchor in start_model.anchors]
    anchors: list[list[float]] = find_anchors(object_sizes, plan.anchors, plan.seed).tolist()
    return anchors


def _build_model(
    plan: TrainingPlan, ground_truth: GroundTruth, state: TrainingState, n_images: int
) -> Yolo:
    """Build and compile a new model with seeded weights."""
    import keras

    from detbench.adapters.yolo.model import Yolo

    keras.utils.set_random_seed(plan.seed)
    model = Yolo(
        class_names=ground_truth.class_names,
        anchors=state.anchors,
        input_size=plan.size,
        stride=plan.stride,
        width=plan.width,
        depth=plan.depth,
        preprocessing=plan.preprocessing.as_dict(),
    )
    n_steps = plan.epochs * -(-n_images // plan.batch_size)
    # A training shorter than twice the warm-up spends half of its steps on the warm-up.
    warmup_steps = min(plan.warmup_steps, n_steps // 2)
    rate = keras.optimizers.schedules.CosineDecay(
        plan.learning_rate / 10,
        max(n_steps - warmup_steps, 1),
        _FINAL_RATE,
        warmup_target=plan.learning_rate,
        warmup_steps=warmup_steps,
    )
    model.compile(
        keras.optimizers.Adam(rate, global_clipnorm=_MAX_GRADIENT_NORM),
        jit_compile=keras.backend.backend() == "jax",
    )
    # TensorFlow traces a step twice if its first trace creates the variables of the optimizer.
    model.optimizer.build(model.trainable_variables)
    return model


def _fit(run: _Run, model: Yolo, prepared: PreparedImages, state: TrainingState) -> None:
    """Run the remaining epochs."""
    from detbench.training.keras import DetectionMetrics
    from detbench.training.yolo.augmentation import Augmentation
    from detbench.training.yolo.batches import TrainingBatches
    from detbench.training.yolo.callbacks import (
        CheckpointSaver,
        DivergedError,
        DivergenceGuard,
        ProgressReporter,
    )

    plan, n_finished = run.plan, len(state.history)
    if n_finished >= plan.epochs or _is_out_of_time(plan, state):
        return
    augment = Augmentation(PADDING / 255, prepared.max_objects) if plan.augment else None
    batches = TrainingBatches(
        prepared,
        plan.preprocessing,
        model.grid,
        plan.batch_size,
        seed=plan.seed,
        augment=augment,
        epoch=n_finished,
    )
    prepared_validation = prepare(run.validation, plan.preprocessing)
    validation_batches = TrainingBatches(
        prepared_validation, plan.preprocessing, model.grid, plan.batch_size
    )
    # The order matters: the guard stops before a broken epoch is scored or saved, and the saver
    # needs the scores in the logs.
    callbacks = [
        DivergenceGuard(),
        DetectionMetrics(run.validation, protocols=("voc2007",), prefix="val_"),
        CheckpointSaver(run.checkpoints, state, plan.max_seconds, run.listener.on_epoch),
        ProgressReporter(run.listener.on_step),
    ]
    try:
        model.fit(
            batches,
            validation_data=validation_batches,
            epochs=plan.epochs,
            initial_epoch=n_finished,
            shuffle=False,
            verbose=0,
            callbacks=callbacks,
        )
    except DivergedError as error:
        saved = "no epoch was finished, so no model was written"
        if state.history:
            _write_best(run, model, state)
            saved = f"the model of epoch {state.best_epoch} is in {run.output}"
        raise DivergedError(
            f"{error}; {saved}; train again with a lower --learning-rate and --no-resume"
        ) from error


def _is_out_of_time(plan: TrainingPlan, state: TrainingState) -> bool:
    """Return whether one more epoch would exceed the time limit."""
    if not state.history or plan.max_seconds is None:
        return False
    return state.elapsed_s + state.history[-1]["seconds"] > plan.max_seconds


def _write_best(run: _Run, model: Yolo, state: TrainingState) -> None:
    if not state.history:
        raise DetbenchError("no epoch was finished, so there is no model to write")
    run.checkpoints.restore(model, state.best_epoch)
    save_yolo(model, run.output, run.plan.stored_dtype)
