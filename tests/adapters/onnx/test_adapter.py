"""ONNX adapter: tiny models through all steps of a detector, and files that are refused."""

import hashlib

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


from detbench.adapters.classes import COCO_80, VOC_20
from detbench.adapters.detector import Detector, detect
from detbench.adapters.onnx.adapter import load
from detbench.errors import DetbenchError, DetbenchWarning, InputError
from tests.adapters.onnx.models import ROWS, end2end, save_masked, save_model, save_selecting

SIZE = (160, 96)
IMAGE = np.zeros((192, 320, 3), np.uint8)
"""Twice the size of the input, so boxes are doubled."""
ABC = {"names": "a|b|c"}
EXPECTED_BOXES = [[20, 40, 60, 80], [100, 20, 140, 60]]


def yolov8(classes, boxes=()):
    """Return a YOLOv8 head of SIZE with boxes (cx, cy, w, h, class, score) and zeros."""
    values = np.zeros((4 + classes, 315), np.float32)
    for column, (cx, cy, w, h, number, score) in enumerate(boxes):
        values[:4, column] = cx, cy, w, h
        values[4 + number, column] = score
    return {"output0": values}


def assert_expected(detections):
    np.testing.assert_allclose(detections.boxes, EXPECTED_BOXES, atol=1e-9)
    np.testing.assert_allclose(detections.scores, [0.9, 0.8], atol=1e-3)
    assert detections.classes.tolist() == [1, 2]


@pytest.mark.parametrize("dtype", ["float32", "float16", "uint8"])
@pytest.mark.parametrize("shape", [(1, 3, 96, 160), (1, 96, 160, 3)])
def test_a_model_of_any_type_and_layout(tmp_path, dtype, shape):
    detector = load(save_model(tmp_path / "m.onnx", end2end(), shape, dtype=dtype), ABC)
    assert isinstance(detector, Detector)
    assert (detector.name, detector.class_names, detector.input_size, detector.batch_size) == (
        "m",
        ("a", "b", "c"),
        SIZE,
        1,
    )
    batch = detector.preprocess([np.full((192, 320, 3), 255, np.uint8)])
    assert (batch.inputs.shape, str(batch.inputs.dtype)) == (shape, dtype)
    assert batch.inputs.max() == (255 if dtype == "uint8" else 1)
    assert_expected(detect(detector, [IMAGE])[0])
    detector.synchronize()
    detector.close()


def test_outputs_in_half_precision(tmp_path):
    detector = load(save_model(tmp_path / "m.onnx", end2end(np.float16), dtype="float16"), ABC)
    assert_expected(detect(detector, [IMAGE])[0])


@pytest.mark.parametrize("open_outputs", [False, True])
def test_any_batch(tmp_path, open_outputs):
    detector = load(
        save_model(tmp_path / "m.onnx", end2end(), (None, 3, 96, 160), open_outputs=open_outputs),
        ABC,
    )
    assert detector.batch_size is None
    per_image = detect(detector, [IMAGE] * 3)
    assert len(per_image) == 3
    for detections in per_image:
        assert_expected(detections)


def test_a_fixed_batch_is_padded_and_cut(tmp_path):
    detector = load(save_model(tmp_path / "m.onnx", end2end(), (4, 3, 96, 160)), ABC)
    assert detector.batch_size == 4
    assert detector.preprocess([IMAGE] * 3).inputs.shape == (4, 3, 96, 160)
    assert len(detect(detector, [IMAGE] * 3)) == 3
    assert len(detect(detector, [IMAGE] * 4)) == 4
    with pytest.raises(DetbenchError, match="takes 4 images at a time, not 5"):
        detect(detector, [IMAGE] * 5)


def test_a_model_of_one_image_without_a_batch_axis(tmp_path):
    values = np.array(ROWS[:2], np.float32)
    outputs = {
        "boxes": values[:, :4],
        "labels": values[:, 5].astype(np.int64),
        "scores": values[:, 4],
    }
    detector = load(
        save_model(tmp_path / "m.onnx", outputs, (3, 96, 160), batched=False, open_outputs=True),
        ABC,
    )
    assert (detector.batch_size, detector.decoder.name) == (1, "torchvision")
    assert_expected(detect(detector, [IMAGE])[0])
    with pytest.raises(DetbenchError, match="takes 1 image at a time, not 2"):
        detect(detector, [IMAGE] * 2)


