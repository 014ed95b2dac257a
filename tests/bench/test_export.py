import json

import numpy as np
import pytest

from detbench.adapters.catalogue import load_detector
from detbench.adapters.detector import Found
from detbench.bench.export import ExportAudit, MeanAp, compared, export, matched_boxes
from detbench.data.shapes import SHAPES
from detbench.errors import DetbenchError

ANCHORS = [[1.0, 1.0], [2.0, 2.0]]


@pytest.fixture(scope="module")
def yolo(tmp_path_factory):
    """A YOLO of ours with random weights, in a file."""
    pytest.importorskip("tensorflow")
    pytest.importorskip("tf2onnx")
    from detbench.adapters.keras.backend import import_keras

    import_keras("tensorflow")
    from detbench.adapters.yolo.model import Yolo
    from detbench.adapters.yolo.model_file import save_yolo

    path = tmp_path_factory.mktemp("yolo") / "small.keras"
    save_yolo(
        Yolo(class_names=SHAPES, anchors=ANCHORS, input_size=(64, 64), width=4, depth=1), path
    )
    return path


def test_an_export_says_what_its_model_says_without_any_option(yolo, tmp_path):
    audit = export(f"yolo:{yolo}", tmp_path / "small.onnx")
    assert audit.failures == []
    assert max(audit.heads.values()) < 1e-5
    assert audit.share_matched > 0.99
    model, exported = load_detector(f"yolo:{yolo}"), load_detector(str(tmp_path / "small.onnx"))
    assert exported.class_names == model.class_names
    for key in ("decoder", "preprocessing", "postprocessing"):
        assert exported.settings[key] == model.settings[key]
    assert exported.batch_size is None


def test_options_of_the_model_are_those_of_its_export(yolo, tmp_path):
    export(f"yolo:{yolo},score=0.25,nms=0.3,fit=stretch", tmp_path / "strict.onnx")
    record = load_detector(str(tmp_path / "strict.onnx")).settings
    assert (record["postprocessing"]["score"], record["postprocessing"]["nms_iou"]) == (0.25, 0.3)
    assert record["preprocessing"]["fit"] == "stretch"


def test_a_dataset_scores_both(yolo, files, tmp_path, command):
    outcome = command(
        "export",
        f"yolo:{yolo}",
        "-o",
        tmp_path / "m.onnx",
        "--dataset",
        files.truth("voc"),
        "--split",
        "test",
        "--json",
        "-",
    )
    audit = json.loads(outcome.out)["audit"]
    assert outcome.code == 0
    assert audit["mean_ap"]["measure"] == "mAP"
    assert audit["mean_ap"]["difference"] == pytest.approx(0, abs=1e-3)
    assert audit["pictures"] == 8
    assert (tmp_path / "m.onnx").exists()


def test_an_export_beyond_its_tolerance_is_not_kept(yolo, tmp_path, command):
    outcome = command("export", f"yolo:{yolo}", "-o", tmp_path / "far.onnx", "--tolerance", "0")
    assert outcome.code == 1
    assert "not kept: output" in outcome.err
    assert not (tmp_path / "far.onnx").exists()


def test_other_models_than_kerass_are_refused(yolo, tmp_path, command):
    export(f"yolo:{yolo}", tmp_path / "small.onnx")
    with pytest.raises(
        DetbenchError, match="small is no Keras model; detbench export converts yolo:"
    ):
        export(str(tmp_path / "small.onnx"), tmp_path / "again.onnx")
    assert command("export", f"yolo:{yolo}", "-o", tmp_path / "model.pb").code == 2


def test_a_difference_in_weights_is_found(yolo):
    model, other = load_detector(f"yolo:{yolo}"), load_detector(f"yolo:{yolo}")
    weights = other.runtime.model.get_weights()
    other.runtime.model.set_weights([*weights[:-1], weights[-1] + 0.01])
    picture = np.zeros((64, 64, 3), np.uint8)
    audit = compared(model, other, [picture], None)
    assert audit.heads == {"output": pytest.approx(0.01, rel=1e-4)}
    assert audit.failures == ["output output differs by 0.01"]


def test_failures_name_what_is_beyond_its_tolerance():
    audit = ExportAudit(
        {"a": 1e-5, "b": float("nan")}, 1, (0, 0), 0, 1e-4, MeanAp("mAP", 0.5, 0.498)
    )
    assert audit.failures == ["output b differs by nan", "mAP differs by -0.0020"]
    assert np.isnan(audit.share_matched)


def test_a_box_has_one_partner_of_its_class():
    boxes = np.array([[0.0, 0, 100, 100], [0, 0, 100, 101], [50, 50, 90, 90]])
    one = Found(boxes, np.array([0.9, 0.8, 0.7]), np.array([0, 0, 1]))
    other = Found(boxes[[0, 2]], np.array([0.9, 0.7]), np.array([0, 0]))
    assert matched_boxes(one, other) == 1
    assert matched_boxes(one, one) == 3
    assert matched_boxes(one, Found(np.zeros((0, 4)), np.zeros(0), np.zeros(0, np.int64))) == 0
