"""DetectionMetrics: COCO and VOC scores in the logs of `fit()` and `evaluate()`.

They are the same numbers that `detbench eval` gives.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from detbench.adapters.classes import map_classes
from detbench.adapters.collection import collect_detections
from detbench.data.detections import Detections
from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchError
from detbench.metrics.protocols.protocol import Protocol
from detbench.metrics.protocols.table import protocol_named
from detbench.metrics.scoring.evaluate import evaluate
from detbench.metrics.scoring.evaluation import Evaluation
from detbench.training.keras.validation_callback import MakeDetector, ValidationCallback


class DetectionMetrics(ValidationCallback):
    """Score the model's detections at the end of epochs and of `evaluate()`.

    The logs get one number per measure of each protocol: `val_coco_AP`, `val_coco_AP50`, …,
    `val_voc2007_mAP`. Put this callback before those that read its numbers (`ModelCheckpoint`,
    `EarlyStopping`, `CSVLogger`, …), and give these `mode="max"`: Keras cannot know that a higher
    AP is better. After a `SwapEMAWeights(swap_on_epoch=True)` it scores the averaged weights.

    A number that does not exist (AP of small objects if there are none) is NaN. All numbers are
    NaN in an epoch that is not scored or whose loss is NaN, so histories have equal lengths. The
    first epoch is always scored: Keras takes the first number it sees as the best so far, and no
    number is better than NaN. `evaluate()` returns only Keras' own numbers; read `results` after
    it.
    """

    def __init__(
        self,
        data: Any,
        *,
        protocols: Sequence[str | Protocol] = ("coco", "voc2007"),
        prefix: str = "val_",
        box_format: str | None = None,
        class_names: Sequence[str] | None = None,
        batch_size: int = 16,
        every: int = 1,
        detector: MakeDetector | None = None,
    ) -> None:
        """Take the examples to score on.

        Args:
            data: a ground truth whose images are known, or a dataset of Keras that yields
                `(images, {"boxes", "labels" or "classes"})` as `fit()` takes them: a
                `tf.data.Dataset`, a `PyDataset` or a list of batches. Its boxes are scored in
                pixels of its images; negative labels are padding.
            protocols: names of protocols, or protocols.
            prefix: comes before each name in the logs.
            box_format: Keras' name for the format of boxes (`xyxy`, `yxyx`, `xywh`, `center_xywh`,
                `rel_xyxy`, …) in a dataset of Keras, and in the outputs of a model that returns a
                dict of boxes.
            class_names: names of the model's classes and of the labels of a dataset of Keras; None
                if the model has them.
            batch_size: images per batch, unless the model takes only one size.
            every: score every this many epochs; the first and the last are always scored.
            detector: makes a detector of the model, for models that `in_memory_detector` does not
                support.

        Raises:
            DetbenchError: if the data cannot be scored; when training begins, if the model is no
                detector or has other classes.
        """
        super().__init__(
            data, box_format=box_format, class_names=class_names, every=every, detector=detector
        )
        if not (isinstance(batch_size, int) and batch_size >= 1):
            raise DetbenchError(f"batch_size must be a whole number, 1 or more, not {batch_size!r}")
        self._protocols = [
            protocol if isinstance(protocol, Protocol) else protocol_named(protocol)
            for protocol in protocols
        ]
        names = [protocol.name for protocol in self._protocols]
        if len(names) != len(set(names)):
            raise DetbenchError(f"protocols must have different names, not {', '.join(names)}")
        self._prefix, self._batch_size = prefix, batch_size
        self._is_training = False
        self.results: dict[str, float] = {}
        """The latest numbers, by their names in the logs."""
        self.evaluations: dict[str, Evaluation] = {}
        """The latest evaluation of each protocol by its name: curves, classes, detections."""

    def set_model(self, model: Any) -> None:
        """Take the model of a `fit()` or `evaluate()` that begins."""
        super().set_model(model)
        self._is_training = False

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Check model and classes before time is spent on training."""
        super().on_train_begin(logs)
        self._is_training = True
        if self.model.built:
            map_classes(self.current_detector().class_names, self.examples.class_names)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Put the numbers into the logs."""
        is_broken = math.isnan((logs or {}).get("loss", 0.0))
        if self.is_due(epoch) and not is_broken:
            self._score()
            numbers = self.results
        else:
            numbers = dict.fromkeys(self._log_names(), math.nan)
        if logs is not None:
            logs.update(numbers)

    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:
        """Put the numbers into the logs of `evaluate()`.

        The validation inside `fit()` is left out: the end of the epoch follows it.
        """
        if self._is_training:
            return
        self._score()
        if logs is not None:
            logs.update(self.results)

    def _score(self) -> None:
        """Run the model on the examples and evaluate its detections."""
        ground_truth, detections = self._detect()
        self.evaluations = {
            protocol.name: evaluate(ground_truth, detections, protocol)
            for protocol in self._protocols
        }
        values = [
            value
            for evaluation in self.evaluations.values()
            for value in evaluation.summary.values()
        ]
        self.results = {
            name: math.nan if value is None else float(value)
            for name, value in zip(self._log_names(), values, strict=True)
        }

    def _detect(self) -> tuple[GroundTruth, Detections]:
        detector = self.current_detector()
        mapping = map_classes(detector.class_names, self.examples.class_names)
        batch_size = detector.batch_size or self._batch_size
        ground_truth, image_detections = self.examples.detect(detector, batch_size)
        detections = collect_detections(
            image_detections,
            ground_truth,
            mapping,
            name=detector.name,
            settings=detector.settings,
        )
        return ground_truth, detections

    def _log_names(self) -> list[str]:
        return [
            f"{self._prefix}{protocol.name}_{measure.name}"
            for protocol in self._protocols
            for measure in protocol.measures
        ]
