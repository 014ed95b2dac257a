"""The table of decoders: every layout of raw outputs by the name that `decoder=` gives it."""

from __future__ import annotations

from collections.abc import Mapping

from detbench.adapters.decoders.decoder import Decoder
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

DECODERS: Mapping[str, type[Decoder]] = {
    "yolov2": YoloV2,
    "tinyyolov2": TinyYoloV2,
    "yolov5": YoloV5,
    "yolov8": YoloV8,
    "end2end": EndToEnd,
    "yolox": YoloX,
    "fastestdet": FastestDet,
    "nanodet": NanoDet,
    "ssd": Ssd,
    "retinanet": RetinaNet,
    "torchvision": Torchvision,
    "detr": Detr,
    "rtdetr": RtDetr,
    "selected": Selected,
    "kerascv": KerasCv,
    "cellbox": CellBox,
    "yolov1": YoloV1,
}