@pytest.mark.parametrize("shape", [(None, 3, 96, 160), (None, 96, 160, 3)])
def test_boxes_are_scaled_to_the_size_of_the_input(tmp_path, shape):
    boxes = np.array(ROWS, np.float32)[:2, :4] / [160, 96, 160, 96]
    detector = load(
        save_selecting(tmp_path / "m.onnx", boxes.astype(np.float32), shape),
        {**ABC, "fit": "stretch"},
    )
    assert detector.decoder.name == "selected"
    for detections in detect(detector, [IMAGE] * 2):
        np.testing.assert_allclose(detections.boxes, EXPECTED_BOXES, rtol=1e-6)


def test_an_open_size_must_be_given(tmp_path):
    path = save_model(tmp_path / "m.onnx", end2end(), (1, 3, None, None))
    with pytest.raises(InputError, match=r"takes images of any size.*size=WIDTHxHEIGHT"):
        load(path, ABC)
    assert load(path, {**ABC, "size": "160x96"}).input_size == SIZE
    assert load(path, {**ABC, "size": "128"}).input_size == (128, 128)


def test_a_fixed_size_cannot_be_changed(tmp_path):
    path = save_model(tmp_path / "m.onnx", end2end())
    with pytest.raises(
        InputError, match=r"takes images of 160×96 pixels, not 320×320; leave size= out"
    ):
        load(path, {**ABC, "size": "320x320"})


def test_settings_hold_everything_effective(tmp_path):
    path = save_model(tmp_path / "m.onnx", end2end())
    options = {
        **ABC,
        "score": "0.25",
        "nms": "0.5",
        "top_k": "7",
        "class_agnostic": "yes",
        "pad": "3",
        "mean": "0.1|0.2|0.3",
    }
    settings = load(
        path,
        {
            **options,
            "scale": "1/128",
            "fit": "stretch",
            "color": "bgr",
            "resize": "nearest",
            "rounding": "down",
        },
    ).settings
    assert settings["size_bytes"] == len(path.read_bytes())
    assert settings["digest"] == f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
    assert (settings["opset"], settings["producer"], settings["provider"]) == (
        {"ai.onnx": 17},
        "detbench tests",
        "CPUExecutionProvider",
    )
    assert settings["decoder"] == {"name": "end2end"}
    expected = {"score": 0.25, "nms_iou": 0.5, "top_k": 7, "class_agnostic": True}
    assert expected.items() <= settings["postprocessing"].items()
    expected = {
        "scale": 1 / 128,
        "fit": "stretch",
        "color": "bgr",
        "resize": "nearest",
        "rounding": "down",
        "pad_value": 3,
        "mean": [0.1, 0.2, 0.3],
    }
    assert expected.items() <= settings["preprocessing"].items()
    assert settings["options"]["scale"] == "1/128"


def test_unnamed_classes_are_cocos_only_if_there_are_80(tmp_path):
    path = save_model(tmp_path / "m.onnx", yolov8(80, [(20, 30, 20, 20, 7, 0.9)]))
    with pytest.warns(DetbenchWarning, match="no class names; its 80 classes are taken as COCO's"):
        detector = load(path, {})
    assert detector.class_names == COCO_80
    assert detector.settings["class_names_from"] == "taken as COCO's 80"
    assert detect(detector, [IMAGE])[0].classes.tolist() == [7]
    with pytest.raises(InputError, match=r"has 20 classes and no class names; .*names=voc"):
        load(save_model(tmp_path / "m20.onnx", yolov8(20)), {})
    assert load(tmp_path / "m20.onnx", {"names": "voc"}).class_names == VOC_20
    with pytest.raises(InputError, match=r"has an unknown number of classes and no class names"):
        load(save_model(tmp_path / "e.onnx", end2end()), {})


@pytest.mark.parametrize("decoder", [{}, {"decoder": "yolov8"}])
def test_another_number_of_names_than_classes_is_an_error(tmp_path, decoder):
    path = save_model(tmp_path / "m.onnx", yolov8(20))
    with pytest.raises(
        DetbenchError,
        match=r"m\.onnx: outputs output0\[1,24,315\] hold .*20 classes.*, "
        "but there are 3 class names",
    ):
        load(path, {**ABC, **decoder})


