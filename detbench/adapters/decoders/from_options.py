"""Makes decoders from the options of a spec or of a model's metadata."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from typing import Any

from detbench.adapters.decoders.decoder import Decoder
from detbench.adapters.decoders.table import DECODERS
from detbench.adapters.option_values import EXPECTED, numbers, read_value
from detbench.errors import DetbenchError


def decoder_option_names() -> list[str]:
    """Return the names of the options of all decoders, sorted."""
    return sorted({option.name for kind in DECODERS.values() for option in _options(kind)})


def make_decoders(options: Mapping[str, str]) -> dict[str, Decoder]:
    """Return every decoder that has all of these options, made with them, by name."""
    return {
        name: make_decoder(name, options)
        for name, kind in DECODERS.items()
        if set(options) <= {option.name for option in _options(kind)}
    }


def make_decoder(name: str, options: Mapping[str, Any]) -> Decoder:
    """Return a decoder with options as text (of a spec) or as values (of metadata).

    Raises DetbenchError for an unknown name, for options of other decoders, and for values that
    are out of range.
    """
    check_decoder_name(name)
    fields_by_name = {option.name: option for option in _options(DECODERS[name])}
    if unknown := [option for option in options if option not in fields_by_name]:
        names = ", ".join(fields_by_name) or "none"
        raise DetbenchError(f"decoder {name} has no option {unknown[0]!r}; its options are {names}")
    return DECODERS[name](
        **{
            option: _option_value(fields_by_name[option], value)
            for option, value in options.items()
        }
    )


def check_decoder_name(name: str) -> None:
    """Raise DetbenchError for a name that is not in the table."""
    if name not in DECODERS:
        raise DetbenchError(f"unknown decoder {name!r}; the decoders are {', '.join(DECODERS)}")


def _option_value(option: Field[Any], value: Any) -> Any:
    """Return the value of an option in the type of its default."""
    default = option.default
    if isinstance(default, tuple):
        return _number_tuple(option.name, value, default)
    if isinstance(value, str):
        return read_value(option.name, value, type(default))
    if (
        isinstance(default, str)
        or not _is_number(value)
        or (isinstance(default, int) and value % 1)
    ):
        expected = EXPECTED.get(type(default), "a text")
        raise DetbenchError(f"option {option.name}={value}: must be {expected}")
    return int(value) if isinstance(default, int) else float(value)


def _number_tuple(name: str, value: Any, default: tuple[float, ...]) -> tuple[float, ...]:
    """Return numbers as a tuple; whole ones if those of the default are."""
    whole = bool(default) and all(isinstance(number, int) for number in default)
    values = read_value(name, value, numbers) if isinstance(value, str) else value
    if not isinstance(values, list | tuple) or not all(
        _is_number(number) and not (whole and number % 1) for number in values
    ):
        kind = "whole " if whole else ""
        raise DetbenchError(f"option {name}={value}: must be {kind}{EXPECTED[numbers]}")
    return tuple(map(int if whole else float, values))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _options(kind: type[Decoder]) -> list[Field[Any]]:
    """Return the fields of a decoder that are options."""
    all_fields: tuple[Field[Any], ...] = fields(kind)  # type: ignore[arg-type]
    return [field for field in all_fields if field.default is not MISSING]
