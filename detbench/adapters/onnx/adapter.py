"""ONNX files: a model run by onnxruntime as a Detector, with everything that decides about its boxes on record."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from detbench.adapters.classes import COCO_80
from detbench.adapters.counting import counted
from detbench.adapters.decoders.choose import check, choose
from detbench.adapters.decoders.decoder import UNKNOWN, Decoder, Shapes
from detbench.adapters.model_input import Input
from detbench.adapters.onnx.metadata import Metadata, read_metadata
from detbench.adapters.onnx.model_file import ModelFile, read_model_file
from detbench.adapters.onnx.session import OWN_OPTIONS, Session
from detbench.adapters.options import Options, make_decoder, make_decoders, read_options
from detbench.adapters.postprocessing import Postprocessing
from detbench.adapters.preprocessing import Preprocessing
from detbench.adapters.raw_detector import RawDetector
from detbench.errors import DetbenchError, DetbenchWarning, InputError


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
    metadata = read_metadata(path, session.metadata)
    size = _input_size(path, session.input, asked.size, metadata.size)
    names, origin = _known_names(asked, metadata)
    try:
        shapes = _shapes(session, size)
        decoder, count = _decoder(asked, metadata, shapes, len(names) if names is not None else None)
        preparation, finish = _effective(asked, metadata, decoder, session.input, size)
    except InputError:
        raise
    except DetbenchError as error:
        raise DetbenchError(f"{path}: {error}") from error
    if names is None:
        names, origin = _unnamed(path, count), "taken as COCO's 80"
    batch = _batch_size(path, session.input, shapes)
    settings = _settings(file, session, decoder, preparation, finish, origin, options, _files(asked, decoder))
    return RawDetector(path.stem, names, settings, session, decoder, preparation, finish, batch)


def _batch_size(path: Path, declared: Input, shapes: Shapes) -> int | None:
    """Return the only batch size that input and outputs allow, None for any."""
    if shapes.batched:
        return declared.batch
    if declared.batch not in (None, 1):
        raise InputError(path, f"takes {declared.batch} pictures and gives outputs {shapes} of one", fix="export it for one picture")
    return 1


def _input_size(path: Path, declared: Input, asked: tuple[int, int] | None, said: tuple[int, int] | None) -> tuple[int, int]:
    """Return the input's width and height: those of the model where it has them, else the ones asked for, else its metadata's."""
    fixed, wanted = declared.size, asked or said
    pairs = zip(fixed, wanted or fixed, strict=True)
    if wanted and any(one is not None and one != other for one, other in pairs):
        shown = "×".join(str(one or "any") for one in fixed)
        if asked:
            raise InputError(path, f"takes pictures of {shown} pixels, not {asked[0]}×{asked[1]}", fix="leave size= out")
        problem = f"takes pictures of {shown} pixels, and its metadata says {wanted[0]}×{wanted[1]}"
        raise InputError(path, problem, fix="export it again, or say what it takes with size=WIDTHxHEIGHT")
    width, height = wanted or fixed
    if width is None or height is None:
        raise InputError(path, "takes pictures of any size and does not say which", fix="choose one with size=WIDTHxHEIGHT")
    return width, height


def _known_names(asked: Options, metadata: Metadata) -> tuple[tuple[str, ...] | None, str]:
    """Return the class names and where they are from."""
    if (names := asked.class_names()) is not None:
        return names, "the option names"
    return metadata.class_names, "the model's metadata"


def _unnamed(path: Path, count: int) -> tuple[str, ...]:
    """Return the names of a model that has none, which only COCO's 80 can do without."""
    if count != len(COCO_80):
        outputs = counted(count, "class") if count != UNKNOWN else "an unknown number of classes"
        raise InputError(
            path, f"has {outputs} and no names for them", fix="give them with names=FILE, names=a|b|c, names=coco or names=voc"
        )
    warnings.warn(f"{path}: has no class names; its 80 classes are taken as COCO's", DetbenchWarning, stacklevel=4)
    return COCO_80


