"""ValidationCallback: the common base of callbacks that run a model on examples while it trains."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras

from detbench.adapters.detector import Detector
from detbench.adapters.keras.in_memory import in_memory_detector
from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchError
from detbench.training.keras.examples import Examples, GroundTruthExamples
from detbench.training.keras.keras_dataset import KerasDatasetExamples

MakeDetector = Callable[[Any], Detector]
"""Wraps a model in training as a detector that always runs its current weights."""


class ValidationCallback(keras.callbacks.Callback):  # type: ignore[misc]
    """Detects objects in examples in the first epoch, every `every`-th after it, and the last."""

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
        self.examples = _examples(data, class_names, box_format)
        self._class_names, self._box_format, self._every = class_names, box_format, every
        self._make_detector = detector or self._in_memory_detector
        self._detector_model: Any = None
        self._detector: Detector | None = None
        self._n_epochs = 0

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Check the model before time is spent on training it."""
        self._n_epochs = 0
        if self.model.built:
            self.current_detector()

    def current_detector(self) -> Detector:
        """Return the model as a detector for the examples.

        Raises DetbenchError if the model is no detector.
        """
        model = self.model
        if self._detector is None or self._detector_model is not model:
            detector = self._make_detector(model)
            self._detector_model, self._detector = model, self.examples.adapt(detector, model)
        return self._detector

    def is_due(self, epoch: int) -> bool:
        """Count an epoch, and return whether the callback runs at its end."""
        is_last = epoch + 1 == (self.params or {}).get("epochs")
        is_due = self._n_epochs % self._every == 0 or is_last
        self._n_epochs += 1
        return is_due

    def _in_memory_detector(self, model: Any) -> Detector:
        # The box format describes the dataset; it describes the model only if that returns boxes.
        outputs = model.output if model.built else None
        returns_boxes = isinstance(outputs, Mapping) and "boxes" in outputs
        box_format = self._box_format if returns_boxes else None
        return in_memory_detector(model, class_names=self._class_names, box_format=box_format)


def _examples(data: Any, class_names: Sequence[str] | None, box_format: str | None) -> Examples:
    """Return the examples of a ground truth or a dataset of Keras."""
    if isinstance(data, GroundTruth):
        return GroundTruthExamples(data)
    return KerasDatasetExamples(data, class_names, box_format)
