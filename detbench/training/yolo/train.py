"""Training: a YOLO from scratch, or on from a trained one; interrupted at any step it goes on, and the same seed gives the same model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.adapters.classes import fold
from detbench.adapters.yolo.anchors import find_anchors
from detbench.adapters.yolo.model_file import read_yolo, save_yolo
from detbench.data.files import check_place
from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchError, InputError
from detbench.training.yolo.checkpoints import Checkpoints, State
from detbench.training.yolo.images import Prepared, check_present, prepare
from detbench.training.yolo.training_plan import PADDING, Plan, differences

if TYPE_CHECKING:
    from detbench.adapters.yolo.model import Yolo
    from detbench.training.yolo.callbacks import Step

_CLIP = 10.0
"""Gradients of a larger norm are shortened to it."""
_LEAST_RATE = 0.01
"""What is left of the learning rate in the end."""


@dataclass(frozen=True)
class Listener:
    """Who is told how a training goes."""

    on_picture: Callable[[int], None] = lambda _: None
    """Called with the number of pictures prepared."""
    on_begin: Callable[[State], None] = lambda _: None
    """Called before the first step; the history holds the epochs of earlier runs."""
    on_step: Callable[[Step], None] = lambda _: None
    on_epoch: Callable[[State], None] = lambda _: None


@dataclass(frozen=True, eq=False)
class Trained:
    """What came of a training."""

    path: Path
    """The model of the best epoch."""
    state: State
    sizes: np.ndarray[Any, np.dtype[np.float64]]
    """(n, 2) widths and heights in cells of the objects learned from: what the anchors were made of."""


def train(
    plan: Plan,
    truth: GroundTruth,
    validation: GroundTruth,
    output: Path,
    *,
    start: Path | None = None,
    resume: bool = True,
    listener: Listener | None = None,
) -> Trained:
    """Train a model and write that of the epoch with the best VOC 2007 mAP on the validation pictures.

    Sets the global seeds of Python, numpy and Keras. After each epoch its state is kept beside `output` (see `checkpoints`); a training of
    the same plan, data and start goes on from there, and the folder goes when the training is done.

    Args:
        plan: how to train.
        truth: what to learn from, with pictures.
        validation: what each epoch is scored on, with pictures and the same classes.
        output: the `.keras` file to write.
        start: a trained YOLO of ours whose weights, classes, anchors and shape are taken over; the plan's own count for a new model only.
        resume: False throws away what an interrupted training left.
        listener: who is told how it goes.

    Raises:
        InputError: where the output cannot be written, a picture is missing or damaged, no picture has an object, the data have a class
            that the model or the training data lack, or an interrupted training had other settings.
        DivergedError: where the loss or the weights are no numbers any more; the model of the best epoch so far is written first.
    """
    check_output(output)
    listener, checkpoints = listener or Listener(), Checkpoints(output)
    earlier = read_yolo(start) if start else None
    if earlier is not None:
        truth, plan = with_classes(truth, earlier.class_names), _shaped(plan, earlier)
    validation = with_classes(validation, truth.class_names)
    check_present(validation)
    settings = _settings(plan, truth, validation, start)
    state = _resumed(checkpoints, settings) if resume else None
    prepared = prepare(truth, plan.preparation, listener.on_picture)
    sizes = prepared.sizes / plan.stride
    anchors = [list(anchor) for anchor in earlier.anchors] if earlier else None
    state = state or State(
        settings, anchors or find_anchors(sizes, plan.anchors, plan.seed).tolist()
    )
    if not resume:
        checkpoints.remove()
    model = _model(plan, truth, state, len(prepared.images))
    if earlier is not None:
        model.set_weights(earlier.get_weights())
    if state.history:
        checkpoints.restore(model, len(state.history))
    listener.on_begin(state)
    _fit(plan, model, prepared, validation, checkpoints, state, output, listener)
    _write_best(model, checkpoints, state, output, plan)
    checkpoints.remove()
    return Trained(output, state, sizes)


def with_classes(truth: GroundTruth, names: Sequence[str]) -> GroundTruth:
    """Return ground truth with its classes numbered as in `names`; InputError for a class that is not among them, even without objects."""
    if truth.class_names == tuple(names):
        return truth
    numbers = {fold(name): number for number, name in enumerate(names)}
    unknown = [name for name in truth.class_names if fold(name) not in numbers]
    if unknown:
        problem = f"has {len(unknown)} of {len(truth.class_names)} classes that the model does not know, {unknown[0]!r} first"
        fix = f"it knows {', '.join(names)}; train a new model on a split that has all classes"
        raise InputError(truth.source or truth.name, problem, fix=fix)
    number = np.array([numbers[fold(name)] for name in truth.class_names], np.int32)
    return replace(
        truth,
        class_names=tuple(names),
        class_index=number[truth.class_index],
        category_ids=np.arange(1, len(names) + 1),
    )


def check_output(output: Path) -> None:
    """Raise InputError where it is plain before any work is done that no model can be written."""
    if output.suffix != ".keras":
        raise InputError(
            output,
            "a model is written as a .keras file",
            fix=f"name it {output.with_suffix('.keras').name}",
        )
    check_place(output, folder=False)
    check_place(Checkpoints(output).folder, folder=True)


def _shaped(plan: Plan, model: Yolo) -> Plan:
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
    plan: Plan, truth: GroundTruth, validation: GroundTruth, start: Path | None
) -> dict[str, Any]:
    return {
        **plan.as_dict(),
        "data": truth.digest,
        "validation": validation.digest,
        "start": _digest(start) if start else None,
    }


def _digest(path: Path) -> str:
    import hashlib

    return f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"


def _resumed(checkpoints: Checkpoints, settings: dict[str, Any]) -> State | None:
    """Return the state of an interrupted training of the same settings; InputError for one of others."""
    state = checkpoints.latest()
    if state is not None and (changed := differences(state.settings, settings)):
        problem = f"holds an interrupted training of other settings ({'; '.join(changed)})"
        raise InputError(
            checkpoints.folder,
            problem,
            fix="give the same settings to go on, or --no-resume to start over",
        )
    return state


def _model(plan: Plan, truth: GroundTruth, state: State, pictures: int) -> Yolo:
    """Build and compile a new model with seeded weights."""
    import keras

    from detbench.adapters.yolo.model import Yolo

    keras.utils.set_random_seed(plan.seed)
    model = Yolo(
        class_names=truth.class_names,
        anchors=state.anchors,
        input_size=plan.size,
        stride=plan.stride,
        width=plan.width,
        depth=plan.depth,
        preprocessing=plan.preparation.as_dict(),
    )
    steps = plan.epochs * -(-pictures // plan.batch_size)
    warmup = min(plan.warmup_steps, steps // 2)
    rate = keras.optimizers.schedules.CosineDecay(
        plan.learning_rate / 10,
        max(steps - warmup, 1),
        _LEAST_RATE,
        warmup_target=plan.learning_rate,
        warmup_steps=warmup,
    )
    model.compile(
        keras.optimizers.Adam(rate, global_clipnorm=_CLIP),
        jit_compile=keras.backend.backend() == "jax",
    )
    return model


def _fit(
    plan: Plan,
    model: Yolo,
    prepared: Prepared,
    validation: GroundTruth,
    checkpoints: Checkpoints,
    state: State,
    output: Path,
    listener: Listener,
) -> None:
    """Run the epochs that are left."""
    from detbench.training.keras import DetectionMetrics
    from detbench.training.yolo.augmentation import Augmentation
    from detbench.training.yolo.batches import Batches
    from detbench.training.yolo.callbacks import DivergedError, Guard, Keeper, Teller

    done = len(state.history)
    if done >= plan.epochs or _is_late(plan, state):
        return
    augment = Augmentation(PADDING / 255, prepared.room) if plan.augment else None
    batches = Batches(
        prepared,
        plan.preparation,
        model.grid,
        plan.batch_size,
        seed=plan.seed,
        augment=augment,
        epoch=done,
    )
    scored = Batches(
        prepare(validation, plan.preparation), plan.preparation, model.grid, plan.batch_size
    )
    keeper = Keeper(checkpoints, state, plan.max_seconds, listener.on_epoch)
    told = [
        Guard(),
        DetectionMetrics(validation, protocols=("voc2007",), prefix="val_"),
        keeper,
        Teller(listener.on_step),
    ]
    try:
        model.fit(
            batches,
            validation_data=scored,
            epochs=plan.epochs,
            initial_epoch=done,
            shuffle=False,
            verbose=0,
            callbacks=told,
        )
    except DivergedError as error:
        kept = "no epoch was finished, nothing is kept"
        if state.history:
            _write_best(model, checkpoints, state, output, plan)
            kept = f"the model of epoch {state.best_epoch} is in {output}"
        raise DivergedError(
            f"{error}; {kept}; train again with a lower --learning-rate and --no-resume"
        ) from error


def _is_late(plan: Plan, state: State) -> bool:
    return (
        bool(state.history)
        and plan.max_seconds is not None
        and state.elapsed_s + state.history[-1]["seconds"] > plan.max_seconds
    )


def _write_best(
    model: Yolo, checkpoints: Checkpoints, state: State, output: Path, plan: Plan
) -> None:
    if not state.history:
        raise DetbenchError("no epoch was finished, so that there is no model to write")
    checkpoints.restore(model, state.best_epoch)
    save_yolo(model, output, plan.stored)
