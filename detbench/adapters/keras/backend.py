"""The backend of Keras: chosen before Keras is first imported, because it cannot change later."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from typing import Any

from detbench.adapters.keras.silence_tensorflow import silence_tensorflow
from detbench.errors import DetbenchError

BACKENDS = ("tensorflow", "jax")
"""The backends on which detbench runs models."""
INSTALL = "pip install 'detbench[keras]'"


def backend_name(text: str) -> str:
    """Read the option `backend`; raises DetbenchError if it is not one of `BACKENDS`."""
    if text not in BACKENDS:
        raise DetbenchError(f"option backend={text}: must be {' or '.join(BACKENDS)}")
    return text


def import_keras(backend: str | None = None) -> Any:
    """Return the module `keras`, running on the requested backend.

    Args:
        backend: `tensorflow` or `jax`. None keeps the backend that Keras already runs on, else
            takes KERAS_BACKEND or ~/.keras/keras.json.

    Raises:
        DetbenchError: if Keras or its backend is not installed, or if Keras already runs on
            another backend.
    """
    requested = backend or os.environ.get("KERAS_BACKEND")
    if "keras" not in sys.modules and requested is not None:
        _set_backend(requested)
    try:
        keras = _import_keras_quietly()
    except ImportError as error:
        raise DetbenchError(f"cannot import Keras ({error}); run {INSTALL}") from error
    running = keras.backend.backend()
    if backend and running != backend:
        raise DetbenchError(
            f"Keras already runs on {running} in this process and cannot change to {backend}; "
            f"start another process or set KERAS_BACKEND={backend}"
        )
    if running not in BACKENDS:
        raise DetbenchError(
            f"Keras runs on {running}, but detbench needs {' or '.join(BACKENDS)}; "
            "set backend=tensorflow"
        )
    return keras


def import_keras_hub(backend: str | None = None) -> Any:
    """Return the module `keras_hub` on the requested backend.

    Raises DetbenchError as `import_keras` does, and if KerasHub is not installed.
    """
    keras = import_keras(backend)
    try:
        with silence_tensorflow():
            import keras_hub

            if keras.backend.backend() == "jax":
                _hide_accelerators_from_tensorflow()
    except ImportError as error:
        raise DetbenchError(f"cannot import KerasHub ({error}); run {INSTALL}") from error
    return keras_hub


def _set_backend(backend: str) -> None:
    """Choose the backend for the first import of Keras."""
    if find_spec(backend) is None:
        raise DetbenchError(f"backend {backend} is not installed; run pip install {backend}")
    os.environ["KERAS_BACKEND"] = backend


def _import_keras_quietly() -> Any:
    with silence_tensorflow():
        import keras

        if keras.backend.backend() == "tensorflow":
            import tensorflow as tf

            # TensorFlow logs when it first looks for devices, so it looks while it is silenced.
            tf.config.get_visible_devices("GPU")
    return keras


def _hide_accelerators_from_tensorflow() -> None:
    """Keep TensorFlow from reserving all GPU memory.

    KerasHub imports TensorFlow on every backend if it is installed.
    """
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow is not None:
        tensorflow.config.set_visible_devices([], "GPU")
