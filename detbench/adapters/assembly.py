"""Assembly: makes a detector from a model, its metadata and the user's options.

The user's options take precedence over the model's metadata, and metadata over the settings that
the authors of the decoder's layout evaluate with.
"""

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
from detbench.adapters.decoders.from_options import make_decoder, make_decoders
from detbench.adapters.metadata import ModelMetadata
from detbench.adapters.model_input import ImageInput
from detbench.adapters.options import ModelOptions
from detbench.adapters.postprocessing import Postprocessing
from detbench.adapters.preprocessing import Preprocessing
from detbench.adapters.raw_detector import RawDetector, Runtime
from detbench.errors import DetbenchError, DetbenchWarning, InputError
from detbench.wording import plural


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A model ready to run on images of one size."""

    runtime: Runtime
    shapes: OutputShapes
    settings: Mapping[str, Any]
    """What the record states about model and framework."""


@dataclass(frozen=True, eq=False)
class ModelSource:
    """A model before it is ready to run, with what it states about itself."""

    path: str | Path
    """For errors: a file, a folder, or the name of a model."""
    name: str
    """The name of the detector."""
    declared: ImageInput
    """Its image input as it declares it."""
    metadata: ModelMetadata
    names_from: str
    """The origin of the metadata's class names, for the record."""
    load: Callable[[tuple[int, int]], LoadedModel]
    """Makes the model ready for images of a width and height in pixels."""


def assemble(
    source: ModelSource, options: ModelOptions, option_texts: Mapping[str, str]
) -> RawDetector:
    """Return the detector that a model and options make.

    Args:
        source: the model.
        options: the options of the spec.
        option_texts: the same options as texts, for the record.

    Raises:
        DetbenchError: naming the model, if no decoder or several match its outputs, if the numbers
            of classes and names differ, or if an option does not suit the model.
    """
    # 1. Size and names come first: the model is made ready for its size, and the number of names
    #    helps to choose the decoder.
    path, metadata = source.path, source.metadata
    size = _input_size(path, source.declared, options.size, metadata.size)
    names, names_from = _class_names(options, source)
    model = source.load(size)

    # 2. Decoder, preprocessing and postprocessing, from options, metadata and defaults.
    try:
        class_count = len(names) if names is not None else None
        decoder, decoded_count = _decoder(options, metadata, model.shapes, class_count)
        preprocessing = _preprocessing(options, metadata, decoder, source.declared, size)
        postprocessing = _postprocessing(options, metadata, decoder)
    except InputError:
        raise
    except DetbenchError as error:
        raise DetbenchError(f"{path}: {error}") from error

    # 3. Names, last: only the decoder knows how many classes the outputs of an unnamed model hold.
    if names is None:
        names, names_from = _default_names(path, decoded_count), "taken as COCO's 80"
    files = _option_files(options, decoder)
    return RawDetector(
        source.name,
        names,
        {
            **model.settings,
            "decoder": _decoder_record(decoder),
            "class_names_from": names_from,
            "preprocessing": preprocessing.as_dict(),
            "postprocessing": postprocessing.as_dict(),
            "options": dict(option_texts),
            "option_files": {option: f"sha256:{_digest(file)}" for option, file in files.items()},
        },
        model.runtime,
        decoder,
        preprocessing,
        postprocessing,
        _batch_size(path, source.declared, model.shapes),
    )


def _batch_size(path: str | Path, declared: ImageInput, shapes: OutputShapes) -> int | None:
    """Return the only batch size that input and outputs allow, None for any."""
    if shapes.batched:
        return declared.batch
    if declared.batch not in (None, 1):
        raise InputError(
            path,
            f"takes {declared.batch} images but returns outputs of only one, {shapes}",
            fix="export it for one image",
        )
    return 1


def _input_size(
    path: str | Path,
    declared: ImageInput,
    option: tuple[int, int] | None,
    metadata: tuple[int, int] | None,
) -> tuple[int, int]:
    """Return width and height of the input: fixed by the model, else from option or metadata."""
    fixed, requested = declared.size, option or metadata
    if requested and any(
        side is not None and side != other for side, other in zip(fixed, requested, strict=True)
    ):
        fixed_text = "×".join(str(side or "any") for side in fixed)
        requested_text = "×".join(map(str, requested))
        problem = f"takes images of {fixed_text} pixels, "
        if option:
            raise InputError(path, problem + f"not {requested_text}", fix="leave size= out")
        raise InputError(
            path,
            problem + f"but its metadata states {requested_text}",
            fix="export it again, or give the size with size=WIDTHxHEIGHT",
        )
    width, height = requested or fixed
    if width is None or height is None:
        raise InputError(
            path,
            "takes images of any size, and its metadata states none",
            fix="choose one with size=WIDTHxHEIGHT",
        )
    return width, height


