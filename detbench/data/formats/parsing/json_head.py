"""The head of a JSON file: its root and its first keys, by which formats of JSON are recognized.

Only the first bytes are read, so a file of any size takes a few milliseconds. They may end in the
middle of anything.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Literal, NamedTuple

_HEAD_BYTES = 1 << 16
_BYTE_ORDER_MARK = "\ufeff"
_LINES_SUFFIXES = (".jsonl", ".ndjson")
_TOKEN = re.compile(r'(?P<text>"[^"\\]*(?:\\.[^"\\]*)*)(?P<end>"\s*:?|\Z)|[\[\]{}]', re.DOTALL)
"""A bracket, or a string and the colon behind it, which makes it a key."""


class JsonHead(NamedTuple):
    """What the head of a file shows. Keys further back are not in it."""

    root: Literal["object", "list", "lines", "none"]
    """`lines` are several objects one after the other; `none` is no object and no list."""
    keys: frozenset[str]
    """The keys of the object, or of the first object of the list or the lines."""
    inner: Mapping[str, frozenset[str]]
    """For each of these keys, the keys of its value if that is an object, or of the first object in
    it if it is a list."""


_NOTHING = JsonHead("none", frozenset(), MappingProxyType({}))


def json_head(path: Path) -> JsonHead:
    """Return the root and the first keys of a file; of a folder, a root of `none`.

    Raises:
        OSError: The file cannot be read.
    """
    if not path.is_file():
        return _NOTHING
    status = path.stat()
    return _json_head(path, status.st_mtime_ns, status.st_size)


@functools.lru_cache(maxsize=64)
def _json_head(path: Path, _mtime_ns: int, _size: int) -> JsonHead:
    with path.open("rb") as file:
        text = file.read(_HEAD_BYTES).decode("utf-8", "ignore")
    return scan_head(text, is_lines=path.suffix.lower() in _LINES_SUFFIXES)


def scan_head(text: str, *, is_lines: bool = False) -> JsonHead:
    """Return the root and the first keys of a text, which may be cut off.

    Args:
        text: The first characters of a file.
        is_lines: Whether the name of the file says that each line is an object.
    """
    text = text.removeprefix(_BYTE_ORDER_MARK).lstrip()
    if not text.startswith(("{", "[")):
        return _NOTHING
    outer = "{" if text.startswith("{") else "[{"  # the open brackets around the keys
    keys: set[str] = set()
    inner: dict[str, set[str]] = {}
    is_complete: set[str] = set()  # the keys of whose list the first object has ended
    stack, key = "", ""
    end = len(text)
    for token in _TOKEN.finditer(text):
        bracket = token[0]
        if token["text"] is not None:
            if not token["end"].endswith(":"):
                continue
            if stack == outer:
                key = _decoded(token["text"])
                keys.add(key)
            elif stack == outer + "{" or (stack == outer + "[{" and key not in is_complete):
                inner.setdefault(key, set()).add(_decoded(token["text"]))
        elif bracket in "[{":
            stack += bracket
        else:
            if stack == outer + "[{":
                is_complete.add(key)
            is_outer, stack = stack == outer, stack[:-1]
            if is_outer or not stack:
                end = token.end()
                break
    frozen = {name: frozenset(names) for name, names in inner.items()}
    root: Literal["object", "list", "lines"] = "list" if outer == "[{" else "object"
    if root == "object" and (is_lines or text[end:].lstrip().startswith("{")):
        root = "lines"
    return JsonHead(root, frozenset(keys), MappingProxyType(frozen))


def _decoded(token: str) -> str:
    """Return the text of a string in JSON, given without its closing quote."""
    try:
        return str(json.loads(f'{token}"'))
    except ValueError:
        return token[1:]
