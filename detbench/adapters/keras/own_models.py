"""Models of detbench that are built on Keras; each has an adapter of its own."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Any

_ADAPTERS = {"detbench>Yolo": "detbench.adapters.yolo.adapter"}
"""The name of a model class in Keras' registry → the module with its `load` and `from_model`.

The modules build on this folder, so they are imported only if such a model turns up.
"""


def own_adapter(registered_name: str) -> ModuleType | None:
    """Return the adapter of a model class, None if it is no class of detbench."""
    module = _ADAPTERS.get(registered_name)
    return import_module(module) if module else None


def registered_name(model: Any) -> str:
    """Return the name of a model's class in Keras' registry."""
    from detbench.adapters.keras.backend import import_keras

    return str(import_keras().saving.get_registered_name(type(model)))
