"""ONNX files: a model run by onnxruntime as a Detector, with everything that decides about its boxes on record."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from detbench.adapters.assembly import LoadedModel, ModelSource, assemble
from detbench.adapters.decoders.decoder import OutputShapes
from detbench.adapters.onnx.metadata import read_metadata
from detbench.adapters.onnx.model_file import ModelFile, read_model_file
from detbench.adapters.onnx.session import OWN_OPTIONS, Session
from detbench.adapters.options import read_options
from detbench.adapters.raw_detector import RawDetector
from detbench.data.files import bytes_on_disk


def load(path: Path, options: Mapping[str, str]) -> RawDetector:
    """Load a model from an ONNX file.

    Args:
        path: the model.
        options: as a spec has them; see `options`. What they leave open comes from the model's metadata, then from its decoder.

    Raises:
        DetbenchError: naming the file where it is missing, cut off, corrupt or without its weights, where no or several decoders read its
            outputs, where classes and names differ in number, or where onnxruntime or the provider asked for is not there.
    """
    asked, path = read_options(options, "an ONNX model", OWN_OPTIONS), Path(path)
    file = read_model_file(path)
    session = Session(path, **asked.own)

    def loaded(size: tuple[int, int]) -> LoadedModel:
        return LoadedModel(session, _shapes(session, size), _settings(file, session))

    source = ModelSource(
        path,
        path.stem,
        session.input,
        read_metadata(path, session.metadata),
        "the model's metadata",
        loaded,
    )
    return assemble(source, asked, options)


def _shapes(session: Session, size: tuple[int, int]) -> OutputShapes:
    """Return the shapes of the outputs for one batch: as declared, else as a run on a blank input gives them."""
    batch = session.input.batch or 1
    declared = session.declared_shapes(batch)
    if declared is not None:
        return OutputShapes(declared, size)
    planes = (3, size[1], size[0]) if session.input.layout == "nchw" else (size[1], size[0], 3)
    outputs = session.to_host(
        session.run(session.to_device(np.zeros((batch, *planes), session.input.dtype)))
    )
    return OutputShapes(
        {name: output.shape for name, output in zip(session.output_names, outputs, strict=True)},
        size,
    )


def _settings(file: ModelFile, session: Session) -> dict[str, Any]:
    return {
        "adapter": "onnx",
        "model": file.path.name,
        "digest": f"sha256:{file.digest}",
        "size_bytes": sum(
            bytes_on_disk(each) or 0
            for each in (file.path, *(file.path.parent / place for place in file.external))
        ),
        "weights": {place: f"sha256:{digest}" for place, digest in file.external.items()},
        "opset": dict(file.opset),
        "producer": file.producer,
        "onnxruntime": session.version,
        "provider": session.provider,
    }
