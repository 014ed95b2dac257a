"""KerasHub detectors: raw heads from the fast call, read by detbench's own decoders.

KerasHub's own `predict` returns boxes in pixels of the resized input, drops scores below 0.5, and
lets boxes of different classes suppress each other. Here boxes are mapped back to the original
image, the score floor is low, and the record says what suppresses what: RetinaNet per class and
D-FINE not at all, as their authors evaluate them. `class_agnostic=yes` suppresses across classes
as KerasHub does; for D-FINE it turns suppression on, with the IoU threshold `nms=`.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from detbench.adapters.assembly import LoadedModel, ModelSource, assemble
from detbench.adapters.classes import COCO_80, COCO_91
from detbench.adapters.decoders.table import DECODERS
from detbench.adapters.keras.backend import backend_name, import_keras_hub
from detbench.adapters.keras.digests import file_record, weights_digest
from detbench.adapters.keras.image_converter import converted_size, read_converter
from detbench.adapters.keras.named_model import NamedModel
from detbench.adapters.keras.preset import load_preset, read_class_names
from detbench.adapters.keras.runtime import KerasRuntime, model_input
from detbench.adapters.metadata import ModelMetadata
from detbench.adapters.options import ModelOptions, read_options
from detbench.adapters.raw_detector import RawDetector
from detbench.errors import DetbenchError, DetbenchWarning

_COCO_NAMES = {len(COCO_91): COCO_91, len(COCO_80): COCO_80}
_RETINANET_HEADS = ("bbox_regression", "cls_logits")
_D_FINE_HEADS = ("logits", "pred_boxes")


def load(target: str, options: Mapping[str, str]) -> RawDetector:
    """Load a detector from KerasHub.

    Args:
        target: a preset name such as `retinanet_resnet50_fpn_v2_coco`, a handle such as `hf://…`,
            or a preset folder.
        options: as a model spec gives them. `backend` is `tensorflow` or `jax`.

    Raises:
        DetbenchError: if the preset is unknown, unreachable, broken or no object detector; and as
            `assemble` does.
    """
    parsed_options = read_options(options, "a KerasHub model", {"backend": backend_name})
    import_keras_hub(parsed_options.adapter_options.get("backend"))
    model, folder = load_preset(target), Path(target)
    if folder.is_dir():
        class_names, record = read_class_names(folder), file_record(folder)
    else:
        class_names, record = None, {"model": folder.name, "digest": weights_digest(model)}
    record = {"adapter": "kerashub"} | record
    named = NamedModel(model, target, folder.name, class_names, record)
    return hub_detector(named, parsed_options, options)


def hub_detector(
    named: NamedModel, parsed_options: ModelOptions, options: Mapping[str, str]
) -> RawDetector:
    """Return a KerasHub ObjectDetector as a detector.

    Args:
        named: the model in memory.
        parsed_options: the options as values.
        options: the same options as texts, for the record.

    Raises:
        DetbenchError: as `assemble` does, and if the model's heads are unknown.
    """
    model = named.model
    heads, metadata = describe(model, parsed_options, named.class_names)
    if named.class_names is not None:
        names_from = "the preset or the caller"
    else:
        names_from = f"taken as COCO's {model.num_classes}"
        is_coco = "coco" in Path(named.path).name.lower()
        if metadata.class_names and parsed_options.names is None and not is_coco:
            warnings.warn(
                f"{named.path}: has no class names; its {model.num_classes} classes are "
                f"{names_from}",
                DetbenchWarning,
                stacklevel=4,
            )

    def load_runtime(size: tuple[int, int]) -> LoadedModel:
        runtime = KerasRuntime(model, size, heads)
        versions = {"keras_hub": _keras_hub_version(), "kind": type(model).__name__}
        return LoadedModel(
            runtime, runtime.shapes, {**named.record, **runtime.settings, **versions}
        )

    source = ModelSource(
        named.path, named.name, model_input(model), metadata, names_from, load_runtime
    )
    return assemble(source, parsed_options, options)


def describe(
    model: Any, parsed_options: ModelOptions, class_names: tuple[str, ...] | None
) -> tuple[tuple[str, ...], ModelMetadata]:
    """Return the names of a KerasHub detector's raw heads, and its metadata.

    Raises DetbenchError if the heads are not those of RetinaNet or D-FINE, or are not logits.
    """
    kind, outputs = type(model).__name__, {str(name) for name in model.output}
    if outputs >= set(_RETINANET_HEADS):
        heads, decoder, decoder_options = _RETINANET_HEADS, "retinanet", _anchor_options(model)
    elif outputs >= set(_D_FINE_HEADS):
        heads, decoder, decoder_options = _D_FINE_HEADS, "rtdetr", {}
    else:
        raise DetbenchError(
            f"{kind} has outputs {', '.join(sorted(outputs))}; "
            "only the heads of RetinaNet and D-FINE are supported"
        )
    if not model.prediction_decoder.from_logits:
        raise DetbenchError(
            f"{kind} {model.name} returns scores, but detbench expects logits "
            "(its decoder has from_logits=False)"
        )
    authors_fit = DECODERS[decoder]().preprocessing((1, 1)).fit
    return heads, ModelMetadata(
        class_names=class_names or _COCO_NAMES.get(model.num_classes),
        decoder=decoder,
        decoder_options=decoder_options,
        size=converted_size(model.preprocessor),
        preprocessing=read_converter(model.preprocessor, authors_fit),
        postprocessing=_postprocessing(model, decoder, parsed_options),
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


def _postprocessing(model: Any, decoder: str, parsed_options: ModelOptions) -> dict[str, Any]:
    """Return the decoder's postprocessing.

    A decoder without suppression gets the model's own IoU threshold if the user sets
    `class_agnostic`.
    """
    settings = DECODERS[decoder].postprocessing.as_dict()
    if settings["nms_iou"] is None and "class_agnostic" in parsed_options.postprocessing:
        settings["nms_iou"] = float(model.prediction_decoder.iou_threshold)
    return settings


def _keras_hub_version() -> str:
    import keras_hub

    return str(keras_hub.__version__)
