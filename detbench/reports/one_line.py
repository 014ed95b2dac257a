"""One line: text from users as one line, without characters that control a terminal."""

from __future__ import annotations

import re

_WHITESPACE = re.compile(r"\s+")
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def one_line(text: str) -> str:
    """Return a text with each run of whitespace as one space and control characters as U+FFFD."""
    return _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", _WHITESPACE.sub(" ", text))
