"""Watching: what callbacks that look at a model's detections while it trains have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras

from detbench.adapters.detector import Detector
from detbench.adapters.keras.in_memory import in_memory_detector
from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchError
from detbench.training.keras.examples import DatasetExamples, Examples
from detbench.training.keras.keras_dataset import FedExamples

MakeDetector = Callable[[Any], Detector]
"""Wraps a model in training as a detector that always runs its present weights."""


class Watching(keras.callbacks.Callback):  # type: ignore[misc]
    """A callback that detects objects in examples every few epochs: the first one, every `every`-th from there, and the last."""

    def __init__(
        self,
        data: Any,
        *,
        box_format: str | None = None,
        class_names: Sequence[str] | None = None,
        every: int = 1,
        detector: MakeDetector | None = None,
    ) -> None:
        """Take the arguments that `DetectionMetrics` describes."""
        super().__init__()
        if not (isinstance(every, int) and every >= 1):
            raise DetbenchError(f"every must be a whole number of epochs, 1 or more, not {every!r}")
        self.examples = examples_of(data, class_names, box_format)
        self._class_names, self._box_format, self._every = class_names, box_format, every
        self._make = detector or self._live
        self._watched: Any = None
        self._detector: Detector | None = None
        self._epochs_seen = 0

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Look at the model before time is spent on training it."""
        self._epochs_seen = 0
        if self.model.built:
            self.present_detector()

    def present_detector(self) -> Detector:
        """Return the model as a detector of the examples; raises DetbenchError where it cannot be one."""
        model = self.model
        if self._detector is None or self._watched is not model:
            self._watched, self._detector = model, self.examples.adapted(self._make(model), model)
        return self._detector

    def is_due(self, epoch: int) -> bool:
        """Count an epoch, and say whether it is one to look at."""
        due = self._epochs_seen % self._every == 0 or epoch + 1 == (self.params or {}).get("epochs")
        self._epochs_seen += 1
        return due

    def _live(self, model: Any) -> Detector:
        gives_boxes = (
            isinstance(model.output, Mapping) and "boxes" in model.output if model.built else False
        )
        return in_memory_detector(
            model,
            class_names=self._class_names,
            box_format=self._box_format if gives_boxes else None,
        )


def examples_of(data: Any, class_names: Sequence[str] | None, box_format: str | None) -> Examples:
    """Return examples of a dataset of ours or of Keras; raises DetbenchError for one that cannot be scored."""
    return (
        DatasetExamples(data)
        if isinstance(data, GroundTruth)
        else FedExamples(data, class_names, box_format)
    )
