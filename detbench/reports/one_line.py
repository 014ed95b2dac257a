"""One line: a user's words as one line of text, without characters that steer a terminal."""

from __future__ import annotations

import re

_BREAKS = re.compile(r"\s+")
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def one_line(text: str) -> str:
    """Return a text with every run of spaces and line breaks as one space, and control characters shown as such."""
    return _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", _BREAKS.sub(" ", text))
