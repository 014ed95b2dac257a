"""Compare the ways to call a Keras model by the time of one forward pass.

    python tests/benchmarks/keras_call.py [MODEL] [--rounds N]

MODEL is a .keras file of detbench or a preset folder; the default is a YOLO with random weights.
One image at a time; the input is in memory, and the outputs are returned as arrays. Each round
calls every way once, so that other load affects all of them.
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
    options = parser.parse_args()
    model, ways = ways_of(loaded(options.model, options.backend))
    print(
        f"{model.name}, {model.count_params():,} weights, backend {options.backend}, "
        f"{options.rounds} rounds; ms of one call"
    )
    for name, samples in timed(ways, options.rounds).items():
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
    """Return the raw model and the ways to call it on one image.

    KerasHub's own `predict` would also decode the outputs.
    """
    import keras

    from detbench.adapters.keras.image_converter import converted_size
    from detbench.adapters.keras.named_model import is_hub_detector
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
    """Return the milliseconds of every call by the way to call."""
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
