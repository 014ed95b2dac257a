"""Which decoder reads a model's outputs: the one asked for, the one its metadata names, or the only one that knows such shapes."""

from __future__ import annotations

from collections.abc import Mapping

from detbench.adapters.counting import there
from detbench.adapters.decoders.decoder import UNKNOWN, Decoder, OutputShapes
from detbench.adapters.decoders.dense.fastestdet import FastestDet
from detbench.adapters.decoders.dense.nanodet import NanoDet
from detbench.adapters.decoders.dense.retinanet import RetinaNet
from detbench.adapters.decoders.dense.ssd import Ssd
from detbench.adapters.decoders.transformer.detr import Detr, RtDetr
from detbench.adapters.decoders.transformer.selected import Selected
from detbench.adapters.decoders.with_nms.end2end import EndToEnd
from detbench.adapters.decoders.with_nms.kerascv import KerasCv
from detbench.adapters.decoders.with_nms.torchvision import Torchvision
from detbench.adapters.decoders.yolo.yolov1 import CellBox, YoloV1
from detbench.adapters.decoders.yolo.yolov2 import TinyYoloV2, YoloV2
from detbench.adapters.decoders.yolo.yolov5 import YoloV5
from detbench.adapters.decoders.yolo.yolov8 import YoloV8
from detbench.adapters.decoders.yolo.yolox import YoloX
from detbench.errors import DetbenchError
from detbench.wording import plural

_KINDS: tuple[type[Decoder], ...] = (
    *(YoloV2, TinyYoloV2, YoloV5, YoloV8, EndToEnd, YoloX, FastestDet, NanoDet),
    *(Ssd, RetinaNet, Torchvision, Detr, RtDetr, Selected, KerasCv, CellBox, YoloV1),
)
DECODERS: Mapping[str, type[Decoder]] = {kind.name: kind for kind in _KINDS}

UNNAMED_CLASSES = 80
"""A model without names can only be COCO's, so that the layout which gives it as many classes is the right one."""


def choose_decoder(
    decoders: Mapping[str, Decoder], shapes: OutputShapes, class_count: int | None
) -> tuple[Decoder, int]:
    """Return the only one of `decoders` that recognises the shapes, and its number of classes (UNKNOWN where shapes do not tell).

    Args:
        decoders: those to choose from, by name.
        shapes: of the model's outputs.
        class_count: how many class names are known, None if there are no names.

    Raises:
        DetbenchError: where none or several do, or where the number of classes is not that of the names.
    """
    found = {name: one.match_layout(shapes) for name, one in decoders.items()}
    fits = {name: fit.class_count for name, fit in found.items() if fit is not None and fit.sure}
    if not fits:
        known = "\n".join(f"  {one.name}: {one.layout}" for one in decoders.values())
        raise DetbenchError(
            f"no decoder knows outputs {shapes} of an input {_size(shapes)}; choose with decoder= among\n{known}"
        )
    expected = UNNAMED_CLASSES if class_count is None else class_count
    agreeing = {name: count for name, count in fits.items() if count in (UNKNOWN, expected)}
    if not agreeing and class_count is not None:
        raise DetbenchError(
            f"outputs {shapes} hold {_listed(fits)}, and there {there(class_count)}"
        )
    left = agreeing or fits
    if len(left) > 1:
        how = "decoder= or tell their number with names=" if class_count is None else "decoder="
        raise DetbenchError(
            f"outputs {shapes} of an input {_size(shapes)} may be {_listed(left)}; say which with {how}"
        )
    name, count = left.popitem()
    return decoders[name], count


def check_decoder(decoder: Decoder, shapes: OutputShapes, class_count: int | None) -> int:
    """Return the number of classes a decoder that was asked for finds in the shapes; raises DetbenchError where they do not fit."""
    fit = decoder.match_layout(shapes)
    if fit is None:
        raise DetbenchError(
            f"decoder {decoder.name} reads {decoder.layout}; outputs {shapes} of an input {_size(shapes)} are not that"
        )
    if class_count is not None and fit.class_count not in (UNKNOWN, class_count):
        held = f"outputs {shapes} hold {plural(fit.class_count, 'class')} as decoder {decoder.name} reads them"
        raise DetbenchError(f"{held}, and there {there(class_count)}")
    return fit.class_count


def _size(shapes: OutputShapes) -> str:
    return "{}×{}".format(*shapes.input_size)


def _listed(fits: Mapping[str, int]) -> str:
    held = {
        name: plural(count, "class") if count else "any number of classes"
        for name, count in fits.items()
    }
    return " or ".join(f"{name} ({count})" for name, count in held.items())
