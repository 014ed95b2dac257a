"""Callbacks of a training: stop if the loss diverges, save every epoch, report progress."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from detbench.errors import DetbenchError
from detbench.training.yolo.checkpoints import Checkpoints, TrainingState


class DivergedError(DetbenchError):
    """The loss or the weights became NaN or infinite."""


@dataclass(frozen=True)
class Progress:
    """How far a training is."""

    epoch: int
    """From 1."""
    epochs: int
    step: int
    """Finished steps of this epoch."""
    steps: int
    """Steps per epoch."""


class DivergenceGuard(keras.callbacks.Callback):  # type: ignore[misc]
    """Raises DivergedError before a broken model is scored or saved; must come first."""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Remember the epoch."""
        self._epoch = epoch + 1

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Check the loss; it is a mean over the epoch so far, so one bad step shows in it."""
        if not np.isfinite(logs["loss"]):
            raise DivergedError(
                f"the loss became {logs['loss']} in step {batch + 1} of epoch {self._epoch}"
            )

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Check the weights, which the last step may have broken after its loss was computed."""
        broken = [
            weight.path
            for weight in self.model.weights
            if not np.isfinite(keras.ops.convert_to_numpy(weight)).all()
        ]
        if broken:
            raise DivergedError(
                f"weights ({broken[0]}) became NaN or infinite in epoch {epoch + 1}"
            )


class CheckpointSaver(keras.callbacks.Callback):  # type: ignore[misc]
    """Adds each finished epoch to the history and saves it.

    It must come after the callbacks that put scores into the logs.
    """

    def __init__(
        self,
        checkpoints: Checkpoints,
        state: TrainingState,
        max_seconds: float | None,
        on_epoch: Callable[[TrainingState], None],
    ) -> None:
        super().__init__()
        self._checkpoints, self._state = checkpoints, state
        self._max_seconds, self._on_epoch = max_seconds, on_epoch

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Start the clock."""
        self._start = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Save the epoch, and stop if another one of the same length would exceed the limit."""
        seconds = time.perf_counter() - self._start
        values = {name: float(value) for name, value in logs.items()}
        self._state.history.append({"epoch": epoch + 1, "seconds": seconds, **values})
        self._checkpoints.save(self.model, self._state)
        self._on_epoch(self._state)
        if self._max_seconds is not None and self._state.elapsed_s + seconds > self._max_seconds:
            self.model.stop_training = True


class ProgressReporter(keras.callbacks.Callback):  # type: ignore[misc]
    """Reports every step."""

    def __init__(self, on_step: Callable[[Progress], None]) -> None:
        super().__init__()
        self._on_step = on_step

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Remember the epoch."""
        self._epoch = epoch + 1

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Report the step."""
        epochs, steps = self.params["epochs"], self.params["steps"]
        self._on_step(Progress(self._epoch, epochs, batch + 1, steps))
