import subprocess
import sys

import numpy as np
import pytest

from detbench.adapters.keras.backend import import_keras
from detbench.adapters.keras.silence_tensorflow import without_chatter
from detbench.errors import DetbenchError

IMAGES = np.random.default_rng(0).random((3, 8, 12, 3), np.float32)


@pytest.fixture(scope="module")
def keras():
    pytest.importorskip("tensorflow")
    return import_keras("tensorflow")


def two_heads(keras, shape=(None, None, 3), batch=None):
    inputs = keras.Input(shape, batch_size=batch)
    features = keras.layers.BatchNormalization()(keras.layers.Conv2D(4, 3, padding="same")(inputs))
    return keras.Model(
        inputs, {"second": features, "first": keras.layers.Conv2D(2, 1)(features)}, name="two"
    )


def runtime_of(model, **options):
    from detbench.adapters.keras.runtime import KerasRuntime

    return KerasRuntime(model, (12, 8), **options)


def outputs_of(runtime, images=IMAGES):
    outputs = runtime.run(runtime.to_device(images))
    runtime.synchronize()
    return dict(zip(runtime.output_names, runtime.to_host(outputs), strict=True))


def test_a_model_gives_what_predict_gives_for_every_batch_size(keras):
    model = two_heads(keras)
    runtime = runtime_of(model)
    assert runtime.shapes.outputs == {"second": (1, 8, 12, 4), "first": (1, 8, 12, 2)}
    for count in (1, 3):
        expected = model.predict(IMAGES[:count], verbose=0)
        for name, values in outputs_of(runtime, IMAGES[:count]).items():
            np.testing.assert_allclose(values, expected[name], atol=1e-6)


def test_new_weights_are_seen(keras):
    model = two_heads(keras)
    runtime = runtime_of(model, only=("first",))
    before = outputs_of(runtime)
    model.set_weights([2 * weight for weight in model.get_weights()])
    after = outputs_of(runtime)
    assert before.keys() == after.keys() == {"first"}
    np.testing.assert_allclose(after["first"], model.predict(IMAGES, verbose=0)["first"], atol=1e-6)
    assert np.abs(after["first"] - before["first"]).max() > 0.1


def test_outputs_have_names(keras):
    inputs = keras.Input((8, 12, 3))
    half = keras.layers.Conv2D(1, 1, dtype="bfloat16")(inputs)
    assert list(runtime_of(keras.Model(inputs, half)).output_names) == ["output"]
    listed = runtime_of(keras.Model(inputs, [half, inputs]))
    assert list(listed.output_names) == ["output_0", "output_1"]
    assert outputs_of(listed)["output_0"].dtype == np.float32


def test_a_fixed_batch_stays_fixed(keras):
    runtime = runtime_of(two_heads(keras, (8, 12, 3), batch=2))
    assert (runtime.input.batch, runtime.shapes.outputs["first"]) == (2, (2, 8, 12, 2))


def test_models_that_are_no_detectors_are_refused(keras):
    inputs = keras.Input((8, 12, 3))
    with pytest.raises(DetbenchError, match=r"takes pictures of 13×8 pixels, not 12×8"):
        runtime_of(keras.Model(wide := keras.Input((8, 13, 3)), wide + 1))
    with pytest.raises(DetbenchError, match="takes 2 inputs"):
        runtime_of(keras.Model([inputs, other := keras.Input((8, 12, 3))], inputs + other))
    with pytest.raises(DetbenchError, match="is no batch of colour pictures"):
        runtime_of(keras.Model(flat := keras.Input((7,)), flat + 1))
    with pytest.raises(DetbenchError, match="gives outputs within outputs"):
        runtime_of(keras.Model(inputs, {"a": {"b": inputs + 1}}))
    with pytest.raises(DetbenchError, match="has no output 'third'; it has second, first"):
        runtime_of(two_heads(keras), only=("third",))


def test_a_backend_cannot_change(keras):
    with pytest.raises(
        DetbenchError,
        match=r"runs on tensorflow in this process and cannot change to jax; .*KERAS_BACKEND=jax",
    ):
        import_keras("jax")


def test_jax_gives_what_tensorflow_gives(keras, tmp_path):
    pytest.importorskip("jax")
    model = two_heads(keras)
    model.save(tmp_path / "two.keras")
    script = (
        "import sys, numpy as np\n"
        "from detbench.adapters.keras.backend import import_keras\n"
        "model = import_keras('jax').saving.load_model(sys.argv[1])\n"
        "from tests.adapters.keras.test_runtime import IMAGES, outputs_of, runtime_of\n"
        "runtime = runtime_of(model)\n"
        "before = outputs_of(runtime)\n"
        "weights = [2 * np.asarray(one.value) for one in model.weights]\n"
        "model.set_weights(weights)\n"
        "assert np.abs(outputs_of(runtime)['first'] - before['first']).max() > 0.1\n"
        "assert 'tensorflow' not in sys.modules, runtime.settings\n"
        "np.savez(sys.argv[2], **before)\n"
    )
    found = tmp_path / "found.npz"
    subprocess.run(
        [sys.executable, "-W", "error", "-c", script, tmp_path / "two.keras", found],
        check=True,
        timeout=300,
    )
    for name, values in model.predict(IMAGES, verbose=0).items():
        np.testing.assert_allclose(np.load(found)[name], values, atol=1e-5)


def test_chatter_is_dropped_and_the_rest_said_afterwards(capfd):
    import os

    with without_chatter():
        os.write(
            2,
            b"I0000 00:00:1.2 3 port.cc:153] oneDNN custom operations are on.\nsomething that matters\n",
        )
        assert capfd.readouterr().err == ""
    assert capfd.readouterr().err == "something that matters\n"
