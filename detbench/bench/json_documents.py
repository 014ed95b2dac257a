"""JSON documents: written with sorted keys, indented, and completely or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from detbench.data.files import atomic_path


def write_json(path: Path, document: dict[str, Any]) -> None:
    """Write a document, or leave the file as it was if that fails."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(json_bytes(document))


def json_bytes(document: dict[str, Any]) -> bytes:
    """Return a document as JSON with sorted keys, indented, ending in a newline."""
    return msgspec.json.format(msgspec.json.encode(document, order="sorted"), indent=2) + b"\n"
