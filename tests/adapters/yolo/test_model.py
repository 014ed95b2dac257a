"""The model: what it gives, and that its file gives the same in 32 bits and nearly in 16."""

import json
import zipfile

import numpy as np
import pytest

from detbench.adapters.yolo.adapter import detector_of, load, metadata_of
from detbench.adapters.yolo.model_file import read_yolo, save_yolo
from detbench.errors import DetbenchError, InputError
from tests.references import onnx_decodes as plain

keras = pytest.importorskip("keras")
from detbench.adapters.yolo.model import Yolo  # noqa: E402  needs Keras

ANCHORS = [[1.0, 2.0], [0.5, 0.5], [3.0, 1.0]]


@pytest.fixture(scope="module")
def model():
    made = Yolo(
        class_names=("dog", "cat"), anchors=ANCHORS, input_size=(64, 32), stride=8, width=4, depth=1
    )
    rng = np.random.default_rng(0)
    made.set_weights(
        [
            rng.normal(0, 0.3, weight.shape) ** (2 if "variance" in weight.path else 1)
            for weight in made.weights
        ]
    )
    made.compile("adam")
    return made


@pytest.fixture(scope="module")
def pictures():
    return np.random.default_rng(1).random((2, 32, 64, 3)).astype(np.float32)


def outputs(model, pictures):
    return keras.ops.convert_to_numpy(model(pictures, training=False))


def test_output_is_a_box_per_anchor_of_every_cell(model, pictures):
    assert outputs(model, pictures).shape == (2, 4, 8, 3, 7)
    assert model.grid.slots == 4 * 8 * 3


@pytest.mark.parametrize("stored", ["float32", "float16"])
def test_a_file_gives_the_same_model(model, pictures, tmp_path, stored):
    path = tmp_path / "m.keras"
    save_yolo(model, path, stored)
    assert [entry.name for entry in tmp_path.iterdir()] == ["m.keras"]
    for again in (read_yolo(path), keras.saving.load_model(path)):
        assert again.get_config() == {**model.get_config(), "stored": stored}
        for weight, kept in zip(model.weights, again.weights, strict=True):
            expected = keras.ops.convert_to_numpy(weight).astype(stored).astype("float32")
            np.testing.assert_array_equal(keras.ops.convert_to_numpy(kept), expected)
            assert kept.dtype == "float32"
        if stored == "float32":
            np.testing.assert_array_equal(outputs(again, pictures), outputs(model, pictures))


def test_16_bits_halve_the_file(tmp_path):
    large = Yolo(class_names=("dog",), anchors=ANCHORS, width=16)
    for stored in ("float32", "float16"):
        save_yolo(large, tmp_path / f"{stored}.keras", stored)
    assert (tmp_path / "float16.keras").stat().st_size < 0.55 * (
        tmp_path / "float32.keras"
    ).stat().st_size


