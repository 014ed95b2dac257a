"""The adapter `keras`: run a Keras model as a detector.

A file may hold detbench's own YOLO, a KerasHub detector, or any model with outputs that a decoder
reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from detbench.adapters.assembly import LoadedModel, ModelSource, assemble
from detbench.adapters.decoders.with_nms.kerascv import KerasCv
from detbench.adapters.keras.backend import backend_name, import_keras
from detbench.adapters.keras.digests import file_record
from detbench.adapters.keras.hub import hub_detector
from detbench.adapters.keras.model_file import load_model, read_keras_file
from detbench.adapters.keras.named_model import NamedModel, is_hub_detector
from detbench.adapters.keras.own_models import own_adapter
from detbench.adapters.keras.runtime import KerasRuntime, model_input
from detbench.adapters.metadata import ModelMetadata
from detbench.adapters.options import ModelOptions, read_options
from detbench.adapters.raw_detector import RawDetector
from detbench.errors import DetbenchError


def load(path: Path, options: Mapping[str, str]) -> RawDetector:
    """Load a model from a .keras or HDF5 file.

    Args:
        path: the model file.
        options: as a model spec gives them. `backend` is `tensorflow` or `jax`; `format` is the
            box format of outputs in KerasCV's convention.

    Raises:
        DetbenchError: naming the file if it is missing, truncated, written by an incompatible
            Keras version, or contains unknown layers; and as `assemble` does.
    """
    file = read_keras_file(path)
    if adapter := own_adapter(file.registered_name):
        own_detector: RawDetector = adapter.load(path, options)
        return own_detector
    parsed_options = read_options(options, "a Keras model", {"backend": backend_name})
    import_keras(parsed_options.adapter_options.get("backend"))
    record = {"adapter": "keras"} | file_record(path)
    named = NamedModel(load_model(file), path, path.stem, None, record)
    return keras_detector(named, parsed_options, options)


def keras_detector(
    named: NamedModel, parsed_options: ModelOptions, options: Mapping[str, str]
) -> RawDetector:
    """Return any Keras model as a detector.

    Args:
        named: the model in memory.
        parsed_options: the options as values.
        options: the same options as texts, for the record.

    Raises:
        DetbenchError: as `assemble` does, and if outputs in KerasCV's convention come without a
            box format.
    """
    if is_hub_detector(named.model):
        return hub_detector(named, parsed_options, options)

    def load_runtime(size: tuple[int, int]) -> LoadedModel:
        runtime = KerasRuntime(named.model, size)
        return LoadedModel(runtime, runtime.shapes, {**named.record, **runtime.settings})

    metadata = ModelMetadata(named.class_names)
    declared_input = model_input(named.model)
    source = ModelSource(
        named.path, named.name, declared_input, metadata, "the caller", load_runtime
    )
    detector = assemble(source, parsed_options, options)
    if isinstance(detector.decoder, KerasCv) and not detector.decoder.format:
        raise DetbenchError(
            f"{named.path}: the format of its boxes is unknown; "
            "set it with format=xyxy, yxyx, xywh, rel_xyxy, …"
        )
    return detector
