"""What an ONNX model says about its classes and preparation in its custom metadata: our own exports' keys and Ultralytics'."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from detbench.errors import InputError

VERSION = 1
"""Of our keys, in `detbench.schema_version`."""
_OURS = ("decoder", "class_names", "preprocessing", "postprocessing")


@dataclass(frozen=True)
class Metadata:
    """What a model says about itself; None or empty where it does not."""

    class_names: tuple[str, ...] | None = None
    decoder: str | None = None
    decoder_options: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the decoder, as JSON values."""
    size: tuple[int, int] | None = None
    """Width and height in pixels."""
    preprocessing: Mapping[str, Any] | None = None
    """As `Preprocessing.as_dict` gives it."""
    postprocessing: Mapping[str, Any] | None = None
    """As `Postprocessing.as_dict` gives it."""

    def as_properties(self) -> dict[str, str]:
        """Return the keys and values an export writes into a model, from which `read_metadata` makes the same value."""
        values = {
            "decoder": {"name": self.decoder, "options": dict(self.decoder_options)} if self.decoder else None,
            "class_names": list(self.class_names) if self.class_names is not None else None,
            "preprocessing": self.preprocessing,
            "postprocessing": self.postprocessing,
        }
        written = {f"detbench.{key}": json.dumps(value, sort_keys=True) for key, value in values.items() if value is not None}
        return {"detbench.schema_version": str(VERSION), **written}


def read_metadata(path: Path, properties: Mapping[str, str]) -> Metadata:
    """Read a model's custom metadata: ours where it has ours, else Ultralytics', else nothing.

    Raises InputError for metadata of a newer detbench, values that cannot be read, and models of Ultralytics for another task.
    """
    if "detbench.schema_version" in properties:
        return _ours(path, properties)
    return _ultralytics(path, properties) if "names" in properties else Metadata()


def _ours(path: Path, properties: Mapping[str, str]) -> Metadata:
    version = properties["detbench.schema_version"]
    if version != str(VERSION):
        raise InputError(path, f"has metadata of version {version}, and this detbench reads {VERSION}", fix="upgrade detbench")
    values = {key: _json(path, key, properties[f"detbench.{key}"]) for key in _OURS if f"detbench.{key}" in properties}
    decoder, preprocessing = values.get("decoder", {}), values.get("preprocessing")
    return Metadata(
        class_names=tuple(values["class_names"]) if "class_names" in values else None,
        decoder=decoder.get("name"),
        decoder_options=decoder.get("options", {}),
        size=tuple(preprocessing["size"]) if preprocessing else None,
        preprocessing=preprocessing,
        postprocessing=values.get("postprocessing"),
    )


def _json(path: Path, key: str, text: str) -> Any:
    kind = list if key == "class_names" else dict
    try:
        value = json.loads(text)
    except ValueError as error:
        raise InputError(path, f"is no JSON ({error})", where=f"metadata detbench.{key}", fix="export it again") from None
    if not isinstance(value, kind):
        raise InputError(path, f"must be a JSON {kind.__name__}", where=f"metadata detbench.{key}", fix="export it again")
    return value


def _ultralytics(path: Path, properties: Mapping[str, str]) -> Metadata:
    """Read the keys of https://docs.ultralytics.com/modes/export/; values are Python literals."""
    task = properties.get("task", "detect")
    if task != "detect":
        raise InputError(path, f"is a model for the task {task!r}", where="metadata task", fix="export a model that detects")
    names, size = _literal(path, properties, "names"), _literal(path, properties, "imgsz")
    if isinstance(names, list):
        names = dict(enumerate(names))
    if not isinstance(names, dict) or sorted(names) != list(range(len(names))):
        raise InputError(path, "must number the classes from 0", where="metadata names", fix="give the names with names=")
    whole = isinstance(size, list | tuple) and len(size) == 2
    return Metadata(tuple(str(names[number]) for number in range(len(names))), size=(int(size[1]), int(size[0])) if whole else None)


def _literal(path: Path, properties: Mapping[str, str], key: str) -> Any:
    if key not in properties:
        return None
    try:
        return ast.literal_eval(properties[key])
    except (ValueError, SyntaxError) as error:
        raise InputError(path, f"cannot be read ({error})", where=f"metadata {key}", fix="export it again") from None
