"""Compiled calls of a Keras model, one class per backend."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Select = Callable[[Any], list[Any]]
"""Returns the wanted outputs of what a model returned."""
Shape = tuple[int | None, ...]
"""Of a batch; None if any size is allowed."""


class TensorFlowCall:
    """A `tf.function` with one signature; it captures the variables and does not copy them."""

    def __init__(self, model: Any, select: Select) -> None:
        import tensorflow as tf

        self._tf, self._model, self._select = tf, model, select
        self._on_accelerator = bool(tf.config.get_visible_devices("GPU"))

    def compile(self, shape: Shape, dtype: str) -> list[tuple[int, ...]]:
        """Trace the call for inputs of a shape and type, and return the shapes of its outputs."""
        tf = self._tf
        call = tf.autograph.experimental.do_not_convert(
            lambda images: self._select(self._model(images, training=False))
        )
        signature = [tf.TensorSpec(shape, dtype)]
        self._function = tf.function(call, input_signature=signature).get_concrete_function()
        batch = shape[0] or 1
        traced = [tuple(output.shape) for output in self._function.structured_outputs]
        shapes = [
            (batch, *output[1:]) if output and output[0] is None else output for output in traced
        ]
        if any(side is None for output in shapes for side in output):
            # Tracing left sides open, for example after NMS: only a run shows them.
            outputs = self.run(self.to_device(_zeros(shape, dtype)))
            shapes = [tuple(output.shape) for output in outputs]
        return shapes

    @property
    def settings(self) -> dict[str, Any]:
        """Version and device, for the record."""
        device = "gpu" if self._on_accelerator else "cpu"
        return {"tensorflow": str(self._tf.__version__), "device": device}

    def to_device(self, inputs: NDArray[Any]) -> Any:
        """Return an array as a tensor."""
        return self._tf.convert_to_tensor(inputs)

    def run(self, value: Any) -> Any:
        """Run the call."""
        return self._function(value)

    def synchronize(self) -> None:
        """Wait for the accelerator; on a CPU the call returns when it has finished."""
        if self._on_accelerator:
            self._tf.test.experimental.sync_devices()


class JaxCall:
    """A jitted `stateless_call`, which receives the current values of the variables each time."""

    def __init__(self, model: Any, select: Select) -> None:
        import jax

        self._jax, self._model, self._select = jax, model, select
        self._last_outputs: Any = None

    def compile(self, shape: Shape, dtype: str) -> list[tuple[int, ...]]:
        """Prepare the call for inputs of a shape and type, and return the shapes of its outputs."""

        def call(trainable: Any, non_trainable: Any, images: Any) -> Any:
            outputs, _ = self._model.stateless_call(
                trainable, non_trainable, images, training=False
            )
            return self._select(outputs)

        images = _zeros(shape, dtype)
        if not self._model.built:
            self._model(images)
        self._function = self._jax.jit(call)
        outputs = self._jax.eval_shape(call, *self._variables(), images)
        return [tuple(output.shape) for output in outputs]

    @property
    def settings(self) -> dict[str, Any]:
        """Version and device, for the record."""
        return {"jax": str(self._jax.__version__), "device": str(self._jax.default_backend())}

    def to_device(self, inputs: NDArray[Any]) -> Any:
        """Return an array on the default device."""
        return self._jax.device_put(inputs)

    def run(self, value: Any) -> Any:
        """Start the call; JAX returns before the device has finished."""
        self._last_outputs = self._function(*self._variables(), value)
        return self._last_outputs

    def synchronize(self) -> None:
        """Wait until the outputs of the last `run` are there."""
        self._jax.block_until_ready(self._last_outputs)

    def _variables(self) -> tuple[list[Any], list[Any]]:
        """Return the current values of the trainable and the other variables."""
        return (
            [variable.value for variable in self._model.trainable_variables],
            [variable.value for variable in self._model.non_trainable_variables],
        )


def _zeros(shape: Shape, dtype: str) -> NDArray[Any]:
    """Return a batch of zeros; open sides become 1."""
    return np.zeros([side or 1 for side in shape], dtype)
