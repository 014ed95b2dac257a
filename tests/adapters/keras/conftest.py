"""KerasHub and two small presets, shared by the tests of this folder."""

from pathlib import Path
from typing import Any

import pytest

from tests.adapters.keras import models


@pytest.fixture(scope="session")
def keras() -> Any:
    """Return Keras on TensorFlow."""
    pytest.importorskip("tensorflow")
    from detbench.adapters.keras.backend import import_keras

    return import_keras("tensorflow")


@pytest.fixture(scope="session")
def hub() -> Any:
    """Return KerasHub on TensorFlow; importing it takes seconds."""
    pytest.importorskip("keras_hub")
    from detbench.adapters.keras.backend import import_keras_hub

    return import_keras_hub("tensorflow")


@pytest.fixture(scope="session")
def retinanet_preset(hub, tmp_path_factory) -> Path:
    """Return a preset folder with class names; tests only read it."""
    from detbench.adapters.keras.preset import write_class_names

    folder = tmp_path_factory.mktemp("presets") / "small_retinanet"
    models.retinanet(hub).save_to_preset(str(folder))
    write_class_names(folder, ["cat", "dog", "bird", "cow"])
    return folder


@pytest.fixture(scope="session")
def d_fine_preset(hub, tmp_path_factory) -> Path:
    """Return a preset folder without class names; tests only read it."""
    folder = tmp_path_factory.mktemp("presets") / "small_d_fine"
    models.d_fine(hub).save_to_preset(str(folder))
    return folder
