"""Writing a Keras detector as an ONNX file that the ONNX adapter runs without any option: raw heads, everything else in the metadata."""

from __future__ import annotations

import logging
from dataclasses import asdict
from pathlib import Path
from typing import Any

from detbench.adapters.keras.backend import import_keras
from detbench.adapters.keras.runtime import KerasRuntime
from detbench.adapters.keras.silence_tensorflow import without_chatter
from detbench.adapters.metadata import Metadata
from detbench.adapters.raw_detector import RawDetector
from detbench.errors import DetbenchError

_OPSET = 17
_PRODUCER = "detbench"
_FAILED = (
    ValueError,
    TypeError,
    KeyError,
    RuntimeError,
    AttributeError,
    AssertionError,
    NotImplementedError,
)
"""What tf2onnx raises for what it cannot convert."""


def write_onnx(detector: RawDetector, path: Path) -> None:
    """Write a Keras detector's raw heads as an ONNX model, any batch size, NMS left to whoever runs it.

    Names, decoder with anchors, preprocessing and postprocessing go into the metadata.

    Raises:
        DetbenchError: for a model that Keras does not run on TensorFlow, or that cannot be converted, and where tf2onnx is not there.
    """
    runtime = detector.runtime
    if not isinstance(runtime, KerasRuntime):
        raise DetbenchError(
            f"{detector.name} is no Keras model; detbench export converts yolo:, keras: and kerashub: models"
        )
    if runtime.backend != "tensorflow":
        raise DetbenchError(
            f"models are exported from the tensorflow backend, and Keras runs on {runtime.backend}; set backend=tensorflow"
        )
    model = _converted(detector, runtime)
    model.producer_name = _PRODUCER
    for key, value in metadata_of(detector).as_properties().items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    path.write_bytes(model.SerializeToString())


def metadata_of(detector: RawDetector) -> Metadata:
    """Return everything about a detector that its raw heads do not say."""
    options = asdict(detector.decoder)  # type: ignore[call-overload]
    return Metadata(
        class_names=detector.class_names,
        decoder=detector.decoder.name,
        decoder_options={
            name: list(value) if isinstance(value, tuple) else value
            for name, value in options.items()
        },
        size=detector.input_size,
        preprocessing=detector.preparation.as_dict(),
        postprocessing=detector.finish.as_dict(),
    )


def _converted(detector: RawDetector, runtime: KerasRuntime) -> Any:
    import_keras()
    try:
        with without_chatter():
            import tensorflow as tf
            import tf2onnx
    except ImportError as error:
        raise DetbenchError(
            f"export needs tf2onnx, which cannot be loaded ({error}): pip install 'detbench[export,keras]'"
        ) from error
    logging.getLogger("tf2onnx").setLevel(logging.CRITICAL)
    signature = [tf.TensorSpec(*runtime.signature, name=runtime.input.name)]
    try:
        with without_chatter():
            model, _ = tf2onnx.convert.from_function(
                tf.function(runtime.heads, signature), signature, opset=_OPSET
            )
    except _FAILED as error:
        short = (str(error).strip().split("\n", 1)[0] or type(error).__name__)[:300]
        raise DetbenchError(
            f"{detector.name} cannot be converted by tf2onnx {tf2onnx.__version__} ({short})"
        ) from error
    if foreign := _foreign(model):
        raise DetbenchError(
            f"{detector.name} cannot be converted: tf2onnx {tf2onnx.__version__} does not know {', '.join(foreign)}"
        )
    return model


def _foreign(model: Any) -> list[str]:
    """Return operators that stayed TensorFlow's, which tf2onnx leaves in the graph."""
    import onnx

    return sorted(
        {node.op_type for node in model.graph.node if not onnx.defs.has(node.op_type, node.domain)}
    )
