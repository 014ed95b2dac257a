"""Option values: turns the text of an option, as a spec spells it, into a value."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from detbench.adapters.preprocessing import MAX_SIDE
from detbench.errors import DetbenchError


def number(text: str) -> float:
    """Read `0.001` or `1/255`."""
    return float(Fraction(text))


def numbers(text: str) -> tuple[float, ...]:
    """Read `1|2.5|1/3`."""
    return tuple(map(number, text.split("|")))


def flag(text: str) -> bool:
    """Read `yes`, `true`, `no` or `false`."""
    return {"yes": True, "true": True, "no": False, "false": False}[text.lower()]


def image_size(text: str) -> tuple[int, int]:
    """Read `640x480`, or `640` for a square."""
    width, height = (text if "x" in text else f"{text}x{text}").split("x")
    for side in (int(width), int(height)):
        if not 1 <= side <= MAX_SIDE:
            raise ValueError(side)
    return int(width), int(height)


def thread_count(text: str) -> int:
    """Read a number of threads; 0 leaves it to the runtime."""
    if (count := int(text)) < 0:
        raise ValueError(text)
    return count


def nms_iou(text: str) -> float | None:
    """Read an IoU, or `none` for no NMS."""
    return None if text == "none" else float(text)


EXPECTED: dict[Callable[[str], Any], str] = {
    int: "a whole number",
    float: "a number",
    number: "a number such as 0.001 or 1/255",
    numbers: "numbers with | between them",
    flag: "yes or no",
    image_size: f"WIDTHxHEIGHT in pixels, each from 1 to {MAX_SIDE}",
    thread_count: "a whole number, 0 or more",
    nms_iou: "a number from 0 to 1, or none",
}
"""What each reader expects, for messages."""


def read_value(name: str, text: str, reader: Callable[[str], Any]) -> Any:
    """Return the value of an option; raises DetbenchError for text that `reader` cannot read."""
    try:
        return reader(text)
    except (ValueError, KeyError, ZeroDivisionError, OverflowError):
        expected = EXPECTED.get(reader, "another value")
        raise DetbenchError(f"option {name}={text}: must be {expected}") from None


def option_text(value: object) -> str:
    """Return the text of a value passed in Python: lists are joined with commas."""
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
