"""Run Keras models as detectors: from a file, from a KerasHub preset, or from memory.

Keras itself is imported when `in_memory_detector` is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from detbench.adapters.keras.in_memory import in_memory_detector

__all__ = ["in_memory_detector"]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'detbench.adapters.keras' has no attribute {name!r}")
    value = getattr(import_module("detbench.adapters.keras.in_memory"), name)
    globals()[name] = value
    return value
