"""From options, metadata and raw outputs to a detector: what is asked for goes before what the model says, and that before its decoder."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from detbench.adapters.classes import COCO_80
from detbench.adapters.decoders.choose import check_decoder, choose_decoder
from detbench.adapters.decoders.decoder import UNKNOWN, Decoder, OutputShapes
from detbench.adapters.metadata import ModelMetadata
from detbench.adapters.model_input import ImageInput
from detbench.adapters.options import Options, make_decoder, make_decoders
from detbench.adapters.postprocessing import Postprocessing
from detbench.adapters.preprocessing import Preprocessing
from detbench.adapters.raw_detector import RawDetector, Runtime
from detbench.errors import DetbenchError, DetbenchWarning, InputError
from detbench.wording import plural


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A model ready to run on pictures of one size."""

    runtime: Runtime
    shapes: OutputShapes
    """Of its outputs."""
    settings: Mapping[str, Any]
    """What is on record about model and framework."""


@dataclass(frozen=True, eq=False)
class ModelSource:
    """A model and what is known of it before it is made ready."""

    place: str | Path
    """What errors name: a file, a folder, or a name."""
    name: str
    """What people call it."""
    declared: ImageInput
    metadata: ModelMetadata
    names_from: str
    """Where the metadata's class names are from."""
    load: Callable[[tuple[int, int]], LoadedModel]
    """Makes the model ready for pictures of a width and height."""


def assemble(source: ModelSource, asked: Options, options: Mapping[str, str]) -> RawDetector:
    """Return the detector that a model and options make.

    Args:
        source: the model.
        asked: the options, read.
        options: the same as a spec has them, for the record.

    Raises:
        DetbenchError: naming the model where no or several decoders read its outputs, where classes and names differ in number, or where
            an option does not suit it.
    """
    place, metadata = source.place, source.metadata
    size = _input_size(place, source.declared, asked.size, metadata.size)
    names, origin = _known_names(asked, source)
    loaded = source.load(size)
    try:
        decoder, count = _decoder(
            asked, metadata, loaded.shapes, len(names) if names is not None else None
        )
        preparation, finish = _effective(asked, metadata, decoder, source.declared, size)
    except InputError:
        raise
    except DetbenchError as error:
        raise DetbenchError(f"{place}: {error}") from error
    if names is None:
        names, origin = _unnamed(place, count), "taken as COCO's 80"
    settings = {
        **loaded.settings,
        "decoder": decoder_record(decoder),
        "class_names_from": origin,
        "preprocessing": preparation.as_dict(),
        "postprocessing": finish.as_dict(),
        "options": dict(options),
        "option_files": {
            option: f"sha256:{_digest(path)}" for option, path in _files(asked, decoder).items()
        },
    }
    batch = _batch_size(place, source.declared, loaded.shapes)
    return RawDetector(
        source.name, names, settings, loaded.runtime, decoder, preparation, finish, batch
    )


def decoder_record(decoder: Decoder) -> dict[str, Any]:
    """Return a decoder's name and options as JSON-ready values."""
    return {"name": decoder.name, **_jsonable(asdict(decoder))}  # type: ignore[call-overload]


def _batch_size(place: str | Path, declared: ImageInput, shapes: OutputShapes) -> int | None:
    """Return the only batch size that input and outputs allow, None for any."""
    if shapes.batched:
        return declared.batch
    if declared.batch not in (None, 1):
        raise InputError(
            place,
            f"takes {declared.batch} pictures and gives outputs {shapes} of one",
            fix="export it for one picture",
        )
    return 1


def _input_size(
    place: str | Path, declared: ImageInput, asked: tuple[int, int] | None, said: tuple[int, int] | None
) -> tuple[int, int]:
    """Return the input's width and height: those of the model where it has them, else the ones asked for, else its metadata's."""
    fixed, wanted = declared.size, asked or said
    pairs = zip(fixed, wanted or fixed, strict=True)
    if wanted and any(one is not None and one != other for one, other in pairs):
        shown = "×".join(str(one or "any") for one in fixed)
        if asked:
            raise InputError(
                place,
                f"takes pictures of {shown} pixels, not {asked[0]}×{asked[1]}",
                fix="leave size= out",
            )
        problem = f"takes pictures of {shown} pixels, and its metadata says {wanted[0]}×{wanted[1]}"
        raise InputError(
            place, problem, fix="export it again, or say what it takes with size=WIDTHxHEIGHT"
        )
    width, height = wanted or fixed
    if width is None or height is None:
        raise InputError(
            place,
            "takes pictures of any size and does not say which",
            fix="choose one with size=WIDTHxHEIGHT",
        )
    return width, height


def _known_names(asked: Options, source: ModelSource) -> tuple[tuple[str, ...] | None, str]:
    """Return the class names and where they are from."""
    if (names := asked.class_names()) is not None:
        return names, "the option names"
    return source.metadata.class_names, source.names_from


def _unnamed(place: str | Path, count: int) -> tuple[str, ...]:
    """Return the names of a model that has none, which only COCO's 80 can do without."""
    if count != len(COCO_80):
        outputs = plural(count, "class") if count != UNKNOWN else "an unknown number of classes"
        raise InputError(
            place,
            f"has {outputs} and no names for them",
            fix="give them with names=FILE, names=a|b|c, names=coco or names=voc",
        )
    warnings.warn(
        f"{place}: has no class names; its 80 classes are taken as COCO's",
        DetbenchWarning,
        stacklevel=5,
    )
    return COCO_80


def _decoder(
    asked: Options, metadata: ModelMetadata, shapes: OutputShapes, class_count: int | None
) -> tuple[Decoder, int]:
    name = asked.decoder or metadata.decoder
    if name is None:
        return choose_decoder(make_decoders(asked.of_decoder), shapes, class_count)
    own = metadata.decoder_options if name == metadata.decoder else {}
    decoder = make_decoder(name, {**own, **asked.of_decoder})
    return decoder, check_decoder(decoder, shapes, class_count)


def _effective(
    asked: Options, metadata: ModelMetadata, decoder: Decoder, declared: ImageInput, size: tuple[int, int]
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
    plain: dict[str, Any] = (
        {"scale": 1.0, "mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}
        if declared.dtype == "uint8"
        else {}
    )
    preparation = replace(
        preparation, dtype=declared.dtype, layout=declared.layout, **plain, **asked.preprocessing
    )
    return preparation, asked.finished(finish)


def _read_postprocessing(settings: Mapping[str, Any]) -> Postprocessing:
    """Read what `Postprocessing.as_dict` wrote into metadata."""
    known = {field.name for field in fields(Postprocessing)}
    if unknown := sorted(set(settings) - known):
        raise DetbenchError(
            f"metadata detbench.postprocessing: unknown setting {unknown[0]!r}; known are {', '.join(sorted(known))}"
        )
    if missing := [name for name in ("score", "nms_iou") if name not in settings]:
        raise DetbenchError(f"metadata detbench.postprocessing: setting {missing[0]!r} is missing")
    try:
        return Postprocessing(**settings)
    except DetbenchError as error:
        raise DetbenchError(f"metadata detbench.{error}") from None


def _files(asked: Options, decoder: Decoder) -> dict[str, Path]:
    """Return the files whose content decides about boxes or names, by the option that names them."""
    named = {
        one.name: getattr(decoder, one.name)
        for one in fields(decoder)  # type: ignore[arg-type]
        if one.metadata.get("file")
    }
    return {
        option: Path(place)
        for option, place in {"names": asked.names_file, **named}.items()
        if place
    }


def _jsonable(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: list(value) if isinstance(value, tuple) else value for name, value in values.items()
    }


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
