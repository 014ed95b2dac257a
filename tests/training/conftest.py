"""Keras for the tests of the trainings; importing it takes seconds."""

import pytest


@pytest.fixture(scope="session")
def keras():
    pytest.importorskip("keras")
    from detbench.adapters.keras.backend import import_keras

    return import_keras()


@pytest.fixture(scope="session")
def hub():
    pytest.importorskip("keras_hub")
    from detbench.adapters.keras.backend import import_keras_hub

    return import_keras_hub()
