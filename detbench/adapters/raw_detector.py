"""RawDetector: a detector that reads a model's raw outputs with a decoder, in any framework."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from detbench.adapters.decoders.choose import plural_names
from detbench.adapters.decoders.decoder import Decoder, RawOutputs
from detbench.adapters.detector import Batch, ImageArray, ImageDetections
from detbench.adapters.postprocessing import Postprocessing
from detbench.adapters.preprocessing import Preprocessing
from detbench.errors import DetbenchError
from detbench.wording import plural


class Runtime(Protocol):
    """A model loaded by a framework: arrays in, named arrays out."""

    @property
    def output_names(self) -> Sequence[str]:
        """Names of the outputs, in the order of `to_host`."""

    def to_device(self, inputs: NDArray[Any]) -> Any:
        """Move a batch to the device that runs the model."""

    def run(self, value: Any) -> Any:
        """Run the model on a result of `to_device`; may return before the device has finished."""

    def synchronize(self) -> None:
        """Wait until the last `run` has finished."""

    def to_host(self, outputs: Any) -> list[NDArray[Any]]:
        """Return the outputs of `run` as arrays."""


@dataclass(frozen=True, eq=False)
class RawDetector:
    """A loaded model with decoder, pre- and postprocessing; made by `assembly.assemble`."""

    name: str
    class_names: tuple[str, ...]
    settings: Mapping[str, Any]
    runtime: Runtime
    decoder: Decoder
    preprocessing: Preprocessing
    postprocessing: Postprocessing
    batch_size: int | None
    """The only batch size the model takes, or None for any."""

    @property
    def input_size(self) -> tuple[int, int]:
        """Width and height of the model's input in pixels."""
        return self.preprocessing.size

    def preprocess(self, images: Sequence[ImageArray]) -> Batch:
        """Return images as a batch.

        If the model takes one batch size only, copies of the last image fill it up. Raises
        DetbenchError for more images than that.
        """
        batch, fixed = self.preprocessing.apply(images), self.batch_size
        if fixed is None or len(images) == fixed:
            return batch
        if len(images) > fixed:
            raise DetbenchError(
                f"{self.name} takes {plural(fixed, 'image')} at a time, not {len(images)}"
            )
        # The padding has no placements, so its outputs are dropped after the run.
        if images:
            last = batch.inputs[-1:]
        else:
            last = np.zeros((1, *batch.inputs.shape[1:]), batch.inputs.dtype)
        padding = np.repeat(last, fixed - len(images), axis=0)
        return Batch(np.concatenate([batch.inputs, padding]), batch.placements)

    def to_device(self, batch: Batch) -> Any:
        """Move the batch to the device that runs the model."""
        return self.runtime.to_device(batch.inputs)

    def infer(self, inputs: Any) -> Any:
        """Run the model; may return before the device has finished."""
        return self.runtime.run(inputs)

    def to_host(self, outputs: Any) -> list[NDArray[Any]]:
        """Move the outputs back to the host, in the model's order."""
        return self.runtime.to_host(outputs)

    def postprocess(self, outputs: list[NDArray[Any]], batch: Batch) -> list[ImageDetections]:
        """Decode, threshold, suppress and map boxes back to the original images.

        Raises DetbenchError for NaN outputs and for class numbers without a name.
        """
        n_images = len(batch.placements)
        named = dict(zip(self.runtime.output_names, outputs, strict=True))

        # 1. Drop the outputs of images that only fill up a fixed batch.
        if self.batch_size is not None and n_images < self.batch_size:
            named = {
                name: values[:n_images] if values.ndim > 1 else values
                for name, values in named.items()
            }
        _check_no_nan(self.name, named)

        # 2. Decode.
        decoded = self.decoder.decode(RawOutputs(named, self.input_size), self.postprocessing.score)
        if len(decoded) != n_images:
            raise DetbenchError(
                f"{self.name} gave outputs of {plural(len(decoded), 'image')} "
                f"for a batch of {n_images}"
            )
        for candidates in decoded:
            self._check_classes(candidates.classes)

        # 3. Threshold, suppress and map back, image by image.
        return [
            self.postprocessing.apply(*candidates, placement)
            for candidates, placement in zip(decoded, batch.placements, strict=True)
        ]

    def synchronize(self) -> None:
        """Wait until the device has finished."""
        self.runtime.synchronize()

    def close(self) -> None:
        """Do nothing: the model is freed with this value."""

    def _check_classes(self, classes: NDArray[np.int64]) -> None:
        n_classes = len(self.class_names)
        if len(classes) and not 0 <= classes.min() <= classes.max() < n_classes:
            wrong = classes.max() if classes.max() >= n_classes else classes.min()
            raise DetbenchError(
                f"{self.name} gave class number {wrong}, but there {plural_names(n_classes)}; "
                "give all names with names="
            )


def _check_no_nan(name: str, outputs: Mapping[str, NDArray[Any]]) -> None:
    """Raise DetbenchError naming output and image if an output holds NaN."""
    for output, values in outputs.items():
        if values.dtype.kind == "f" and np.isnan(values).any():
            image = int(np.argwhere(np.isnan(values))[0][0]) if values.ndim > 2 else 0
            raise DetbenchError(
                f"{name}: output {output} of image {image} of the batch holds NaN; "
                "the model or its precision is broken"
            )
