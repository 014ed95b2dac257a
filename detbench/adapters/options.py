"""Options of a model as a spec spells them: parsed, checked, and laid over what decoder and metadata say."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from detbench.adapters.classes import COCO_80, COCO_91, FILLERS, VOC_20, fold
from detbench.adapters.decoders.choose import DECODERS
from detbench.adapters.decoders.decoder import Decoder
from detbench.adapters.postprocessing import Postprocessing
from detbench.adapters.preprocessing import LARGEST_SIDE
from detbench.errors import DetbenchError

NAME_LISTS = {"coco": COCO_80, "coco91": COCO_91, "voc": VOC_20}
_GENERAL = ("decoder", "names", "size")


def _number(text: str) -> float:
    """Read `0.001` or `1/255`."""
    return float(Fraction(text))


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(map(_number, text.split("|")))


def _flag(text: str) -> bool:
    return {"yes": True, "true": True, "no": False, "false": False}[text.lower()]


def _size(text: str) -> tuple[int, int]:
    width, height = (text if "x" in text else f"{text}x{text}").split("x")
    return _within(int(width)), _within(int(height))


def _within(side: int) -> int:
    if not 1 <= side <= LARGEST_SIDE:
        raise ValueError(side)
    return side


def thread_count(text: str) -> int:
    """Read a number of threads."""
    if (number := int(text)) < 0:
        raise ValueError(text)
    return number


def _iou(text: str) -> float | None:
    return None if text == "none" else float(text)


_PREPROCESSING: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "fit": ("fit", str),
    "pad": ("pad_value", int),
    "color": ("color", str),
    "scale": ("scale", _number),
    "mean": ("mean", _numbers),
    "std": ("std", _numbers),
    "resize": ("resize", str),
    "rounding": ("rounding", str),
}
_POSTPROCESSING: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "score": ("score", float),
    "nms": ("nms_iou", _iou),
    "class_agnostic": ("class_agnostic", _flag),
    "top_k": ("top_k", int),
}
_EXPECTED = {
    int: "a whole number",
    float: "a number",
    _number: "a number such as 0.001 or 1/255",
    _numbers: "numbers with | between them",
    _flag: "yes or no",
    _size: f"WIDTHxHEIGHT in pixels, each from 1 to {LARGEST_SIDE}",
    thread_count: "a whole number, 0 or more",
    _iou: "a number within 0 and 1, or none",
}


@dataclass(frozen=True)
class Options:
    """What the user asked for; what is None or empty is left to metadata and decoder."""

    decoder: str | None = None
    names: str | None = None
    """`coco`, `coco91`, `voc`, names with | between them (`person|` for one), or a file of one name per line."""
    size: tuple[int, int] | None = None
    preprocessing: Mapping[str, Any] = field(default_factory=dict)
    postprocessing: Mapping[str, Any] = field(default_factory=dict)
    of_decoder: Mapping[str, str] = field(default_factory=dict)
    own: Mapping[str, Any] = field(default_factory=dict)
    """The adapter's own options, by name."""

    def class_names(self) -> tuple[str, ...] | None:
        """Return the names asked for; raises DetbenchError for a file that cannot be read."""
        if self.names is None or self.names in NAME_LISTS:
            return NAME_LISTS[self.names] if self.names else None
        listed = self.names.split("|") if "|" in self.names else self._lines() if self.names else []
        names = tuple(name for one in listed if (name := one.strip()))
        if not names:
            raise DetbenchError(f"names={self.names}: holds no name")
        if twice := [
            name
            for name, times in Counter(names).items()
            if times > 1 and fold(name) not in FILLERS
        ]:
            raise DetbenchError(
                f"names={self.names}: {twice[0]!r} stands there more than once; every class needs a name of its own"
            )
        return names

    @property
    def names_file(self) -> str | None:
        """The file that `names` is, None where it is none."""
        return (
            None if not self.names or self.names in NAME_LISTS or "|" in self.names else self.names
        )

    def _lines(self) -> list[str]:
        assert self.names is not None  # noqa: S101  checked by the caller
        try:
            return Path(self.names).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            known = ", ".join(NAME_LISTS)
            reason = getattr(error, "strerror", None) or "not UTF-8"
            raise DetbenchError(
                f"names={self.names}: no such list ({known}), no a|b|c, and no file of names ({reason})"
            ) from None

    def finished(self, postprocessing: Postprocessing) -> Postprocessing:
        """Return the postprocessing with what the user asked for."""
        return replace(postprocessing, **self.postprocessing)


