"""Options of an ONNX model as a spec spells them, and invalid options."""

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from detbench.adapters.onnx.adapter import load
from detbench.errors import DetbenchError
from tests.adapters.onnx.models import save_model

ABC = {"names": "a|b|c"}


def end2end():
    return {"rows": np.zeros((3, 6), np.float32)}


def test_names_of_a_file(tmp_path):
    (tmp_path / "names.txt").write_text("a\nb\n\nc\n")
    path = save_model(tmp_path / "m.onnx", end2end())
    assert load(path, {"names": str(tmp_path / "names.txt")}).class_names == ("a", "b", "c")
    assert load(path, {"names": "person|"}).class_names == ("person",)
    with pytest.raises(DetbenchError, match=r"names=nowhere\.txt: not a readable file of names"):
        load(path, {"names": "nowhere.txt"})


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"scroe": "1"}, "unknown option 'scroe'.*; the options are decoder, names, size"),
        ({"decoder": "yolo"}, "unknown decoder 'yolo'; the decoders are yolov2"),
        ({"decoder": "end2end", "anchors": "1|2"}, "decoder end2end has no option 'anchors'"),
        (
            {"decoder": "yolov8"},
            r"decoder yolov8 cannot read outputs rows\[1,3,6\] of an input 160×96; it reads",
        ),
        ({"anchors": "1|2"}, r"no decoder matches outputs rows\[1,3,6\] of an input 160×96"),
        ({"size": "big"}, "option size=big: must be WIDTHxHEIGHT"),
        ({"score": "low"}, "option score=low: must be a number"),
        ({"nms": "2"}, r"IoU of NMS \(nms_iou\) must be from 0 to 1"),
        ({"class_agnostic": "maybe"}, "option class_agnostic=maybe: must be yes or no"),
        ({"scale": "1/0"}, "option scale=1/0: must be a number such as"),
        ({"mean": "1|2"}, "mean must be 3 finite numbers"),
        ({"fit": "squeeze"}, "fit must be one of stretch"),
        ({"names": ""}, "names=: holds no name"),
        ({"names": "|"}, r"names=\|: holds no name"),
        ({"names": "a|a|b"}, "names=.*'a' occurs more than once"),
        ({"threads": "-1"}, "option threads=-1: must be a whole number, 0 or more"),
        ({"score": "-1"}, "score must be from 0 to 1, not -1"),
        (
            {"decoder": "fastestdet", "objectness_power": "nan"},
            "option objectness_power=nan: must be from 0 to 1",
        ),
        (
            {"decoder": "fastestdet", "objectness_power": "5"},
            "option objectness_power=5.0: must be from 0 to 1",
        ),
        ({"decoder": "yolox", "strides": "0"}, "option strides=0: must be whole numbers from 1"),
        ({"decoder": "yolox", "strides": "8.5"}, "option strides=8.5: must be whole numbers"),
        ({"decoder": "yolov2", "anchors": "1|2|3"}, "option anchors=1.0.*: must be pairs"),
        (
            {"decoder": "ssd", "variances": "1"},
            "option variances=1.0: must be two positive numbers",
        ),
        ({"size": "0"}, "option size=0: must be WIDTHxHEIGHT in pixels, each from 1 to 16384"),
        (
            {"size": "20000"},
            "option size=20000: must be WIDTHxHEIGHT in pixels, each from 1 to 16384",
        ),
        ({"threads": "two"}, "option threads=two: must be a whole number"),
    ],
)
def test_invalid_options_are_named(tmp_path, options, problem):
    path = save_model(tmp_path / "m.onnx", end2end())
    with pytest.raises(DetbenchError, match=problem):
        load(path, {**ABC, **options})
