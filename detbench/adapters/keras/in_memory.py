"""Keras models in memory as detectors: for callbacks, and for models that no file can hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from detbench.adapters.keras.adapter import keras_detector
from detbench.adapters.keras.named_model import NamedModel, is_hub_detector
from detbench.adapters.keras.own_models import own_adapter, registered_name
from detbench.adapters.option_values import option_text
from detbench.adapters.options import read_options
from detbench.adapters.raw_detector import RawDetector


def in_memory_detector(
    model: Any,
    *,
    class_names: Sequence[str] | None = None,
    box_format: str | None = None,
    **options: Any,
) -> RawDetector:
    """Return a Keras model in memory as a detector that always runs the model's current weights.

    Args:
        model: detbench's own YOLO, a KerasHub ObjectDetector, a model with raw outputs of a known
            layout, or a model that returns a dict of boxes, confidence and classes.
        class_names: in the order of the model's classes. None if the model holds them, or has
            COCO's 80 or 91 classes.
        box_format: of the boxes in such a dict: xyxy, yxyx, xywh, cxcywh, center_yxhw, or one of
            these after `rel_`.
        options: as in a model spec, for example `score=0.01`, `class_agnostic=True`.

    Raises:
        DetbenchError: as `detbench.adapters.assembly.assemble` does.

    The record has no digest, so predictions of such a detector are never cached.
    """
    values = {"format": box_format, **options}
    texts = {name: option_text(value) for name, value in values.items() if value is not None}
    if adapter := own_adapter(registered_name(model)):
        own_detector: RawDetector = adapter.from_model(model, texts)
        return own_detector
    names = tuple(class_names) if class_names is not None else None
    record = {"adapter": "kerashub" if is_hub_detector(model) else "keras", "model": model.name}
    named = NamedModel(model, model.name, model.name, names, record)
    return keras_detector(named, read_options(texts, "a Keras model", {}), texts)
