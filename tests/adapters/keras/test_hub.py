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

WIDTH, HEIGHT = models.SIZE


@pytest.fixture(scope="module")
def small_retinanet(retinanet_preset):
    return load_detector(f"kerashub:{retinanet_preset}", score=0.5, top_k=1000)


def kerashub_found(hub, model, raw, inputs, **limits) -> list[dict[str, np.ndarray]]:
    """KerasHub's own decoding of raw heads, run eagerly.

    In a TensorFlow graph KerasHub 0.32 keeps other boxes: 384 of 1,000 random ones, of which 360 are among the 394 that
    `tf.image.non_max_suppression` keeps. The likely cause is that it gathers boxes by float32 positions cut to whole numbers.
    """
    model.prediction_decoder = hub.layers.NonMaxSuppression("yxyx", from_logits=True, **limits)
    found = {
        name: np.asarray(values) for name, values in model.decode_predictions(raw, inputs).items()
    }
    counts = found.pop("num_detections")
    return [
        {name: values[row][:count] for name, values in found.items()}
        for row, count in enumerate(counts)
    ]


def found_in_input(detector, batch) -> list[Any]:
    """What a detector finds, in pixels of its input and clipped to it."""
    whole = Placement((WIDTH, HEIGHT), (WIDTH, HEIGHT), (0, 0))
    outputs = detector.to_host(detector.infer(detector.to_device(batch)))
    return detector.postprocess(
        outputs, type(batch)(batch.inputs, (whole,) * len(batch.placements))
    )


def assert_same(found, expected):
    boxes = np.clip(expected["boxes"][:, [1, 0, 3, 2]], 0, [WIDTH, HEIGHT, WIDTH, HEIGHT])
    visible = (expected["boxes"] > 0).any(axis=1)
    assert len(found.scores) == len(expected["confidence"]) > 10
    assert visible.all()
    np.testing.assert_allclose(found.boxes, boxes, atol=1e-4)
    np.testing.assert_allclose(found.scores, expected["confidence"], atol=1e-6)
    assert found.classes.tolist() == expected["labels"].tolist()


def test_a_retinanet_finds_what_kerashub_finds(hub, retinanet_preset):
    detector = load_detector(
        f"kerashub:{retinanet_preset}", class_agnostic=True, score=0.6, top_k=200
    )
    batch = detector.preprocess(models.pictures())
    model = hub.models.ObjectDetector.from_preset(str(retinanet_preset))
    np.testing.assert_allclose(
        batch.inputs, np.asarray(model.preprocessor(np.stack(models.pictures()))), atol=1e-5
    )
    expected = kerashub_found(
        hub,
        model,
        model(batch.inputs),
        batch.inputs,
        confidence_threshold=0.6,
        iou_threshold=0.5,
        max_detections=200,
    )
    for one, other in zip(found_in_input(detector, batch), expected, strict=True):
        assert_same(one, other)


def test_a_d_fine_finds_what_kerashub_finds(hub, d_fine_preset):
    detector = load_detector(
        f"kerashub:{d_fine_preset}", names="a|b|c|d|e", class_agnostic=True, score=0.001
    )
    batch = detector.preprocess(models.pictures())
    model = detector.runtime.model
    raw = dict(
        zip(detector.runtime.output_names, detector.infer(detector.to_device(batch)), strict=True)
    )
    expected = kerashub_found(
        hub,
        model,
        raw,
        batch.inputs,
        confidence_threshold=0.001,
        iou_threshold=0.5,
        max_detections=20,
    )
    for one, other in zip(found_in_input(detector, batch), expected, strict=True):
        assert_same(one, other)
    assert detector.settings["postprocessing"]["nms_iou"] == 0.5


@pytest.mark.parametrize("size", [(128, 96), (101, 75), (33, 200)])
def test_anchors_are_kerashubs(hub, size):
    ratios = (0.3, 1.0, 2.0)
    generator = hub.layers.AnchorGenerator(
        "center_xywh", 2, 5, num_scales=3, aspect_ratios=list(ratios), anchor_size=3.3
    )
    levels = generator(np.zeros((1, size[1], size[0], 3), np.float32))
    np.testing.assert_array_equal(
        anchors(size, 2, 5, 3, ratios, 3.3),
        np.concatenate([np.asarray(one) for one in levels.values()]),
    )


def test_a_preset_predicts_the_same_after_saving_and_loading(hub, retinanet_preset, tmp_path):
    first = hub.models.ObjectDetector.from_preset(str(retinanet_preset))
    first.save_to_preset(str(tmp_path / "again"))
    second = hub.models.ObjectDetector.from_preset(str(tmp_path / "again"))
    pictures = np.stack(models.pictures())
    expected, found = first.predict(pictures, verbose=0), second.predict(pictures, verbose=0)
    assert found.keys() == expected.keys()
    for name, values in found.items():
        np.testing.assert_array_equal(values, expected[name])


