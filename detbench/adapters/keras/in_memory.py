"""Models in memory as detectors: for callbacks during training, and for models that no file can hold."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from detbench.adapters.keras.adapter import is_hub_detector, plain_detector
from detbench.adapters.keras.backend import import_keras
from detbench.adapters.options import option_text, read_options
from detbench.adapters.raw_detector import RawDetector


def in_memory_detector(
    model: Any,
    *,
    class_names: Sequence[str] | None = None,
    box_format: str | None = None,
    **options: Any,
) -> RawDetector:
    """Return a Keras model in memory as a detector that always runs the model's present weights.

    Args:
        model: our own YOLO, a KerasHub ObjectDetector, or a model that gives raw outputs of a known layout or a dict of boxes, confidence
            and classes.
        class_names: in the order of the model's classes; None where the model says them, or has COCO's 80 or 91.
        box_format: of the boxes in such a dict: xyxy, yxyx, xywh, cxcywh, center_yxhw, or one of them with rel_ before it.
        options: as in a spec, for example `score=0.01`, `class_agnostic=True`.

    Raises:
        DetbenchError: as `detbench.adapters.assembly.assemble` does.

    There is no digest on record, so that no predictions of it are cached.
    """
    given = {"format": box_format, **options}
    texts = {name: option_text(value) for name, value in given.items() if value is not None}
    names = tuple(class_names) if class_names is not None else None
    yolo = sys.modules.get("detbench.adapters.yolo.model")
    if yolo is not None and isinstance(model, yolo.Yolo):
        from detbench.adapters.yolo.adapter import detector_of

        own: RawDetector = detector_of(model, texts)
        return own
    import_keras()
    asked = read_options(texts, "a Keras model", {})
    hub = is_hub_detector(model)
    record = {"adapter": "kerashub" if hub else "keras", "model": model.name}
    if hub:
        from detbench.adapters.keras.hub import hub_detector

        return hub_detector(
            model, asked, texts, place=model.name, name=model.name, class_names=names, record=record
        )
    return plain_detector(
        model, asked, texts, place=model.name, name=model.name, class_names=names, record=record
    )
