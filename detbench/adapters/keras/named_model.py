"""NamedModel: a Keras model in memory, with what the caller knows about it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, eq=False)
class NamedModel:
    """A Keras model in memory and where it came from."""

    model: Any
    """Its weights are read at every call, so a model in training is run as it is then."""
    path: str | Path
    """The file, folder or name that error messages name."""
    name: str
    """The detector's name in tables and records."""
    class_names: tuple[str, ...] | None
    """In the order of the model's classes; None if nobody has named them."""
    record: Mapping[str, Any]
    """Adapter, model and digest, for the settings of the detector."""


def is_hub_detector(model: Any) -> bool:
    """Return whether a model is an ObjectDetector of KerasHub."""
    # A process that has not imported KerasHub cannot hold one of its models.
    hub = sys.modules.get("keras_hub")
    return hub is not None and isinstance(model, hub.models.ObjectDetector)
