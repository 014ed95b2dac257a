"""KerasHub presets: loaded by name or from a folder, with class names in a file beside them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from detbench.adapters.keras.backend import import_keras_hub
from detbench.adapters.keras.model_file import LOAD_ERRORS, first_line
from detbench.data.files import atomic_path
from detbench.errors import DetbenchError, InputError

CLASS_NAMES = "detbench.json"
"""Beside a preset's config.json: `{"schema_version": 1, "class_names": […]}`."""
_VERSION = 1
_FIX_CLASS_NAMES = "write it again, or remove it and set names="


def load_preset(target: str) -> Any:
    """Return the ObjectDetector of a preset name, handle or folder.

    Raises:
        InputError: if a folder is missing, is no preset, or cannot be loaded.
        DetbenchError: if a name is unknown or unreachable (with what to do offline), or names no
            object detector.
    """
    hub = import_keras_hub()
    folder = Path(target)
    if folder.is_dir() or _is_path(target):
        return _load_folder(hub, folder)
    names = sorted(hub.models.ObjectDetector.presets)
    if "://" not in target and target not in names:
        raise DetbenchError(
            f"{target}: no such preset or folder; "
            f"use {', '.join(names)}, a handle such as hf://…, or a preset folder"
        )
    try:
        return hub.models.ObjectDetector.from_preset(target)
    except OSError as error:
        raise DetbenchError(
            f"preset {target} cannot be reached ({first_line(error)}); {_offline_advice(target)}"
        ) from error
    except LOAD_ERRORS as error:
        raise DetbenchError(
            f"preset {target} cannot be reached, or is not an object detector "
            f"({first_line(error)}); {_offline_advice(target)}"
        ) from error


def write_class_names(folder: Path, names: Sequence[str]) -> None:
    """Write the class names of a preset into its folder, in the order of the model's classes."""
    document = {"schema_version": _VERSION, "class_names": list(names)}
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    with atomic_path(folder / CLASS_NAMES) as temporary:
        temporary.write_text(text, encoding="utf-8")


def read_class_names(folder: Path) -> tuple[str, ...] | None:
    """Return what `write_class_names` wrote, None if there is no such file.

    Raises InputError if the file cannot be read.
    """
    path = folder / CLASS_NAMES
    if not path.exists():
        return None
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        version, names = document["schema_version"], document["class_names"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        problem = f"cannot be read ({first_line(error)})"
        raise InputError(path, problem, fix=_FIX_CLASS_NAMES) from None
    if version != _VERSION:
        problem = f"has version {version}, and this detbench reads {_VERSION}"
        raise InputError(path, problem, fix="upgrade detbench")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InputError(path, "class_names must be a list of texts", fix=_FIX_CLASS_NAMES)
    return tuple(names)


def _offline_advice(target: str) -> str:
    """Return how to get a preset onto a machine without a network."""
    command = f"keras_hub.models.ObjectDetector.from_preset({target!r}).save_to_preset('FOLDER')"
    return (
        f"without a network, run {command} on a connected machine, "
        "copy the folder, and name it: kerashub:FOLDER"
    )


def _is_path(target: str) -> bool:
    return "://" not in target and ("/" in target or "\\" in target)


def _load_folder(hub: Any, folder: Path) -> Any:
    if not folder.is_dir():
        raise InputError(folder, "no such preset folder", fix="check the path")
    if not (folder / "config.json").is_file():
        problem = "is no preset: it has no config.json"
        raise InputError(folder, problem, fix="name a folder that save_to_preset wrote")
    try:
        return hub.models.ObjectDetector.from_preset(str(folder))
    except LOAD_ERRORS as error:
        version_note = _version_note(hub, folder)
        raise InputError(
            folder,
            f"cannot be loaded as an object detector{version_note} ({first_line(error)})",
            fix="copy the whole folder again, or save it with the versions installed here",
        ) from error


def _version_note(hub: Any, folder: Path) -> str:
    """Return which KerasHub wrote a preset, empty if it is the installed version or unknown."""
    try:
        metadata = json.loads((folder / "metadata.json").read_text(encoding="utf-8"))
        version = metadata["keras_hub_version"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return ""
    if version == hub.__version__:
        return ""
    return f"; it was written by KerasHub {version}, this is {hub.__version__}"
