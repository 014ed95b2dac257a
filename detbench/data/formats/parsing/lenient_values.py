"""Lenient values: numbers, flags and IDs as files have them, faults included.

A value that is not what it should be is never an error here: it becomes the number that it seems to
mean, or NaN, and is marked as malformed.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from detbench.data.columns import Flags, Floats
from detbench.data.formats.parsing.plain_text import parse_numbers

_NUMERIC = {int, float}
_FALSE_TEXTS = ("0", "0.0", "false", "no", "")
_MAX_SHOWN = 40


def lenient_numbers(values: Sequence[Any]) -> tuple[Floats, Flags]:
    """Return JSON values as numbers (N,), and which of them (N,) are malformed.

    Texts, Booleans, lists and null are malformed. A text that spells a number becomes that number;
    an integer too large for float64 becomes infinite; everything else becomes NaN.
    """
    # Valid columns, the usual case, are converted at once.
    if set(map(type, values)) <= _NUMERIC:
        with suppress(OverflowError):
            return np.array(values, np.float64), np.zeros(len(values), np.bool_)
    numbers = np.array([to_float(value) for value in values], np.float64)
    malformed = [isinstance(value, bool) or not isinstance(value, int | float) for value in values]
    return numbers, np.array(malformed, np.bool_)


def is_number_text(text: str) -> bool:
    """Tell whether a text spells a number that other programs read, too."""
    return not parse_numbers([text])[1].any()


def lenient_boxes(values: Sequence[Any]) -> tuple[Floats, Flags]:
    """Return JSON values as boxes (N, 4), and which of them (N,) are not four numbers."""
    nothing = (None,) * 4
    boxes = [
        value if isinstance(value, list | tuple) and len(value) == 4 else nothing
        for value in values
    ]
    numbers, malformed = lenient_numbers([number for box in boxes for number in box])
    return numbers.reshape(-1, 4), np.asarray(malformed.reshape(-1, 4).any(axis=1))


def lenient_flags(values: Sequence[Any]) -> Flags:
    """Return which JSON values (N,) are true. The text "0" is false, unlike in Python."""
    flags = [
        value.strip().lower() not in _FALSE_TEXTS if isinstance(value, str) else bool(value)
        for value in values
    ]
    return np.array(flags, np.bool_)


def is_flag(value: Any) -> bool:
    """Tell whether a JSON value is a valid flag: 0, 1, true, false or null."""
    return value is None or (isinstance(value, int | float) and value in (0, 1))


def is_id(value: Any) -> bool:
    """Tell whether a JSON value can be an ID: a number, or a text that is not empty."""
    return value != "" and isinstance(value, int | float | str) and not isinstance(value, bool)


def id_text(value: Any) -> str:
    """Return an ID as text: whole numbers without a decimal point."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def shortened(value: Any) -> str:
    """Return the `repr` of a value, cut to a length that fits in a message."""
    text = repr(value)
    return text if len(text) <= _MAX_SHOWN else f"{text[: _MAX_SHOWN - 1]}…"


def to_float(value: Any) -> float:
    """Return a JSON value as a number: NaN for what is none, infinite for what is too large."""
    if not isinstance(value, int | float | str):
        return np.nan
    try:
        return float(value)
    except ValueError:
        return np.nan
    except OverflowError:
        return np.inf if int(value) > 0 else -np.inf
