"""What an ONNX model says about its classes and preparation in its custom metadata: our own exports' keys and Ultralytics'."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from detbench.adapters.metadata import VERSION, ModelMetadata
from detbench.errors import InputError

_OURS = ("decoder", "class_names", "preprocessing", "postprocessing")


def read_metadata(path: Path, properties: Mapping[str, str]) -> ModelMetadata:
    """Read a model's custom metadata: ours where it has ours, else Ultralytics', else nothing.

    Raises InputError for metadata of a newer detbench, values that cannot be read, and models of Ultralytics for another task.
    """
    if "detbench.schema_version" in properties:
        return _ours(path, properties)
    return _ultralytics(path, properties) if "names" in properties else ModelMetadata()


def _ours(path: Path, properties: Mapping[str, str]) -> ModelMetadata:
    version = properties["detbench.schema_version"]
    if version not in {"1", str(VERSION)}:
        raise InputError(
            path,
            f"has metadata of version {version}, and this detbench reads {VERSION}",
            fix="upgrade detbench",
        )
    values = {
        key: _json(path, key, properties[f"detbench.{key}"])
        for key in _OURS
        if f"detbench.{key}" in properties
    }
    if version == "1":
        values = _upgraded(values)
    decoder, preprocessing = values.get("decoder", {}), values.get("preprocessing")
    names, options = values.get("class_names"), decoder.get("options", {})
    if names is not None and not all(isinstance(name, str) for name in names):
        raise _wrong(path, "detbench.class_names", "must hold texts only")
    if not isinstance(decoder.get("name", ""), str) or not isinstance(options, dict):
        raise _wrong(
            path, "detbench.decoder", "must hold a text as its name and a JSON dict as its options"
        )
    return ModelMetadata(
        class_names=tuple(names) if names is not None else None,
        decoder=decoder.get("name"),
        decoder_options=options,
        size=_pair(path, "detbench.preprocessing", "size", preprocessing.get("size"))
        if preprocessing is not None
        else None,
        preprocessing=preprocessing,
        postprocessing=values.get("postprocessing"),
    )


def _upgraded(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values of version 1 with the spelling of version 2.

    Version 1, which the models shipped with detbench 0.1 still have, wrote the setting `colour`, the
    fit `centre-crop` and NanoDet's option `centre`.
    """
    upgraded = dict(values)
    if "preprocessing" in values:
        settings = dict(values["preprocessing"])
        if "colour" in settings:
            settings["color"] = settings.pop("colour")
        if settings.get("fit") == "centre-crop":
            settings["fit"] = "center-crop"
        upgraded["preprocessing"] = settings
    options = values.get("decoder", {}).get("options")
    if isinstance(options, dict) and "centre" in options:
        options = {**options, "center": options["centre"]}
        del options["centre"]
        upgraded["decoder"] = {**values["decoder"], "options": options}
    return upgraded


def _json(path: Path, key: str, text: str) -> Any:
    kind = list if key == "class_names" else dict
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _wrong(path, f"detbench.{key}", f"is no JSON ({error})") from None
    if not isinstance(value, kind):
        raise _wrong(path, f"detbench.{key}", f"must be a JSON {kind.__name__}")
    return value


def _pair(path: Path, key: str, name: str, value: Any) -> tuple[int, int]:
    """Return a size of two sides in pixels, checked."""
    if (
        not isinstance(value, list | tuple)
        or len(value) != 2
        or not all(type(side) is int and side > 0 for side in value)
    ):
        raise _wrong(path, key, f"{name} must be two whole numbers of pixels, not {value!r}")
    return value[0], value[1]


def _wrong(path: Path, key: str, problem: str) -> InputError:
    return InputError(path, problem, where=f"metadata {key}", fix="export it again")


def _ultralytics(path: Path, properties: Mapping[str, str]) -> ModelMetadata:
    """Read the keys of https://docs.ultralytics.com/modes/export/; values are Python literals."""
    task = properties.get("task", "detect")
    if task != "detect":
        raise InputError(
            path,
            f"is a model for the task {task!r}",
            where="metadata task",
            fix="export a model that detects",
        )
    names, size = _literal(path, properties, "names"), _literal(path, properties, "imgsz")
    if isinstance(names, list):
        names = dict(enumerate(names))
    if not isinstance(names, dict) or set(names) != set(range(len(names))):
        raise InputError(
            path,
            "must number the classes from 0",
            where="metadata names",
            fix="give the names with names=",
        )
    sides = (
        _pair(path, "imgsz", "height and width", size) if isinstance(size, list | tuple) else None
    )
    return ModelMetadata(
        tuple(str(names[number]) for number in range(len(names))),
        size=sides[::-1] if sides else None,
    )


def _literal(path: Path, properties: Mapping[str, str], key: str) -> Any:
    if key not in properties:
        return None
    try:
        return ast.literal_eval(properties[key])
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise _wrong(path, key, f"cannot be read ({error})") from None
