"""Digests of Keras models: of a file, of a preset folder, and of weights in memory."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from detbench.data.files import bytes_on_disk


def file_record(path: Path) -> dict[str, Any]:
    """Return what the record says about a model file or folder: name, digest and bytes."""
    return {"model": path.name, "digest": path_digest(path), "size_bytes": bytes_on_disk(path)}


def path_digest(path: Path) -> str:
    """Return `sha256:…` of a file, or of the names and digests of all files in a folder."""
    if path.is_file():
        return f"sha256:{_file_sha256(path)}"
    files = sorted(file for file in path.rglob("*") if file.is_file())
    lines = [f"{_file_sha256(file)}  {file.relative_to(path).as_posix()}\n" for file in files]
    return f"sha256:{hashlib.sha256(''.join(lines).encode()).hexdigest()}"


def weights_digest(model: Any) -> str:
    """Return `sha256:…` of a model's current weights: path, type and values of each."""
    from detbench.adapters.keras.backend import import_keras

    keras, digest = import_keras(), hashlib.sha256()
    for weight in model.weights:
        digest.update(f"{weight.path} {weight.dtype}\n".encode())
        digest.update(np.ascontiguousarray(keras.ops.convert_to_numpy(weight.value)).tobytes())
    return f"sha256:{digest.hexdigest()}"


def _file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