def _shapes(session: Session, size: tuple[int, int]) -> Shapes:
    """Return the shapes of the outputs for one batch: as declared, else as a run on a blank input gives them."""
    batch = session.input.batch or 1
    declared = session.declared_shapes(batch)
    if declared is not None:
        return Shapes(declared, size)
    planes = (3, size[1], size[0]) if session.input.layout == "nchw" else (size[1], size[0], 3)
    outputs = session.to_host(session.run(session.to_device(np.zeros((batch, *planes), session.input.dtype))))
    return Shapes({name: output.shape for name, output in zip(session.output_names, outputs, strict=True)}, size)


def _decoder(asked: Options, metadata: Metadata, shapes: Shapes, class_count: int | None) -> tuple[Decoder, int]:
    name = asked.decoder or metadata.decoder
    if name is None:
        return choose(make_decoders(asked.of_decoder), shapes, class_count)
    own = metadata.decoder_options if name == metadata.decoder else {}
    decoder = make_decoder(name, {**own, **asked.of_decoder})
    return decoder, check(decoder, shapes, class_count)


def _effective(
    asked: Options, metadata: Metadata, decoder: Decoder, declared: Input, size: tuple[int, int]
) -> tuple[Preprocessing, Postprocessing]:
    """Lay the user's options over the model's metadata over the decoder's defaults."""
    preparation, finish = decoder.preprocessing(size), decoder.postprocessing
    if metadata.preprocessing is not None:
        try:
            preparation = Preprocessing.from_dict({**metadata.preprocessing, "size": size})
        except DetbenchError as error:
            raise DetbenchError(f"metadata detbench.{error}") from None
    if metadata.postprocessing is not None:
        finish = _read_postprocessing(metadata.postprocessing)
    plain: dict[str, Any] = {"scale": 1.0, "mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)} if declared.dtype == "uint8" else {}
    preparation = replace(preparation, dtype=declared.dtype, layout=declared.layout, **plain, **asked.preprocessing)
    return preparation, asked.finished(finish)


def _read_postprocessing(settings: Mapping[str, Any]) -> Postprocessing:
    """Read what `Postprocessing.as_dict` wrote into metadata."""
    known = {field.name for field in fields(Postprocessing)}
    if unknown := sorted(set(settings) - known):
        raise DetbenchError(f"metadata detbench.postprocessing: unknown setting {unknown[0]!r}; known are {', '.join(sorted(known))}")
    if missing := [name for name in ("score", "nms_iou") if name not in settings]:
        raise DetbenchError(f"metadata detbench.postprocessing: setting {missing[0]!r} is missing")
    try:
        return Postprocessing(**settings)
    except DetbenchError as error:
        raise DetbenchError(f"metadata detbench.{error}") from None


def _settings(
    file: ModelFile,
    session: Session,
    decoder: Decoder,
    preparation: Preprocessing,
    finish: Postprocessing,
    origin: str,
    options: Mapping[str, str],
    files: Mapping[str, Path],
) -> dict[str, Any]:
    return {
        "adapter": "onnx",
        "model": file.path.name,
        "digest": f"sha256:{file.digest}",
        "weights": {place: f"sha256:{digest}" for place, digest in file.external.items()},
        "opset": dict(file.opset),
        "producer": file.producer,
        "onnxruntime": session.version,
        "provider": session.provider,
        "decoder": {"name": decoder.name, **_jsonable(asdict(decoder))},  # type: ignore[call-overload]
        "class_names_from": origin,
        "preprocessing": preparation.as_dict(),
        "postprocessing": finish.as_dict(),
        "options": dict(options),
        "option_files": {option: f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}" for option, path in files.items()},
    }


def _files(asked: Options, decoder: Decoder) -> dict[str, Path]:
    """Return the files whose content decides about boxes or names, by the option that names them."""
    named = {one.name: getattr(decoder, one.name) for one in fields(decoder) if one.metadata.get("file")}  # type: ignore[arg-type]
    return {option: Path(place) for option, place in {"names": asked.names_file, **named}.items() if place}


def _jsonable(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
