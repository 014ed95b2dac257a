"""KerasRuntime: the fast call of a Keras model, a compiled function with a fixed signature that sees the model's weights as they are.

`predict` builds a data pipeline for each call and an eager call dispatches each layer: both cost many times the pass itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detbench.adapters.decoders.decoder import Shapes
from detbench.adapters.keras.backend import import_keras
from detbench.adapters.model_input import Input, image_input
from detbench.errors import DetbenchError

_INPUT_TYPES = ("float32", "float16", "uint8")


class KerasRuntime:
    """A Keras model in memory, ready to run; implements `detbench.adapters.raw_detector.Runtime`.

    On TensorFlow the call is a `tf.function` traced once, whatever the batch size; on JAX a jitted `stateless_call`, compiled once per
    batch size. Weights are read at every call, so that a model in training is run as it is by then.
    """

    def __init__(self, model: Any, input_size: tuple[int, int], only: Sequence[str] = ()) -> None:
        """Compile the call.

        Args:
            model: a Keras model of one input, a batch of colour pictures.
            input_size: width and height in pixels.
            only: names of the outputs wanted, all if empty.

        Raises:
            DetbenchError: for a model of several inputs, of no pictures, or of another size, and for outputs within outputs.
        """
        self._keras = import_keras()
        self.model = model
        self._only = tuple(only)
        self.input = model_input(model)
        if any(
            one not in (None, asked) for one, asked in zip(self.input.size, input_size, strict=True)
        ):
            shown = "×".join(str(one or "any") for one in self.input.size)
            raise DetbenchError(
                f"model {model.name} takes pictures of {shown} pixels, not {input_size[0]}×{input_size[1]}"
            )
        self.input_size = input_size
        self._names: tuple[str, ...] = ()
        self._call: _TensorFlowCall | _JaxCall = (
            _JaxCall if self.backend == "jax" else _TensorFlowCall
        )(model, self._named)
        self._shapes = self._call.compile(*self.signature)

    @property
    def backend(self) -> str:
        """What Keras runs on."""
        return str(self._keras.backend.backend())

    @property
    def signature(self) -> tuple[tuple[int | None, ...], str]:
        """Shape, with None where any batch size will do, and type of the input."""
        width, height = self.input_size
        planes = (3, height, width) if self.input.layout == "nchw" else (height, width, 3)
        return (self.input.batch, *planes), self.input.dtype

    def heads(self, images: Any) -> dict[str, Any]:
        """Return the wanted outputs of a batch by name, as tensors; for exports, which trace it."""
        outputs = self._named(self.model(images, training=False))
        return dict(zip(self._names, outputs, strict=True))

    @property
    def output_names(self) -> Sequence[str]:
        """The keys of a dict of outputs; `output` for a single one, `output_0` and on for several."""
        return self._names

    @property
    def shapes(self) -> Shapes:
        """The shapes of the outputs for a batch of one, or of the only size the model takes."""
        return Shapes(dict(zip(self._names, self._shapes, strict=True)), self.input_size)

    @property
    def settings(self) -> Mapping[str, Any]:
        """Backend, versions and device, for the record."""
        return {
            "backend": self.backend,
            "keras": str(self._keras.__version__),
            **self._call.settings,
        }

    def to_device(self, inputs: NDArray[Any]) -> Any:
        """Return the batch as a tensor on the backend's default device."""
        return self._call.to_device(np.ascontiguousarray(inputs, self.input.dtype))

    def run(self, value: Any) -> Any:
        """Run the model; may return before an accelerator is done."""
        return self._call.run(value)

    def synchronize(self) -> None:
        """Wait until the last `run` is done."""
        self._call.synchronize()

    def to_host(self, outputs: Any) -> list[NDArray[Any]]:
        """Return the outputs as arrays."""
        return [np.asarray(output) for output in outputs]

    def _named(self, outputs: Any) -> list[Any]:
        """Return the wanted outputs in the model's order, those that numpy does not know in 32 bits, and keep their names."""
        named = _by_name(outputs)
        if missing := [name for name in self._only if name not in named]:
            raise DetbenchError(
                f"model {self.model.name} has no output {missing[0]!r}; it has {', '.join(named)}"
            )
        wanted = {name: named[name] for name in self._only} or named
        self._names = tuple(wanted)
        return [self._plain(value) for value in wanted.values()]

    def _plain(self, value: Any) -> Any:
        if not hasattr(value, "shape"):
            raise DetbenchError(
                f"model {self.model.name} gives outputs within outputs; wrap it so that it gives a dict of arrays"
            )
        unknown = self._keras.backend.standardize_dtype(value.dtype) == "bfloat16"
        return self._keras.ops.cast(value, "float32") if unknown else value


