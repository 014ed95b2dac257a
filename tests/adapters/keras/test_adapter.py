import zipfile

import numpy as np
import pytest

from detbench.adapters.catalogue import load_detector
from detbench.adapters.keras import in_memory_detector
from detbench.adapters.keras.backend import import_keras
from detbench.errors import DetbenchError, InputError

BOXES = np.array([[8.0, 4, 24, 12], [0, 0, 16, 16], [1, 1, 1, 1], [-1, -1, -1, -1]], np.float32)
"""x1, y1, x2, y2 in pixels of a 32 × 16 input; the last two rows are padding."""


@pytest.fixture(scope="module")
def keras():
    pytest.importorskip("tensorflow")
    return import_keras("tensorflow")


def constant(keras, boxes=BOXES, scores=(0.9, 0.5, 0.8, -1.0), classes=(1, 0, -1, -1), **more):
    """A model that finds the same in every picture."""

    @keras.saving.register_keras_serializable("tests")
    class Constant(keras.layers.Layer):
        def call(self, images):
            found = {"boxes": boxes, "confidence": scores, "classes": classes, **more}
            rows = {
                name: keras.ops.convert_to_tensor(np.asarray(values, "float32"))[None]
                for name, values in found.items()
            }
            return {
                name: keras.ops.repeat(values, keras.ops.shape(images)[0], axis=0)
                for name, values in rows.items()
            }

    inputs = keras.Input((16, 32, 3))
    return keras.Model(inputs, Constant()(inputs), name="constant")


def found(detector, size=(32, 16)):
    batch = detector.preprocess([np.zeros((size[1], size[0], 3), np.uint8)] * 2)
    one, other = detector.postprocess(
        detector.to_host(detector.infer(detector.to_device(batch))), batch
    )
    np.testing.assert_array_equal(one.boxes, other.boxes)
    return one


FORMATS = {
    "xyxy": BOXES,
    "yxyx": BOXES[:, [1, 0, 3, 2]],
    "xywh": np.concatenate([BOXES[:, :2], BOXES[:, 2:] - BOXES[:, :2]], axis=1),
    "cxcywh": np.concatenate(
        [(BOXES[:, :2] + BOXES[:, 2:]) / 2, BOXES[:, 2:] - BOXES[:, :2]], axis=1
    ),
    "rel_xyxy": BOXES / [32, 16, 32, 16],
    "rel_yxyx": BOXES[:, [1, 0, 3, 2]] / [16, 32, 16, 32],
    "rel_cxcywh": np.concatenate(
        [(BOXES[:, :2] + BOXES[:, 2:]) / 2, BOXES[:, 2:] - BOXES[:, :2]], axis=1
    )
    / [32, 16, 32, 16],
}


@pytest.mark.parametrize("box_format", FORMATS)
def test_boxes_of_every_format_come_back_in_the_picture(keras, box_format):
    detector = in_memory_detector(
        constant(keras, FORMATS[box_format]), class_names=["cat", "dog"], box_format=box_format
    )
    one = found(detector, (64, 32))
    np.testing.assert_allclose(one.boxes, 2 * BOXES[:2], atol=1e-5)
    np.testing.assert_allclose(one.scores, [0.9, 0.5])
    assert one.classes.tolist() == [1, 0]


def test_rows_beyond_the_number_of_detections_are_padding(keras):
    model = constant(keras, scores=(0.9, 0.5, 0.8, 0.7), classes=(1, 0, 1, 1), num_detections=1)
    assert found(
        in_memory_detector(model, class_names=["cat", "dog"], box_format="xyxy")
    ).scores == pytest.approx([0.9])


def test_the_format_of_boxes_must_be_told(keras):
    with pytest.raises(
        DetbenchError,
        match="constant: does not say in which format its boxes are; say it with format=xyxy",
    ):
        in_memory_detector(constant(keras), class_names=["cat", "dog"])
    with pytest.raises(DetbenchError, match="no box_format 'xxyy'"):
        in_memory_detector(constant(keras), class_names=["cat", "dog"], box_format="xxyy")


def test_class_names_must_be_told(keras):
    with pytest.raises(InputError, match="has an unknown number of classes and no names for them"):
        in_memory_detector(constant(keras), box_format="xyxy")


