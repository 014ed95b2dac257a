"""ModelMetadata: what a model says about its classes, preparation and outputs, wherever it says it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

VERSION = 2
"""Of the keys, in `detbench.schema_version`."""


@dataclass(frozen=True)
class ModelMetadata:
    """What a model says about itself; None or empty where it does not."""

    class_names: tuple[str, ...] | None = None
    decoder: str | None = None
    decoder_options: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the decoder, as JSON values."""
    size: tuple[int, int] | None = None
    """Width and height in pixels."""
    preprocessing: Mapping[str, Any] | None = None
    """As `Preprocessing.as_dict` gives it; the size may be left out."""
    postprocessing: Mapping[str, Any] | None = None
    """As `Postprocessing.as_dict` gives it."""

    def as_properties(self) -> dict[str, str]:
        """Return the keys and values an export writes into an ONNX model, which the ONNX adapter reads back as the same value."""
        values = {
            "decoder": {"name": self.decoder, "options": dict(self.decoder_options)}
            if self.decoder
            else None,
            "class_names": list(self.class_names) if self.class_names is not None else None,
            "preprocessing": self.preprocessing,
            "postprocessing": self.postprocessing,
        }
        written = {
            f"detbench.{key}": json.dumps(value, sort_keys=True)
            for key, value in values.items()
            if value is not None
        }
        return {"detbench.schema_version": str(VERSION), **written}
