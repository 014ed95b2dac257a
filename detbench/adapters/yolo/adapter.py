"""The adapter `yolo`: a model of ours, from its file or as it stands in memory, as a Detector."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from detbench.adapters.counting import counted, there
from detbench.adapters.decoders.yolov2 import YoloV2
from detbench.adapters.keras.runtime import KerasRuntime
from detbench.adapters.options import Options, read_options
from detbench.adapters.preprocessing import Preprocessing
from detbench.adapters.raw_detector import RawDetector
from detbench.adapters.yolo.model_file import read_yolo
from detbench.errors import DetbenchError

if TYPE_CHECKING:
    from detbench.adapters.yolo.model import Yolo


def load(path: Path, options: Mapping[str, str]) -> RawDetector:
    """Load a model that `detbench train yolo` wrote.

    Args:
        path: the `.keras` file.
        options: as a spec has them: those of preprocessing and postprocessing, and `names`.

    Raises:
        DetbenchError: naming the file where it is missing, cut off or no YOLO of ours, and for options that such a model cannot have.
    """
    path = Path(path)
    _asked(options)
    detector = detector_of(read_yolo(path), options)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return replace(detector, name=path.stem, settings={**detector.settings, "model": path.name, "digest": f"sha256:{digest}"})


def detector_of(model: Yolo, options: Mapping[str, str]) -> RawDetector:
    """Return a model as a detector that runs it with the weights it has at each call; raises DetbenchError for wrong options."""
    asked = _asked(options)
    decoder = YoloV2(anchors=tuple(side for anchor in model.anchors for side in anchor), stride=model.stride)
    names = asked.class_names() or model.class_names
    if len(names) != len(model.class_names):
        raise DetbenchError(f"the model has {counted(len(model.class_names), 'class')}, and there {there(len(names))}")
    if asked.size not in (None, model.input_size):
        raise DetbenchError("the model takes pictures of {}×{} pixels only; leave size= out".format(*model.input_size))
    preparation, finish = replace(preparation_of(model), **asked.preprocessing), asked.finished(decoder.postprocessing)
    runtime = KerasRuntime(model, model.input_size)
    settings = {
        "adapter": "yolo",
        **runtime.settings,
        "decoder": {"name": decoder.name, **_listed(asdict(decoder))},
        "class_names_from": "the option names" if asked.names else "the model",
        "stored": model.stored,
        "preprocessing": preparation.as_dict(),
        "postprocessing": finish.as_dict(),
        "options": dict(options),
    }
    return RawDetector(model.name, names, settings, runtime, decoder, preparation, finish, None)


def preparation_of(model: Yolo) -> Preprocessing:
    """Return how pictures become the model's input: as it was trained, else as decoder `yolov2` says."""
    if model.preprocessing is not None:
        return Preprocessing.from_dict(model.preprocessing)
    return replace(YoloV2().preprocessing(model.input_size), layout="nhwc")


def _asked(options: Mapping[str, str]) -> Options:
    asked = read_options(options, "a YOLO of ours", {})
    if fixed := [*(["decoder"] if asked.decoder else []), *asked.of_decoder]:
        raise DetbenchError(f"option {fixed[0]!r}: a YOLO of ours says itself how it is read; leave it out")
    return asked


def _listed(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
