"""Model files: exact with float32, nearly so with float16; clear errors for other files."""

import json
import zipfile

import numpy as np
import pytest

from detbench.adapters.shipped import YOLO
from detbench.adapters.yolo.model_file import read_yolo, save_yolo
from detbench.errors import InputError
from tests.adapters.yolo.conftest import ANCHORS, NO_MODELS

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("stored_dtype", ["float32", "float16"])
def test_a_file_holds_the_same_model(keras, model, images, outputs_of, tmp_path, stored_dtype):
    path = tmp_path / "m.keras"
    save_yolo(model, path, stored_dtype)
    assert [entry.name for entry in tmp_path.iterdir()] == ["m.keras"]
    for loaded in (read_yolo(path), keras.saving.load_model(path)):
        assert loaded.get_config() == {**model.get_config(), "stored_dtype": stored_dtype}
        for weight, loaded_weight in zip(model.weights, loaded.weights, strict=True):
            expected = keras.ops.convert_to_numpy(weight).astype(stored_dtype).astype("float32")
            np.testing.assert_array_equal(keras.ops.convert_to_numpy(loaded_weight), expected)
            assert loaded_weight.dtype == "float32"
        if stored_dtype == "float32":
            np.testing.assert_array_equal(outputs_of(loaded, images), outputs_of(model, images))


def test_float16_halves_the_file(yolo_class, tmp_path):
    large = yolo_class(class_names=("dog",), anchors=ANCHORS, width=16)
    sizes = {}
    for stored_dtype in ("float32", "float16"):
        path = tmp_path / f"{stored_dtype}.keras"
        save_yolo(large, path, stored_dtype)
        sizes[stored_dtype] = path.stat().st_size
    assert sizes["float16"] < 0.55 * sizes["float32"]


def test_the_file_describes_the_model(model, tmp_path):
    save_yolo(model, tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        config = json.loads(archive.read("config.json"))["config"]
    assert config["class_names"] == ["dog", "cat"]
    assert config["anchors"] == ANCHORS
    assert config["input_size"] == [64, 32]
    assert "lambda" not in json.dumps(config).lower()


def test_the_shipped_model_of_an_older_version_is_read(keras):
    model = read_yolo(YOLO)
    assert model.stored_dtype == "float16"
    assert model.preprocessing["color"] == "rgb"
    assert "colour" not in model.preprocessing


@pytest.mark.parametrize(("content", "message"), NO_MODELS)
def test_other_files_are_named(keras, tmp_path, content, message):
    if content is not None:
        (tmp_path / "m.keras").write_bytes(content)
    with pytest.raises(InputError, match=rf"m\.keras: {message}"):
        read_yolo(tmp_path / "m.keras")


def test_another_version_of_keras_is_named(keras, model, tmp_path):
    save_yolo(model, tmp_path / "m.keras")
    with (
        zipfile.ZipFile(tmp_path / "m.keras") as source,
        zipfile.ZipFile(tmp_path / "later.keras", "w") as target,
    ):
        for name in source.namelist():
            content = source.read(name).replace(keras.__version__.encode(), b"9.8.7")
            target.writestr(name, content.replace(b'"anchors"', b'"priors"'))
    message = (
        r"cannot be loaded; it was written by Keras 9\.8\.7, this is .*"
        r"pip install 'keras==9\.8\.7'"
    )
    with pytest.raises(InputError, match=message):
        read_yolo(tmp_path / "later.keras")


def test_another_model_is_no_yolo(keras, tmp_path):
    keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]).save(tmp_path / "m.keras")
    with pytest.raises(InputError, match=r"is not a YOLO model of detbench; use keras:"):
        read_yolo(tmp_path / "m.keras")
