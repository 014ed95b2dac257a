"""The adapter `yolo`: run detbench's own YOLO, from a file or from memory, as a detector."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from detbench.adapters.assembly import LoadedModel, ModelSource, assemble
from detbench.adapters.decoders.yolo.yolov2 import YoloV2
from detbench.adapters.keras.backend import backend_name, import_keras
from detbench.adapters.keras.digests import file_record
from detbench.adapters.keras.runtime import KerasRuntime, model_input
from detbench.adapters.metadata import ModelMetadata
from detbench.adapters.options import ModelOptions, read_options
from detbench.adapters.raw_detector import RawDetector
from detbench.adapters.yolo.model_file import read_yolo

if TYPE_CHECKING:
    from detbench.adapters.yolo.model import Yolo


def load(path: Path, options: Mapping[str, str]) -> RawDetector:
    """Load a model that `detbench train yolo` wrote.

    Args:
        path: the `.keras` file.
        options: as a model spec gives them, with `backend` `tensorflow` or `jax`. The model itself
            supplies what they leave open.

    Raises:
        DetbenchError: naming the file if it is missing, truncated or no YOLO of detbench, and if
            an option does not suit such a model.
    """
    path = Path(path)
    import_keras(_parse(options).adapter_options.get("backend"))
    return _detector(read_yolo(path), options, path, path.stem, file_record(path))


def from_model(model: Yolo, options: Mapping[str, str]) -> RawDetector:
    """Return a model in memory as a detector that always runs its current weights.

    The record has no digest, so predictions of such a detector are never cached. Raises
    DetbenchError for wrong options.
    """
    return _detector(model, options, model.name, model.name, {"model": model.name})


def yolo_metadata(model: Yolo) -> ModelMetadata:
    """Return a model's classes, preprocessing and decoder; an export carries the same."""
    anchors = [side for anchor in model.anchors for side in anchor]
    return ModelMetadata(
        class_names=model.class_names,
        decoder=YoloV2.name,
        decoder_options={"anchors": anchors, "stride": model.stride},
        size=model.input_size,
        preprocessing=model.preprocessing,
    )


def _detector(
    model: Yolo, options: Mapping[str, str], path: str | Path, name: str, record: Mapping[str, Any]
) -> RawDetector:
    def load_runtime(size: tuple[int, int]) -> LoadedModel:
        runtime = KerasRuntime(model, size)
        own_record = {"adapter": "yolo", **record, "stored": model.stored_dtype}
        return LoadedModel(runtime, runtime.shapes, {**own_record, **runtime.settings})

    metadata = yolo_metadata(model)
    source = ModelSource(path, name, model_input(model), metadata, "the model", load_runtime)
    return assemble(source, _parse(options), options)


def _parse(options: Mapping[str, str]) -> ModelOptions:
    return read_options(options, "a YOLO of detbench", {"backend": backend_name})
