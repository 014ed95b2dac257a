"""Write a Keras detector as an ONNX file that the ONNX adapter runs without any option.

The file holds the raw heads; its metadata hold everything else.
"""

from __future__ import annotations

import logging
from dataclasses import asdict
from pathlib import Path
from typing import Any

from detbench.adapters.keras.backend import import_keras
from detbench.adapters.keras.model_file import first_line
from detbench.adapters.keras.runtime import KerasRuntime
from detbench.adapters.keras.silence_tensorflow import silence_tensorflow
from detbench.adapters.metadata import ModelMetadata
from detbench.adapters.raw_detector import RawDetector
from detbench.errors import DetbenchError

_OPSET = 17
_PRODUCER = "detbench"
_CONVERSION_ERRORS = (
    ValueError,
    TypeError,
    KeyError,
    RuntimeError,
    AttributeError,
    AssertionError,
    NotImplementedError,
)
"""What tf2onnx raises for models that it cannot convert."""


def write_onnx(detector: RawDetector, path: Path) -> None:
    """Write a Keras detector's raw heads as an ONNX model of any batch size, without NMS.

    Class names, decoder with anchors, preprocessing and postprocessing go into the metadata.

    Raises:
        DetbenchError: if the model does not run in Keras on TensorFlow, cannot be converted, or
            if tf2onnx is not installed.
    """
    runtime = detector.runtime
    if not isinstance(runtime, KerasRuntime):
        raise DetbenchError(
            f"{detector.name} is not a Keras model; "
            "detbench export converts yolo:, keras: and kerashub: models"
        )
    if runtime.backend != "tensorflow":
        raise DetbenchError(
            f"cannot export from the backend {runtime.backend}; set backend=tensorflow"
        )
    model = _convert(detector, runtime)
    model.producer_name = _PRODUCER
    for key, value in export_metadata(detector).as_properties().items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    path.write_bytes(model.SerializeToString())


def export_metadata(detector: RawDetector) -> ModelMetadata:
    """Return everything about a detector that its raw heads do not contain."""
    options = asdict(detector.decoder)  # type: ignore[call-overload]
    decoder_options = {
        name: list(value) if isinstance(value, tuple) else value for name, value in options.items()
    }
    return ModelMetadata(
        class_names=detector.class_names,
        decoder=detector.decoder.name,
        decoder_options=decoder_options,
        size=detector.input_size,
        preprocessing=detector.preprocessing.as_dict(),
        postprocessing=detector.postprocessing.as_dict(),
    )


def _convert(detector: RawDetector, runtime: KerasRuntime) -> Any:
    """Return the raw heads as an ONNX ModelProto."""
    import_keras()
    try:
        with silence_tensorflow():
            import tensorflow as tf
            import tf2onnx
    except ImportError as error:
        raise DetbenchError(
            f"cannot import tf2onnx ({error}); run pip install 'detbench[export,keras]'"
        ) from error
    logging.getLogger("tf2onnx").setLevel(logging.CRITICAL)
    signature = [tf.TensorSpec(*runtime.signature, name=runtime.input.name)]
    version = tf2onnx.__version__
    try:
        with silence_tensorflow():
            function = tf.function(runtime.heads, signature)
            model, _ = tf2onnx.convert.from_function(function, signature, opset=_OPSET)
    except _CONVERSION_ERRORS as error:
        raise DetbenchError(
            f"{detector.name} cannot be converted by tf2onnx {version} ({first_line(error)})"
        ) from error
    if unsupported := _tensorflow_operators(model):
        raise DetbenchError(
            f"{detector.name} cannot be converted: "
            f"tf2onnx {version} does not support {', '.join(unsupported)}"
        )
    return model


def _tensorflow_operators(model: Any) -> list[str]:
    """Return TensorFlow's operators in a graph: tf2onnx leaves in what it cannot convert."""
    import onnx

    nodes = model.graph.node
    return sorted({node.op_type for node in nodes if not onnx.defs.has(node.op_type, node.domain)})
