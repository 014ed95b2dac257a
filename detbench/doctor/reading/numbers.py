"""Numbers as files hold them, faults included: texts where numbers belong, NaN, and nothing at all."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from detbench.data.columns import Flags, Floats
from detbench.data.formats.parsing.plain_text import is_plain
from detbench.data.formats.parsing.plain_text import number as spelt_number

_NUMERIC = {int, float}
_NO = ("0", "0.0", "false", "no", "")


def lenient_numbers(values: Sequence[Any]) -> tuple[Floats, Flags]:
    """Return values as numbers (N,) and which of them were none (N,): texts, truth values, lists, nothing.

    Texts that spell a number become it, whole numbers that no float64 holds become infinite, all else NaN.
    """
    if set(map(type, values)) <= _NUMERIC:
        with suppress(OverflowError):
            return np.array(values, np.float64), np.zeros(len(values), np.bool_)
    numbers = np.array([_number(value) for value in values], np.float64)
    return numbers, np.array(
        [isinstance(value, bool) or not isinstance(value, int | float) for value in values],
        np.bool_,
    )


def spelt_numbers(texts: Sequence[str | None]) -> tuple[Floats, Flags]:
    """Return what texts of a file spell (N,), and which of them (N,) other programs take for no number; None is nothing at all.

    "nan" and "inf" are numbers; "0,5" is none, but understood.
    """
    if None not in texts and is_plain("".join(text for text in texts if text)):
        with suppress(ValueError):
            return np.array(texts, np.float64), np.zeros(len(texts), np.bool_)
    spelt = [_spelt(text or "") for text in texts]
    return np.array([number for number, _ in spelt], np.float64), np.array(
        [odd for _, odd in spelt], np.bool_
    )


def _spelt(text: str) -> tuple[float, bool]:
    for candidate, odd in ((text, False), (text.replace(",", ".", 1), True)):
        with suppress(ValueError):
            return spelt_number(candidate), odd
    return np.nan, True


def lenient_boxes(values: Sequence[Any]) -> tuple[Floats, Flags]:
    """Return boxes (N, 4) and which rows (N,) hold something else than four numbers."""
    well_formed = [
        value if isinstance(value, list | tuple) and len(value) == 4 else None for value in values
    ]
    flat, odd = lenient_numbers([side for value in well_formed for side in value or (None,) * 4])
    return flat.reshape(-1, 4), np.asarray(odd.reshape(-1, 4).any(axis=1))


def lenient_flags(values: Sequence[Any]) -> Flags:
    """Return which values (N,) say yes; the text "0" says no."""
    return np.array(
        [
            value.strip().lower() not in _NO if isinstance(value, str) else bool(value)
            for value in values
        ],
        np.bool_,
    )


def is_flag(value: Any) -> bool:
    """Tell whether a value is 0, 1, true, false or nothing, as flags must be."""
    return value is None or (isinstance(value, int | float) and value in (0, 1))


def is_id(value: Any) -> bool:
    """Tell whether a value can name an image or a class: a number or a text, not empty."""
    return value != "" and isinstance(value, int | float | str) and not isinstance(value, bool)


def id_text(value: Any) -> str:
    """Return an id as text: whole numbers without a point."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def shown(value: Any) -> str:
    """Return a value as evidence shows it, shortened."""
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:39]}…"


def _number(value: Any) -> float:
    if not isinstance(value, int | float | str):
        return np.nan
    try:
        return float(value)
    except ValueError:
        return np.nan
    except OverflowError:
        return np.inf if int(value) > 0 else -np.inf
