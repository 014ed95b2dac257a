"""Models to be timed: named by specs, told apart by names, loaded on the device asked for."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from detbench.adapters.catalogue import Spec, load_detector, parse_spec
from detbench.adapters.replay import ReplayDetector
from detbench.bench.latency.contender import LocalContender
from detbench.bench.latency.images import EncodedImage
from detbench.bench.latency.verdict import device_of
from detbench.bench.memory import HostMemory
from detbench.errors import DetbenchError

Device = Literal["cpu", "gpu"]
_ONNX_PROVIDERS = {"cpu": "cpu", "gpu": "cuda"}
_NO_GPU = {"CUDA_VISIBLE_DEVICES": "-1", "JAX_PLATFORMS": "cpu"}
_FRAMEWORKS = ("tensorflow", "jax", "torch")


@dataclass(frozen=True)
class Model:
    """A model to be timed."""

    spec: str
    name: str
    device: Device | None = None
    """Where it was asked to run."""


def models_of(specs: Sequence[str], device: Device | None = None) -> list[Model]:
    """Return the models of specs, named by their files; where two share that name, the options in which they differ stand behind it.

    Raises DetbenchError for stored detections, which have no model, and for a spec given twice.
    """
    parsed = [parse_spec(spec) for spec in specs]
    for spec, (adapter, _, _) in zip(specs, parsed, strict=True):
        if adapter == "replay":
            raise DetbenchError(
                f"{spec} holds stored detections, and there is no model to time; give the model itself"
            )
    if twice := [spec for spec, times in Counter(specs).items() if times > 1]:
        raise DetbenchError(f"{twice[0]} is given twice; --aa compares a model with itself")
    names = [_name(one, parsed) for one in parsed]
    told_apart = [
        spec if names.count(name) > 1 else name for spec, name in zip(specs, names, strict=True)
    ]
    return [Model(spec, name, device) for spec, name in zip(specs, told_apart, strict=True)]


def _name(one: Spec, specs: Sequence[Spec]) -> str:
    stem = Path(one.target).stem
    others = [other.options for other in specs if Path(other.target).stem == stem]
    differing = [
        f"{key}={value}"
        for key, value in one.options.items()
        if any(other.get(key) != value for other in others)
    ]
    return " ".join([stem, *differing])


def load_contender(model: Model, images: Sequence[EncodedImage]) -> LocalContender:
    """Load a model in this process; raises DetbenchError for whatever its adapter refuses, and where its device is not there."""
    memory = HostMemory()
    adapter = parse_spec(model.spec).name
    options = (
        {"provider": _ONNX_PROVIDERS[model.device]} if adapter == "onnx" and model.device else {}
    )
    if model.device == "cpu" and adapter != "onnx":
        _hide_gpus()
    with memory.counted():
        detector = load_detector(model.spec, **options)
    if isinstance(detector, ReplayDetector):
        raise DetbenchError(
            f"{model.spec} holds stored detections, and there is no model to time; give the model itself"
        )
    found = device_of(detector.settings)
    if model.device is not None and found != model.device:
        raise DetbenchError(
            f"{model.spec}: device {model.device} was asked for and is not there; it runs on {found}"
        )
    return LocalContender(detector, images, name=model.name, memory=memory)


def _hide_gpus() -> None:
    """Leave frameworks that are not yet imported the CPU only."""
    if not any(name in sys.modules for name in _FRAMEWORKS):
        os.environ.update(_NO_GPU)
