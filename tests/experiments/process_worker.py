"""A process that loads one model as a variant says, and times calls whenever it is told to.

    python tests/experiments/process_worker.py SETTINGS

It writes a line when it is ready. For each number that it reads, it times as many calls and writes
`[[ns of each call], ns of CPU time of the process]`.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

WARM_UP_CALLS = 20
_CACHE_LINE = 64
Array = NDArray[np.float32]
Call = Callable[[Array], object]


def prepare(step: str, settings: dict[str, Any]) -> None:
    """Do what a variant adds to the process besides its model."""
    match step.split():
        case ["import", module]:
            __import__(module)
        case ["run", "torch"]:
            import torch

            layer = torch.nn.Conv2d(3, 16, 3)
            repeat(lambda image: layer(torch.from_numpy(image)), np.zeros((1, 3, 352, 352)))
        case ["run", backend]:
            repeat(*keras_call(backend))
        case ["other", "model"]:
            repeat(*onnx_call(settings["other_path"], {}))


def repeat(call: Call, values: Array) -> None:
    values = values.astype(np.float32)
    for _ in range(WARM_UP_CALLS):
        call(values)


def onnx_call(path: str, settings: dict[str, Any]) -> tuple[Call, Array]:
    """Return what runs a model of ONNX Runtime, and an input for it."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    if settings.get("threads"):
        options.intra_op_num_threads = settings["threads"]
    for key, value in settings.get("entries", {}).items():
        options.add_session_config_entry(key, value)
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    entry = session.get_inputs()[0]
    shape = [side if isinstance(side, int) else 1 for side in entry.shape]
    values = np.random.default_rng(0).random(shape, np.float32)
    return lambda array: session.run(None, {entry.name: array}), values


def keras_call(backend: str) -> tuple[Call, Array]:
    """Return what runs detbench's shipped YOLO in Keras, and an input for it."""
    from detbench.adapters import shipped
    from detbench.adapters.yolo.adapter import load

    detector = load(shipped.YOLO, {"backend": backend})
    image = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
    batch = detector.preprocess([image])
    inputs = detector.to_device(batch)

    def call(_: Array) -> None:
        detector.infer(inputs)
        detector.synchronize()

    return call, np.asarray(batch.inputs)


def input_source(kind: str, values: Array) -> Callable[[], Array]:
    """Return what gives the input of the next call; none of its work is timed."""
    match kind:
        case "reused":
            return lambda: values
        case "fresh":
            return values.copy
        case "offset":
            memory = np.zeros(values.nbytes + 2 * _CACHE_LINE, np.uint8)
            start = -memory.ctypes.data % _CACHE_LINE + 4
            moved = memory[start : start + values.nbytes].view(np.float32).reshape(values.shape)
            moved[:] = values
            return lambda: moved
        case "other thread once":
            touched = np.empty_like(values)
            Filler(values, touched).fill()
            return lambda: touched
    filler = Filler(values, np.empty_like(values))
    return filler.fill


class Filler:
    """A thread that copies values into an array on request."""

    def __init__(self, values: Array, array: Array) -> None:
        self._values, self._array = values, array
        self._requested, self._done = threading.Semaphore(0), threading.Semaphore(0)
        threading.Thread(target=self._serve, daemon=True).start()

    def fill(self) -> Array:
        self._requested.release()
        self._done.acquire()
        return self._array

    def _serve(self) -> None:
        while True:
            self._requested.acquire()
            np.copyto(self._array, self._values)
            self._done.release()


def time_calls(call: Call, source: Callable[[], Array], count: int) -> list[int]:
    """Return the time of each call in ns."""
    times = []
    for _ in range(count):
        values = source()
        started = time.perf_counter_ns()
        call(values)
        times.append(time.perf_counter_ns() - started)
    return times


def main() -> None:
    settings = json.loads(sys.argv[1])
    # What libraries print must not get between the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for step in settings["before"]:
        prepare(step, settings)
    if settings["path"] is None:
        call, values = keras_call("tensorflow")
    else:
        call, values = onnx_call(settings["path"], settings)
    for step in settings["after"]:
        prepare(step, settings)
    if settings["main_core"] is not None:
        os.sched_setaffinity(0, {settings["main_core"]})
    source = input_source(settings["array"], values)
    time_calls(call, source, WARM_UP_CALLS)
    gc.collect()
    gc.disable()
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        used = time.process_time_ns()
        times = time_calls(call, source, int(line))
        print(json.dumps([times, time.process_time_ns() - used]), file=answers, flush=True)


if __name__ == "__main__":
    main()
