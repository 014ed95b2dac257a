"""Wording: numbers with their nouns and shortened lists of names, for messages and tables."""

from __future__ import annotations

from collections.abc import Sequence


def plural(number: int, noun: str) -> str:
    """Return a number with its noun: `1 class`, `2 classes`, `3,000 images`."""
    ending = "es" if noun.endswith(("s", "x", "sh", "ch")) else "s"
    return f"{number:,} {noun}" + ("" if number == 1 else ending)


def first_few(names: Sequence[str], limit: int) -> str:
    """Return at most `limit` names and the number of the others: `cat, dog and 18 more`."""
    rest = len(names) - limit
    return ", ".join(names[:limit]) + (f" and {rest:,} more" if rest > 0 else "")
