"""Wording: numbers with their nouns, lists of names, and text of users in messages and tables."""

from __future__ import annotations

import re
from collections.abc import Sequence

_WHITESPACE = re.compile(r"\s+")
UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, marks that reverse the direction of text, and halves of characters."""


def plural(number: int, noun: str) -> str:
    """Return a number with its noun: `1 class`, `2 classes`, `3,000 images`."""
    ending = "es" if noun.endswith(("s", "x", "sh", "ch")) else "s"
    return f"{number:,} {noun}" + ("" if number == 1 else ending)


def first_few(names: Sequence[str], limit: int) -> str:
    """Return at most `limit` names and the number of the others: `cat, dog and 18 more`."""
    rest = len(names) - limit
    return ", ".join(names[:limit]) + (f" and {rest:,} more" if rest > 0 else "")


def printable(text: str) -> str:
    """Return a text whose characters that control a terminal are U+FFFD.

    Tabs and line feeds stay.
    """
    return UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def one_line(text: str) -> str:
    """Return a printable text with each run of whitespace as one space."""
    return printable(_WHITESPACE.sub(" ", text))
