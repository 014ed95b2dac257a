"""Shipped models: three small detectors trained on the shapes dataset, for the demo and for trials.

`docs/training.md` has the commands that trained them and their scores.
"""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).parent
YOLO = _FOLDER / "yolo.keras"
"""Detbench's own YOLO."""
YOLO_ONNX = _FOLDER / "yolo.onnx"
"""The same model exported to ONNX."""
RETINANET = _FOLDER / "retinanet"
"""A KerasHub RetinaNet as a preset folder."""


def _spec(adapter: str, path: Path) -> str:
    """Return a spec, with the commas of the path escaped."""
    return f"{adapter}:" + str(path).replace(",", "\\,")


SPECS = {
    "yolo": _spec("yolo", YOLO),
    "yolo-onnx": _spec("onnx", YOLO_ONNX),
    "retinanet": _spec("kerashub", RETINANET),
}
"""The spec of each model by the name shown to users."""
