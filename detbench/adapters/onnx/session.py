"""A model opened by onnxruntime: its input as declared, the provider that really runs it, and its errors in our words.

No library of custom operators is ever registered, so that a model can only do what onnxruntime's own operators do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detbench.adapters.model_input import ImageInput, image_input
from detbench.adapters.options import thread_count
from detbench.errors import DetbenchError, InputError

_PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "rocm": "ROCMExecutionProvider",
    "migraphx": "MIGraphXExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "directml": "DmlExecutionProvider",
    "xnnpack": "XnnpackExecutionProvider",
}
OWN_OPTIONS: Mapping[str, Callable[[str], Any]] = {"provider": str, "threads": thread_count}
"""Options of a spec that only ONNX models have."""
_ON_CUDA = {"CUDAExecutionProvider", "TensorrtExecutionProvider"}
_TYPES = {"tensor(float)": "float32", "tensor(float16)": "float16", "tensor(uint8)": "uint8"}
_COMPANIONS = {"orig_target_sizes", "pixel_mask"}
"""Inputs that exports of DETR's family take beside the image: the size (width, height) that boxes are scaled to, for us the input's own;
and which pixels are no padding, for us all."""
_FATAL = 4
"""onnxruntime raises its errors as well as printing them; once is enough."""


class Session:
    """A loaded model; `threads` of one inference, 0 leaves their number to onnxruntime."""

    def __init__(self, path: Path, provider: str = "cpu", threads: int = 0) -> None:
        runtime = _runtime()
        self._path, self._provider = path, _provider(runtime, provider)
        options = runtime.SessionOptions()
        options.log_severity_level = _FATAL
        options.intra_op_num_threads = threads
        try:
            self._session = runtime.InferenceSession(
                str(path), options, providers=[self._provider], enable_fallback=0
            )
        except _errors() as error:
            raise InputError(
                path,
                f"onnxruntime cannot load it for provider {provider} ({_short(error)})",
                fix="check or export it again",
            ) from error
        if self._session.get_providers()[0] != self._provider:
            used = ", ".join(self._session.get_providers())
            raise DetbenchError(
                f"provider {provider} was asked for and onnxruntime fell back to {used}; see what it needs, or use provider=cpu"
            )
        images = [one for one in self._session.get_inputs() if one.name not in _COMPANIONS]
        self.input = _image_input(path, images)
        self._companions = {
            one.name: one.shape for one in self._session.get_inputs() if one.name in _COMPANIONS
        }
        self.output_names = tuple(output.name for output in self._session.get_outputs())
        self._device = "cuda" if self._provider in _ON_CUDA else "cpu"

    @property
    def provider(self) -> str:
        """The provider that runs the model."""
        return str(self._session.get_providers()[0])

    @property
    def version(self) -> str:
        """Of onnxruntime."""
        return str(_runtime().__version__)

    @property
    def metadata(self) -> Mapping[str, str]:
        """The model's custom metadata."""
        return dict(self._session.get_modelmeta().custom_metadata_map)

    def declared_shapes(self, batch: int) -> dict[str, tuple[int, ...]] | None:
        """Return the outputs' shapes for a batch as the model declares them, None if a dimension besides the batch is open."""
        shapes = {}
        for output in self._session.get_outputs():
            shape = list(output.shape)
            if len(shape) > 2 and not isinstance(shape[0], int):
                shape[0] = batch
            if not shape or not all(
                isinstance(dimension, int) and dimension > 0 for dimension in shape
            ):
                return None
            shapes[output.name] = tuple(shape)
        return shapes

    def to_device(self, inputs: NDArray[Any]) -> Any:
        """Return the batch where the provider takes it."""
        images = inputs[0] if self.input.single else inputs
        return _runtime().OrtValue.ortvalue_from_numpy(
            np.ascontiguousarray(images), self._device, 0
        )

    def run(self, value: Any) -> Any:
        """Run the model on what `to_device` gave, return when it is done; the outputs stay on the device."""
        binding = self._session.io_binding()
        binding.bind_ortvalue_input(self.input.name, value)
        batch, *sides = value.shape()
        size = sides[1::-1] if self.input.layout == "nhwc" else sides[:0:-1]
        companions = {name: self._companion(name, batch, size) for name in self._companions}
        for name, companion in companions.items():
            binding.bind_ortvalue_input(name, companion)
        for name in self.output_names:
            binding.bind_output(name, self._device)
        try:
            self._session.run_with_iobinding(binding)
        except _errors() as error:
            raise DetbenchError(
                f"{self._path}: onnxruntime cannot run it on {value.shape()} ({_short(error)})"
            ) from error
        return binding

    def _companion(self, name: str, batch: int, size: Sequence[int]) -> Any:
        """Return an input that stands beside images of a size (width, height)."""
        if name == "orig_target_sizes":
            values = np.full((batch, 2), size, np.int64)
        else:
            declared = zip(self._companions[name][1:], size[::-1], strict=True)
            values = np.ones(
                (batch, *(one if isinstance(one, int) else side for one, side in declared)),
                np.int64,
            )
        return _runtime().OrtValue.ortvalue_from_numpy(values, "cpu", 0)

    def synchronize(self) -> None:
        """Nothing to wait for: `run` returns when the provider is done."""

    def to_host(self, binding: Any) -> list[NDArray[Any]]:
        """Return the outputs of `run` as arrays."""
        return list(binding.copy_outputs_to_cpu())


def _runtime() -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise DetbenchError(
            f"ONNX models need onnxruntime, which cannot be loaded ({error}): pip install 'detbench[onnx]'"
        ) from error
    return onnxruntime


def _errors() -> tuple[type[Exception], ...]:
    """Return the errors onnxruntime raises; it has no common one."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    own = [
        kind
        for kind in vars(state).values()
        if isinstance(kind, type) and issubclass(kind, Exception)
    ]
    return (*own, RuntimeError, ValueError)


def _short(error: Exception) -> str:
    """Return the first line of an error."""
    return str(error).strip().split("\n", 1)[0][:300]


def _provider(runtime: Any, asked: str) -> str:
    available = runtime.get_available_providers()
    full = _PROVIDERS.get(
        asked.lower(), next((name for name in available if name.lower() == asked.lower()), asked)
    )
    if full not in available:
        raise DetbenchError(
            f"provider {asked!r} is not in this onnxruntime; it has {', '.join(available)}"
        )
    return str(full)


def _image_input(path: Path, inputs: Sequence[Any]) -> ImageInput:
    """Return the one input as an image of three channels; raises InputError where it is something else."""
    declared = ", ".join(f"{one.name}{one.shape} {one.type}" for one in inputs)
    if len(inputs) != 1:
        raise InputError(
            path,
            f"takes {len(inputs)} inputs ({declared})",
            fix="export it with the image as its only input",
        )
    (image,) = inputs
    if image.type not in _TYPES:
        raise InputError(
            path,
            f"takes {declared}, and images are float, float16 or uint8",
            fix="export it for one of these",
        )
    found = image_input(image.name, image.shape, _TYPES[image.type])
    if found is None:
        raise InputError(
            path,
            f"takes {declared}, and not images of three channels",
            fix="export it for a batch of color images",
        )
    return found
