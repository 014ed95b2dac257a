"""Presets of KerasHub: loaded from a name or a folder, with class names in a file of ours beside the preset's own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from detbench.adapters.keras.backend import import_keras_hub
from detbench.data.files import atomic_path
from detbench.errors import DetbenchError, InputError

CLASS_NAMES = "detbench.json"
"""Beside a preset's config.json: `{"schema_version": 1, "class_names": […]}`."""
_VERSION = 1
_BROKEN = (ValueError, KeyError, TypeError, AttributeError, RuntimeError, ImportError)
"""What KerasHub raises for configs and weights it cannot make a model of."""
_SHOWN = 300


def load_preset(target: str) -> Any:
    """Return the ObjectDetector of a preset name, handle or folder.

    Raises:
        InputError: for a folder that is missing, no preset, or cannot be made a model of.
        DetbenchError: for an unknown name, one that cannot be reached (saying what to do offline), and one of no object detector.
    """
    hub = import_keras_hub()
    folder = Path(target)
    if folder.is_dir() or (_is_path(target) and not folder.is_dir()):
        return _from_folder(hub, folder)
    known = sorted(hub.models.ObjectDetector.presets)
    if "://" not in target and target not in known:
        other = f"known are {', '.join(known)}, handles such as hf://…, and folders"
        raise DetbenchError(
            f"{target}: no such preset of an object detector, and no such folder; {other}"
        )
    try:
        return hub.models.ObjectDetector.from_preset(target)
    except OSError as error:
        raise DetbenchError(
            f"preset {target} cannot be reached ({_short(error)}); {_offline(target)}"
        ) from error
    except _BROKEN as error:
        said = f"preset {target} cannot be reached, or is no object detector ({_short(error)})"
        raise DetbenchError(f"{said}; {_offline(target)}") from error


def write_class_names(folder: Path, names: Sequence[str]) -> None:
    """Write the class names of a preset into its folder, in the order of the model's classes."""
    document = {"schema_version": _VERSION, "class_names": list(names)}
    with atomic_path(folder / CLASS_NAMES) as temporary:
        temporary.write_text(
            json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
        )


def read_class_names(folder: Path) -> tuple[str, ...] | None:
    """Return what `write_class_names` wrote, None where there is no such file; raises InputError for one that cannot be read."""
    path = folder / CLASS_NAMES
    if not path.exists():
        return None
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        version, names = document["schema_version"], document["class_names"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            path,
            f"cannot be read ({_short(error)})",
            fix="write it again, or remove it and give names=",
        ) from None
    if version != _VERSION:
        raise InputError(
            path,
            f"has version {version}, and this detbench reads {_VERSION}",
            fix="upgrade detbench",
        )
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InputError(
            path,
            "class_names must be a list of texts",
            fix="write it again, or remove it and give names=",
        )
    return tuple(names)


def _offline(target: str) -> str:
    """Say what to do with a preset where there is no network."""
    saving = f"keras_hub.models.ObjectDetector.from_preset({target!r}).save_to_preset('FOLDER')"
    return f"without a network, run {saving} on a connected machine, copy the folder, and name it: kerashub:FOLDER"


def _is_path(target: str) -> bool:
    return "://" not in target and ("/" in target or "\\" in target)


def _from_folder(hub: Any, folder: Path) -> Any:
    if not folder.is_dir():
        raise InputError(folder, "no such preset folder", fix="check the path")
    if not (folder / "config.json").is_file():
        raise InputError(
            folder,
            "is no preset: it has no config.json",
            fix="name a folder that save_to_preset wrote",
        )
    try:
        model = hub.models.ObjectDetector.from_preset(str(folder))
    except (OSError, *_BROKEN) as error:
        problem = (
            f"cannot be loaded as an object detector{_written_by(hub, folder)} ({_short(error)})"
        )
        raise InputError(
            folder, problem, fix="copy it again whole, or save it with the versions installed here"
        ) from error
    return model


def _written_by(hub: Any, folder: Path) -> str:
    """Say which versions wrote a preset, where they are not these."""
    try:
        written = json.loads((folder / "metadata.json").read_text(encoding="utf-8"))[
            "keras_hub_version"
        ]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return (
        ""
        if written == hub.__version__
        else f"; KerasHub {written} wrote it, this is {hub.__version__}"
    )


def _short(error: Exception) -> str:
    """Return the first line of an error."""
    return (str(error).strip().split("\n", 1)[0] or type(error).__name__)[:_SHOWN]
