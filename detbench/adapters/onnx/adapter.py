"""Adapter for ONNX files: loads a model for onnxruntime as a Detector."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from detbench.adapters.assembly import LoadedModel, ModelSource, assemble
from detbench.adapters.decoders.decoder import OutputShapes
from detbench.adapters.onnx.metadata import read_metadata
from detbench.adapters.onnx.model_file import ModelFile, read_model_file
from detbench.adapters.onnx.session import OPTION_READERS, Session
from detbench.adapters.options import read_options
from detbench.adapters.raw_detector import RawDetector
from detbench.data.files import bytes_on_disk


def load(path: Path, options: Mapping[str, str]) -> RawDetector:
    """Load a model from an ONNX file.

    Args:
        path: the model.
        options: the options of a spec. What they leave open comes from the model's metadata, then
            from its decoder.

    Raises:
        DetbenchError: naming the file, if it is missing, cut off, corrupt or without its weights,
            and as `assemble` does; also if onnxruntime or its provider is not available.
    """
    path = Path(path)
    model_options = read_options(options, "an ONNX model", OPTION_READERS)
    file = read_model_file(path)
    session = Session(path, **model_options.adapter_options)

    def load_model(size: tuple[int, int]) -> LoadedModel:
        return LoadedModel(session, _output_shapes(session, size), _settings(file, session))

    source = ModelSource(
        path=path,
        name=path.stem,
        declared=session.input,
        metadata=read_metadata(path, session.metadata),
        names_from="the model's metadata",
        load=load_model,
    )
    return assemble(source, model_options, options)


def _output_shapes(session: Session, size: tuple[int, int]) -> OutputShapes:
    """Return the shapes of the outputs: as declared, else those of a run on a black image."""
    batch = session.input.batch or 1
    declared = session.declared_shapes(batch)
    if declared is not None:
        return OutputShapes(declared, size)
    width, height = size
    shape = (3, height, width) if session.input.layout == "nchw" else (height, width, 3)
    black = np.zeros((batch, *shape), session.input.dtype)
    outputs = session.to_host(session.run(session.to_device(black)))
    shapes = [output.shape for output in outputs]
    return OutputShapes(dict(zip(session.output_names, shapes, strict=True)), size)


def _settings(file: ModelFile, session: Session) -> dict[str, Any]:
    """Return what the record states about model and framework."""
    files = [file.path, *(file.path.parent / name for name in file.external)]
    return {
        "adapter": "onnx",
        "model": file.path.name,
        "digest": f"sha256:{file.digest}",
        "size_bytes": sum(bytes_on_disk(path) or 0 for path in files),
        "weights": {name: f"sha256:{digest}" for name, digest in file.external.items()},
        "opset": dict(file.opset),
        "producer": file.producer,
        "onnxruntime": session.version,
        "provider": session.provider,
    }
