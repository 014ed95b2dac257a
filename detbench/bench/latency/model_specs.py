"""Model specs: which models to time, under which names, and on which device."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from detbench.adapters.catalogue import Spec, parse_spec
from detbench.errors import DetbenchError

Device = Literal["cpu", "gpu"]
_NO_GPU = {"CUDA_VISIBLE_DEVICES": "-1", "JAX_PLATFORMS": "cpu"}
_FRAMEWORKS = ("tensorflow", "jax", "torch")


@dataclass(frozen=True)
class ModelSpec:
    """A model to time."""

    text: str
    """`ADAPTER:PATH[,OPTION=VALUE...]`."""
    name: str
    device: Device | None = None
    """Where it must run, None for its own choice."""


def model_specs(texts: Sequence[str], device: Device | None = None) -> list[ModelSpec]:
    """Return the models of specs, named after their files.

    If two files have the same name, the options in which they differ follow it.

    Raises:
        DetbenchError: A spec holds stored detections, or occurs twice.
    """
    parsed = [parse_spec(text) for text in texts]
    for text, spec in zip(texts, parsed, strict=True):
        if spec.name == "replay":
            raise stored_detections_error(text)
    if repeated := [text for text, times in Counter(texts).items() if times > 1]:
        raise DetbenchError(f"{repeated[0]} occurs twice; use --aa to compare a model with itself")
    names = [_name(spec, parsed) for spec in parsed]
    unique_names = [
        text if names.count(name) > 1 else name for text, name in zip(texts, names, strict=True)
    ]
    return [ModelSpec(text, name, device) for text, name in zip(texts, unique_names, strict=True)]


def _name(spec: Spec, specs: Sequence[Spec]) -> str:
    stem = Path(spec.target).stem
    namesakes = [other.options for other in specs if Path(other.target).stem == stem]
    differing = [
        f"{key}={value}"
        for key, value in spec.options.items()
        if any(options.get(key) != value for options in namesakes)
    ]
    return " ".join([stem, *differing])


def stored_detections_error(spec: str) -> DetbenchError:
    """Return the error for a spec that names detections where a model is needed."""
    return DetbenchError(f"{spec} holds stored detections and no model to time; name the model")


def hide_gpus() -> None:
    """Make frameworks that are not imported yet see only the CPU."""
    if not any(name in sys.modules for name in _FRAMEWORKS):
        os.environ.update(_NO_GPU)
