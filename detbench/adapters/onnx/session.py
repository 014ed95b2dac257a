"""Session: a model opened by onnxruntime, with its input, its provider and its errors.

No library of custom operators is ever registered, so a model can only run onnxruntime's own
operators.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detbench.adapters.model_input import ImageInput, image_input
from detbench.adapters.option_values import thread_count
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
OPTION_READERS: Mapping[str, Callable[[str], Any]] = {"provider": str, "threads": thread_count}
"""Readers of the options that only ONNX models have."""
_CUDA_PROVIDERS = {"CUDAExecutionProvider", "TensorrtExecutionProvider"}
_DTYPES = {"tensor(float)": "float32", "tensor(float16)": "float16", "tensor(uint8)": "uint8"}
_COMPANIONS = {"orig_target_sizes", "pixel_mask"}
"""Inputs that exports of DETR's family take beside the image.

`orig_target_sizes` is the size (width, height) that boxes are scaled to, here the input's own;
`pixel_mask` marks the pixels that are no padding, here all.
"""
_FATAL = 4
"""Log level: onnxruntime raises its errors, so it need not print them, too."""


class Session:
    """A loaded model."""

    def __init__(self, path: Path, provider: str = "cpu", threads: int = 0) -> None:
        """Load a model.

        Args:
            path: the model file.
            provider: a short name such as `cuda`, or onnxruntime's own name.
            threads: of one inference; 0 leaves their number to onnxruntime.

        Raises:
            DetbenchError: if onnxruntime cannot load the model, if the provider is missing or not
                used, or if the model does not take one image input.
        """
        runtime = _onnxruntime()
        self._path, self._provider = path, _provider_name(runtime, provider)
        options = runtime.SessionOptions()
        options.log_severity_level = _FATAL
        options.intra_op_num_threads = threads
        try:
            self._session = runtime.InferenceSession(
                str(path), options, providers=[self._provider], enable_fallback=0
            )
        except _onnxruntime_errors() as error:
            raise InputError(
                path,
                f"onnxruntime cannot load it for provider {provider} ({_first_line(error)})",
                fix="check or export it again",
            ) from error
        if self._session.get_providers()[0] != self._provider:
            used = ", ".join(self._session.get_providers())
            raise DetbenchError(
                f"onnxruntime did not use provider {provider} and fell back to {used}; "
                "check its requirements, or use provider=cpu"
            )
        inputs = self._session.get_inputs()
        self.input = _image_input(
            path, [entry for entry in inputs if entry.name not in _COMPANIONS]
        )
        self._companions = {
            entry.name: entry.shape for entry in inputs if entry.name in _COMPANIONS
        }
        self.output_names = tuple(output.name for output in self._session.get_outputs())
        self._device = "cuda" if self._provider in _CUDA_PROVIDERS else "cpu"

    @property
    def provider(self) -> str:
        """The provider that runs the model."""
        return str(self._session.get_providers()[0])

    @property
    def version(self) -> str:
        """The version of onnxruntime."""
        return str(_onnxruntime().__version__)

    @property
    def metadata(self) -> Mapping[str, str]:
        """The model's custom metadata."""
        return dict(self._session.get_modelmeta().custom_metadata_map)

    def declared_shapes(self, batch: int) -> dict[str, tuple[int, ...]] | None:
        """Return the declared shapes of the outputs for a batch.

        None if another dimension than the batch is open.
        """
        shapes = {}
        for output in self._session.get_outputs():
            shape = list(output.shape)
            if len(shape) > 2 and not isinstance(shape[0], int):
                shape[0] = batch
            if not shape or not all(isinstance(side, int) and side > 0 for side in shape):
                return None
            shapes[output.name] = tuple(shape)
        return shapes

    def to_device(self, inputs: NDArray[Any]) -> Any:
        """Move a batch to the device of the provider."""
        images = np.ascontiguousarray(inputs[0] if self.input.single else inputs)
        return _onnxruntime().OrtValue.ortvalue_from_numpy(images, self._device, 0)

    def run(self, value: Any) -> Any:
        """Run the model on a result of `to_device`; the outputs stay on the device."""
        binding = self._session.io_binding()
        binding.bind_ortvalue_input(self.input.name, value)
        batch, *sides = value.shape()
        size = sides[1::-1] if self.input.layout == "nhwc" else sides[:0:-1]
        for name in self._companions:
            binding.bind_ortvalue_input(name, self._companion(name, batch, size))
        for name in self.output_names:
            binding.bind_output(name, self._device)
        try:
            self._session.run_with_iobinding(binding)
        except _onnxruntime_errors() as error:
            raise DetbenchError(
                f"{self._path}: onnxruntime cannot run it on {value.shape()} ({_first_line(error)})"
            ) from error
        return binding

    def _companion(self, name: str, batch: int, size: Sequence[int]) -> Any:
        """Return the companion of images of a size (width, height)."""
        if name == "orig_target_sizes":
            values = np.full((batch, 2), size, np.int64)
        else:
            # Some exports fix the sides of the mask to another size than the image's.
            declared = zip(self._companions[name][1:], size[::-1], strict=True)
            sides = [fixed if isinstance(fixed, int) else side for fixed, side in declared]
            values = np.ones((batch, *sides), np.int64)
        return _onnxruntime().OrtValue.ortvalue_from_numpy(values, "cpu", 0)

    def synchronize(self) -> None:
        """Do nothing: `run` returns when the provider has finished."""

    def to_host(self, binding: Any) -> list[NDArray[Any]]:
        """Return the outputs of `run` as arrays."""
        return list(binding.copy_outputs_to_cpu())


def _onnxruntime() -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise DetbenchError(
            f"ONNX models need onnxruntime, which cannot be loaded ({error}): "
            "pip install 'detbench[onnx]'"
        ) from error
    return onnxruntime


def _onnxruntime_errors() -> tuple[type[Exception], ...]:
    """Return the errors that onnxruntime raises; they have no common base."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    own = [
        kind
        for kind in vars(state).values()
        if isinstance(kind, type) and issubclass(kind, Exception)
    ]
    return (*own, RuntimeError, ValueError)


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0][:300]


def _provider_name(runtime: Any, provider: str) -> str:
    """Return onnxruntime's name of a provider; raises DetbenchError if it does not have it."""
    available = runtime.get_available_providers()
    by_lower_case = {name.lower(): name for name in available}
    name = _PROVIDERS.get(provider.lower()) or by_lower_case.get(provider.lower(), provider)
    if name not in available:
        raise DetbenchError(
            f"this onnxruntime has no provider {provider!r}; it has {', '.join(available)}"
        )
    return str(name)


def _image_input(path: Path, inputs: Sequence[Any]) -> ImageInput:
    """Return the only input, an image of three channels; raises InputError for other inputs."""
    declared = ", ".join(f"{entry.name}{entry.shape} {entry.type}" for entry in inputs)
    if len(inputs) != 1:
        raise InputError(
            path,
            f"takes {len(inputs)} inputs ({declared})",
            fix="export it with the image as its only input",
        )
    (entry,) = inputs
    if entry.type not in _DTYPES:
        raise InputError(
            path,
            f"takes {declared}, but images are float, float16 or uint8",
            fix="export it for one of these types",
        )
    image = image_input(entry.name, entry.shape, _DTYPES[entry.type])
    if image is None:
        raise InputError(
            path,
            f"takes {declared}, which is not a batch of three-channel images",
            fix="export it for a batch of color images",
        )
    return image
