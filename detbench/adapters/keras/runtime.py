"""KerasRuntime: the fast call of a Keras model, a compiled function that reads current weights.

`predict` builds a data pipeline for each call, and an eager call dispatches each layer: both take
many times as long as the forward pass itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detbench.adapters.decoders.decoder import OutputShapes
from detbench.adapters.keras.backend import import_keras
from detbench.adapters.keras.compiled_call import JaxCall, TensorFlowCall
from detbench.adapters.model_input import ImageInput, image_input
from detbench.errors import DetbenchError

_INPUT_TYPES = ("float32", "float16", "uint8")


class KerasRuntime:
    """A Keras model in memory, ready to run; implements `detbench.adapters.raw_detector.Runtime`.

    On TensorFlow the call is a `tf.function`, traced once for all batch sizes. On JAX it is a
    jitted `stateless_call`, compiled once per batch size. Weights are read at every call, so a
    model in training is run as it is at that moment.
    """

    def __init__(self, model: Any, input_size: tuple[int, int], heads: Sequence[str] = ()) -> None:
        """Compile the call.

        Args:
            model: a Keras model with one input, a batch of color images.
            input_size: width and height in pixels.
            heads: names of the outputs to return; all of them if empty.

        Raises:
            DetbenchError: if the model has several inputs, takes no images or images of another
                size, lacks a head, or nests outputs within outputs.
        """
        self._keras = import_keras()
        self.model = model
        self._heads = tuple(heads)
        self.input = model_input(model)
        self.input_size = input_size
        self._check_size()
        self._names: tuple[str, ...] = ()
        call_type = JaxCall if self.backend == "jax" else TensorFlowCall
        self._call: TensorFlowCall | JaxCall = call_type(model, self._select)
        self._shapes = self._call.compile(*self.signature)

    @property
    def backend(self) -> str:
        """The backend of Keras in this process."""
        return str(self._keras.backend.backend())

    @property
    def signature(self) -> tuple[tuple[int | None, ...], str]:
        """Shape and type of the input; the batch is None if any size is allowed."""
        width, height = self.input_size
        image_shape = (3, height, width) if self.input.layout == "nchw" else (height, width, 3)
        return (self.input.batch, *image_shape), self.input.dtype

    def heads(self, images: Any) -> dict[str, Any]:
        """Return the selected outputs of a batch as tensors by name; an export traces this."""
        outputs = self._select(self.model(images, training=False))
        return dict(zip(self._names, outputs, strict=True))

    @property
    def output_names(self) -> Sequence[str]:
        """The keys of a dict of outputs, `output` for one, `output_0`, `output_1`, … for more."""
        return self._names

    @property
    def shapes(self) -> OutputShapes:
        """OutputShapes of the outputs for a batch of one, or of the only size the model takes."""
        return OutputShapes(dict(zip(self._names, self._shapes, strict=True)), self.input_size)

    @property
    def settings(self) -> Mapping[str, Any]:
        """Backend, versions and device, for the record."""
        keras_version = str(self._keras.__version__)
        return {"backend": self.backend, "keras": keras_version, **self._call.settings}

    def to_device(self, inputs: NDArray[Any]) -> Any:
        """Return the batch as a tensor on the backend's default device."""
        return self._call.to_device(np.ascontiguousarray(inputs, self.input.dtype))

    def run(self, value: Any) -> Any:
        """Run the model; may return before an accelerator has finished."""
        return self._call.run(value)

    def synchronize(self) -> None:
        """Wait until the last `run` has finished."""
        self._call.synchronize()

    def to_host(self, outputs: Any) -> list[NDArray[Any]]:
        """Return the outputs as arrays."""
        return [np.asarray(output) for output in outputs]

    def _check_size(self) -> None:
        """Raise DetbenchError if the model does not accept images of the input size."""
        sides = zip(self.input.size, self.input_size, strict=True)
        if all(declared in (None, side) for declared, side in sides):
            return
        declared_size = "×".join(str(side or "any") for side in self.input.size)
        width, height = self.input_size
        raise DetbenchError(
            f"model {self.model.name} takes images of {declared_size} pixels, not {width}×{height}"
        )

    def _select(self, outputs: Any) -> list[Any]:
        """Return the selected outputs in the model's order, and remember their names.

        Types that numpy does not have become float32.
        """
        by_name = _by_name(outputs)
        if missing := [name for name in self._heads if name not in by_name]:
            raise DetbenchError(
                f"model {self.model.name} has no output {missing[0]!r}; it has {', '.join(by_name)}"
            )
        selected = {name: by_name[name] for name in self._heads} or by_name
        self._names = tuple(selected)
        return [self._numpy_type(value) for value in selected.values()]

    def _numpy_type(self, value: Any) -> Any:
        if not hasattr(value, "shape"):
            raise DetbenchError(
                f"model {self.model.name} nests outputs within outputs; "
                "wrap it so that it returns a dict of arrays"
            )
        is_bfloat16 = self._keras.backend.standardize_dtype(value.dtype) == "bfloat16"
        return self._keras.ops.cast(value, "float32") if is_bfloat16 else value


def model_input(model: Any) -> ImageInput:
    """Return the only input of a Keras model.

    A model that declares no input is assumed to take float images of any size, channels last.
    Raises DetbenchError if there are several inputs, or if the input is no batch of color images.
    """
    inputs = getattr(model, "inputs", None) or []
    if not inputs:
        return ImageInput("input", "float32", "nhwc", None, (None, None))
    described = ", ".join(f"{tensor.name}{list(tensor.shape)} {tensor.dtype}" for tensor in inputs)
    if len(inputs) > 1:
        raise DetbenchError(
            f"model {model.name} takes {len(inputs)} inputs ({described}); "
            "a detector takes one, the images"
        )
    (tensor,) = inputs
    dtype = str(tensor.dtype) if str(tensor.dtype) in _INPUT_TYPES else "float32"
    declared = image_input(tensor.name, tuple(tensor.shape), dtype)
    if declared is None or declared.single:
        raise DetbenchError(
            f"model {model.name} takes {described}, which is not a batch of color images"
        )
    return declared


def _by_name(outputs: Any) -> dict[str, Any]:
    if isinstance(outputs, Mapping):
        return {str(name): value for name, value in outputs.items()}
    if isinstance(outputs, list | tuple):
        return {f"output_{number}": value for number, value in enumerate(outputs)}
    return {"output": outputs}
