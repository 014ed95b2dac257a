"""KerasHub detectors against KerasHub's own decoding; anchors, class names, missing presets."""

from typing import Any

import numpy as np
import pytest

from detbench.adapters.catalogue import load_detector
from detbench.adapters.decoders.dense.retinanet import anchors
from detbench.adapters.geometry import Placement
from detbench.adapters.keras import in_memory_detector
from detbench.adapters.keras.preset import read_class_names, write_class_names
from detbench.errors import DetbenchError, DetbenchWarning, InputError
from tests.adapters.keras import models

pytestmark = pytest.mark.slow

WIDTH, HEIGHT = models.SIZE


@pytest.fixture(scope="module")
def small_retinanet(retinanet_preset):
    return load_detector(f"kerashub:{retinanet_preset}", score=0.5, top_k=1000)


def keras_hub_detections(hub, model, raw, inputs, **limits) -> list[dict[str, np.ndarray]]:
    """Return KerasHub's own decoding of raw heads, run eagerly.

    In a TensorFlow graph KerasHub 0.32 keeps other boxes: 384 of 1,000 random ones, of which 360
    are among the 394 that `tf.image.non_max_suppression` keeps. The likely cause is that it
    gathers boxes by float32 positions cut to whole numbers.
    """
    model.prediction_decoder = hub.layers.NonMaxSuppression("yxyx", from_logits=True, **limits)
    decoded = {
        name: np.asarray(values) for name, values in model.decode_predictions(raw, inputs).items()
    }
    counts = decoded.pop("num_detections")
    return [
        {name: values[row][:count] for name, values in decoded.items()}
        for row, count in enumerate(counts)
    ]


def detections_in_input(detector, batch) -> list[Any]:
    """Return the detections in pixels of the input, clipped to it."""
    whole = Placement((WIDTH, HEIGHT), (WIDTH, HEIGHT), (0, 0))
    outputs = detector.to_host(detector.infer(detector.to_device(batch)))
    unplaced = type(batch)(batch.inputs, (whole,) * len(batch.placements))
    return detector.postprocess(outputs, unplaced)


def assert_same(detections, expected):
    boxes = np.clip(expected["boxes"][:, [1, 0, 3, 2]], 0, [WIDTH, HEIGHT, WIDTH, HEIGHT])
    is_visible = (expected["boxes"] > 0).any(axis=1)
    assert len(detections.scores) == len(expected["confidence"]) > 10
    assert is_visible.all()
    np.testing.assert_allclose(detections.boxes, boxes, atol=1e-4)
    np.testing.assert_allclose(detections.scores, expected["confidence"], atol=1e-6)
    assert detections.classes.tolist() == expected["labels"].tolist()


def test_a_retinanet_has_the_detections_of_keras_hub(hub, retinanet_preset):
    detector = load_detector(
        f"kerashub:{retinanet_preset}", class_agnostic=True, score=0.6, top_k=200
    )
    batch = detector.preprocess(models.images())
    model = hub.models.ObjectDetector.from_preset(str(retinanet_preset))
    preprocessed = np.asarray(model.preprocessor(np.stack(models.images())))
    np.testing.assert_allclose(batch.inputs, preprocessed, atol=1e-5)
    expected = keras_hub_detections(
        hub,
        model,
        model(batch.inputs),
        batch.inputs,
        confidence_threshold=0.6,
        iou_threshold=0.5,
        max_detections=200,
    )
    for detections, others in zip(detections_in_input(detector, batch), expected, strict=True):
        assert_same(detections, others)


def test_a_d_fine_has_the_detections_of_keras_hub(hub, d_fine_preset):
    detector = load_detector(
        f"kerashub:{d_fine_preset}", names="a|b|c|d|e", class_agnostic=True, score=0.001
    )
    batch = detector.preprocess(models.images())
    outputs = detector.infer(detector.to_device(batch))
    expected = keras_hub_detections(
        hub,
        detector.runtime.model,
        dict(zip(detector.runtime.output_names, outputs, strict=True)),
        batch.inputs,
        confidence_threshold=0.001,
        iou_threshold=0.5,
        max_detections=20,
    )
    for detections, others in zip(detections_in_input(detector, batch), expected, strict=True):
        assert_same(detections, others)
    assert detector.settings["postprocessing"]["nms_iou"] == 0.5


@pytest.mark.parametrize("size", [(128, 96), (101, 75), (33, 200)])
def test_anchors_are_those_of_keras_hub(hub, size):
    ratios = (0.3, 1.0, 2.0)
    generator = hub.layers.AnchorGenerator(
        "center_xywh", 2, 5, num_scales=3, aspect_ratios=list(ratios), anchor_size=3.3
    )
    levels = generator(np.zeros((1, size[1], size[0], 3), np.float32))
    expected = np.concatenate([np.asarray(level) for level in levels.values()])
    np.testing.assert_array_equal(anchors(size, 2, 5, 3, ratios, 3.3), expected)


def test_a_preset_predicts_the_same_after_saving_and_loading(hub, retinanet_preset, tmp_path):
    first = hub.models.ObjectDetector.from_preset(str(retinanet_preset))
    first.save_to_preset(str(tmp_path / "again"))
    second = hub.models.ObjectDetector.from_preset(str(tmp_path / "again"))
    images = np.stack(models.images())
    expected, predicted = first.predict(images, verbose=0), second.predict(images, verbose=0)
    assert predicted.keys() == expected.keys()
    for name, values in predicted.items():
        np.testing.assert_array_equal(values, expected[name])


