"""Stages: the steps of a detector that are timed separately, each on several real images in turn.

`infer` is the model alone, on inputs that are on its device already. `end_to_end` is everything a
user waits for: from encoded bytes to boxes in pixels of the image. The other four stages show where
the rest of the time goes. They add up to less than `end_to_end`, which also decodes images.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from detbench.adapters.detector import Batch, Detector, ImageArray, ImageDetections
from detbench.adapters.images import decode_image
from detbench.bench.latency.clock import Clock
from detbench.bench.latency.images import EncodedImage

Stage = Literal[
    "preprocess", "host_to_device", "infer", "device_to_host", "postprocess", "end_to_end"
]
STAGES: tuple[Stage, ...] = get_args(Stage)
_MIN_BATCHES, _MAX_BATCHES = 2, 8
_MAX_BYTES = 256 << 20
"""Of prepared inputs, on the host and again on the device. Two batches are made in any case."""
_MAX_PAUSE_NS = 2_000_000_000
_NS_PER_S = 1e9


@dataclass(frozen=True)
class StageCall:
    """The timed call of a stage, and the arguments that it rotates over."""

    call: Callable[[Any], Any]
    arguments: Sequence[Any]
    prepare: Callable[[Any], Any] | None = None
    """Turns an argument into the call's input before each call; not timed."""


@dataclass(frozen=True)
class _PreparedBatch:
    """One batch and the result of each step on it."""

    encoded: tuple[EncodedImage, ...]
    images: list[ImageArray]
    batch: Batch
    inputs: Any
    """On the device."""
    outputs: list[Any]
    """On the host."""


class PreparedBatches:
    """The batches that a detector is timed on at one batch size, each run through every step."""

    def __init__(
        self, detector: Detector, clock: Clock, batch: int, images: Sequence[EncodedImage]
    ) -> None:
        """Make the batches.

        The first one is the detector's first call at this size; each of its steps is timed. All
        errors of the detector propagate.
        """
        self._detector, self._clock, self._images = detector, clock, images
        self._batch_size = batch
        self.first_call_s: dict[str, float] = {}
        first = self._run_batch(0, self._timed_first_call)
        self.first_call_s["end_to_end"] = sum(self.first_call_s.values())
        del self.first_call_s["decode"]
        # Several batches defeat caches; their number is limited by the memory of their inputs.
        affordable = _MAX_BYTES // max(first.batch.inputs.nbytes, 1)
        count = min(max(affordable, _MIN_BATCHES), _MAX_BATCHES)
        self._batches = [first, *(self._run_batch(number, _untimed) for number in range(1, count))]

    def stage_call(self, stage: Stage) -> StageCall:
        """Return what is timed for a stage."""
        detector, batches = self._detector, self._batches
        if stage == "preprocess":
            return StageCall(detector.preprocess, [batch.images for batch in batches])
        if stage == "host_to_device":
            return StageCall(detector.to_device, [batch.batch for batch in batches])
        if stage == "infer":
            return StageCall(detector.infer, [batch.inputs for batch in batches])
        if stage == "device_to_host":
            # Outputs are computed anew for each call: a second fetch could come from a cache.
            inputs = [batch.inputs for batch in batches]
            return StageCall(detector.to_host, inputs, prepare=self._infer_and_wait)
        if stage == "postprocess":
            return StageCall(self._postprocess, [(batch.outputs, batch.batch) for batch in batches])
        return StageCall(self._end_to_end, [batch.encoded for batch in batches])

    def fetch_times_ns(self) -> tuple[int, int]:
        """Return how long fetching outputs takes, right after a request and after a pause.

        If the first is longer, the device was still working when the clock stopped. One fetch
        before drains what earlier requests may have left on the device.
        """
        self._fetch_time_ns(after_ns=0)
        immediate = self._fetch_time_ns(after_ns=0)
        return immediate, self._fetch_time_ns(after_ns=min(2 * immediate, _MAX_PAUSE_NS))

    def _fetch_time_ns(self, *, after_ns: int) -> int:
        now = self._clock.now
        outputs = self._infer_and_wait(self._batches[0].inputs)
        resume_at = now() + after_ns
        while now() < resume_at:  # a sleep would let the CPU's clock drop
            pass
        started = now()
        self._detector.synchronize()
        self._detector.to_host(outputs)
        return now() - started

    def _infer_and_wait(self, inputs: Any) -> Any:
        outputs = self._detector.infer(inputs)
        self._clock.wait(outputs)
        return outputs

    def _postprocess(self, argument: tuple[list[Any], Batch]) -> list[ImageDetections]:
        return self._detector.postprocess(*argument)

    def _end_to_end(self, encoded: Sequence[EncodedImage]) -> list[ImageDetections]:
        detector = self._detector
        batch = detector.preprocess(_decode(encoded))
        outputs = detector.infer(detector.to_device(batch))
        return detector.postprocess(detector.to_host(outputs), batch)

    def _run_batch(
        self, number: int, run_step: Callable[[str, Callable[[Any], Any], Any], Any]
    ) -> _PreparedBatch:
        """Run a batch through every step, each by `run_step(step, call, argument)`."""
        detector = self._detector
        first = number * self._batch_size
        encoded = tuple(
            self._images[index % len(self._images)]
            for index in range(first, first + self._batch_size)
        )
        images = run_step("decode", _decode, encoded)
        batch = run_step("preprocess", detector.preprocess, images)
        inputs = run_step("host_to_device", detector.to_device, batch)
        raw_outputs = run_step("infer", detector.infer, inputs)
        outputs = run_step("device_to_host", detector.to_host, raw_outputs)
        run_step("postprocess", self._postprocess, (outputs, batch))
        return _PreparedBatch(encoded, images, batch, inputs, outputs)

    def _timed_first_call(self, step: str, call: Callable[[Any], Any], argument: Any) -> Any:
        elapsed_ns, value = self._clock.time(call, argument)
        self.first_call_s[step] = elapsed_ns / _NS_PER_S
        return value


def _untimed(_: str, call: Callable[[Any], Any], argument: Any) -> Any:
    return call(argument)


def _decode(encoded: Sequence[EncodedImage]) -> list[ImageArray]:
    return [decode_image(image.data, image.name).pixels for image in encoded]
