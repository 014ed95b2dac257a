"""Model files: write a trained YOLO as a `.keras` file with float32 or float16 weights; read it.

A `.keras` file is a zip archive with the weights in an HDF5 file. With `stored_dtype` float16 that
HDF5 file holds float16 arrays, which Keras converts to the layers' float32 when it loads them. So
`keras.saving.load_model` reads such a file like any other once `detbench.adapters.yolo.model` is
imported.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from detbench.adapters.keras.backend import import_keras
from detbench.adapters.keras.model_file import load_model, read_keras_file
from detbench.data.files import atomic_path
from detbench.errors import InputError

if TYPE_CHECKING:
    from detbench.adapters.yolo.model import Yolo

StoredDtype = Literal["float32", "float16"]
_WEIGHTS = "model.weights.h5"
_REGISTERED_NAME = "detbench>Yolo"
"""Of the class in Keras' registry."""


def save_yolo(model: Yolo, path: Path, stored_dtype: StoredDtype = "float32") -> None:
    """Write a model atomically, without what training added (optimizer, metrics)."""
    config = {**model.get_config(), "stored_dtype": stored_dtype}
    plain = type(model)(**config)
    plain.set_weights(model.get_weights())
    with atomic_path(path) as temporary:
        plain.save(temporary)
        if stored_dtype == "float16":
            _convert_archive(temporary)


def read_yolo(path: Path) -> Yolo:
    """Read a model of detbench's own.

    Raises InputError if the file is missing, is no `.keras` file, holds another model, or cannot
    be read by this Keras.
    """
    file = read_keras_file(path)
    if file.registered_name != _REGISTERED_NAME:
        raise InputError(path, "is not a YOLO model of detbench", fix=f"use keras:{path}")
    import_keras()
    from detbench.adapters.yolo import model as _  # noqa: F401  registers the class with Keras

    model: Yolo = load_model(file)
    return model


def _convert_archive(path: Path) -> None:
    """Rewrite a `.keras` archive with float16 weights."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    weights = path.with_suffix(".h5")
    try:
        weights.write_bytes(members[_WEIGHTS])
        _convert_weights(weights)
        members[_WEIGHTS] = weights.read_bytes()
    finally:
        weights.unlink(missing_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def _convert_weights(path: Path) -> None:
    """Replace every float32 array of an HDF5 file by float16."""
    import h5py  # type: ignore[import-untyped]

    # HDF5 does not free the space of replaced arrays, so they are copied into a new file.
    converted = path.with_suffix(".half")
    with h5py.File(path) as source, h5py.File(converted, "w") as target:
        source.visititems(_copier(target))
    converted.replace(path)


def _copier(target: Any) -> Callable[[str, Any], None]:
    """Return a function that copies a group or array, with its attributes, into `target`."""
    import h5py

    def copy(name: str, member: Any) -> None:
        if isinstance(member, h5py.Dataset):
            values = member[()]
            is_float32 = values.dtype == np.float32
            converted = values.astype(np.float16) if is_float32 else values
            copied = target.create_dataset(name, data=converted)
        else:
            copied = target.require_group(name)
        for key, value in member.attrs.items():
            copied.attrs[key] = value

    return copy