def _class_names(options: ModelOptions, source: ModelSource) -> tuple[tuple[str, ...] | None, str]:
    """Return the class names, None without any, and their origin."""
    if (names := options.class_names()) is not None:
        return names, "the option names"
    return source.metadata.class_names, source.names_from


def _default_names(path: str | Path, count: int) -> tuple[str, ...]:
    """Return COCO's names for a model of 80 unnamed classes; raises InputError for others."""
    if count != len(COCO_80):
        classes = plural(count, "class") if count != UNKNOWN else "an unknown number of classes"
        raise InputError(
            path,
            f"has {classes} and no class names",
            fix="give them with names=FILE, names=a|b|c, names=coco or names=voc",
        )
    warnings.warn(
        f"{path}: has no class names; its 80 classes are taken as COCO's",
        DetbenchWarning,
        stacklevel=5,
    )
    return COCO_80


def _decoder(
    options: ModelOptions,
    metadata: ModelMetadata,
    shapes: OutputShapes,
    class_count: int | None,
) -> tuple[Decoder, int]:
    """Return the decoder of the option, of the metadata, or of the shapes, and its classes."""
    name = options.decoder or metadata.decoder
    if name is None:
        return choose_decoder(make_decoders(options.decoder_options), shapes, class_count)
    stated = metadata.decoder_options if name == metadata.decoder else {}
    decoder = make_decoder(name, {**stated, **options.decoder_options})
    return decoder, check_decoder(decoder, shapes, class_count)


def _preprocessing(
    options: ModelOptions,
    metadata: ModelMetadata,
    decoder: Decoder,
    declared: ImageInput,
    size: tuple[int, int],
) -> Preprocessing:
    preprocessing = decoder.preprocessing(size)
    if metadata.preprocessing is not None:
        try:
            preprocessing = Preprocessing.from_dict({**metadata.preprocessing, "size": size})
        except DetbenchError as error:
            raise DetbenchError(f"metadata detbench.{error}") from None
    # A uint8 input takes the pixels unscaled: its graph scales them.
    unscaled: dict[str, Any] = {"scale": 1.0, "mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}
    return replace(
        preprocessing,
        dtype=declared.dtype,
        layout=declared.layout,
        **(unscaled if declared.dtype == "uint8" else {}),
        **options.preprocessing,
    )


def _postprocessing(
    options: ModelOptions, metadata: ModelMetadata, decoder: Decoder
) -> Postprocessing:
    postprocessing = decoder.postprocessing
    if metadata.postprocessing is not None:
        postprocessing = _stated_postprocessing(metadata.postprocessing)
    return replace(postprocessing, **options.postprocessing)


def _stated_postprocessing(settings: Mapping[str, Any]) -> Postprocessing:
    """Read what `Postprocessing.as_dict` wrote into metadata."""
    names = {field.name for field in fields(Postprocessing)}
    if unknown := sorted(set(settings) - names):
        raise DetbenchError(
            f"metadata detbench.postprocessing: unknown setting {unknown[0]!r}; "
            f"the settings are {', '.join(sorted(names))}"
        )
    if missing := [name for name in ("score", "nms_iou") if name not in settings]:
        raise DetbenchError(f"metadata detbench.postprocessing: setting {missing[0]!r} is missing")
    try:
        return Postprocessing(**settings)
    except DetbenchError as error:
        raise DetbenchError(f"metadata detbench.{error}") from None


def _option_files(options: ModelOptions, decoder: Decoder) -> dict[str, Path]:
    """Return the files whose content decides boxes or names, by the option that names them."""
    files = {"names": options.names_file}
    for field in fields(decoder):  # type: ignore[arg-type]
        if field.metadata.get("file"):
            files[field.name] = getattr(decoder, field.name)
    return {option: Path(file) for option, file in files.items() if file}


def _decoder_record(decoder: Decoder) -> dict[str, Any]:
    """Return a decoder's name and options as JSON-ready values."""
    options: dict[str, Any] = asdict(decoder)  # type: ignore[call-overload]
    return {
        "name": decoder.name,
        **{
            name: list(value) if isinstance(value, tuple) else value
            for name, value in options.items()
        },
    }


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
