"""Keras models: run as detectors, and measured while they train; each name is imported when it is first used, and Keras with it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from detbench.adapters.keras.detection_metrics import DetectionMetrics
    from detbench.adapters.keras.gallery import PredictionGallery
    from detbench.adapters.keras.live import live_detector

_HOMES = {
    "DetectionMetrics": "detbench.adapters.keras.detection_metrics",
    "PredictionGallery": "detbench.adapters.keras.gallery",
    "live_detector": "detbench.adapters.keras.live",
}

__all__ = ["DetectionMetrics", "PredictionGallery", "live_detector"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'detbench.adapters.keras' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
