"""Keras model files: what a file says about itself, and clear errors if it cannot be loaded."""

from __future__ import annotations

import json
import re
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from detbench.adapters.keras.backend import import_keras, import_keras_hub
from detbench.errors import InputError

_HDF5_MAGIC = b"\x89HDF"
LOAD_ERRORS = (
    OSError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    RuntimeError,
    ImportError,
    BadZipFile,
    EOFError,
)
"""What Keras and KerasHub raise for files from which they cannot build a model."""
_UNKNOWN_NAME = re.compile(
    r"[Cc]ould not locate (?:class|function) '?([\w.>]+)|Unknown (?:layer|object)[^']*'([\w.>]+)'"
)
_LOAD_IN_PYTHON = (
    "in Python, import the code that defines it, load the model, and pass it to "
    "detbench.adapters.keras.in_memory_detector(model)"
)
_MESSAGE_LENGTH = 300
_MAX_CONFIG_BYTES = 100_000_000


@dataclass(frozen=True)
class KerasFile:
    """A model file, inspected without running any of its code."""

    path: Path
    keras_version: str = ""
    """The version that wrote the file; empty if the file does not say."""
    registered_name: str = ""
    """Of the model's class in Keras' registry; empty if the file does not say."""
    needs_hub: bool = False
    """Whether some of its layers come from KerasHub."""


def read_keras_file(path: Path) -> KerasFile:
    """Inspect a model file; raises InputError if it is missing, empty or no Keras model."""
    if not path.is_file():
        problem = "is no file" if path.exists() else "no such model"
        raise InputError(path, problem, fix="name a .keras file")
    if not path.stat().st_size:
        raise InputError(path, "is empty", fix="save it again with model.save")
    with path.open("rb") as file:
        if file.read(len(_HDF5_MAGIC)) == _HDF5_MAGIC:
            return KerasFile(path)
    try:
        with ZipFile(path) as archive:
            config_text, metadata_text = (
                _read_member(archive, name) for name in ("config.json", "metadata.json")
            )
        metadata, config = json.loads(metadata_text), json.loads(config_text)
        if not isinstance(metadata, dict):
            raise TypeError("metadata.json is no object")
    except (*LOAD_ERRORS, NotImplementedError, zlib.error) as error:
        raise InputError(
            path,
            f"is truncated or not a Keras model ({error})",
            fix="copy it again, or save it with model.save",
        ) from None
    registered_name = config.get("registered_name") if isinstance(config, dict) else None
    return KerasFile(
        path,
        keras_version=str(metadata.get("keras_version", "")),
        registered_name=str(registered_name or ""),
        needs_hub='"keras_hub' in config_text,
    )


def _read_member(archive: ZipFile, name: str) -> str:
    """Return a text of an archive; raises ValueError for one that no model needs."""
    size = archive.getinfo(name).file_size
    if size > _MAX_CONFIG_BYTES:
        raise ValueError(f"{name} has {size:,} bytes, the limit is {_MAX_CONFIG_BYTES:,}")
    return archive.read(name).decode()


def load_model(file: KerasFile) -> Any:
    """Return the model in a file, without running code that the file itself contains.

    Raises InputError naming unknown layers, Lambda layers, and both versions if another Keras
    wrote the file.
    """
    keras = import_keras()
    if file.needs_hub:
        import_keras_hub()
    try:
        return keras.saving.load_model(file.path, compile=False, safe_mode=True)
    except LOAD_ERRORS as error:
        raise _explain(file, error, str(keras.__version__)) from error


def first_line(error: Exception) -> str:
    """Return the first line of an error's message, or its type if it has none."""
    return (str(error).strip().split("\n", 1)[0] or type(error).__name__)[:_MESSAGE_LENGTH]


def _explain(file: KerasFile, error: Exception, version: str) -> InputError:
    """Return an error that says why Keras `version` could not load a file."""
    text = str(error)
    if unknown := _UNKNOWN_NAME.search(text):
        problem = f"contains {unknown[1] or unknown[2]}, an unknown custom layer or function"
        return InputError(file.path, problem, fix=_LOAD_IN_PYTHON)
    if "ambda" in text:
        problem = "contains a Lambda layer, whose code is not run from a file"
        return InputError(file.path, problem, fix=_LOAD_IN_PYTHON)
    if file.keras_version in ("", version):
        problem = f"cannot be loaded ({first_line(error)})"
        return InputError(file.path, problem, fix="copy it again, or save it again")
    return InputError(
        file.path,
        f"cannot be loaded; it was written by Keras {file.keras_version}, this is {version} "
        f"({first_line(error)})",
        fix=f"install that version (pip install 'keras=={file.keras_version}'), "
        "or save the model again with a closer one",
    )
