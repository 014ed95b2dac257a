"""What an ONNX file says about itself without running it: whole or cut off, its opset, its weights in other files, its digest."""

from __future__ import annotations

import hashlib
import mmap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from detbench.errors import InputError

_GRAPH, _PRODUCER, _OPSET_IMPORT = 7, 2, 8
_INITIALIZER, _EXTERNAL_DATA = 5, 13
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_KNOWN_FIELDS = {1, 2, 3, 4, 5, 6, 7, 8, 14, 20, 25, 26}
"""Fields of ModelProto in onnx.proto."""


@dataclass(frozen=True)
class ModelFile:
    """An ONNX file and the files its weights lie in."""

    path: Path
    digest: str
    """sha256 of the model file."""
    opset: Mapping[str, int]
    """Version per operator domain; the standard one is `ai.onnx`."""
    producer: str
    external: Mapping[str, str]
    """sha256 per file of weights, by its name beside the model."""


def read_model_file(path: Path) -> ModelFile:
    """Read what a model file says about itself; raises InputError where it is missing, cut off, no ONNX model, or lacks its weights."""
    if not path.is_file():
        raise InputError(
            path, "no such model" if not path.exists() else "is no file", fix="name an ONNX file"
        )
    if not path.stat().st_size:
        raise InputError(path, "is empty", fix="fetch or export it again")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        try:
            opset, producer, places = _facts(content)
        except _BrokenError as error:
            raise InputError(
                path, f"is cut off or no ONNX model ({error})", fix="fetch or export it again"
            ) from None
    return ModelFile(
        path,
        _digest(path),
        opset,
        producer,
        {place: _digest(_external(path, place)) for place in sorted(places)},
    )


class _BrokenError(Exception):
    """Bytes that are no protocol buffer of the expected kind."""


def _facts(content: mmap.mmap) -> tuple[dict[str, int], str, set[str]]:
    """Return opsets, producer and the places of weights in other files. Layout: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto."""
    opset: dict[str, int] = {}
    producer, has_graph = "", False
    places: set[str] = set()
    for field, value in _fields(content, 0, len(content)):
        if field not in _KNOWN_FIELDS:
            raise _BrokenError(f"it holds a field {field}, which no ONNX model has")
        if field == _OPSET_IMPORT:
            entries = dict(_fields(content, *_span(value)))
            opset[_text(content, entries.get(1)) or "ai.onnx"] = int(str(entries.get(2, 0)))
        elif field == _PRODUCER:
            producer = _text(content, value)
        elif field == _GRAPH:
            has_graph, places = True, places | set(_places(content, _span(value)))
    if not has_graph or not opset:
        raise _BrokenError("it holds no graph" if not has_graph else "it says no opset")
    return opset, producer, places


def _places(content: mmap.mmap, graph: tuple[int, int]) -> Iterator[str]:
    """Yield the `location` of every initializer that lies in another file."""
    for field, tensor in _fields(content, *graph):
        if field != _INITIALIZER:
            continue
        for inner, value in _fields(content, *_span(tensor)):
            if inner == _EXTERNAL_DATA:
                entry = dict(_fields(content, *_span(value)))
                if _text(content, entry.get(1)) == "location":
                    yield _text(content, entry.get(2))


def _fields(
    content: mmap.mmap, start: int, end: int
) -> Iterator[tuple[int, int | tuple[int, int]]]:
    """Yield number and value of each field of a message: a whole number, or the span of its bytes."""
    while start < end:
        tag, start = _varint(content, start, end)
        field, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            value, start = _varint(content, start, end)
            yield field, value
            continue
        if kind == _BYTES:
            length, start = _varint(content, start, end)
        elif kind in (_FIXED64, _FIXED32):
            length = 8 if kind == _FIXED64 else 4
        else:
            raise _BrokenError(f"byte {start:,} is no field")
        if start + length > end:
            raise _BrokenError(f"{start + length - end:,} bytes are missing")
        yield field, (start, start + length)
        start += length


def _varint(content: mmap.mmap, start: int, end: int) -> tuple[int, int]:
    value, shift = 0, 0
    while start < end and shift < 64:
        byte = content[start]
        value, start, shift = value | (byte & 0x7F) << shift, start + 1, shift + 7
        if byte < 0x80:
            return value, start
    raise _BrokenError(f"a number ends badly at byte {start:,}")


def _span(value: int | tuple[int, int]) -> tuple[int, int]:
    if isinstance(value, int):
        raise _BrokenError("a number stands where a message belongs")
    return value


def _text(content: mmap.mmap, value: int | tuple[int, int] | None) -> str:
    if value is None:
        return ""
    start, end = _span(value)
    return content[start:end].decode(errors="replace")


def _external(path: Path, place: str) -> Path:
    """Return where weights lie: beside the model, as ONNX demands."""
    file = path.parent / place
    if Path(place).is_absolute() or ".." in Path(place).parts:
        raise InputError(
            path, f"keeps weights in {place!r}, outside its folder", fix="export it again"
        )
    if not file.is_file():
        raise InputError(
            path,
            f"keeps weights in {place}, which is not beside it",
            fix=f"put {place} into {path.parent}",
        )
    return file


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
