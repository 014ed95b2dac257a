"""KerasHub detectors: the raw heads run by the fast call and read by our own decoders, boxes mapped back to the original picture.

KerasHub's `predict` gives boxes in pixels of the resized input, cuts at confidence .5, and suppresses across classes. Here the score
floor is low, and what suppresses what is on record: RetinaNet per class, as its authors evaluate it, D-FINE not at all, as its authors
do. `class_agnostic=yes` suppresses as KerasHub does (for D-FINE that turns suppression on, `nms=` says how far).
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from detbench.adapters.assembly import Loaded, Source, assemble
from detbench.adapters.classes import COCO_80, COCO_91
from detbench.adapters.decoders.choose import DECODERS
from detbench.adapters.keras.backend import backend_name, import_keras_hub
from detbench.adapters.keras.digests import file_record, weights_digest
from detbench.adapters.keras.image_converter import converted_size, read_converter
from detbench.adapters.keras.preset import load_preset, read_class_names
from detbench.adapters.keras.runtime import KerasRuntime, model_input
from detbench.adapters.metadata import Metadata
from detbench.adapters.options import Options, read_options
from detbench.adapters.raw_detector import RawDetector
from detbench.errors import DetbenchError, DetbenchWarning

_LISTS = {len(COCO_91): COCO_91, len(COCO_80): COCO_80}
_RETINANET, _D_FINE = ("bbox_regression", "cls_logits"), ("logits", "pred_boxes")


def load(target: str, options: Mapping[str, str]) -> RawDetector:
    """Load a detector from KerasHub.

    Args:
        target: a preset name such as `retinanet_resnet50_fpn_v2_coco`, a handle such as `hf://…`, or a preset folder.
        options: as a spec has them; `backend` is `tensorflow` or `jax`.

    Raises:
        DetbenchError: for a preset that is unknown, cannot be reached, is broken or is no object detector, and as `assemble` does.
    """
    asked = read_options(options, "a KerasHub model", {"backend": backend_name})
    import_keras_hub(asked.own.get("backend"))
    model, folder = load_preset(target), Path(target)
    local = folder.is_dir()
    known = read_class_names(folder) if local else None
    record = {"adapter": "kerashub"} | (
        file_record(folder) if local else {"model": folder.name, "digest": weights_digest(model)}
    )
    return hub_detector(
        model, asked, options, place=target, name=folder.name, class_names=known, record=record
    )


def hub_detector(
    model: Any,
    asked: Options,
    options: Mapping[str, str],
    *,
    place: str | Path,
    name: str,
    class_names: tuple[str, ...] | None,
    record: Mapping[str, Any],
) -> RawDetector:
    """Return a KerasHub ObjectDetector as a detector.

    Args:
        model: in memory; its weights are read at every call.
        asked: the options, read.
        options: the same, for the record.
        place: what errors name.
        name: what people call it.
        class_names: of the model, None if it does not say.
        record: adapter, model and digest, for the record.

    Raises:
        DetbenchError: as `assemble` does, and for an ObjectDetector whose heads we do not know.
    """
    heads, metadata = described(model, asked, class_names)
    origin = (
        f"taken as COCO's {model.num_classes}"
        if class_names is None
        else "the preset or the caller"
    )
    if (
        class_names is None
        and asked.names is None
        and metadata.class_names
        and "coco" not in Path(place).name.lower()
    ):
        warnings.warn(
            f"{place}: has no class names; its {model.num_classes} classes are {origin}",
            DetbenchWarning,
            stacklevel=4,
        )

    def loaded(size: tuple[int, int]) -> Loaded:
        runtime = KerasRuntime(model, size, heads)
        return Loaded(
            runtime,
            runtime.shapes,
            {**record, **runtime.settings, "keras_hub": _version(), "kind": type(model).__name__},
        )

    return assemble(
        Source(place, name, model_input(model), metadata, origin, loaded), asked, options
    )


def described(
    model: Any, asked: Options, class_names: tuple[str, ...] | None
) -> tuple[tuple[str, ...], Metadata]:
    """Return the names of a KerasHub detector's raw heads and what it says about itself."""
    outputs = {str(name) for name in model.output}
    if outputs >= set(_RETINANET):
        heads, decoder, layout = _RETINANET, "retinanet", _anchor_options(model)
    elif outputs >= set(_D_FINE):
        heads, decoder, layout = _D_FINE, "rtdetr", {}
    else:
        raise DetbenchError(
            f"{type(model).__name__} gives {', '.join(sorted(outputs))}, and only heads of RetinaNet and D-FINE are known"
        )
    if not model.prediction_decoder.from_logits:
        raise DetbenchError(
            f"{type(model).__name__} {model.name} gives scores where logits are expected (its decoder has from_logits=False)"
        )
    return heads, Metadata(
        class_names=class_names or _LISTS.get(model.num_classes),
        decoder=decoder,
        decoder_options=layout,
        size=converted_size(model.preprocessor),
        preprocessing=read_converter(
            model.preprocessor, DECODERS[decoder]().preprocessing((1, 1)).fit
        ),
        postprocessing=_suppression(model, decoder, asked),
    )


def _anchor_options(model: Any) -> dict[str, Any]:
    generator = model.anchor_generator
    return {
        "min_level": int(generator.min_level),
        "max_level": int(generator.max_level),
        "num_scales": int(generator.num_scales),
        "aspect_ratios": [float(ratio) for ratio in generator.aspect_ratios],
        "anchor_size": float(generator.anchor_size),
    }


def _suppression(model: Any, decoder: str, asked: Options) -> dict[str, Any]:
    """Return the decoder's postprocessing; where it suppresses nothing and the user says across what, with the model's own IoU."""
    finish = DECODERS[decoder].postprocessing.as_dict()
    if finish["nms_iou"] is None and "class_agnostic" in asked.postprocessing:
        finish["nms_iou"] = float(model.prediction_decoder.iou_threshold)
    return finish


def _version() -> str:
    import keras_hub

    return str(keras_hub.__version__)
