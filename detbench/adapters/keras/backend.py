"""The backend Keras runs on: chosen before Keras is first imported, since it can never change afterwards."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from typing import Any

from detbench.adapters.keras.silence_tensorflow import without_chatter
from detbench.errors import DetbenchError

BACKENDS = ("tensorflow", "jax")
"""Those we run models on."""
INSTALL = "pip install 'detbench[keras]'"


def backend_name(text: str) -> str:
    """Read the option `backend`; raises DetbenchError for one we do not run models on."""
    if text not in BACKENDS:
        raise DetbenchError(f"option backend={text}: must be {' or '.join(BACKENDS)}")
    return text


def import_keras(backend: str | None = None) -> Any:
    """Return the module `keras`, running on the backend asked for.

    Args:
        backend: `tensorflow` or `jax`; None takes what Keras is imported with, else what KERAS_BACKEND or ~/.keras/keras.json says.

    Raises:
        DetbenchError: where Keras or its backend is not installed, or Keras is imported already with another backend.
    """
    asked = backend or os.environ.get("KERAS_BACKEND")
    if "keras" not in sys.modules:
        _choose(asked)
    try:
        keras = _keras()
    except ImportError as error:
        raise DetbenchError(
            f"Keras models need Keras and a backend, which cannot be loaded ({error}): {INSTALL}"
        ) from error
    running = keras.backend.backend()
    if backend and running != backend:
        raise DetbenchError(
            f"Keras runs on {running} in this process and cannot change to {backend}; start another process, or set KERAS_BACKEND={backend}"
        )
    if running not in BACKENDS:
        raise DetbenchError(
            f"Keras runs on {running}, and detbench runs models on {' or '.join(BACKENDS)}; set backend=tensorflow"
        )
    return keras


def import_keras_hub(backend: str | None = None) -> Any:
    """Return the module `keras_hub`, on the backend asked for; raises DetbenchError as `import_keras`, and where it is not installed."""
    keras = import_keras(backend)
    try:
        with without_chatter():
            import keras_hub

            if keras.backend.backend() == "jax":
                _leave_accelerators_to_jax()
    except ImportError as error:
        raise DetbenchError(
            f"presets need KerasHub, which cannot be loaded ({error}): {INSTALL}"
        ) from error
    return keras_hub


def _choose(backend: str | None) -> None:
    """Set the backend for the coming import."""
    if backend is None:
        return
    if find_spec(backend) is None:
        raise DetbenchError(f"backend {backend} is not installed: pip install {backend}")
    os.environ["KERAS_BACKEND"] = backend


def _keras() -> Any:
    """Import Keras, and look for TensorFlow's devices while its chatter is held back."""
    with without_chatter():
        import keras

        if keras.backend.backend() == "tensorflow":
            import tensorflow as tf

            tf.config.get_visible_devices("GPU")
    return keras


def _leave_accelerators_to_jax() -> None:
    """Hide accelerators from TensorFlow, which KerasHub imports on every backend and which takes all their memory for itself."""
    import tensorflow as tf

    tf.config.set_visible_devices([], "GPU")
