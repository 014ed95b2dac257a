"""Model files: a trained YOLO written as a `.keras` file, in 32 or 16 bits, and read again.

A `.keras` file is a zip archive whose weights lie in an HDF5 file. In 16 bits that file holds float16 arrays; Keras turns them into the
layers' 32 bits when it reads them, so that `keras.saving.load_model` reads such a file as any other once `detbench.adapters.yolo.model` is
imported. The model's configuration says `"stored": "float16"`.
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

Stored = Literal["float32", "float16"]
_WEIGHTS = "model.weights.h5"


def save_yolo(model: Yolo, path: Path, stored: Stored = "float32") -> None:
    """Write a model without what training added (optimizer, metrics), in 32 or 16 bits; nothing half-written is left."""
    plain = type(model)(**{**model.get_config(), "stored": stored})
    plain.set_weights(model.get_weights())
    with atomic_path(path) as hidden:
        plain.save(hidden)
        if stored == "float16":
            _halve(hidden)


def read_yolo(path: Path) -> Yolo:
    """Read a model of ours; raises InputError for what is missing, no `.keras` file, another model, or not to be read by this Keras."""
    file = read_keras_file(path)
    if not file.own_yolo:
        raise InputError(path, "holds no YOLO of ours", fix=f"use keras:{path}")
    import_keras()
    from detbench.adapters.yolo import model as _  # noqa: F401  makes the class known to Keras

    model: Yolo = load_model(file)
    return model


def _halve(path: Path) -> None:
    """Rewrite the archive with its weights in 16 bits."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    halved = path.with_suffix(".h5")
    try:
        halved.write_bytes(members[_WEIGHTS])
        _rewrite(halved)
        members[_WEIGHTS] = halved.read_bytes()
    finally:
        halved.unlink(missing_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def _rewrite(path: Path) -> None:
    """Put float16 in the place of every float32 array of an HDF5 file, and give back the space."""
    import h5py  # type: ignore[import-untyped]

    with h5py.File(path) as full, h5py.File(path.with_suffix(".half"), "w") as half:
        full.visititems(_copier(half))
    path.with_suffix(".half").replace(path)


def _copier(target: Any) -> Callable[[str, Any], None]:
    """Return what puts each group and array of one HDF5 file, with its attributes, into another."""
    import h5py

    def copy(name: str, member: Any) -> None:
        if isinstance(member, h5py.Dataset):
            values = member[()]
            made = target.create_dataset(
                name, data=values.astype(np.float16) if values.dtype == np.float32 else values
            )
        else:
            made = target.require_group(name)
        for key, value in member.attrs.items():
            made.attrs[key] = value

    return copy
