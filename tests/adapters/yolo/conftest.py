"""A small YOLO with random weights, shared by the tests of this folder."""

import numpy as np
import pytest

ANCHORS = [[1.0, 2.0], [0.5, 0.5], [3.0, 1.0]]
NO_MODELS = [
    (b"", "is empty"),
    (b"no archive", "is truncated or not a Keras model"),
    (None, "no such model"),
]
"""Contents of a file, None for a missing one, and the error that they cause."""


@pytest.fixture(scope="session")
def keras():
    """Return Keras, which takes seconds to import."""
    pytest.importorskip("keras")
    from detbench.adapters.keras.backend import import_keras

    return import_keras()


@pytest.fixture(scope="session")
def yolo_class(keras):
    from detbench.adapters.yolo.model import Yolo

    return Yolo


@pytest.fixture(scope="session")
def model(yolo_class):
    """Return a YOLO for two classes on 64×32 pixels; tests only read it."""
    model = yolo_class(
        class_names=("dog", "cat"), anchors=ANCHORS, input_size=(64, 32), stride=8, width=4, depth=1
    )
    rng = np.random.default_rng(0)
    # Variances must be positive.
    model.set_weights(
        [
            rng.normal(0, 0.3, weight.shape) ** (2 if "variance" in weight.path else 1)
            for weight in model.weights
        ]
    )
    model.compile("adam")
    return model


@pytest.fixture(scope="session")
def images():
    """Return two images as the model takes them."""
    return np.random.default_rng(1).random((2, 32, 64, 3)).astype(np.float32)


@pytest.fixture(scope="session")
def outputs_of(keras):
    """Return a function that runs a model on images and returns its output as an array."""

    def run(model, images):
        return keras.ops.convert_to_numpy(model(images, training=False))

    return run
