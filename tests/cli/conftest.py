"""Fixtures of the tests of commands."""

import shutil

import pytest

from tests.cli.broken_files import BrokenFiles


@pytest.fixture
def broken(files, tmp_path) -> BrokenFiles:
    """Return copies of the small dataset in `input`, to be broken."""
    (tmp_path / "input").mkdir()
    return BrokenFiles(files, tmp_path / "input")


@pytest.fixture(scope="session")
def fixed_model(tmp_path_factory):
    """An end-to-end ONNX model with one fixed box; its score is the mean of its input."""
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    constants = [
        numpy_helper.from_array(np.array([[[4, 4, 60, 60]]], np.float32), "box"),
        numpy_helper.from_array(np.array([[[1]]], np.float32), "class"),
        numpy_helper.from_array(np.array([1, 1, 1], np.int64), "shape"),
    ]
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["mean"], keepdims=0),
        helper.make_node("Reshape", ["mean", "shape"], ["score"]),
        helper.make_node("Concat", ["box", "score", "class"], ["output0"], axis=2),
    ]
    ends = [("images", [1, 3, 64, 64]), ("output0", [1, 1, 6])]
    inputs, outputs = (
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)] for name, shape in ends
    )
    fixed = helper.make_model(
        helper.make_graph(nodes, "fixed", inputs, outputs, constants),
        opset_imports=[helper.make_opsetid("", 13)],
        ir_version=8,
    )
    names = {0: "circle", 1: "square", 2: "triangle", 3: "word"}
    helper.set_model_props(
        fixed, {"names": str(names), "task": "detect", "imgsz": "[64, 64]", "stride": "32"}
    )
    path = tmp_path_factory.mktemp("model") / "fixed.onnx"
    onnx.save(fixed, path)
    return path


@pytest.fixture
def comparison(command, files, tmp_path):
    """Two detectors with the same boxes, compared: the outcome and the output folder."""
    copy, output = tmp_path / "copy.json", tmp_path / "run"
    shutil.copy(files.detections("coco"), copy)
    inputs = (files.ground_truth("voc"), files.detections("voc"), copy)
    outcome = command("compare", *inputs, "-o", output)
    assert outcome.code == 0, outcome.err
    return outcome, output
