"""JSON values: objects, lists and texts taken out of a decoded file, or a clear error."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from detbench.data.formats.parsing.json_head import JsonHead, json_head
from detbench.data.formats.parsing.json_text import decode
from detbench.data.formats.parsing.lenient_values import to_float
from detbench.data.formats.parsing.plain_text import read_bytes
from detbench.errors import InputError

JsonObject = dict[str, Any]


def read_json(path: Path) -> Any:
    """Return the contents of a JSON file.

    Raises:
        InputError: The file cannot be read, or is not JSON.
    """
    return decode(path, read_bytes(path), msgspec.json.Decoder(Any), root="list")


def as_object(value: object, path: Path, where: str) -> JsonObject:
    """Return a value that must be an object.

    Raises:
        InputError: It is something else.
    """
    if not isinstance(value, dict):
        raise InputError(path, f"expected an object, found {_kind(value)}", where=where)
    return value


def object_of(value: object) -> JsonObject:
    """Return an object; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def as_objects(value: object, path: Path, where: str) -> Iterator[tuple[str, JsonObject]]:
    """Yield position and object of a list of objects; nothing for null.

    Raises:
        InputError: The value is no list, or an element is no object.
    """
    if value is None:
        return
    if not isinstance(value, list):
        raise InputError(path, f"expected a list of objects, found {_kind(value)}", where=where)
    for number, element in enumerate(value):
        place = f"{where}[{number}]"
        yield place, as_object(element, path, place)


def text_of(value: object) -> str:
    """Return a text, or a number as text; an empty text for anything else."""
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def size_of(value: object) -> float:
    """Return a width or height in pixels; NaN if it is no positive number."""
    number = float("nan") if isinstance(value, str | bool) else to_float(value)
    return number if 0 < number < math.inf else float("nan")


def is_true(value: object) -> bool:
    """Tell whether a flag is set, whether written as true, 1 or a text."""
    return str(value).strip().lower() in ("true", "1", "1.0", "yes")


def head_of_first(path: Path) -> JsonHead:
    """Return the head of a JSON file, or of the first .json file of a folder."""
    files = json_files_of(path)
    return json_head(files[0]) if files else json_head(path)


def json_files_of(path: Path) -> list[Path]:
    """Return the file itself, or the .json files of a folder, sorted."""
    return sorted(path.glob("*.json")) if path.is_dir() else [path]


def file_name(path_or_url: str) -> str:
    """Return the last part of a path with slashes of either kind, or of an address."""
    return PurePosixPath(path_or_url.replace("\\", "/")).name


def _kind(value: object) -> str:
    kinds = {dict: "an object", list: "a list", str: "a string", bool: "true or false"}
    return "null" if value is None else kinds.get(type(value), "a number")