def read_options(
    given: Mapping[str, str], model: str, own: Mapping[str, Callable[[str], Any]]
) -> Options:
    """Parse the options of a spec.

    Args:
        given: as the spec has them.
        model: what kind of model it is, for messages.
        own: the options that only this adapter has, with what reads their text.

    Raises:
        DetbenchError: for an unknown option, listing the known, and for a value that cannot be read.
    """
    of_decoders = sorted({one.name for kind in DECODERS.values() for one in _fields(kind)})
    known = [*_GENERAL, *own, *_PREPROCESSING, *_POSTPROCESSING, *of_decoders]
    if unknown := [name for name in given if name not in known]:
        raise DetbenchError(
            f"unknown option {unknown[0]!r} of {model}; known are {', '.join(known)}"
        )
    if given.get("decoder", "yolox") not in DECODERS:
        raise DetbenchError(
            f"unknown decoder {given['decoder']!r}; known are {', '.join(DECODERS)}"
        )
    return Options(
        decoder=given.get("decoder"),
        names=given.get("names"),
        size=_read("size", given["size"], _size) if "size" in given else None,
        preprocessing={
            name: _read(key, given[key], kind)
            for key, (name, kind) in _PREPROCESSING.items()
            if key in given
        },
        postprocessing={
            name: _read(key, given[key], kind)
            for key, (name, kind) in _POSTPROCESSING.items()
            if key in given
        },
        of_decoder={name: given[name] for name in of_decoders if name in given},
        own={name: _read(name, given[name], kind) for name, kind in own.items() if name in given},
    )


def option_text(value: object) -> str:
    """Return an option's value as a spec spells it: lists joined with commas."""
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def make_decoders(options: Mapping[str, str]) -> dict[str, Decoder]:
    """Return every decoder that takes all of these options of its layout, made with them."""
    return {
        name: make_decoder(name, options)
        for name, kind in DECODERS.items()
        if set(options) <= {one.name for one in _fields(kind)}
    }


def make_decoder(name: str, options: Mapping[str, Any]) -> Decoder:
    """Return the decoder of a name with options of its layout, as text or as values; raises DetbenchError for others' options."""
    if name not in DECODERS:
        raise DetbenchError(f"unknown decoder {name!r}; known are {', '.join(DECODERS)}")
    known = {one.name: one for one in _fields(DECODERS[name])}
    if other := [option for option in options if option not in known]:
        raise DetbenchError(
            f"decoder {name} has no option {other[0]!r}; it has {', '.join(known) or 'none'}"
        )
    return DECODERS[name](
        **{option: _decoder_value(known[option], value) for option, value in options.items()}
    )


def _decoder_value(option: Field[Any], value: Any) -> Any:
    """Return an option of a decoder in the type of its default."""
    default = option.default
    if isinstance(default, tuple):
        whole = bool(default) and all(isinstance(number, int) for number in default)
        values = _read(option.name, value, _numbers) if isinstance(value, str) else value
        if not isinstance(values, list | tuple) or not all(
            _is_number(one) and not (whole and one % 1) for one in values
        ):
            raise DetbenchError(
                f"option {option.name}={value}: must be {'whole ' if whole else ''}{_EXPECTED[_numbers]}"
            )
        return tuple(map(int if whole else float, values))
    if isinstance(value, str):
        return _read(option.name, value, type(default))
    if (
        isinstance(default, str)
        or not _is_number(value)
        or (isinstance(default, int) and value % 1)
    ):
        raise DetbenchError(
            f"option {option.name}={value}: must be {_EXPECTED.get(type(default), 'a text')}"
        )
    return int(value) if isinstance(default, int) else float(value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _fields(kind: type[Decoder]) -> list[Field[Any]]:
    return [one for one in fields(kind) if one.default is not MISSING]  # type: ignore[arg-type]


def _read(name: str, text: str, kind: Callable[[str], Any]) -> Any:
    try:
        return kind(text)
    except (ValueError, KeyError, ZeroDivisionError, OverflowError):
        raise DetbenchError(
            f"option {name}={text}: must be {_EXPECTED.get(kind, 'another value')}"
        ) from None
