"""The adapter `yolo`: boxes against plain loops, the record, models in memory, and options."""

import json

import numpy as np
import pytest

from detbench.adapters.yolo.adapter import from_model, load, yolo_metadata
from detbench.adapters.yolo.model_file import save_yolo
from detbench.errors import DetbenchError, InputError
from tests.adapters.yolo.conftest import ANCHORS, NO_MODELS
from tests.references import onnx_decodes as reference

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def model_path(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("yolo") / "m.keras"
    save_yolo(model, path)
    return path


def test_boxes_are_those_of_plain_loops(model, outputs_of, model_path):
    detector = load(model_path, {"score": "0.2", "nms": "none"})
    assert detector.name == "m"
    assert detector.class_names == ("dog", "cat")
    assert detector.input_size == (64, 32)
    image = np.random.default_rng(2).integers(0, 256, (32, 64, 3), np.uint8)
    batch = detector.preprocess([image])
    np.testing.assert_allclose(batch.inputs[0], image / 255, rtol=1e-6)
    outputs = detector.to_host(detector.infer(detector.to_device(batch)))
    (detections,) = detector.postprocess(outputs, batch)
    raw = outputs_of(model, batch.inputs)[0]
    expected = np.array(reference.yolov2_last(raw, (64, 32), 0.2, ANCHORS, 8))
    expected = expected[np.argsort(-expected[:, 4], kind="stable")]
    assert 5 < len(detections.scores) == len(expected)
    np.testing.assert_allclose(detections.scores, expected[:, 4], rtol=1e-4)
    clipped = np.clip(expected[:, :4], 0, [64, 32, 64, 32])
    np.testing.assert_allclose(detections.boxes, clipped, atol=0.01)


def test_the_record_is_complete(model, tmp_path):
    save_yolo(model, tmp_path / "m.keras", "float16")
    settings = load(tmp_path / "m.keras", {}).settings
    assert settings["digest"].startswith("sha256:")
    assert settings["adapter"] == "yolo"
    assert settings["stored"] == "float16"
    assert settings["decoder"]["stride"] == 8
    json.dumps(settings)
    assert "digest" not in from_model(model, {}).settings


def test_a_model_in_memory_runs_with_its_current_weights(model, yolo_class):
    other = yolo_class(**model.get_config())
    detector = from_model(other, {})
    batch = detector.preprocess([np.full((32, 64, 3), 99, np.uint8)])
    (before,) = detector.to_host(detector.infer(detector.to_device(batch)))
    other.set_weights(model.get_weights())
    (after,) = detector.to_host(detector.infer(detector.to_device(batch)))
    assert np.abs(before - after).max() > 0.01


def test_metadata_are_those_of_the_decoder_yolov2(model):
    metadata = yolo_metadata(model)
    assert metadata.decoder == "yolov2"
    assert metadata.decoder_options == {"anchors": [1, 2, 0.5, 0.5, 3, 1], "stride": 8}


@pytest.mark.parametrize(("content", "message"), NO_MODELS)
def test_other_files_are_named(keras, tmp_path, content, message):
    if content is not None:
        (tmp_path / "m.keras").write_bytes(content)
    with pytest.raises(InputError, match=rf"m\.keras: {message}"):
        load(tmp_path / "m.keras", {})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": "96"}, "takes images of 64×32 pixels, not 96×96"),
        ({"names": "a|b|c"}, "3 class names"),
        ({"sise": "1"}, "unknown option 'sise'"),
        ({"backend": "torch"}, "option backend=torch: must be tensorflow or jax"),
    ],
)
def test_unsuitable_options_are_refused(model_path, options, message):
    with pytest.raises(DetbenchError, match=message):
        load(model_path, options)
