"""Callbacks of a training: stop where the loss breaks, keep every epoch, respect the time limit, tell how far it is."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from detbench.errors import DetbenchError
from detbench.training.yolo.checkpoints import Checkpoints, State


class DivergedError(DetbenchError):
    """The loss or the weights are no numbers any more."""


@dataclass(frozen=True)
class Step:
    """How far a training is."""

    epoch: int
    """From 1."""
    epochs: int
    step: int
    """Steps done in this epoch."""
    steps: int


class Guard(keras.callbacks.Callback):  # type: ignore[misc]
    """Raises DivergedError before a broken model is scored or kept; must come first."""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Note the epoch."""
        self._epoch = epoch + 1

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Look at the loss, a mean over the epoch so far, so that one bad step shows in it."""
        if not np.isfinite(logs["loss"]):
            raise DivergedError(
                f"the loss became {logs['loss']} in step {batch + 1} of epoch {self._epoch}"
            )

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Look at the weights, which the last step may have broken after its loss was taken."""
        broken = [
            weight.path
            for weight in self.model.weights
            if not np.isfinite(keras.ops.convert_to_numpy(weight)).all()
        ]
        if broken:
            raise DivergedError(
                f"weights ({broken[0]}) became NaN or infinite in epoch {epoch + 1}"
            )


class Keeper(keras.callbacks.Callback):  # type: ignore[misc]
    """Adds each finished epoch to the history and keeps it; must come after what puts scores into the logs."""

    def __init__(
        self,
        checkpoints: Checkpoints,
        state: State,
        max_seconds: float | None,
        on_epoch: Callable[[State], None],
    ) -> None:
        super().__init__()
        self._checkpoints, self._state, self._max_seconds, self._on_epoch = (
            checkpoints,
            state,
            max_seconds,
            on_epoch,
        )

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Start the clock."""
        self._begin = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Keep the epoch; stop where the next one would end too late."""
        seconds = time.perf_counter() - self._begin
        self._state.history.append(
            {
                "epoch": epoch + 1,
                "seconds": seconds,
                **{name: float(value) for name, value in logs.items()},
            }
        )
        self._checkpoints.save(self.model, self._state)
        self._on_epoch(self._state)
        if self._max_seconds is not None and self._state.elapsed_s + seconds > self._max_seconds:
            self.model.stop_training = True


class Teller(keras.callbacks.Callback):  # type: ignore[misc]
    """Tells about every step."""

    def __init__(self, on_step: Callable[[Step], None]) -> None:
        super().__init__()
        self._on_step = on_step

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Note the epoch."""
        self._epoch = epoch + 1

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Tell."""
        self._on_step(Step(self._epoch, self.params["epochs"], batch + 1, self.params["steps"]))
