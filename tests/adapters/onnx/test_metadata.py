"""Metadata of ONNX models: detbench's keys, Ultralytics' keys, and invalid values."""

import json

import numpy as np
import pytest

from detbench.adapters.metadata import ModelMetadata
from detbench.adapters.onnx.metadata import read_metadata
from detbench.adapters.postprocessing import Postprocessing
from detbench.adapters.preprocessing import Preprocessing
from detbench.errors import DetbenchError, InputError

FULL = ModelMetadata(
    class_names=("cat", "dög"),
    decoder="yolov2",
    decoder_options={"anchors": [1.0, 2.0]},
    size=(160, 96),
    preprocessing=Preprocessing((160, 96), "stretch", color="bgr").as_dict(),
    postprocessing=Postprocessing(score=0.25, nms_iou=0.5).as_dict(),
)


@pytest.mark.parametrize("metadata", [FULL, ModelMetadata(), ModelMetadata(class_names=("a",))])
def test_detbench_metadata_are_read_as_written(metadata):
    assert read_metadata("m.onnx", metadata.as_properties()) == metadata


def test_metadata_of_version_1_are_upgraded():
    properties = {
        "detbench.schema_version": "1",
        "detbench.decoder": '{"name": "nanodet", "options": {"centre": 0.5, "reg_max": 7}}',
        "detbench.preprocessing": '{"colour": "bgr", "fit": "centre-crop", "size": [160, 96]}',
    }
    metadata = read_metadata("m.onnx", properties)
    assert metadata.decoder_options == {"center": 0.5, "reg_max": 7}
    assert metadata.preprocessing == {"color": "bgr", "fit": "center-crop", "size": [160, 96]}


def test_ultralytics_metadata():
    properties = {
        "names": "{0: 'person', 1: \"it's\"}",
        "imgsz": "[384, 640]",
        "stride": "32",
        "task": "detect",
    }
    expected = ModelMetadata(("person", "it's"), size=(640, 384))
    assert read_metadata("m.onnx", properties) == expected
    listed = {"names": "['a', 'b']", "stride": "32"}
    assert read_metadata("m.onnx", listed) == ModelMetadata(("a", "b"))
    assert read_metadata("m.onnx", {"author": "somebody"}) == ModelMetadata()


@pytest.mark.parametrize(
    ("properties", "problem"),
    [
        ({"names": "{0: 'a', 2: 'b'}"}, "metadata names: must number the classes from 0"),
        ({"names": "{0: 'a', 'x': 'b'}"}, "metadata names: must number the classes from 0"),
        (
            {"names": "['a']", "imgsz": "['a', 'b']"},
            "metadata imgsz: height and width must be two whole numbers",
        ),
        ({"names": "__import__('os').getcwd()"}, "metadata names: cannot be read"),
        ({"names": "{0: 'a'"}, "metadata names: cannot be read"),
        ({"names": "{0: 'a'}", "task": "segment"}, "is a model for the task 'segment'"),
        (
            {"detbench.schema_version": "3"},
            "metadata of version 3, but this detbench reads up to version 2; upgrade detbench",
        ),
        (
            {"detbench.schema_version": "1", "detbench.class_names": "[1"},
            "metadata detbench.class_names: is not JSON",
        ),
        ({"detbench.schema_version": "1", "detbench.class_names": "{}"}, "must be a JSON list"),
        ({"detbench.schema_version": "1", "detbench.decoder": "[]"}, "must be a JSON dict"),
        (
            {
                "detbench.schema_version": "1",
                "detbench.decoder": '{"name": "yolox", "options": [1]}',
            },
            "metadata detbench.decoder: must hold",
        ),
        (
            {"detbench.schema_version": "1", "detbench.preprocessing": '{"fit": "stretch"}'},
            "detbench.preprocessing: size must be two",
        ),
        (
            {"detbench.schema_version": "1", "detbench.preprocessing": '{"size": 5}'},
            "detbench.preprocessing: size must be two .* not 5",
        ),
        (
            {"detbench.schema_version": "1", "detbench.class_names": "[1, 2]"},
            "metadata detbench.class_names: must hold texts only",
        ),
    ],
)
def test_unreadable_metadata_name_file_and_key(properties, problem):
    with pytest.raises(InputError, match=rf"m\.onnx.*{problem}"):
        read_metadata("m.onnx", properties)


