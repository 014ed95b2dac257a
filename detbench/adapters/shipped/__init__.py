"""Shipped models: three small detectors trained on the shapes dataset, for the demo and for trying things out.

`docs/training.md` has the commands that made them and what they score.
"""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).parent
YOLO = _HERE / "yolo.keras"
"""Our own YOLO."""
YOLO_ONNX = _HERE / "yolo.onnx"
"""The same, exported."""
RETINANET = _HERE / "retinanet"
"""A KerasHub RetinaNet as a preset folder."""
SPECS = {
    name: f"{adapter}:{str(path).replace(',', chr(92) + ',')}"
    for name, adapter, path in (
        ("yolo", "yolo", YOLO),
        ("yolo-onnx", "onnx", YOLO_ONNX),
        ("retinanet", "kerashub", RETINANET),
    )
}
"""How each is loaded, by the name people see."""
