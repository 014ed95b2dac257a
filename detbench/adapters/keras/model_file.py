"""Keras model files: what one says of itself before it is loaded, and why it cannot be loaded."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from detbench.adapters.keras.backend import import_keras, import_keras_hub
from detbench.errors import InputError

_HDF5 = b"\x89HDF"
_OWN_YOLO = "detbench>Yolo"
_BROKEN = (
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
"""What Keras raises for files it cannot make a model of."""
_UNKNOWN = re.compile(
    r"[Cc]ould not locate (?:class|function) '?([\w.>]+)|Unknown (?:layer|object)[^']*'([\w.>]+)'"
)
_IN_PYTHON = "in Python, import what defines it, load the model, and wrap it: detbench.adapters.keras.in_memory_detector(model)"
_SHOWN = 300


@dataclass(frozen=True)
class KerasFile:
    """A model file, looked into without running anything of it."""

    path: Path
    keras_version: str = ""
    """That wrote it; empty where it does not say."""
    own_yolo: bool = False
    """Whether it holds our own YOLO."""
    needs_hub: bool = False
    """Whether parts of it are KerasHub's."""


def read_keras_file(path: Path) -> KerasFile:
    """Look into a model file; raises InputError where it is missing, empty, cut off or no Keras model."""
    if not path.is_file():
        raise InputError(
            path, "no such model" if not path.exists() else "is no file", fix="name a .keras file"
        )
    if not path.stat().st_size:
        raise InputError(path, "is empty", fix="save it again with model.save")
    with path.open("rb") as file:
        if file.read(4) == _HDF5:
            return KerasFile(path)
    try:
        with ZipFile(path) as archive:
            config = archive.read("config.json").decode()
            written = json.loads(archive.read("metadata.json"))
            made = json.loads(config)
    except (BadZipFile, KeyError, ValueError, OSError, EOFError) as error:
        raise InputError(
            path,
            f"is cut off or no Keras model ({error})",
            fix="copy it again, or save it with model.save",
        ) from None
    own = isinstance(made, dict) and made.get("registered_name") == _OWN_YOLO
    return KerasFile(path, str(written.get("keras_version", "")), own, '"keras_hub' in config)


def load_model(file: KerasFile) -> Any:
    """Return the model in a file, never running code that the file itself holds.

    Raises InputError naming layers unknown here, Lambda layers, and the versions where another Keras wrote the file.
    """
    keras = import_keras()
    if file.needs_hub:
        import_keras_hub()
    try:
        return keras.saving.load_model(file.path, compile=False, safe_mode=True)
    except _BROKEN as error:
        raise _explained(file, error, str(keras.__version__)) from error


def _explained(file: KerasFile, error: Exception, version: str) -> InputError:
    text = str(error)
    if unknown := _UNKNOWN.search(text):
        name = unknown[1] or unknown[2]
        return InputError(
            file.path,
            f"holds {name}, a layer or function of its own that is unknown here",
            fix=_IN_PYTHON,
        )
    if "ambda" in text:
        return InputError(
            file.path, "holds a Lambda layer, whose code is not run from a file", fix=_IN_PYTHON
        )
    other = (
        f"; Keras {file.keras_version} wrote it, this is {version}"
        if file.keras_version not in ("", version)
        else ""
    )
    short = (text.strip().split("\n", 1)[0] or type(error).__name__)[:_SHOWN]
    fix = "copy it again, or save it again"
    if other:
        fix = f"take that one (pip install 'keras=={file.keras_version}'), or have the model saved again by a Keras nearer to this one"
    return InputError(file.path, f"cannot be loaded{other} ({short})", fix=fix)
