"""Names: users' names as they stand in sentences of the page."""

from __future__ import annotations

from collections.abc import Sequence

_ISOLATE, _POP_ISOLATE = "\u2068", "\u2069"
"""Unicode's FIRST STRONG ISOLATE and POP DIRECTIONAL ISOLATE."""


def isolated(name: str) -> str:
    """Return a name whose writing direction does not change the sentence around it."""
    return f"{_ISOLATE}{name}{_POP_ISOLATE}"


def listed(names: Sequence[str]) -> str:
    """Return names as a list in a sentence: `a, b and c`."""
    *others, last = [isolated(name) for name in names]
    return f"{', '.join(others)} and {last}" if others else last
