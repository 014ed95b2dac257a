"""Layouts of COCO results other than a plain list: JSON lines, and objects that hold the list.

An object may be that of annotations with scores. Its own `images` and `categories` then say what
its ids mean: if they are not those of the ground truth, file names and class names are matched.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from detbench.data.formats.coco.structs import NO_NAMES, Result, StatedNames
from detbench.data.formats.parsing.json_head import json_head
from detbench.data.formats.parsing.json_text import JsonLines, decode
from detbench.data.formats.parsing.lenient_values import id_text, is_id
from detbench.data.formats.parsing.plain_text import read_bytes
from detbench.errors import InputError

LISTS = ("results", "predictions", "detections", "annotations")
"""The keys under which objects hold their results; the first one that is a list counts."""
_NAMED = ("images", "categories")
_RESULTS_FIX = "expected a list of {image_id, category_id, bbox, score}"


class ResultRows(NamedTuple):
    """The results of a file, decoded."""

    rows: list[Result]
    root: str
    """What messages call the list."""
    names: StatedNames


class ResultEntries(NamedTuple):
    """The same, valid or not."""

    entries: list[Any]
    root: str
    names: StatedNames


def decode_results(path: Path) -> ResultRows:
    """Decode results strictly.

    A score under another usual key is not guessed at; the error names the key.

    Raises:
        InputError: The file is no JSON, or has no list of results; a result is malformed.
    """
    try:
        return _decode_results(path)
    except InputError as error:
        head = json_head(path)
        if error.problem != "has no 'score'" or not any(
            "confidence" in keys for keys in (head.keys, *head.inner.values())
        ):
            raise
        problem = "has no 'score' but 'confidence'"
        raise InputError(path, problem, where=error.where, fix="rename it to 'score'") from None


def _decode_results(path: Path) -> ResultRows:
    text = read_bytes(path)
    if _are_lines(path):
        lines = JsonLines(msgspec.json.Decoder(Result))
        return ResultRows(decode(path, text, lines, root="results"), "results", NO_NAMES)
    decoder = msgspec.json.Decoder(list[Result])
    if not text[:64].lstrip().startswith(b"{"):
        return ResultRows(decode(path, text, decoder, root="results"), "results", NO_NAMES)
    parts = decode(path, text, msgspec.json.Decoder(dict[str, msgspec.Raw]), root="")
    document = {
        key: msgspec.json.decode(raw) if key in (*LISTS, *_NAMED) else None
        for key, raw in parts.items()
    }
    key = _key_of_list(path, document)
    rows = decode(path, bytes(parts[key]), decoder, root=key)
    return ResultRows(rows, key, _stated_names(document))


def decode_results_leniently(path: Path) -> ResultEntries:
    """Decode results, valid or not; bare NaN and Infinity become the numbers that they mean.

    Raises:
        InputError: The file is not JSON, or has no list of results.
    """
    if _are_lines(path):
        return ResultEntries(_lines_leniently(path), "results", NO_NAMES)
    document = read_json_leniently(path, "results")
    if isinstance(document, dict):
        key = _key_of_list(path, document)
        return ResultEntries(document[key], key, _stated_names(document))
    if not isinstance(document, list):
        raise InputError(
            path, "is not a list, as COCO results are", fix="pass the detections second"
        )
    return ResultEntries(document, "results", NO_NAMES)


def read_json_leniently(path: Path, root: str) -> Any:
    """Decode JSON; bare NaN and Infinity, which JSON does not have, become the numbers they mean.

    Raises:
        InputError: The text is not JSON otherwise, either; `root` names a top-level list in it.
    """
    text = read_bytes(path)
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        try:
            return json.loads(text.replace(b"-nan", b"NaN"))
        except (ValueError, RecursionError):
            return decode(path, text, msgspec.json.Decoder(Any), root=root)


def _are_lines(path: Path) -> bool:
    """Tell whether a file is JSON lines; a single line is an object that is a result itself."""
    head = json_head(path)
    return head.root == "lines" or (head.root == "object" and {"image_id", "score"} <= head.keys)


def _lines_leniently(path: Path) -> list[Any]:
    text = read_bytes(path)
    try:
        return msgspec.json.Decoder(Any).decode_lines(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        try:
            lines = text.replace(b"-nan", b"NaN").splitlines()
            return [json.loads(line) for line in lines if line.strip()]
        except (ValueError, RecursionError):
            return decode(path, text, JsonLines(msgspec.json.Decoder(Any)), root="results")


def _key_of_list(path: Path, document: Mapping[str, Any]) -> str:
    """Return the key of the results; annotations are results if some of them have a score."""
    key = next((key for key in LISTS if isinstance(document.get(key), list)), "")
    if not key:
        keys = ", ".join(map(repr, list(document)[:6])) or "none"
        raise InputError(path, f"is an object without results; its keys: {keys}", fix=_RESULTS_FIX)
    scored = (isinstance(row, dict) and "score" in row for row in document[key])
    if key == "annotations" and not any(scored):
        raise InputError(
            path,
            "is an object like COCO annotations, expected results",
            fix="give the detections here",
        )
    return key


def _stated_names(document: Mapping[str, Any]) -> StatedNames:
    return StatedNames(
        _texts_by_id(document.get("images"), "file_name"),
        _texts_by_id(document.get("categories"), "name"),
    )


def _texts_by_id(entries: object, key: str) -> dict[str, str]:
    """Return id → text of the entries of a list that have both."""
    return {
        id_text(entry["id"]): entry[key]
        for entry in (entries if isinstance(entries, list) else [])
        if isinstance(entry, dict) and is_id(entry.get("id")) and isinstance(entry.get(key), str)
    }
