"""JSON files into typed structs, with errors that name the place: the line of a malformed text, the path to a wrong value."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TypeVar

import msgspec

from detbench.errors import InputError

T = TypeVar("T")

_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_NOT_FINITE = re.compile(rb"(?<=[:\[,\s])([+-]?(?:NaN|nan|Infinity|inf))(?=[\s,\]}])")
_NAMES = {
    "float": "a number",
    "int": "a whole number",
    "str": "a string",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}


def read_bytes(path: Path) -> bytes:
    """Return a file's bytes without a byte order mark, or raise InputError saying why it cannot be read."""
    try:
        return path.read_bytes().removeprefix(_BYTE_ORDER_MARK)
    except OSError as error:
        raise InputError(path, f"cannot be read: {error.strerror}") from error


def decode(path: Path, text: bytes, decoder: msgspec.json.Decoder[T], *, root: str) -> T:
    """Decode the JSON `text` of `path`; a top-level list is called `root` in errors, as in `results[3].bbox[1]`."""
    try:
        return decoder.decode(text)
    except msgspec.ValidationError as error:
        raise _wrong_value(path, error, root) from None
    except msgspec.DecodeError as error:
        raise _malformed(path, text, decoder, str(error), root) from None
    except UnicodeDecodeError as error:
        raise InputError(
            path, "the text is not UTF-8", where=_line(text, error.start), fix="save it as UTF-8"
        ) from None
    except RecursionError:
        raise InputError(path, "the JSON is nested too deeply to be what it should be") from None


def _wrong_value(path: Path, error: msgspec.ValidationError, root: str) -> InputError:
    problem, where = _problem_and_place(error, root)
    return InputError(path, problem, where=where)


def _problem_and_place(error: msgspec.ValidationError, root: str) -> tuple[str, str]:
    """Split msgspec's "Expected `float`, got `str` - at `$[3].score`" into a plain sentence and a place."""
    text, _, place = str(error).partition(" - at `")
    where = place.rstrip("`").replace("$[", f"{root}[", 1).removeprefix("$").removeprefix(".")
    if missing := re.fullmatch(r"Object missing required field `(.+)`", text):
        return f"has no {missing[1]!r}", where
    if length := re.fullmatch(r"Expected `array` of length (\d+)(?:, got (\d+))?", text):
        return f"expected {length[1]} numbers" + (
            f", found {length[2]}" if length[2] else ""
        ), where
    if kinds := re.fullmatch(r"Expected `(.+)`, got `(.+)`", text):
        expected = " or ".join(
            dict.fromkeys(
                _NAMES.get(kind, kind) for kind in kinds[1].split(" | ") if kind != "null"
            )
        )
        return f"expected {expected}, found {_NAMES.get(kinds[2], kinds[2])}", where
    return text[:1].lower() + text[1:], where


def _malformed(
    path: Path, text: bytes, decoder: msgspec.json.Decoder[T], problem: str, root: str
) -> InputError:
    if not text.strip():
        return InputError(path, "the file is empty, JSON is expected")
    if text.startswith(_UTF_16_MARKS):
        return InputError(path, "the text is UTF-16", where=_line(text, 0), fix="save it as UTF-8")
    if "truncated" in problem:
        return InputError(
            path,
            "the JSON ends in the middle",
            where=_line(text, len(text)),
            fix="it was cut off: copy or write it again",
        )
    at = int(found[1]) if (found := re.search(r"\(byte (\d+)\)", problem)) else 0
    token = _NOT_FINITE.search(text, max(0, at - 10), at + 10)
    if token:
        place = _place_of_not_finite(text, decoder, root)
        where = f"{place} ({_line(text, token.start())})" if place else _line(text, token.start())
        return InputError(
            path,
            f"{token[0].decode()} is neither JSON nor a place in an image",
            where=where,
            fix="write finite numbers only",
        )
    cause = problem.removeprefix("JSON is malformed: ").partition(" (byte")[0]
    return InputError(path, f"malformed JSON: {cause}", where=_line(text, at))


def _place_of_not_finite(text: bytes, decoder: msgspec.json.Decoder[T], root: str) -> str:
    """Let the decoder find the first bare NaN or Infinity by reading null in its stead; empty where it is in no field that counts."""
    try:
        decoder.decode(_NOT_FINITE.sub(b"null", text))
    except msgspec.ValidationError as error:
        return _problem_and_place(error, root)[1]
    except msgspec.DecodeError:
        return ""
    return ""


def _line(text: bytes, byte: int) -> str:
    line = text.count(b"\n", 0, byte) + 1
    return f"line {line}, byte {byte}"
