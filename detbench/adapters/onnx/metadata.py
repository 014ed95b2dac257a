"""Reads the custom metadata of ONNX models: the keys of detbench's exports and of Ultralytics'."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from detbench.adapters.metadata import VERSION, ModelMetadata
from detbench.data.schema_version import preprocessing_in_current_spelling
from detbench.errors import InputError

_KEYS = ("decoder", "class_names", "preprocessing", "postprocessing")


def read_metadata(path: Path, properties: Mapping[str, str]) -> ModelMetadata:
    """Read a model's custom metadata: detbench's keys if there are any, else Ultralytics'.

    Raises:
        InputError: for metadata of a newer detbench, for values that cannot be read, and for
            Ultralytics' models of another task than detection.
    """
    if "detbench.schema_version" in properties:
        return _read_detbench(path, properties)
    return _read_ultralytics(path, properties) if "names" in properties else ModelMetadata()


def _read_detbench(path: Path, properties: Mapping[str, str]) -> ModelMetadata:
    version = properties["detbench.schema_version"]
    if version not in {str(number) for number in range(1, VERSION + 1)}:
        raise InputError(
            path,
            f"has metadata of version {version}, but this detbench reads up to version {VERSION}",
            fix="upgrade detbench",
        )
    values = {
        key: _json(path, key, properties[f"detbench.{key}"])
        for key in _KEYS
        if f"detbench.{key}" in properties
    }
    if version == "1":
        _upgrade(values)
    decoder, preprocessing = values.get("decoder", {}), values.get("preprocessing")
    names, options = values.get("class_names"), decoder.get("options", {})
    if names is not None and not all(isinstance(name, str) for name in names):
        raise _invalid(path, "detbench.class_names", "must hold texts only")
    if not isinstance(decoder.get("name", ""), str) or not isinstance(options, dict):
        raise _invalid(
            path, "detbench.decoder", "must hold a text as its name and a JSON dict as its options"
        )
    size = None
    if preprocessing is not None:
        size = _size(path, "detbench.preprocessing", "size", preprocessing.get("size"))
    return ModelMetadata(
        class_names=tuple(names) if names is not None else None,
        decoder=decoder.get("name"),
        decoder_options=options,
        size=size,
        preprocessing=preprocessing,
        postprocessing=values.get("postprocessing"),
    )


def _upgrade(values: dict[str, Any]) -> None:
    """Give values of version 1 the spelling of version 2.

    Beside the preprocessing, version 1 spells NanoDet's option `center` as `centre`.
    """
    if "preprocessing" in values:
        values["preprocessing"] = preprocessing_in_current_spelling(values["preprocessing"])
    options = values.get("decoder", {}).get("options")
    if isinstance(options, dict) and "centre" in options:
        options["center"] = options.pop("centre")


def _json(path: Path, key: str, text: str) -> Any:
    kind = list if key == "class_names" else dict
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _invalid(path, f"detbench.{key}", f"is not JSON ({error})") from None
    if not isinstance(value, kind):
        raise _invalid(path, f"detbench.{key}", f"must be a JSON {kind.__name__}")
    return value


def _size(path: Path, key: str, name: str, value: Any) -> tuple[int, int]:
    """Return two sides in pixels; raises InputError for anything else."""
    if (
        not isinstance(value, list | tuple)
        or len(value) != 2
        or not all(type(side) is int and side > 0 for side in value)
    ):
        raise _invalid(path, key, f"{name} must be two whole numbers of pixels, not {value!r}")
    return value[0], value[1]


def _invalid(path: Path, key: str, problem: str) -> InputError:
    return InputError(path, problem, where=f"metadata {key}", fix="export it again")


def _read_ultralytics(path: Path, properties: Mapping[str, str]) -> ModelMetadata:
    """Read the keys of https://docs.ultralytics.com/modes/export/; values are Python literals."""
    task = properties.get("task", "detect")
    if task != "detect":
        raise InputError(
            path,
            f"is a model for the task {task!r}",
            where="metadata task",
            fix="export a detection model",
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
    width_height = None
    if isinstance(size, list | tuple):  # height and width
        height, width = _size(path, "imgsz", "height and width", size)
        width_height = width, height
    return ModelMetadata(
        tuple(str(names[number]) for number in range(len(names))), size=width_height
    )


def _literal(path: Path, properties: Mapping[str, str], key: str) -> Any:
    if key not in properties:
        return None
    try:
        return ast.literal_eval(properties[key])
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise _invalid(path, key, f"cannot be read ({error})") from None
