"""The fast call: the numbers of `predict`, current weights, names of outputs, refused models."""

import os

import numpy as np
import pytest

from detbench.adapters.keras.backend import import_keras
from detbench.adapters.keras.silence_tensorflow import silence_tensorflow
from detbench.errors import DetbenchError

pytestmark = pytest.mark.slow

IMAGES = np.random.default_rng(0).random((3, 8, 12, 3), np.float32)


def two_headed_model(keras, shape=(None, None, 3), batch_size=None):
    """Return a model with the outputs `second` and `first`, in this order."""
    inputs = keras.Input(shape, batch_size=batch_size)
    features = keras.layers.BatchNormalization()(keras.layers.Conv2D(4, 3, padding="same")(inputs))
    outputs = {"second": features, "first": keras.layers.Conv2D(2, 1)(features)}
    return keras.Model(inputs, outputs, name="two")


def runtime_of(model, **options):
    from detbench.adapters.keras.runtime import KerasRuntime

    return KerasRuntime(model, (12, 8), **options)


def run(runtime, images=IMAGES):
    """Return the outputs by name as arrays."""
    outputs = runtime.run(runtime.to_device(images))
    runtime.synchronize()
    return dict(zip(runtime.output_names, runtime.to_host(outputs), strict=True))


def test_outputs_are_those_of_predict_for_every_batch_size(keras):
    model = two_headed_model(keras)
    runtime = runtime_of(model)
    assert runtime.shapes.outputs == {"second": (1, 8, 12, 4), "first": (1, 8, 12, 2)}
    for count in (1, 3):
        expected = model.predict(IMAGES[:count], verbose=0)
        for name, values in run(runtime, IMAGES[:count]).items():
            np.testing.assert_allclose(values, expected[name], atol=1e-6)


def test_new_weights_are_used(keras):
    model = two_headed_model(keras)
    runtime = runtime_of(model, heads=("first",))
    before = run(runtime)
    model.set_weights([2 * weight for weight in model.get_weights()])
    after = run(runtime)
    assert before.keys() == after.keys() == {"first"}
    np.testing.assert_allclose(after["first"], model.predict(IMAGES, verbose=0)["first"], atol=1e-6)
    assert np.abs(after["first"] - before["first"]).max() > 0.1


def test_names_of_outputs(keras):
    inputs = keras.Input((8, 12, 3))
    half = keras.layers.Conv2D(1, 1, dtype="bfloat16")(inputs)
    assert list(runtime_of(keras.Model(inputs, half)).output_names) == ["output"]
    listed = runtime_of(keras.Model(inputs, [half, inputs]))
    assert list(listed.output_names) == ["output_0", "output_1"]
    assert run(listed)["output_0"].dtype == np.float32


def test_a_fixed_batch_size_is_kept(keras):
    runtime = runtime_of(two_headed_model(keras, (8, 12, 3), batch_size=2))
    assert runtime.input.batch == 2
    assert runtime.shapes.outputs["first"] == (2, 8, 12, 2)


def test_models_that_are_no_detectors_are_refused(keras):
    inputs = keras.Input((8, 12, 3))
    with pytest.raises(DetbenchError, match=r"takes images of 13×8 pixels, not 12×8"):
        runtime_of(keras.Model(wide := keras.Input((8, 13, 3)), wide + 1))
    with pytest.raises(DetbenchError, match="takes 2 inputs"):
        runtime_of(keras.Model([inputs, other := keras.Input((8, 12, 3))], inputs + other))
    with pytest.raises(DetbenchError, match="is not a batch of color images"):
        runtime_of(keras.Model(flat := keras.Input((7,)), flat + 1))
    with pytest.raises(DetbenchError, match="nests outputs within outputs"):
        runtime_of(keras.Model(inputs, {"a": {"b": inputs + 1}}))
    with pytest.raises(DetbenchError, match="has no output 'third'; it has second, first"):
        runtime_of(two_headed_model(keras), heads=("third",))


def test_the_backend_cannot_change(keras):
    message = r"runs on tensorflow in this process and cannot change to jax; .*KERAS_BACKEND=jax"
    with pytest.raises(DetbenchError, match=message):
        import_keras("jax")


def test_log_lines_are_dropped_and_the_rest_is_written_afterwards(capfd):
    log_line = b"I0000 00:00:1.2 3 port.cc:153] oneDNN custom operations are on.\n"
    with silence_tensorflow():
        os.write(2, log_line + b"something that matters\n")
        assert capfd.readouterr().err == ""
    assert capfd.readouterr().err == "something that matters\n"
