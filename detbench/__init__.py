"""detbench compares object detectors: exact VOC and COCO scores of detections against ground truth.

This file is the public face. Each name is imported when it is first used, so that
`import detbench` itself costs nothing. To add a name, add a row to each of the two tables.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

# Where each name lives, for Python.
_HOMES = {
    "DetbenchError": "detbench.errors",
    "DetbenchWarning": "detbench.errors",
    "Detections": "detbench.data.detections",
    "Evaluation": "detbench.metrics.scoring.evaluation",
    "GroundTruth": "detbench.data.ground_truth",
    "InputError": "detbench.errors",
    "NotComparableError": "detbench.errors",
    "Protocol": "detbench.metrics.protocols.protocol",
    "average_over_seeds": "detbench.metrics.uncertainty.seeds",
    "evaluate": "detbench.metrics.scoring.evaluate",
    "load_detections": "detbench.data.load",
    "load_detector": "detbench.adapters.catalogue",
    "load_ground_truth": "detbench.data.load",
    "permutation_test": "detbench.metrics.uncertainty.permutation",
    "save_detections": "detbench.data.load",
    "save_ground_truth": "detbench.data.load",
}

# The same for type checkers, which do not read `_HOMES`.
if TYPE_CHECKING:
    from detbench.adapters.catalogue import load_detector as load_detector
    from detbench.data.detections import Detections as Detections
    from detbench.data.ground_truth import GroundTruth as GroundTruth
    from detbench.data.load import load_detections as load_detections
    from detbench.data.load import load_ground_truth as load_ground_truth
    from detbench.data.load import save_detections as save_detections
    from detbench.data.load import save_ground_truth as save_ground_truth
    from detbench.errors import DetbenchError as DetbenchError
    from detbench.errors import DetbenchWarning as DetbenchWarning
    from detbench.errors import InputError as InputError
    from detbench.errors import NotComparableError as NotComparableError
    from detbench.metrics.protocols.protocol import Protocol as Protocol
    from detbench.metrics.scoring.evaluate import evaluate as evaluate
    from detbench.metrics.scoring.evaluation import Evaluation as Evaluation
    from detbench.metrics.uncertainty.permutation import permutation_test as permutation_test
    from detbench.metrics.uncertainty.seeds import average_over_seeds as average_over_seeds
else:
    __all__ = [*_HOMES]


def __getattr__(name: str) -> Any:
    """Import a public name, or look up the installed version, on first use."""
    if name == "__version__":
        value = _installed_version()
    elif name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
    else:
        raise AttributeError(f"module 'detbench' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, also those that are not imported yet."""
    return sorted([*_HOMES, "__version__"])


def _installed_version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("detbench")
    except PackageNotFoundError:
        return "0+not-installed"