def test_a_class_number_without_a_name_is_an_error(tmp_path):
    detector = load(save_model(tmp_path / "m.onnx", end2end()), {"names": "a|b"})
    with pytest.raises(DetbenchError, match="gave class number 2, but there are 2 class names"):
        detect(detector, [IMAGE])


def test_nan_outputs_name_output_and_image(tmp_path):
    values = np.stack([np.array(ROWS, np.float32)] * 3)
    values[2, 1, 3] = np.nan
    detector = load(
        save_model(tmp_path / "m.onnx", {"rows": values}, (3, 3, 96, 160), batched=False), ABC
    )
    with pytest.raises(DetbenchError, match="output rows of image 2 of the batch holds NaN"):
        detect(detector, [IMAGE] * 3)


def test_nan_in_the_padding_of_a_fixed_batch_is_ignored(tmp_path):
    values = np.stack([np.array(ROWS, np.float32)] * 3)
    values[2, 1, 3] = np.nan
    detector = load(
        save_model(tmp_path / "m.onnx", {"rows": values}, (3, 3, 96, 160), batched=False), ABC
    )
    assert len(detect(detector, [IMAGE] * 2)) == 2
    padded = detector.preprocess([np.full((192, 320, 3), 255, np.uint8)]).inputs
    assert (padded == padded[:1]).all()
    assert padded.max() == 1


def test_outputs_without_a_batch_axis_allow_one_image_only(tmp_path):
    values = np.array(ROWS[:2], np.float32)
    outputs = {
        "boxes": values[:, :4],
        "labels": values[:, 5].astype(np.int64),
        "scores": values[:, 4],
    }
    detector = load(
        save_model(tmp_path / "m.onnx", outputs, (None, 3, 96, 160), batched=False), ABC
    )
    assert detector.batch_size == 1
    with pytest.raises(DetbenchError, match="takes 1 image at a time, not 2"):
        detect(detector, [IMAGE] * 2)
    with pytest.raises(InputError, match=r"takes 2 images but returns outputs of only one, boxes"):
        load(save_model(tmp_path / "two.onnx", outputs, (2, 3, 96, 160), batched=False), ABC)


def test_outputs_of_another_number_of_images_are_refused(tmp_path):
    values = np.stack([np.array(ROWS, np.float32)] * 3)
    detector = load(
        save_model(tmp_path / "m.onnx", {"rows": values}, (None, 3, 96, 160), batched=False), ABC
    )
    with pytest.raises(DetbenchError, match="gave outputs of 3 images for a batch of 2"):
        detect(detector, [IMAGE] * 2)


def test_settings_hold_digests_of_files_named_by_options(tmp_path):
    outputs = {"loc": np.zeros((2, 4), np.float32), "conf": np.zeros((2, 3), np.float32)}
    path = save_model(tmp_path / "m.onnx", outputs)
    boxes, names = tmp_path / "prior.txt", tmp_path / "names.txt"
    names.write_text("a\nb\n")
    options = {"names": str(names), "decoder": "ssd", "default_boxes": str(boxes)}
    first_boxes = []
    for size in ("0.2", "0.4"):
        boxes.write_text(f"0.5 0.5 {size} {size}\n" * 2)
        detector = load(path, options)
        digests = {
            option: f"sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}"
            for option, file in (("names", names), ("default_boxes", boxes))
        }
        assert detector.settings["option_files"] == digests
        first_boxes.append(detect(detector, [IMAGE])[0].boxes[0].tolist())
    assert first_boxes[0] != first_boxes[1]


def test_a_wrong_size_in_the_metadata_is_not_called_an_option(tmp_path):
    path = save_model(
        tmp_path / "m.onnx",
        end2end(),
        properties={"names": "['a', 'b', 'c']", "imgsz": "[320, 320]"},
    )
    with pytest.raises(
        InputError,
        match=r"takes images of 160×96 pixels, but its metadata states 320×320; .*size=WIDTH",
    ):
        load(path, {})
    assert load(path, {"size": "160x96"}).input_size == SIZE


@pytest.mark.parametrize("mask", [(None, None, None), (None, 64, 32)])
def test_a_mask_of_padding_is_all_ones(tmp_path, mask):
    path = save_masked(tmp_path / "m.onnx", np.array(ROWS, np.float32), mask)
    detector = load(path, ABC)
    assert_expected(detect(detector, [IMAGE] * 2)[1])
