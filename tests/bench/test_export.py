"""Export: an ONNX file with the results of its model, and no file if the audit fails."""

import json

import numpy as np
import pytest

from detbench.adapters.catalogue import load_detector
from detbench.adapters.detector import ImageDetections
from detbench.bench.export import ExportAudit, MeanAp, audit_export, export, matched_boxes
from detbench.data.shapes import SHAPES
from detbench.errors import DetbenchError

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def yolo(tmp_path_factory):
    """Return the file of a YOLO with random weights."""
    pytest.importorskip("tensorflow")
    pytest.importorskip("tf2onnx")
    from detbench.adapters.keras.backend import import_keras

    import_keras("tensorflow")
    from detbench.adapters.yolo.model import Yolo
    from detbench.adapters.yolo.model_file import save_yolo

    path = tmp_path_factory.mktemp("yolo") / "small.keras"
    anchors = [[1.0, 1.0], [2.0, 2.0]]
    model = Yolo(class_names=SHAPES, anchors=anchors, input_size=(64, 64), width=4, depth=1)
    save_yolo(model, path)
    return path


def test_an_export_needs_no_options(yolo, tmp_path):
    audit = export(f"yolo:{yolo}", tmp_path / "small.onnx")
    assert audit.failures == []
    assert max(audit.heads.values()) < 1e-5
    assert audit.matched_share > 0.99
    model, exported = load_detector(f"yolo:{yolo}"), load_detector(str(tmp_path / "small.onnx"))
    assert exported.class_names == model.class_names
    for key in ("decoder", "preprocessing", "postprocessing"):
        assert exported.settings[key] == model.settings[key]
    assert exported.batch_size is None


def test_an_export_has_the_options_of_its_model(yolo, tmp_path):
    export(f"yolo:{yolo},score=0.25,nms=0.3,fit=stretch", tmp_path / "strict.onnx")
    settings = load_detector(str(tmp_path / "strict.onnx")).settings
    assert settings["postprocessing"]["score"] == 0.25
    assert settings["postprocessing"]["nms_iou"] == 0.3
    assert settings["preprocessing"]["fit"] == "stretch"


def test_both_are_scored_on_a_dataset(yolo, files, tmp_path, command):
    output = tmp_path / "m.onnx"
    dataset = ("--dataset", files.ground_truth("voc"), "--split", "test")
    outcome = command("export", f"yolo:{yolo}", "-o", output, *dataset, "--json", "-")
    audit = json.loads(outcome.out)["audit"]
    assert outcome.code == 0
    assert audit["mean_ap"]["measure"] == "mAP"
    assert audit["mean_ap"]["difference"] == pytest.approx(0, abs=1e-3)
    assert audit["images"] == 8
    assert output.exists()


def test_an_export_beyond_its_tolerance_is_not_written(yolo, tmp_path, command):
    outcome = command("export", f"yolo:{yolo}", "-o", tmp_path / "far.onnx", "--tolerance", "0")
    assert outcome.code == 1
    assert "not written: output" in outcome.err
    assert not (tmp_path / "far.onnx").exists()


def test_other_models_and_files_are_refused(yolo, tmp_path, command):
    export(f"yolo:{yolo}", tmp_path / "small.onnx")
    message = "small is not a Keras model; detbench export converts yolo:"
    with pytest.raises(DetbenchError, match=message):
        export(str(tmp_path / "small.onnx"), tmp_path / "again.onnx")
    assert command("export", f"yolo:{yolo}", "-o", tmp_path / "model.pb").code == 2


def test_a_difference_of_weights_is_found(yolo):
    model, other = load_detector(f"yolo:{yolo}"), load_detector(f"yolo:{yolo}")
    weights = other.runtime.model.get_weights()
    other.runtime.model.set_weights([*weights[:-1], weights[-1] + 0.01])
    audit = audit_export(model, other, [np.zeros((64, 64, 3), np.uint8)], None)
    assert audit.heads == {"output": pytest.approx(0.01, rel=1e-4)}
    assert audit.failures == ["output output differs by 0.01"]


def test_failures_name_what_exceeds_its_tolerance():
    heads, mean_ap = {"a": 1e-5, "b": float("nan")}, MeanAp("mAP", 0.5, 0.498)
    audit = ExportAudit(heads, 1, (0, 0), 0, 1e-4, mean_ap)
    assert audit.failures == ["output b differs by nan", "mAP differs by -0.0020"]
    assert np.isnan(audit.matched_share)


def test_a_box_has_at_most_one_partner_of_its_class():
    boxes = np.array([[0.0, 0, 100, 100], [0, 0, 100, 101], [50, 50, 90, 90]])
    first = ImageDetections(boxes, np.array([0.9, 0.8, 0.7]), np.array([0, 0, 1]))
    second = ImageDetections(boxes[[0, 2]], np.array([0.9, 0.7]), np.array([0, 0]))
    no_boxes = ImageDetections(np.zeros((0, 4)), np.zeros(0), np.zeros(0, np.int64))
    assert matched_boxes(first, second) == 1
    assert matched_boxes(first, first) == 3
    assert matched_boxes(first, no_boxes) == 0
