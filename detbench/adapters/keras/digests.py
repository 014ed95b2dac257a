"""Digests of Keras models: of a file, of a preset folder, and of weights that lie in memory only."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from detbench.data.files import stored_bytes


def file_record(path: Path) -> dict[str, Any]:
    """Return what is on record of a model's file or folder: `model` (its name), `digest` and `size_bytes`."""
    return {"model": path.name, "digest": path_digest(path), "size_bytes": stored_bytes(path)}


def path_digest(path: Path) -> str:
    """Return `sha256:…` of a file, or of the names and digests of all files of a folder."""
    if path.is_file():
        return f"sha256:{_file(path)}"
    lines = [
        f"{_file(file)}  {file.relative_to(path).as_posix()}\n"
        for file in sorted(path.rglob("*"))
        if file.is_file()
    ]
    return f"sha256:{hashlib.sha256(''.join(lines).encode()).hexdigest()}"


def weights_digest(model: Any) -> str:
    """Return `sha256:…` of a model's weights as they are now: path, type and values of each."""
    from detbench.adapters.keras.backend import import_keras

    keras, digest = import_keras(), hashlib.sha256()
    for weight in model.weights:
        digest.update(f"{weight.path} {weight.dtype}\n".encode())
        digest.update(np.ascontiguousarray(keras.ops.convert_to_numpy(weight.value)).tobytes())
    return f"sha256:{digest.hexdigest()}"


def _file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
