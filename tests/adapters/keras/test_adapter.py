"""Keras models from files and from memory as detectors, and files that cannot be loaded."""

import zipfile

import numpy as np
import pytest

from detbench.adapters.catalogue import load_detector
from detbench.adapters.keras import in_memory_detector
from detbench.errors import DetbenchError, InputError

pytestmark = pytest.mark.slow

BOXES = np.array([[8.0, 4, 24, 12], [0, 0, 16, 16], [1, 1, 1, 1], [-1, -1, -1, -1]], np.float32)
"""x1, y1, x2, y2 in pixels of a 32×16 input; the last two rows are padding."""
CENTER_BOXES = np.concatenate([(BOXES[:, :2] + BOXES[:, 2:]) / 2, BOXES[:, 2:] - BOXES[:, :2]], 1)


def constant_model(
    keras, boxes=BOXES, scores=(0.9, 0.5, 0.8, -1.0), classes=(1, 0, -1, -1), **more
):
    """Return a model with the same detections in every image."""

    @keras.saving.register_keras_serializable("tests")
    class Constant(keras.layers.Layer):
        def call(self, images):
            outputs = {"boxes": boxes, "confidence": scores, "classes": classes, **more}
            count = keras.ops.shape(images)[0]
            return {
                name: keras.ops.repeat(
                    keras.ops.convert_to_tensor(np.asarray(values, "float32"))[None], count, axis=0
                )
                for name, values in outputs.items()
            }

    inputs = keras.Input((16, 32, 3))
    return keras.Model(inputs, Constant()(inputs), name="constant")


def convolution(keras, **options):
    return keras.Model(
        inputs := keras.Input((4, 4, 3)), keras.layers.Conv2D(8, 1, **options)(inputs)
    )


def detect_in_blank(detector, size=(32, 16)):
    """Return the detections in a black image of a width and height, the same twice in a batch."""
    batch = detector.preprocess([np.zeros((size[1], size[0], 3), np.uint8)] * 2)
    outputs = detector.to_host(detector.infer(detector.to_device(batch)))
    first, second = detector.postprocess(outputs, batch)
    np.testing.assert_array_equal(first.boxes, second.boxes)
    return first


BOXES_BY_FORMAT = {
    "xyxy": BOXES,
    "yxyx": BOXES[:, [1, 0, 3, 2]],
    "xywh": np.concatenate([BOXES[:, :2], BOXES[:, 2:] - BOXES[:, :2]], axis=1),
    "cxcywh": CENTER_BOXES,
    "rel_xyxy": BOXES / [32, 16, 32, 16],
    "rel_yxyx": BOXES[:, [1, 0, 3, 2]] / [16, 32, 16, 32],
    "rel_cxcywh": CENTER_BOXES / [32, 16, 32, 16],
}


@pytest.mark.parametrize("box_format", BOXES_BY_FORMAT)
def test_boxes_of_every_format_are_mapped_to_the_image(keras, box_format):
    model = constant_model(keras, BOXES_BY_FORMAT[box_format])
    detector = in_memory_detector(model, class_names=["cat", "dog"], box_format=box_format)
    detections = detect_in_blank(detector, (64, 32))
    np.testing.assert_allclose(detections.boxes, 2 * BOXES[:2], atol=1e-5)
    np.testing.assert_allclose(detections.scores, [0.9, 0.5])
    assert detections.classes.tolist() == [1, 0]


def test_rows_beyond_the_number_of_detections_are_padding(keras):
    scores, classes = (0.9, 0.5, 0.8, 0.7), (1, 0, 1, 1)
    model = constant_model(keras, scores=scores, classes=classes, num_detections=1)
    detector = in_memory_detector(model, class_names=["cat", "dog"], box_format="xyxy")
    assert detect_in_blank(detector).scores == pytest.approx([0.9])


def test_the_box_format_is_required(keras):
    model = constant_model(keras)
    message = "constant: the format of its boxes is unknown; set it with format=xyxy"
    with pytest.raises(DetbenchError, match=message):
        in_memory_detector(model, class_names=["cat", "dog"])
    with pytest.raises(DetbenchError, match="unknown box_format 'xxyy'"):
        in_memory_detector(model, class_names=["cat", "dog"], box_format="xxyy")


