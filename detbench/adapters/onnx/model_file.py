"""Model file: what an ONNX file states without running it: opset, producer, external weights.

An ONNX file is a protocol buffer, a sequence of fields. A field begins with a tag that holds its
number and its wire type (https://protobuf.dev/programming-guides/encoding/); the numbers are those
of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto. Only the few fields needed are read, so
that a file of gigabytes is checked in milliseconds.
"""

from __future__ import annotations

import hashlib
import mmap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from detbench.errors import InputError

Span = tuple[int, int]
"""First byte and end of a field's content."""

_GRAPH, _PRODUCER, _OPSET_IMPORT = 7, 2, 8
"""Fields of ModelProto."""
_INITIALIZER = 5
"""Field of GraphProto."""
_EXTERNAL_DATA = 13
"""Field of TensorProto."""
_MODEL_FIELDS = {1, 2, 3, 4, 5, 6, 7, 8, 14, 20, 25, 26}
"""All fields of ModelProto."""
_KEY, _VALUE = 1, 2
"""Fields of StringStringEntryProto, and (domain, version) of OperatorSetIdProto."""
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
"""Wire types."""


@dataclass(frozen=True)
class ModelFile:
    """An ONNX file and the files of its weights."""

    path: Path
    digest: str
    """sha256 of the model file."""
    opset: Mapping[str, int]
    """Version per operator domain; the standard one is `ai.onnx`."""
    producer: str
    external: Mapping[str, str]
    """sha256 of each file of external weights, by its name beside the model."""


def read_model_file(path: Path) -> ModelFile:
    """Read what a model file states about itself.

    Raises InputError if it is missing, cut off, not an ONNX model, or lacks its weights.
    """
    if not path.is_file():
        problem = "is not a file" if path.exists() else "no such model"
        raise InputError(path, problem, fix="name an ONNX file")
    if not path.stat().st_size:
        raise InputError(path, "is empty", fix="fetch or export it again")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        try:
            opset, producer, locations = _read_model(content)
        except _BrokenError as error:
            raise InputError(
                path, f"is cut off or not an ONNX model ({error})", fix="fetch or export it again"
            ) from None
    external = {location: _digest(_external_file(path, location)) for location in sorted(locations)}
    return ModelFile(path, _digest(path), opset, producer, external)


class _BrokenError(Exception):
    """Bytes that are not a protocol buffer of the expected kind."""


def _read_model(content: mmap.mmap) -> tuple[dict[str, int], str, set[str]]:
    """Return opsets, producer and the locations of external weights."""
    opset: dict[str, int] = {}
    producer, has_graph = "", False
    locations: set[str] = set()
    for field, value in _fields(content, 0, len(content)):
        if field not in _MODEL_FIELDS:
            raise _BrokenError(f"it holds field {field}, which no ONNX model has")
        if field == _OPSET_IMPORT:
            entry = dict(_fields(content, *_span(value)))
            domain = _text(content, entry.get(_KEY)) or "ai.onnx"
            opset[domain] = int(str(entry.get(_VALUE, 0)))
        elif field == _PRODUCER:
            producer = _text(content, value)
        elif field == _GRAPH:
            has_graph = True
            locations |= set(_external_locations(content, _span(value)))
    if not has_graph:
        raise _BrokenError("it holds no graph")
    if not opset:
        raise _BrokenError("it states no opset")
    return opset, producer, locations


def _external_locations(content: mmap.mmap, graph: Span) -> Iterator[str]:
    """Yield the `location` of every initializer in another file."""
    for field, tensor in _fields(content, *graph):
        if field != _INITIALIZER:
            continue
        for tensor_field, value in _fields(content, *_span(tensor)):
            if tensor_field == _EXTERNAL_DATA:
                entry = dict(_fields(content, *_span(value)))
                if _text(content, entry.get(_KEY)) == "location":
                    yield _text(content, entry.get(_VALUE))


def _fields(content: mmap.mmap, start: int, end: int) -> Iterator[tuple[int, int | Span]]:
    """Yield number and value of each field: a whole number, or the span of its bytes."""
    while start < end:
        tag, start = _varint(content, start, end)
        field, wire_type = tag >> 3, tag & 7
        if wire_type == _VARINT:
            value, start = _varint(content, start, end)
            yield field, value
            continue
        if wire_type == _BYTES:
            length, start = _varint(content, start, end)
        elif wire_type in (_FIXED64, _FIXED32):
            length = 8 if wire_type == _FIXED64 else 4
        else:
            raise _BrokenError(f"no field begins at byte {start:,}")
        if start + length > end:
            raise _BrokenError(f"{start + length - end:,} bytes are missing")
        yield field, (start, start + length)
        start += length


def _varint(content: mmap.mmap, start: int, end: int) -> tuple[int, int]:
    """Return a whole number and the position after it: 7 bits a byte, low bits first."""
    value, shift = 0, 0
    while start < end and shift < 64:
        byte = content[start]
        value |= (byte & 0x7F) << shift
        start, shift = start + 1, shift + 7
        if byte < 0x80:  # the high bit marks a further byte
            return value, start
    raise _BrokenError(f"a number is cut off or too long at byte {start:,}")


def _span(value: int | Span) -> Span:
    if isinstance(value, int):
        raise _BrokenError("it holds a number, expected a message")
    return value


def _text(content: mmap.mmap, value: int | Span | None) -> str:
    if value is None:
        return ""
    start, end = _span(value)
    return content[start:end].decode(errors="replace")


def _external_file(path: Path, location: str) -> Path:
    """Return a file of weights; raises InputError unless it is in the model's folder."""
    if Path(location).is_absolute() or ".." in Path(location).parts:
        raise InputError(
            path, f"keeps weights in {location!r}, outside its folder", fix="export it again"
        )
    file = path.parent / location
    if not file.is_file():
        raise InputError(
            path,
            f"keeps weights in {location}, which is not in its folder",
            fix=f"put {location} into {path.parent}",
        )
    return file


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
