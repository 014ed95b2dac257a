"""Keras model files: own YOLOs, KerasHub's detectors, and any model whose outputs one of the decoders reads."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from detbench.adapters.assembly import Loaded, Source, assemble
from detbench.adapters.decoders.with_nms.kerascv import KerasCv
from detbench.adapters.keras.backend import backend_name, import_keras
from detbench.adapters.keras.digests import file_record
from detbench.adapters.keras.model_file import load_model, read_keras_file
from detbench.adapters.keras.runtime import KerasRuntime, model_input
from detbench.adapters.metadata import Metadata
from detbench.adapters.options import Options, read_options
from detbench.adapters.raw_detector import RawDetector
from detbench.errors import DetbenchError


def load(path: Path, options: Mapping[str, str]) -> RawDetector:
    """Load a model from a .keras file (or HDF5).

    Args:
        path: the model.
        options: as a spec has them; `backend` is `tensorflow` or `jax`, `format` the box format of outputs in KerasCV's convention.

    Raises:
        DetbenchError: naming the file where it is missing, cut off, of another Keras version, or holds layers unknown here; and as
            `assemble` does.
    """
    file = read_keras_file(path)
    if file.own_yolo:
        from detbench.adapters.yolo.adapter import load as load_yolo

        own: RawDetector = load_yolo(path, options)
        return own
    asked = read_options(options, "a Keras model", {"backend": backend_name})
    import_keras(asked.own.get("backend"))
    model = load_model(file)
    record = {"adapter": "keras"} | file_record(path)
    if file.needs_hub and is_hub_detector(model):
        from detbench.adapters.keras.hub import hub_detector

        return hub_detector(
            model, asked, options, place=path, name=path.stem, class_names=None, record=record
        )
    return plain_detector(
        model, asked, options, place=path, name=path.stem, class_names=None, record=record
    )


def is_hub_detector(model: Any) -> bool:
    """Whether a model is an ObjectDetector of KerasHub, which is imported by whoever has one."""
    hub = sys.modules.get("keras_hub")
    return hub is not None and isinstance(model, hub.models.ObjectDetector)


def plain_detector(
    model: Any,
    asked: Options,
    options: Mapping[str, str],
    *,
    place: str | Path,
    name: str,
    class_names: tuple[str, ...] | None,
    record: Mapping[str, Any],
) -> RawDetector:
    """Return any Keras model as a detector; arguments as those of `hub_detector`.

    Raises:
        DetbenchError: as `assemble` does, and for outputs in KerasCV's convention without a box format.
    """

    def loaded(size: tuple[int, int]) -> Loaded:
        runtime = KerasRuntime(model, size)
        return Loaded(runtime, runtime.shapes, {**record, **runtime.settings})

    source = Source(place, name, model_input(model), Metadata(class_names), "the caller", loaded)
    detector = assemble(source, asked, options)
    if isinstance(detector.decoder, KerasCv) and not detector.decoder.format:
        raise DetbenchError(
            f"{place}: does not say in which format its boxes are; say it with format=xyxy, yxyx, xywh, rel_xyxy, …"
        )
    return detector