def test_the_file_says_what_it_is(model, tmp_path):
    save_yolo(model, tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        config = json.loads(archive.read("config.json"))["config"]
    assert (config["class_names"], config["anchors"], config["input_size"]) == (
        ["dog", "cat"],
        ANCHORS,
        [64, 32],
    )
    assert "lambda" not in json.dumps(config).lower()


def test_the_adapter_reads_boxes_as_plain_loops_do(model, pictures, tmp_path):
    save_yolo(model, tmp_path / "m.keras")
    detector = load(tmp_path / "m.keras", {"score": "0.2", "nms": "none"})
    assert (detector.name, detector.class_names, detector.input_size) == (
        "m",
        ("dog", "cat"),
        (64, 32),
    )
    picture = np.random.default_rng(2).integers(0, 256, (32, 64, 3), np.uint8)
    batch = detector.preprocess([picture])
    np.testing.assert_allclose(batch.inputs[0], picture / 255, rtol=1e-6)
    (found,) = detector.postprocess(
        detector.to_host(detector.infer(detector.to_device(batch))), batch
    )
    expected = np.array(
        plain.yolov2_last(outputs(model, batch.inputs)[0], (64, 32), 0.2, ANCHORS, 8)
    )
    expected = expected[np.argsort(-expected[:, 4], kind="stable")]
    assert 5 < len(found.scores) == len(expected)
    np.testing.assert_allclose(found.scores, expected[:, 4], rtol=1e-4)
    np.testing.assert_allclose(
        found.boxes, np.clip(expected[:, :4], 0, [64, 32, 64, 32]), atol=0.01
    )


def test_settings_tell_everything(model, tmp_path):
    save_yolo(model, tmp_path / "m.keras", "float16")
    settings = load(tmp_path / "m.keras", {}).settings
    assert settings["digest"].startswith("sha256:")
    assert (settings["adapter"], settings["stored"], settings["decoder"]["stride"]) == (
        "yolo",
        "float16",
        8,
    )
    json.dumps(settings)
    assert "digest" not in detector_of(model, {}).settings


def test_a_model_in_memory_is_run_as_it_is_at_the_time(model, pictures):
    other = Yolo(**model.get_config())
    detector = detector_of(other, {})
    before = detector.to_host(
        detector.infer(
            detector.to_device(detector.preprocess([np.full((32, 64, 3), 99, np.uint8)]))
        )
    )[0]
    other.set_weights(model.get_weights())
    after = detector.to_host(
        detector.infer(
            detector.to_device(detector.preprocess([np.full((32, 64, 3), 99, np.uint8)]))
        )
    )[0]
    assert np.abs(before - after).max() > 0.01


def test_metadata_are_those_of_decoder_yolov2(model):
    metadata = metadata_of(model)
    assert (metadata.decoder, metadata.decoder_options) == (
        "yolov2",
        {"anchors": [1, 2, 0.5, 0.5, 3, 1], "stride": 8},
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "is empty"), (b"no archive", "is cut off or no Keras model"), (None, "no such model")],
)
def test_what_is_no_keras_file_is_named(tmp_path, content, message):
    if content is not None:
        (tmp_path / "m.keras").write_bytes(content)
    for read in (read_yolo, lambda path: load(path, {})):
        with pytest.raises(InputError, match=rf"m\.keras: {message}"):
            read(tmp_path / "m.keras")


def test_another_version_of_keras_is_named(model, tmp_path):
    save_yolo(model, tmp_path / "m.keras")
    with (
        zipfile.ZipFile(tmp_path / "m.keras") as old,
        zipfile.ZipFile(tmp_path / "later.keras", "w") as new,
    ):
        for name in old.namelist():
            changed = (
                old.read(name)
                .replace(keras.__version__.encode(), b"9.8.7")
                .replace(b'"anchors"', b'"priors"')
            )
            new.writestr(name, changed)
    with pytest.raises(
        InputError,
        match=r"cannot be loaded; Keras 9\.8\.7 wrote it, this is .*pip install 'keras==9\.8\.7'",
    ):
        load(tmp_path / "later.keras", {})


def test_another_model_is_not_ours(tmp_path):
    keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]).save(tmp_path / "m.keras")
    with pytest.raises(InputError, match="holds no YOLO of ours; use keras:"):
        load(tmp_path / "m.keras", {})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": "96"}, "takes pictures of 64×32 pixels, not 96×96"),
        ({"names": "a|b|c"}, "3 class names"),
        ({"sise": "1"}, "unknown option 'sise'"),
        ({"backend": "torch"}, "option backend=torch: must be tensorflow or jax"),
    ],
)
def test_options_that_do_not_suit(model, tmp_path, options, message):
    save_yolo(model, tmp_path / "m.keras")
    with pytest.raises(DetbenchError, match=message):
        load(tmp_path / "m.keras", options)


@pytest.mark.parametrize("changed", [{"stride": 12}, {"input_size": (60, 32)}, {"stride": 64}])
def test_shapes_that_cannot_be(model, changed):
    with pytest.raises(ValueError, match="stride"):
        Yolo(**{**model.get_config(), **changed})
