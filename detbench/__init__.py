"""detbench compares object detectors: exact VOC and COCO scores of detections against ground truth.

The public face; each name is imported when it is first used, so that `import detbench` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from detbench.adapters.catalogue import load_detector
    from detbench.data.detections import Detections
    from detbench.data.ground_truth import GroundTruth
    from detbench.data.load import (
        load_detections,
        load_ground_truth,
        save_detections,
        save_ground_truth,
    )
    from detbench.errors import DetbenchError, DetbenchWarning, InputError, NotComparableError
    from detbench.metrics.protocols.protocol import Protocol
    from detbench.metrics.scoring.evaluate import evaluate
    from detbench.metrics.scoring.evaluation import Evaluation

_HOMES = {
    "Detections": "detbench.data.detections",
    "GroundTruth": "detbench.data.ground_truth",
    "load_detections": "detbench.data.load",
    "load_detector": "detbench.adapters.catalogue",
    "load_ground_truth": "detbench.data.load",
    "save_detections": "detbench.data.load",
    "save_ground_truth": "detbench.data.load",
    "DetbenchError": "detbench.errors",
    "DetbenchWarning": "detbench.errors",
    "InputError": "detbench.errors",
    "NotComparableError": "detbench.errors",
    "evaluate": "detbench.metrics.scoring.evaluate",
    "Evaluation": "detbench.metrics.scoring.evaluation",
    "Protocol": "detbench.metrics.protocols.protocol",
}

__all__ = [
    "DetbenchError",
    "DetbenchWarning",
    "Detections",
    "Evaluation",
    "GroundTruth",
    "InputError",
    "NotComparableError",
    "Protocol",
    "evaluate",
    "load_detections",
    "load_detector",
    "load_ground_truth",
    "save_detections",
    "save_ground_truth",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import PackageNotFoundError, version

        try:
            return version("detbench")
        except PackageNotFoundError:
            return "0+not-installed"
    if name not in _HOMES:
        raise AttributeError(f"module 'detbench' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