def model_input(model: Any) -> Input:
    """Return the only input of a Keras model; one that declares none takes float pictures of any size, channels last.

    Raises DetbenchError for several inputs and for what is no batch of colour pictures.
    """
    declared = getattr(model, "inputs", None) or []
    if not declared:
        return Input("input", "float32", "nhwc", None, (None, None))
    shown = ", ".join(f"{one.name}{list(one.shape)} {one.dtype}" for one in declared)
    if len(declared) > 1:
        raise DetbenchError(
            f"model {model.name} takes {len(declared)} inputs ({shown}), and a detector takes one, the pictures"
        )
    dtype = str(declared[0].dtype)
    found = image_input(
        declared[0].name, tuple(declared[0].shape), dtype if dtype in _INPUT_TYPES else "float32"
    )
    if found is None or found.single:
        raise DetbenchError(
            f"model {model.name} takes {shown}, which is no batch of colour pictures"
        )
    return found


def _by_name(outputs: Any) -> dict[str, Any]:
    if isinstance(outputs, Mapping):
        return {str(name): value for name, value in outputs.items()}
    if isinstance(outputs, list | tuple):
        return {f"output_{number}": value for number, value in enumerate(outputs)}
    return {"output": outputs}


def _blank(shape: tuple[int | None, ...], dtype: str) -> NDArray[Any]:
    """Return zeros as a batch, of one where any size will do."""
    return np.zeros([side or 1 for side in shape], dtype)


class _TensorFlowCall:
    """A `tf.function` of one signature; the variables are captured, not copied."""

    def __init__(self, model: Any, named: Any) -> None:
        import tensorflow as tf

        self._tf, self._model, self._named = tf, model, named
        self._on_accelerator = bool(tf.config.get_visible_devices("GPU"))

    def compile(self, shape: tuple[int | None, ...], dtype: str) -> list[tuple[int, ...]]:
        tf = self._tf
        signature = [tf.TensorSpec(shape, dtype)]
        plain = tf.autograph.experimental.do_not_convert(
            lambda images: self._named(self._model(images, training=False))
        )
        self._function = tf.function(plain, input_signature=signature).get_concrete_function()
        batch = shape[0] or 1
        declared = [tuple(one.shape) for one in self._function.structured_outputs]
        shapes = [(batch, *one[1:]) if one and one[0] is None else one for one in declared]
        if any(side is None for one in shapes for side in one):
            shapes = [tuple(one.shape) for one in self.run(self.to_device(_blank(shape, dtype)))]
        return shapes

    @property
    def settings(self) -> dict[str, Any]:
        return {
            "tensorflow": str(self._tf.__version__),
            "device": "gpu" if self._on_accelerator else "cpu",
        }

    def to_device(self, inputs: NDArray[Any]) -> Any:
        return self._tf.convert_to_tensor(inputs)

    def run(self, value: Any) -> Any:
        return self._function(value)

    def synchronize(self) -> None:
        if self._on_accelerator:
            self._tf.test.experimental.sync_devices()


class _JaxCall:
    """A jitted `stateless_call`, given the variables' values each time."""

    def __init__(self, model: Any, named: Any) -> None:
        import jax

        self._jax, self._model, self._named = jax, model, named
        self._last: Any = None

    def compile(self, shape: tuple[int | None, ...], dtype: str) -> list[tuple[int, ...]]:
        def call(trainable: Any, fixed: Any, images: Any) -> Any:
            outputs, _ = self._model.stateless_call(trainable, fixed, images, training=False)
            return self._named(outputs)

        images = _blank(shape, dtype)
        if not self._model.built:
            self._model(images)
        self._function = self._jax.jit(call)
        return [tuple(one.shape) for one in self._jax.eval_shape(call, *self._variables(), images)]

    @property
    def settings(self) -> dict[str, Any]:
        return {"jax": str(self._jax.__version__), "device": str(self._jax.default_backend())}

    def to_device(self, inputs: NDArray[Any]) -> Any:
        return self._jax.device_put(inputs)

    def run(self, value: Any) -> Any:
        self._last = self._function(*self._variables(), value)
        return self._last

    def synchronize(self) -> None:
        self._jax.block_until_ready(self._last)

    def _variables(self) -> tuple[list[Any], list[Any]]:
        return [one.value for one in self._model.trainable_variables], [
            one.value for one in self._model.non_trainable_variables
        ]