def test_a_file_is_run_with_its_digest_on_record(keras, tmp_path):
    inputs = keras.Input((16, 32, 3))
    pool = keras.layers.GlobalAveragePooling2D()(inputs)
    model = keras.Model(
        inputs,
        {
            "boxes": keras.layers.Reshape((5, 4))(keras.layers.Dense(20)(pool)),
            "confidence": keras.layers.Dense(5, activation="sigmoid")(pool),
            "classes": keras.layers.Dense(5, kernel_initializer="zeros")(pool),
        },
    )
    model.save(tmp_path / "small.keras")
    detector = load_detector(str(tmp_path / "small.keras"), format="xywh", names="cat|dog", score=0)
    assert detector.settings["digest"].startswith("sha256:")
    assert detector.settings["size_bytes"] == len((tmp_path / "small.keras").read_bytes())
    assert (detector.settings["adapter"], detector.settings["decoder"]["format"]) == (
        "keras",
        "xywh",
    )
    assert len(found(detector).scores) == 5


def test_a_model_without_detections_is_refused(keras, tmp_path):
    inputs = keras.Input((16, 32, 3))
    keras.Model(inputs, keras.layers.Dense(10)(keras.layers.Flatten()(inputs))).save(
        tmp_path / "classifier.keras"
    )
    with pytest.raises(
        DetbenchError, match=r"classifier.keras: no decoder knows outputs output\[1,10\]"
    ):
        load_detector(str(tmp_path / "classifier.keras"))


def test_files_that_are_no_models_are_refused(keras, tmp_path):
    (tmp_path / "empty.keras").touch()
    (tmp_path / "text.keras").write_text("no zip")
    keras.Model(inputs := keras.Input((4, 4, 3)), keras.layers.Conv2D(8, 1)(inputs)).save(
        tmp_path / "whole.keras"
    )
    (tmp_path / "cut.keras").write_bytes((tmp_path / "whole.keras").read_bytes()[:-200])
    for name, message in (
        ("empty", "is empty"),
        ("text", "is cut off or no Keras model"),
        ("cut", "is cut off or no Keras model"),
    ):
        with pytest.raises(InputError, match=message):
            load_detector(str(tmp_path / f"{name}.keras"))
    with pytest.raises(InputError, match="no such model"):
        load_detector(str(tmp_path / "none.keras"))


def rewritten(source, target, **changes):
    """Copy a .keras file with text replaced in one of its members."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            for before, after in changes.get(name.split(".")[0], ()):
                assert before.encode() in data
                data = data.replace(before.encode(), after.encode())
            new.writestr(name, data)


def test_a_layer_unknown_here_is_named(keras, tmp_path):
    constant(keras).save(tmp_path / "own.keras")
    changed = [("tests>Constant", "elsewhere>Special"), ('"Constant"', '"Special"')]
    rewritten(tmp_path / "own.keras", tmp_path / "special.keras", config=changed)
    with pytest.raises(
        InputError, match=r"holds .*Special.*unknown here; in Python, .*in_memory_detector\(model\)"
    ):
        load_detector(str(tmp_path / "special.keras"), format="xyxy")


def test_a_lambda_is_not_run(keras, tmp_path):
    inputs = keras.Input((4, 4, 3))
    keras.Model(inputs, keras.layers.Lambda(lambda x: x + 1)(inputs)).save(tmp_path / "code.keras")
    with pytest.raises(InputError, match="holds a Lambda layer, whose code is not run from a file"):
        load_detector(str(tmp_path / "code.keras"))


def test_another_version_of_keras_is_named(keras, tmp_path):
    keras.Model(inputs := keras.Input((4, 4, 3)), keras.layers.Conv2D(8, 1)(inputs)).save(
        tmp_path / "now.keras"
    )
    later = {
        "metadata": [(keras.__version__, "9.8.7")],
        "config": [('"filters"', '"channels_out"')],
    }
    rewritten(tmp_path / "now.keras", tmp_path / "later.keras", **later)
    with pytest.raises(InputError, match=r"cannot be loaded; Keras 9\.8\.7 wrote it, this is"):
        load_detector(str(tmp_path / "later.keras"))
