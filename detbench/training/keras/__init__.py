"""Callbacks that score a Keras model while it trains.

Each name is imported when it is first used, and Keras with it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from detbench.training.keras.detection_metrics import DetectionMetrics
    from detbench.training.keras.gallery import PredictionGallery

_MODULES = {
    "DetectionMetrics": "detbench.training.keras.detection_metrics",
    "PredictionGallery": "detbench.training.keras.gallery",
}

__all__ = ["DetectionMetrics", "PredictionGallery"]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'detbench.training.keras' has no attribute {name!r}")
    value = getattr(import_module(_MODULES[name]), name)
    globals()[name] = value
    return value