def saved(path, outputs, properties, shape=(1, 3, 96, 160)):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    from tests.adapters.onnx.models import save_model

    return save_model(path, outputs, shape, properties=properties)


def test_options_take_precedence_over_metadata(tmp_path):
    from detbench.adapters.onnx.adapter import load

    path = saved(
        tmp_path / "m.onnx", {"grid": np.zeros((7, 3, 5), np.float32)}, FULL.as_properties()
    )
    detector = load(path, {"score": "0.125"})
    assert detector.class_names == ("cat", "dög")
    assert detector.settings["decoder"] == {"name": "yolov2", "anchors": [1.0, 2.0], "stride": 32}
    assert detector.settings["preprocessing"] == FULL.preprocessing
    assert json.loads(json.dumps(detector.settings)) == detector.settings
    assert detector.settings["postprocessing"] == {**FULL.postprocessing, "score": 0.125}
    assert detector.settings["class_names_from"] == "the model's metadata"
    renamed = load(path, {"names": "x|y"})
    assert renamed.class_names == ("x", "y")
    assert renamed.settings["class_names_from"] == "the option names"


@pytest.mark.parametrize("key", ["preprocessing", "postprocessing", "decoder"])
def test_unknown_settings_in_metadata_name_the_file(tmp_path, key):
    from detbench.adapters.onnx.adapter import load

    if key == "decoder":
        value = {"name": "yolov2", "options": {"color": 1}}
    else:
        value = {"size": [160, 96], "fit": "stretch", "gamma": 2}
    properties = {**FULL.as_properties(), f"detbench.{key}": json.dumps(value)}
    path = saved(tmp_path / "m.onnx", {"grid": np.zeros((7, 3, 5), np.float32)}, properties)
    with pytest.raises(DetbenchError, match=r"m\.onnx.*(gamma|unknown setting|color)"):
        load(path, {})


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        (
            "postprocessing",
            {"score": "a", "nms_iou": 0.5},
            "metadata detbench.postprocessing: score must be",
        ),
        (
            "postprocessing",
            {"score": 0.5, "nms_iou": "a"},
            "metadata detbench.postprocessing: the IoU of NMS .nms_iou. must",
        ),
        (
            "preprocessing",
            {"size": [160, 96], "fit": 3},
            "metadata detbench.preprocessing: fit must be",
        ),
        (
            "decoder",
            {"name": "yolox", "options": {"strides": 5}},
            "option strides=5: must be whole numbers",
        ),
        (
            "decoder",
            {"name": "yolox", "options": {"strides": [0]}},
            "option strides=0: must be whole numbers from 1",
        ),
        (
            "decoder",
            {"name": "nanodet", "options": {"reg_max": [1]}},
            "option reg_max=.*: must be a whole number",
        ),
        (
            "decoder",
            {"name": "ssd", "options": {"default_boxes": 1}},
            "option default_boxes=1: must be a text",
        ),
    ],
)
def test_invalid_values_in_metadata_name_file_and_key(tmp_path, key, value, problem):
    from detbench.adapters.onnx.adapter import load

    properties = {**FULL.as_properties(), f"detbench.{key}": json.dumps(value)}
    path = saved(tmp_path / "m.onnx", {"grid": np.zeros((7, 3, 5), np.float32)}, properties)
    with pytest.raises(DetbenchError, match=rf"m\.onnx: {problem}"):
        load(path, {})


def test_an_ultralytics_model_of_any_size_takes_the_size_of_its_metadata(tmp_path):
    from detbench.adapters.onnx.adapter import load

    properties = {"names": "{0: 'person', 1: 'car'}", "imgsz": "[96, 160]", "task": "detect"}
    path = saved(
        tmp_path / "m.onnx",
        {"output0": np.zeros((6, 315), np.float32)},
        properties,
        (None, 3, None, None),
    )
    detector = load(path, {})
    assert (detector.decoder.name, detector.input_size, detector.class_names) == (
        "yolov8",
        (160, 96),
        ("person", "car"),
    )
