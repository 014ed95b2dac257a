"""RawDetector: a model whose raw outputs are read by one of our decoders, whatever framework runs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from detbench.adapters.counting import there
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
        """Return the batch where the model takes it."""

    def run(self, value: Any) -> Any:
        """Run the model on what `to_device` gave; may return before the device is done."""

    def synchronize(self) -> None:
        """Wait until the last `run` is done."""

    def to_host(self, outputs: Any) -> list[NDArray[Any]]:
        """Return the outputs of `run` as arrays."""


@dataclass(frozen=True, eq=False)
class RawDetector:
    """A loaded model; made by the `load` of its adapter."""

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
        """Width and height in pixels of what the model sees."""
        return self.preprocessing.size

    def preprocess(self, pictures: Sequence[ImageArray]) -> Batch:
        """Return pictures as a batch; where the model takes one size only, copies of the last fill it up. DetbenchError for too many."""
        batch, fixed = self.preprocessing.apply(pictures), self.batch_size
        if fixed is None or len(pictures) == fixed:
            return batch
        if len(pictures) > fixed:
            raise DetbenchError(
                f"{self.name} takes {plural(fixed, 'picture')} at a time, not {len(pictures)}"
            )
        last = (
            batch.inputs[-1:]
            if pictures
            else np.zeros((1, *batch.inputs.shape[1:]), batch.inputs.dtype)
        )
        return Batch(
            np.concatenate([batch.inputs, np.repeat(last, fixed - len(pictures), axis=0)]),
            batch.placements,
        )

    def to_device(self, batch: Batch) -> Any:
        """Move the batch to where the model runs."""
        return self.runtime.to_device(batch.inputs)

    def infer(self, inputs: Any) -> Any:
        """Run the model; may return before the device is done."""
        return self.runtime.run(inputs)

    def to_host(self, outputs: Any) -> list[NDArray[Any]]:
        """Move the outputs back, in the model's order."""
        return self.runtime.to_host(outputs)

    def postprocess(self, outputs: list[NDArray[Any]], batch: Batch) -> list[ImageDetections]:
        """Decode, threshold, suppress and map back; raises DetbenchError for NaN outputs and classes beyond the names.

        What fills up a fixed batch is left out before anything is looked at.
        """
        count = len(batch.placements)
        named = dict(zip(self.runtime.output_names, outputs, strict=True))
        if self.batch_size is not None and count < self.batch_size:
            named = {
                name: values[:count] if len(values.shape) > 1 else values
                for name, values in named.items()
            }
        _check_numbers(self.name, named)
        decoded = self.decoder.decode(RawOutputs(named, self.input_size), self.postprocessing.score)
        if len(decoded) != count:
            raise DetbenchError(
                f"{self.name} gave outputs of {plural(len(decoded), 'picture')} for a batch of {count}"
            )
        for candidates in decoded:
            self._check_classes(candidates.classes)
        return [
            self.postprocessing.apply(*candidates, placement)
            for candidates, placement in zip(decoded, batch.placements, strict=True)
        ]

    def synchronize(self) -> None:
        """Wait until the device has done what `infer` asked for."""
        self.runtime.synchronize()

    def close(self) -> None:
        """Nothing to do: the model is freed with this value."""

    def _check_classes(self, classes: NDArray[np.int64]) -> None:
        if len(classes) and not 0 <= classes.min() <= classes.max() < len(self.class_names):
            wrong = classes.max() if classes.max() >= len(self.class_names) else classes.min()
            raise DetbenchError(
                f"{self.name} found class number {wrong}, and there {there(len(self.class_names))}; give all with names="
            )


def _check_numbers(name: str, outputs: Mapping[str, NDArray[Any]]) -> None:
    """Raise DetbenchError naming output and picture where an output holds NaN."""
    for output, values in outputs.items():
        if values.dtype.kind == "f" and np.isnan(values).any():
            picture = int(np.argwhere(np.isnan(values))[0][0]) if values.ndim > 2 else 0
            raise DetbenchError(
                f"{name}: output {output} of picture {picture} of the batch holds NaN; the model or its precision is broken"
            )
