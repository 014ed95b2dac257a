"""Clocks: when a request is complete. One small class per framework.

A framework that returns before its device is done is waited for by its own means: an event or a
future of the request's outputs if it has one, otherwise the whole device. There is one wait per
request. The measured time is host time, from the call to the end of that wait.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from detbench.adapters.detector import Detector

Now = Callable[[], int]
"""A monotonic clock in ns."""


class Clock:
    """Plain CPU: work is complete when the call and the detector's own `synchronize` return."""

    name = "cpu"

    def __init__(self, detector: Detector, now: Now = time.perf_counter_ns) -> None:
        self.detector, self.now = detector, now

    def wait(self, outputs: Any) -> None:  # noqa: ARG002 - subclasses wait for the outputs alone
        """Wait until the device has computed `outputs` and everything requested before."""
        self.detector.synchronize()

    def time(self, call: Callable[[Any], Any], argument: Any) -> tuple[int, Any]:
        """Return how many ns a call took, including its wait, and what it returned."""
        started = self.now()
        outputs = call(argument)
        self.wait(outputs)
        return self.now() - started, outputs

    def peak_device_bytes(self) -> int | None:
        """Return the framework's peak of device memory in this process; None if unknown."""
        return None


class OnnxruntimeClock(Clock):
    """onnxruntime: `synchronize_outputs` of an IOBinding waits for the provider's stream."""

    name = "onnxruntime"

    def wait(self, outputs: Any) -> None:
        """Wait for bound outputs. Other outputs were copied before their call returned."""
        synchronize = getattr(outputs, "synchronize_outputs", None)
        if synchronize is not None:
            synchronize()


class TensorFlowClock(Clock):
    """TensorFlow: eager tensors have no future, so `synchronize` waits for all devices."""

    name = "tensorflow"

    def peak_device_bytes(self) -> int | None:
        """Return the peak of TensorFlow's allocator on the first GPU."""
        import tensorflow as tf

        if not tf.config.list_logical_devices("GPU"):
            return None
        return int(tf.config.experimental.get_memory_info("GPU:0")["peak"])


class JaxClock(Clock):
    """JAX: arrays are futures, and `block_until_ready` waits for them."""

    name = "jax"

    def __init__(self, detector: Detector, now: Now = time.perf_counter_ns) -> None:
        import jax

        super().__init__(detector, now)
        self._jax = jax

    def wait(self, outputs: Any) -> None:
        """Wait for every array in the outputs; other values are ignored."""
        self._jax.block_until_ready(outputs)

    def peak_device_bytes(self) -> int | None:
        """Return the peak of JAX's allocator on the first device."""
        stats = self._jax.local_devices()[0].memory_stats()
        return int(stats["peak_bytes_in_use"]) if stats and "peak_bytes_in_use" in stats else None


class TorchClock(Clock):
    """PyTorch-backed Keras: waits for an event recorded after the request's kernels."""

    name = "torch"

    def __init__(self, detector: Detector, now: Now = time.perf_counter_ns) -> None:
        import torch

        super().__init__(detector, now)
        self._cuda = torch.cuda if torch.cuda.is_available() else None
        self._event = torch.cuda.Event() if self._cuda else None

    def wait(self, outputs: Any) -> None:  # noqa: ARG002 - the event comes after their kernels
        """Wait for everything in the current stream so far."""
        if self._event is not None:
            self._event.record()
            self._event.synchronize()

    def peak_device_bytes(self) -> int | None:
        """Return the peak of PyTorch's allocator."""
        return int(self._cuda.max_memory_allocated()) if self._cuda else None


_CLOCKS: Mapping[str, type[Clock]] = {
    "onnx": OnnxruntimeClock,
    "tensorflow": TensorFlowClock,
    "jax": JaxClock,
    "torch": TorchClock,
}


def clock_for(detector: Detector, now: Now = time.perf_counter_ns) -> Clock:
    """Return the clock of the framework that runs a detector.

    The framework is `backend`, otherwise `adapter`, in the detector's settings. Unknown ones get
    the plain clock.
    """
    settings = detector.settings
    framework = settings.get("backend") or settings.get("adapter")
    return _CLOCKS.get(str(framework), Clock)(detector, now)
