"""JSON files decoded into typed structs, with errors that name the line or the path to a value."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from detbench.errors import InputError

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_NOT_FINITE = re.compile(rb"(?<=[:\[,\s])([+-]?(?:NaN|nan|Infinity|inf))(?=[\s,\]}])")
_TYPE_NAMES = {
    "float": "a number",
    "int": "a whole number",
    "str": "a string",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}


class JsonDecoder(Protocol[T_co]):
    """What `decode` needs of a decoder: that of msgspec, or `JsonLines`."""

    def decode(self, text: bytes, /) -> T_co:
        """Return the decoded text; raise msgspec's errors."""


class JsonLines(Generic[T]):
    """Decodes lines, each of which is a JSON value, into a list.

    Args:
        decoder: Decodes a line.
    """

    def __init__(self, decoder: msgspec.json.Decoder[T]) -> None:
        self._decoder = decoder

    def decode(self, text: bytes, /) -> list[T]:
        """Return the values of all lines but blank ones."""
        return self._decoder.decode_lines(text)


def json_value(text: bytes, kind: type[T] | Any = Any) -> Any:
    """Return a JSON text as a value of a type.

    Raises msgspec.DecodeError, also for JSON that is nested too deeply, or ValidationError.
    """
    try:
        return msgspec.json.decode(text, type=kind)
    except RecursionError:
        raise msgspec.DecodeError("JSON is nested too deeply") from None
    except UnicodeDecodeError as error:
        raise msgspec.DecodeError(f"JSON is not UTF-8 text: {error.reason}") from None


def decode(path: Path, text: bytes, decoder: JsonDecoder[T], *, root: str) -> T:
    """Decode the JSON `text` of `path`.

    `root` is what errors call a top-level list, as in `results[3].bbox[1]`.

    Raises:
        InputError: The text is not JSON, or not of the decoder's type.
    """
    try:
        return decoder.decode(text)
    except msgspec.ValidationError as error:
        problem, where = _problem_and_location(error, root)
        raise InputError(path, problem, where=where) from None
    except msgspec.DecodeError as error:
        raise _malformed(path, text, decoder, str(error), root) from None
    except UnicodeDecodeError as error:
        where = _location(text, error.start)
        raise InputError(path, "is not UTF-8 text", where=where, fix="save it as UTF-8") from None
    except RecursionError:
        raise InputError(path, "its JSON is nested too deeply") from None


def _problem_and_location(error: msgspec.ValidationError, root: str) -> tuple[str, str]:
    """Translate "Expected `float`, got `str` - at `$[3].score`" into a sentence and a location."""
    text, _, path = str(error).partition(" - at `")
    where = path.rstrip("`").replace("$[", f"{root}[", 1).removeprefix("$").removeprefix(".")
    # msgspec has a handful of sentences for wrong values; these three are the common ones.
    if missing := re.fullmatch(r"Object missing required field `(.+)`", text):
        return f"has no {missing[1]!r}", where
    if length := re.fullmatch(r"Expected `array` of length (\d+)(?:, got (\d+))?", text):
        actual = f", found {length[2]}" if length[2] else ""
        return f"expected {length[1]} numbers{actual}", where
    if types := re.fullmatch(r"Expected `(.+)`, got `(.+)`", text):
        accepted = [name for name in types[1].split(" | ") if name != "null"]
        # Two types may have one name, so dict.fromkeys removes repetitions and keeps the order.
        names = dict.fromkeys(_TYPE_NAMES.get(name, name) for name in accepted)
        if "float" in accepted:
            names.pop(_TYPE_NAMES["int"], None)
        actual = _TYPE_NAMES.get(types[2], types[2])
        return f"expected {' or '.join(names)}, found {actual}", where
    return text[:1].lower() + text[1:], where


def _malformed(
    path: Path, text: bytes, decoder: JsonDecoder[T], problem: str, root: str
) -> InputError:
    """Return the error for a text that is not JSON; `problem` is msgspec's message."""
    if not text.strip():
        return InputError(path, "is empty, expected JSON")
    if text.startswith(_UTF_16_MARKS):
        where, fix = _location(text, 0), "save it as UTF-8"
        return InputError(path, "is UTF-16 text, expected UTF-8", where=where, fix=fix)
    if "truncated" in problem:
        where, fix = _location(text, len(text)), "it was cut off: copy or write it again"
        return InputError(path, "the JSON ends in the middle", where=where, fix=fix)

    # Python writes bare NaN and Infinity, which JSON does not have: look for them at that byte.
    byte = int(match[1]) if (match := re.search(r"\(byte (\d+)\)", problem)) else 0
    token = _NOT_FINITE.search(text, max(0, byte - 10), byte + 10)
    if token:
        where = _location(text, token.start())
        value_path = _path_of_not_finite(text, decoder, root)
        if value_path:
            where = f"{value_path} ({where})"
        return InputError(
            path,
            f"{token[0].decode()} is not a JSON number",
            where=where,
            fix="write finite numbers only",
        )
    reason = problem.removeprefix("JSON is malformed: ").partition(" (byte")[0]
    return InputError(path, f"malformed JSON: {reason}", where=_location(text, byte))


def _path_of_not_finite(text: bytes, decoder: JsonDecoder[T], root: str) -> str:
    """Return the path to the first bare NaN or Infinity; empty if it is in no field that is read.

    The decoder finds it: with null in its place, the first wrong value is that one.
    """
    try:
        decoder.decode(_NOT_FINITE.sub(b"null", text))
    except msgspec.ValidationError as error:
        return _problem_and_location(error, root)[1]
    except (msgspec.DecodeError, RecursionError):
        return ""
    return ""


def _location(text: bytes, byte: int) -> str:
    line = text.count(b"\n", 0, byte) + 1
    return f"line {line}, byte {byte}"
