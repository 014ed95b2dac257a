"""The adapter `yolo`: a model of ours, from its file or as it stands in memory, as a Detector."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from detbench.adapters.assembly import Loaded, Source, assemble
from detbench.adapters.decoders.yolo.yolov2 import YoloV2
from detbench.adapters.keras.backend import backend_name, import_keras
from detbench.adapters.keras.digests import file_record
from detbench.adapters.keras.runtime import KerasRuntime, model_input
from detbench.adapters.metadata import Metadata
from detbench.adapters.options import Options, read_options
from detbench.adapters.raw_detector import RawDetector
from detbench.adapters.yolo.model_file import read_yolo

if TYPE_CHECKING:
    from detbench.adapters.yolo.model import Yolo


def load(path: Path, options: Mapping[str, str]) -> RawDetector:
    """Load a model that `detbench train yolo` wrote.

    Args:
        path: the `.keras` file.
        options: as a spec has them, with `backend` `tensorflow` or `jax`; what they leave open the model says itself.

    Raises:
        DetbenchError: naming the file where it is missing, cut off or no YOLO of ours, and for options that such a model cannot have.
    """
    path = Path(path)
    import_keras(_asked(options).own.get("backend"))
    return _detector(read_yolo(path), options, path, path.stem, file_record(path))


def detector_of(model: Yolo, options: Mapping[str, str]) -> RawDetector:
    """Return a model as a detector that runs it with the weights it has at each call; raises DetbenchError for wrong options.

    There is no digest on record, so that no predictions of it are cached.
    """
    return _detector(model, options, model.name, model.name, {"model": model.name})


def metadata_of(model: Yolo) -> Metadata:
    """Return what a model says about its classes, its preparation and how it is read; an export carries the same."""
    anchors = [side for anchor in model.anchors for side in anchor]
    return Metadata(
        class_names=model.class_names,
        decoder=YoloV2.name,
        decoder_options={"anchors": anchors, "stride": model.stride},
        size=model.input_size,
        preprocessing=model.preprocessing,
    )


def _detector(
    model: Yolo, options: Mapping[str, str], place: str | Path, name: str, record: Mapping[str, Any]
) -> RawDetector:
    def loaded(size: tuple[int, int]) -> Loaded:
        runtime = KerasRuntime(model, size)
        return Loaded(
            runtime,
            runtime.shapes,
            {"adapter": "yolo", **record, "stored": model.stored, **runtime.settings},
        )

    source = Source(place, name, model_input(model), metadata_of(model), "the model", loaded)
    return assemble(source, _asked(options), options)


def _asked(options: Mapping[str, str]) -> Options:
    return read_options(options, "a YOLO of ours", {"backend": backend_name})
