"""Metadata: what a model file states about its classes, preprocessing and outputs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

VERSION = 2
"""Version of the keys, stored as `detbench.schema_version`."""


@dataclass(frozen=True)
class ModelMetadata:
    """What a model states about itself; None or empty for what it does not state."""

    class_names: tuple[str, ...] | None = None
    decoder: str | None = None
    decoder_options: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the decoder, as JSON values."""
    size: tuple[int, int] | None = None
    """Width and height in pixels."""
    preprocessing: Mapping[str, Any] | None = None
    """As `Preprocessing.as_dict` returns it; the size may be left out."""
    postprocessing: Mapping[str, Any] | None = None
    """As `Postprocessing.as_dict` returns it."""

    def as_properties(self) -> dict[str, str]:
        """Return the properties that an export writes into an ONNX model.

        `onnx.metadata.read_metadata` returns the same value for them.
        """
        decoder = {"name": self.decoder, "options": dict(self.decoder_options)}
        values = {
            "decoder": decoder if self.decoder else None,
            "class_names": list(self.class_names) if self.class_names is not None else None,
            "preprocessing": self.preprocessing,
            "postprocessing": self.postprocessing,
        }
        properties = {
            f"detbench.{key}": json.dumps(value, sort_keys=True)
            for key, value in values.items()
            if value is not None
        }
        return {"detbench.schema_version": str(VERSION), **properties}
