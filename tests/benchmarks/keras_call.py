"""Time of one pass through a Keras model by every way to call it: `python tests/benchmarks/keras_call.py [MODEL] [--rounds N]`.

MODEL is a .keras file of ours or a preset folder; without one, a YOLO of ours with random weights. One picture at a time, the input ready
in memory, the outputs brought back as arrays; each round calls every way once, so that what the machine does meanwhile hits all alike.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

WARM_UP = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="?", type=Path)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--backend", default="tensorflow")
    asked = parser.parse_args()
    model, ways = ways_of(loaded(asked.model, asked.backend))
    print(
        f"{model.name}, {model.count_params():,} weights, backend {asked.backend}, {asked.rounds} rounds; ms of one call"
    )
    for name, samples in timed(ways, asked.rounds).items():
        p10, p50, p95 = np.percentile(samples, [10, 50, 95])
        print(f"{name:20} p10 {p10:8.2f}  p50 {p50:8.2f}  p95 {p95:8.2f}")


def loaded(path: Path | None, backend: str) -> Any:
    from detbench.adapters.keras.backend import import_keras, import_keras_hub

    if path is not None and path.is_dir():
        return import_keras_hub(backend).models.ObjectDetector.from_preset(str(path))
    keras = import_keras(backend)
    from detbench.adapters.yolo.model import Yolo

    return (
        keras.saving.load_model(path)
        if path
        else Yolo(class_names=["a", "b", "c", "d"], anchors=[[1, 1], [2, 2], [4, 4]])
    )


def ways_of(model: Any) -> tuple[Any, dict[str, Callable[[], object]]]:
    """Return the raw model (KerasHub's own `predict` decodes besides) and the ways to call it on one picture."""
    import keras

    from detbench.adapters.keras.adapter import is_hub_detector
    from detbench.adapters.keras.image_converter import converted_size
    from detbench.adapters.keras.runtime import KerasRuntime

    size = converted_size(model.preprocessor) if is_hub_detector(model) else model.input_size
    raw = (
        keras.Model(model.inputs, model.outputs, name=model.name)
        if is_hub_detector(model)
        else model
    )
    inputs = np.random.default_rng(0).random((1, size[1], size[0], 3), np.float32)
    runtime = KerasRuntime(raw, size)

    def fast() -> object:
        outputs = runtime.run(runtime.to_device(inputs))
        runtime.synchronize()
        return runtime.to_host(outputs)

    def eager() -> object:
        return keras.tree.map_structure(keras.ops.convert_to_numpy, raw(inputs, training=False))

    return raw, {
        "predict": lambda: raw.predict(inputs, verbose=0),
        "predict_on_batch": lambda: raw.predict_on_batch(inputs),
        "eager call": eager,
        "KerasRuntime": fast,
    }


def timed(ways: dict[str, Callable[[], object]], rounds: int) -> dict[str, np.ndarray]:
    """Return the milliseconds of every call, way by way."""
    samples: dict[str, list[int]] = {name: [] for name in ways}
    for number in range(-WARM_UP, rounds):
        for name, call in ways.items():
            started = time.perf_counter_ns()
            call()
            if number >= 0:
                samples[name].append(time.perf_counter_ns() - started)
    return {name: np.array(times) / 1e6 for name, times in samples.items()}


if __name__ == "__main__":
    main()
