"""Clocks: when a request is over, one small class per framework; each waits once per request, for what that request made.

A framework that returns before its device is done is waited for by its own means: an event or a future of the request's outputs where
there is one, else the whole device. What is timed is the time of the host, from the call to the end of that wait.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from detbench.adapters.detector import Detector

Now = Callable[[], int]
"""A monotonic clock in ns."""


class Clock:
    """Plain CPU: work is done when the call returns, or when the detector's own `synchronize` does."""

    name = "cpu"

    def __init__(self, detector: Detector, now: Now = time.perf_counter_ns) -> None:
        self.detector, self.now = detector, now

    def wait(self, outputs: Any) -> None:  # noqa: ARG002 - the event is behind them
        """Wait until the device has made `outputs`, and everything it was asked for before."""
        self.detector.synchronize()

    def time(self, call: Callable[[Any], Any], argument: Any) -> tuple[int, Any]:
        """Return how many ns a call took, its wait included, and what it gave."""
        started = self.now()
        outputs = call(argument)
        self.wait(outputs)
        return self.now() - started, outputs

    def peak_device_bytes(self) -> int | None:
        """Return the most device memory the framework has held in this process, None where it does not say."""
        return None


class OnnxruntimeClock(Clock):
    """onnxruntime: outputs are bound by IOBinding, whose `synchronize_outputs` waits for the provider's stream."""

    name = "onnxruntime"

    def wait(self, outputs: Any) -> None:
        """Wait for the bound outputs; what is no binding was copied before its call returned."""
        synchronize = getattr(outputs, "synchronize_outputs", None)
        if synchronize is not None:
            synchronize()


class TensorFlowClock(Clock):
    """TensorFlow: the detector's `synchronize` waits for all devices, since eager tensors have no future to wait for."""

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
        """Wait for every array within the outputs; other values pass."""
        self._jax.block_until_ready(outputs)

    def peak_device_bytes(self) -> int | None:
        """Return the peak of JAX's allocator on the first device."""
        stats = self._jax.local_devices()[0].memory_stats()
        return int(stats["peak_bytes_in_use"]) if stats and "peak_bytes_in_use" in stats else None


class TorchClock(Clock):
    """PyTorch-backed Keras: an event recorded behind the request's kernels is waited for, not the whole device."""

    name = "torch"

    def __init__(self, detector: Detector, now: Now = time.perf_counter_ns) -> None:
        import torch

        super().__init__(detector, now)
        self._cuda = torch.cuda if torch.cuda.is_available() else None
        self._event = torch.cuda.Event() if self._cuda else None

    def wait(self, outputs: Any) -> None:  # noqa: ARG002 - the event is behind them
        """Wait for the current stream up to here."""
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
    """Return the clock of what runs a detector, told by `backend`, else `adapter`, of its settings; the plain one for others."""
    settings = detector.settings
    kind = settings.get("backend") or settings.get("adapter")
    return _CLOCKS.get(str(kind), Clock)(detector, now)