def test_classes_suppress_each_other_only_on_request(small_retinanet):
    agnostic = in_memory_detector(
        small_retinanet.runtime.model,
        class_names="abcd",
        score=0.5,
        top_k=1000,
        class_agnostic=True,
    )
    batch = small_retinanet.preprocess(models.images())
    per_class = detections_in_input(small_retinanet, batch)[0]
    across_classes = detections_in_input(agnostic, batch)[0]
    assert small_retinanet.settings["postprocessing"]["class_agnostic"] is False
    assert agnostic.settings["postprocessing"]["class_agnostic"] is True
    assert len(per_class.scores) > len(across_classes.scores)


def test_boxes_are_mapped_back_to_an_image_of_another_shape(small_retinanet):
    image = models.images(1, (4 * WIDTH, 2 * HEIGHT))[0]
    batch = small_retinanet.preprocess([image])
    outputs = small_retinanet.to_host(small_retinanet.infer(small_retinanet.to_device(batch)))
    detections = small_retinanet.postprocess(outputs, batch)[0]
    assert batch.placements == (
        Placement((4 * WIDTH, 2 * HEIGHT), (WIDTH, HEIGHT // 2), (0, HEIGHT // 4)),
    )
    in_input = detections_in_input(small_retinanet, batch)[0]
    y = in_input.boxes[:, 1::2]
    is_inside = ((y > HEIGHT / 4) & (y < 3 * HEIGHT / 4)).all(axis=1)
    expected = in_input.boxes[is_inside] * 4 - [0, HEIGHT, 0, HEIGHT]
    np.testing.assert_allclose(detections.boxes[is_inside], expected)
    assert is_inside.sum() > 5


def test_the_record_is_complete(small_retinanet):
    record = small_retinanet.settings
    assert small_retinanet.class_names == ("cat", "dog", "bird", "cow")
    assert record["digest"].startswith("sha256:")
    assert record["backend"] == "tensorflow"
    assert record["decoder"]["anchor_size"] == 3.5
    assert record["decoder"]["aspect_ratios"] == pytest.approx([0.4, 1.0, 2.5])
    assert record["preprocessing"]["std"] == pytest.approx([50, 60, 70])


def test_the_number_of_classes_implies_the_names_of_coco(hub):
    message = "no class names; its 91 classes are taken as COCO's 91"
    with pytest.warns(DetbenchWarning, match=message):
        detector = in_memory_detector(models.retinanet(hub, 91))
    assert detector.class_names[:3] == ("N/A", "person", "bicycle")


def test_class_names_are_read_as_written(tmp_path):
    assert read_class_names(tmp_path) is None
    write_class_names(tmp_path, ["cat", "dög"])
    assert read_class_names(tmp_path) == ("cat", "dög")
    (tmp_path / "detbench.json").write_text('{"schema_version": 2, "class_names": []}')
    message = "has version 2, and this detbench reads 1; upgrade detbench"
    with pytest.raises(InputError, match=message):
        read_class_names(tmp_path)


def test_every_class_needs_a_name(retinanet_preset):
    message = "hold 4 classes for decoder retinanet, but there are 3 class names"
    with pytest.raises(DetbenchError, match=message):
        load_detector(f"kerashub:{retinanet_preset}", names="a|b|c")


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (
            "no_such_preset",
            "no_such_preset: no such preset or folder; use .*dfine_nano_coco.*retinanet",
        ),
        ("some/folder", "some/folder: no such preset folder; check the path"),
    ],
)
def test_a_missing_preset_is_named(hub, target, message):
    with pytest.raises(DetbenchError, match=message):
        load_detector(f"kerashub:{target}")


def test_an_unreachable_preset_says_what_to_do_offline(hub, monkeypatch):
    def unreachable(preset):
        raise ConnectionError("Failed to resolve 'api.kaggle.com'")

    monkeypatch.setattr(hub.models.ObjectDetector, "from_preset", unreachable)
    message = (
        r"cannot be reached \(Failed to resolve.*"
        r"from_preset\('retinanet_resnet50_fpn_v2_coco'\)\.save_to_preset\('FOLDER'\) on a conn"
    )
    with pytest.raises(DetbenchError, match=message):
        load_detector("kerashub:retinanet_resnet50_fpn_v2_coco")


def test_an_unreachable_handle_says_what_to_do_offline(hub, monkeypatch):
    """KerasHub reports an unreachable host of hf:// as a preset without config.json."""

    def unreachable(preset):
        raise ValueError(f"Preset {preset} has no config.json. Make sure …")

    monkeypatch.setattr(hub.models.ObjectDetector, "from_preset", unreachable)
    message = (
        r"cannot be reached, or is not an object detector \(Preset hf://a/b has no config.json.*; "
        r"without a network, run .*'hf://a/b'"
    )
    with pytest.raises(DetbenchError, match=message):
        load_detector("kerashub:hf://a/b")


def test_a_broken_preset_folder_is_named(hub, retinanet_preset, tmp_path):
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(InputError, match="cannot be loaded as an object detector"):
        load_detector(f"kerashub:{tmp_path}")
    (tmp_path / "config.json").unlink()
    with pytest.raises(InputError, match="is no preset: it has no config"):
        load_detector(f"kerashub:{tmp_path}")
