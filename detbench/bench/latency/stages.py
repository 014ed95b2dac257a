"""Stages: the parts of a detector's work that are timed apart, each over several real pictures in turn.

`infer` is the model alone, on inputs that lie on the device already. `end_to_end` is everything a user waits for: encoded bytes in, boxes
in pixels of the picture out. The other four say where the rest goes. Their sum is less than `end_to_end`, which decodes pictures too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from detbench.adapters.detector import Batch, Detector, Found, Picture
from detbench.adapters.images import decode_picture
from detbench.bench.latency.clock import Clock
from detbench.bench.latency.images import EncodedImage

Stage = Literal[
    "preprocess", "host_to_device", "infer", "device_to_host", "postprocess", "end_to_end"
]
STAGES: tuple[Stage, ...] = get_args(Stage)
_MOST_BATCHES = 8
_LONGEST_PAUSE_NS = 2_000_000_000
_MOST_BYTES = 256 << 20
"""Of prepared inputs, on the host and once more on the device; there are two batches in any case."""


@dataclass(frozen=True)
class Work:
    """What is timed: a call on arguments that rotate."""

    call: Callable[[Any], Any]
    arguments: Sequence[Any]
    ready: Callable[[Any], Any] | None = None
    """What turns an argument into what the call takes, before each call and not timed."""


@dataclass(frozen=True)
class _Passage:
    """One batch and what each step made of it."""

    encoded: tuple[EncodedImage, ...]
    pictures: list[Picture]
    batch: Batch
    inputs: Any
    outputs: list[Any]


class Requests:
    """The batches that a detector is timed on at one batch size, taken through every step once."""

    def __init__(
        self, detector: Detector, clock: Clock, batch: int, images: Sequence[EncodedImage]
    ) -> None:
        """Make the batches; the first passage is the detector's first call at this size, timed step by step.

        Whatever the detector raises passes through.
        """
        self._detector, self._clock, self._images, self._size = detector, clock, images, batch
        self.first_call_s: dict[str, float] = {}
        first = self._passage(0, self._timed_first)
        self.first_call_s["end_to_end"] = sum(self.first_call_s.values())
        del self.first_call_s["decode"]
        count = min(max(_MOST_BYTES // max(first.batch.inputs.nbytes, 1), 2), _MOST_BATCHES)
        self._passages = [first, *(self._passage(number, _untimed) for number in range(1, count))]

    def work(self, stage: Stage) -> Work:
        """Return what is timed of a stage."""
        detector, passages = self._detector, self._passages
        if stage == "preprocess":
            return Work(detector.preprocess, [each.pictures for each in passages])
        if stage == "host_to_device":
            return Work(detector.to_device, [each.batch for each in passages])
        if stage == "infer":
            return Work(detector.infer, [each.inputs for each in passages])
        if stage == "device_to_host":
            return Work(detector.to_host, [each.inputs for each in passages], self._inferred)
        if stage == "postprocess":
            return Work(self._postprocess, [(each.outputs, each.batch) for each in passages])
        return Work(self._end_to_end, [each.encoded for each in passages])

    def left_over_ns(self) -> tuple[int, int]:
        """Return how long outputs take to reach the host, straight after a request's clock stopped and after a long pause.

        Where the first is longer, the device was still at work when the clock stopped. What it has left from earlier requests goes first.
        """
        self._to_host_after(0)
        straight = self._to_host_after(0)
        return straight, self._to_host_after(min(2 * straight, _LONGEST_PAUSE_NS))

    def _to_host_after(self, pause_ns: int) -> int:
        now = self._clock.now
        outputs = self._inferred(self._passages[0].inputs)
        resumed = now() + pause_ns
        while now() < resumed:
            pass
        started = now()
        self._detector.synchronize()
        self._detector.to_host(outputs)
        return now() - started

    def _inferred(self, inputs: Any) -> Any:
        outputs = self._detector.infer(inputs)
        self._clock.wait(outputs)
        return outputs

    def _postprocess(self, argument: tuple[list[Any], Batch]) -> list[Found]:
        return self._detector.postprocess(*argument)

    def _end_to_end(self, encoded: Sequence[EncodedImage]) -> list[Found]:
        detector = self._detector
        batch = detector.preprocess(_decoded(encoded))
        outputs = detector.infer(detector.to_device(batch))
        return detector.postprocess(detector.to_host(outputs), batch)

    def _passage(
        self, number: int, timed: Callable[[str, Callable[[Any], Any], Any], Any]
    ) -> _Passage:
        detector, count = self._detector, len(self._images)
        encoded = tuple(
            self._images[(number * self._size + place) % count] for place in range(self._size)
        )
        pictures = timed("decode", _decoded, encoded)
        batch = timed("preprocess", detector.preprocess, pictures)
        inputs = timed("host_to_device", detector.to_device, batch)
        raw = timed("infer", detector.infer, inputs)
        outputs = timed("device_to_host", detector.to_host, raw)
        timed("postprocess", self._postprocess, (outputs, batch))
        return _Passage(encoded, pictures, batch, inputs, outputs)

    def _timed_first(self, step: str, call: Callable[[Any], Any], argument: Any) -> Any:
        taken_ns, value = self._clock.time(call, argument)
        self.first_call_s[step] = taken_ns / 1e9
        return value


def _untimed(_: str, call: Callable[[Any], Any], argument: Any) -> Any:
    return call(argument)


def _decoded(encoded: Sequence[EncodedImage]) -> list[Picture]:
    return [decode_picture(image.data, image.name).picture for image in encoded]