def test_class_names_are_required(keras):
    with pytest.raises(InputError, match="has an unknown number of classes and no class names"):
        in_memory_detector(constant_model(keras), box_format="xyxy")


def test_the_record_of_a_file_has_its_digest(keras, tmp_path):
    inputs = keras.Input((16, 32, 3))
    features = keras.layers.GlobalAveragePooling2D()(inputs)
    model = keras.Model(
        inputs,
        {
            "boxes": keras.layers.Reshape((5, 4))(keras.layers.Dense(20)(features)),
            "confidence": keras.layers.Dense(5, activation="sigmoid")(features),
            "classes": keras.layers.Dense(5, kernel_initializer="zeros")(features),
        },
    )
    path = tmp_path / "small.keras"
    model.save(path)
    detector = load_detector(str(path), format="xywh", names="cat|dog", score=0)
    assert detector.settings["digest"].startswith("sha256:")
    assert detector.settings["size_bytes"] == len(path.read_bytes())
    assert detector.settings["adapter"] == "keras"
    assert detector.settings["decoder"]["format"] == "xywh"
    assert len(detect_in_blank(detector).scores) == 5


def test_a_model_that_is_no_detector_is_refused(keras, tmp_path):
    inputs = keras.Input((16, 32, 3))
    classifier = keras.Model(inputs, keras.layers.Dense(10)(keras.layers.Flatten()(inputs)))
    classifier.save(tmp_path / "classifier.keras")
    with pytest.raises(
        DetbenchError, match=r"classifier.keras: no decoder matches outputs output\[1,10\]"
    ):
        load_detector(str(tmp_path / "classifier.keras"))


def test_files_without_a_model_are_refused(keras, tmp_path):
    (tmp_path / "empty.keras").touch()
    (tmp_path / "text.keras").write_text("no zip")
    convolution(keras).save(tmp_path / "whole.keras")
    (tmp_path / "cut.keras").write_bytes((tmp_path / "whole.keras").read_bytes()[:-200])
    messages = {
        "empty": "is empty",
        "text": "is truncated or not a Keras model",
        "cut": "is truncated or not a Keras model",
        "missing": "no such model",
    }
    for name, message in messages.items():
        with pytest.raises(InputError, match=message):
            load_detector(str(tmp_path / f"{name}.keras"))


def copy_archive(source, target, **changes):
    """Copy a .keras file, and replace texts in its members: `member=[(before, after), …]`."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            for before, after in changes.get(name.split(".")[0], ()):
                assert before.encode() in content
                content = content.replace(before.encode(), after.encode())
            new.writestr(name, content)


def test_an_unknown_layer_is_named(keras, tmp_path):
    constant_model(keras).save(tmp_path / "own.keras")
    changes = [("tests>Constant", "elsewhere>Special"), ('"Constant"', '"Special"')]
    copy_archive(tmp_path / "own.keras", tmp_path / "special.keras", config=changes)
    message = r"contains .*Special.*, an unknown custom layer.*; in Python, .*in_memory_detector\("
    with pytest.raises(InputError, match=message):
        load_detector(str(tmp_path / "special.keras"), format="xyxy")


def test_a_lambda_is_not_run(keras, tmp_path):
    inputs = keras.Input((4, 4, 3))
    keras.Model(inputs, keras.layers.Lambda(lambda x: x + 1)(inputs)).save(tmp_path / "code.keras")
    message = "contains a Lambda layer, whose code is not run from a file"
    with pytest.raises(InputError, match=message):
        load_detector(str(tmp_path / "code.keras"))


def test_another_version_of_keras_is_named(keras, tmp_path):
    convolution(keras).save(tmp_path / "now.keras")
    copy_archive(
        tmp_path / "now.keras",
        tmp_path / "later.keras",
        metadata=[(keras.__version__, "9.8.7")],
        config=[('"filters"', '"channels_out"')],
    )
    message = r"cannot be loaded; it was written by Keras 9\.8\.7, this is"
    with pytest.raises(InputError, match=message):
        load_detector(str(tmp_path / "later.keras"))