def test_classes_suppress_each_other_only_when_asked(small_retinanet):
    other = in_memory_detector(
        small_retinanet.runtime.model,
        class_names="abcd",
        score=0.5,
        top_k=1000,
        class_agnostic=True,
    )
    batch = small_retinanet.preprocess(models.pictures())
    per_class, across = found_in_input(small_retinanet, batch)[0], found_in_input(other, batch)[0]
    assert small_retinanet.settings["postprocessing"]["class_agnostic"] is False
    assert other.settings["postprocessing"]["class_agnostic"] is True
    assert len(per_class.scores) > len(across.scores)


def test_boxes_are_mapped_back_to_a_picture_of_another_shape(small_retinanet):
    picture = models.pictures(1, (4 * WIDTH, 2 * HEIGHT))[0]
    batch = small_retinanet.preprocess([picture])
    found = small_retinanet.postprocess(
        small_retinanet.to_host(small_retinanet.infer(small_retinanet.to_device(batch))), batch
    )[0]
    assert batch.placements == (
        Placement((4 * WIDTH, 2 * HEIGHT), (WIDTH, HEIGHT // 2), (0, HEIGHT // 4)),
    )
    shown = found_in_input(small_retinanet, batch)[0]
    inside = ((shown.boxes[:, 1::2] > HEIGHT / 4) & (shown.boxes[:, 1::2] < 3 * HEIGHT / 4)).all(
        axis=1
    )
    np.testing.assert_allclose(
        found.boxes[inside], shown.boxes[inside] * 4 - [0, HEIGHT, 0, HEIGHT]
    )
    assert inside.sum() > 5


def test_the_record_says_what_decides(small_retinanet):
    record = small_retinanet.settings
    assert small_retinanet.class_names == ("cat", "dog", "bird", "cow")
    assert record["digest"].startswith("sha256:")
    assert record["backend"] == "tensorflow"
    assert record["decoder"]["anchor_size"] == 3.5
    assert record["decoder"]["aspect_ratios"] == pytest.approx([0.4, 1.0, 2.5])
    assert record["preprocessing"]["std"] == pytest.approx([50, 60, 70])


def test_names_of_coco_are_taken_by_their_number(hub):
    with pytest.warns(
        DetbenchWarning, match="no class names; its 91 classes are taken as COCO's 91"
    ):
        detector = in_memory_detector(models.retinanet(hub, 91))
    assert detector.class_names[:3] == ("N/A", "person", "bicycle")


def test_class_names_come_back_as_written(tmp_path):
    assert read_class_names(tmp_path) is None
    write_class_names(tmp_path, ["cat", "dög"])
    assert read_class_names(tmp_path) == ("cat", "dög")
    (tmp_path / "detbench.json").write_text('{"schema_version": 2, "class_names": []}')
    with pytest.raises(
        InputError, match="has version 2, and this detbench reads 1; upgrade detbench"
    ):
        read_class_names(tmp_path)


def test_as_many_names_as_classes_are_needed(retinanet_preset):
    with pytest.raises(
        DetbenchError,
        match="hold 4 classes as decoder retinanet reads them, and there are 3 class names",
    ):
        load_detector(f"kerashub:{retinanet_preset}", names="a|b|c")


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (
            "no_such_preset",
            "no_such_preset: no such preset of an object detector, and no such folder; known are .*dfine_nano_coco.*retinanet",
        ),
        ("some/folder", "some/folder: no such preset folder; check the path"),
    ],
)
def test_a_preset_that_is_not_there_is_said(hub, target, message):
    with pytest.raises(DetbenchError, match=message):
        load_detector(f"kerashub:{target}")


def test_a_preset_that_cannot_be_reached_says_what_to_do_offline(hub, monkeypatch):
    def unreachable(preset):
        raise ConnectionError("Failed to resolve 'api.kaggle.com'")

    monkeypatch.setattr(hub.models.ObjectDetector, "from_preset", unreachable)
    expected = r"cannot be reached \(Failed to resolve.*from_preset\('retinanet_resnet50_fpn_v2_coco'\)\.save_to_preset\('FOLDER'\) on a conn"
    with pytest.raises(DetbenchError, match=expected):
        load_detector("kerashub:retinanet_resnet50_fpn_v2_coco")


def test_a_handle_whose_host_is_not_there_says_what_to_do_offline(hub, monkeypatch):
    """KerasHub takes a host of hf:// that cannot be reached for a preset without config.json."""

    def unreachable(preset):
        raise ValueError(f"Preset {preset} has no config.json. Make sure …")

    monkeypatch.setattr(hub.models.ObjectDetector, "from_preset", unreachable)
    expected = r"cannot be reached, or is no object detector \(Preset hf://a/b has no config.json.*; without a network, run .*'hf://a/b'"
    with pytest.raises(DetbenchError, match=expected):
        load_detector("kerashub:hf://a/b")


def test_a_broken_preset_folder_is_said(hub, retinanet_preset, tmp_path):
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(InputError, match="cannot be loaded as an object detector"):
        load_detector(f"kerashub:{tmp_path}")
    (tmp_path / "config.json").unlink()
    with pytest.raises(InputError, match="is no preset: it has no config"):
        load_detector(f"kerashub:{tmp_path}")
