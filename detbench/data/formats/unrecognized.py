"""Unrecognized files: a short description of what they look like, for the error message."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from detbench.data.formats.parsing.json_head import json_head
from detbench.wording import first_few, plural

_MAX_LISTED = 6
_HEAD_BYTES = 4096


def what_it_looks_like(path: Path) -> str:
    """Return a clause on the contents of a file or folder of no known format."""
    if path.is_dir():
        return _folder(path)
    head = json_head(path)
    if head.root != "none":
        kind = {"object": "an object", "list": "a list of objects", "lines": "lines of objects"}
        keys = first_few(sorted(head.keys), _MAX_LISTED) if head.keys else "no keys"
        return f"it is JSON, {kind[head.root]} with {keys}"
    with path.open("rb") as file:
        text = file.read(_HEAD_BYTES).decode("utf-8", "replace").lstrip("\ufeff \r\n\t")
    if not text:
        return "it is empty"
    if text.startswith("<"):
        tags = [tag.split()[0].rstrip(">/") for tag in text.split("<")[1:] if tag.strip()]
        roots = [tag for tag in tags if not tag.startswith(("?", "!"))]
        return f"it is XML with the root <{roots[0]}>" if roots else "it is XML without a root"
    if "\0" in text or "\N{REPLACEMENT CHARACTER}" in text:
        return "it is not text"
    line = next(line for line in text.splitlines() if line.strip())
    return f"its first line has {_values(line)}"


def _folder(path: Path) -> str:
    files = [file for file in sorted(path.iterdir()) if file.is_file()]
    folders = [file.name for file in sorted(path.iterdir()) if file.is_dir()]
    parts = []
    suffixes = Counter(file.suffix.lower() or file.name for file in files)
    parts += [f"{count:,} {suffix}" for suffix, count in suffixes.most_common(_MAX_LISTED)]
    if folders:
        parts.append(f"the folders {first_few(folders, _MAX_LISTED)}")
    if not parts:
        return "it is empty"
    text = f"it holds {', '.join(parts)}"
    first_text = next((file for file in files if file.suffix.lower() in (".txt", ".xml")), None)
    if first_text is None:
        return text
    clause = what_it_looks_like(first_text)
    if clause.startswith("its "):
        return f"{text}; in {first_text.name}, {clause.removeprefix('its ')}"
    return f"{text}; {first_text.name}: {clause}"


def _values(line: str) -> str:
    separator = next((mark for mark in (",", ";", "\t") if mark in line), None)
    values = line.split(separator)
    name = {",": "commas", ";": "semicolons", "\t": "tabs", None: "spaces"}[separator]
    return f"{plural(len(values), 'value')} separated by {name}"
