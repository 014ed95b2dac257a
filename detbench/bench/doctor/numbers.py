"""Numbers as files hold them, faults included: texts where numbers belong, NaN, and nothing at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from detbench.data.columns import Flags, Floats

_NUMERIC = {int, float}


def lenient_numbers(values: Sequence[Any]) -> tuple[Floats, Flags]:
    """Return values as numbers (N,) and which of them were none (N,). Texts that spell a number become it, all else NaN."""
    if set(map(type, values)) <= _NUMERIC:
        return np.array(values, np.float64), np.zeros(len(values), np.bool_)
    numbers = np.array([_number(value) for value in values], np.float64)
    return numbers, np.array([isinstance(value, bool) or not isinstance(value, int | float | None) for value in values], np.bool_)


def lenient_boxes(values: Sequence[Any]) -> tuple[Floats, Flags]:
    """Return boxes (N, 4) and which rows (N,) hold something else than four numbers."""
    well_formed = [value if isinstance(value, list | tuple) and len(value) == 4 else None for value in values]
    flat, texts = lenient_numbers([side for value in well_formed for side in value or (None,) * 4])
    malformed = np.array([value is None for value in well_formed], np.bool_)
    return flat.reshape(-1, 4), texts.reshape(-1, 4).any(axis=1) | malformed


def _number(value: Any) -> float:
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return np.nan
    return float(value) if isinstance(value, int | float) else np.nan
