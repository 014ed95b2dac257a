"""The XML of a VOC annotation: parsed safely, and faults explained by tag and object."""

from __future__ import annotations

from typing import NoReturn
from xml.etree import ElementTree

from detbench.data.formats.parsing.plain_text import is_number
from detbench.errors import InputError, read_error

CORNERS = ("xmin", "ymin", "xmax", "ymax")
FLAGS = ("difficult", "truncated")
FLAG_VALUES = {"1": True, "0": False, "": False, "Unspecified": False}
"""What the texts of `<difficult>` and `<truncated>` mean; an absent tag is an empty text."""


def parse_annotation(content: bytes, location: str) -> ElementTree.Element:
    """Parse an annotation that declares nothing.

    Without a document type there are no entities that could be expanded or fetched. The text is
    decoded here, so that an encoding that the file names cannot hide a declaration.

    Raises:
        InputError: The file is not UTF-8, is not well-formed, declares something, or has another
            root than `<annotation>`.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise read_error(location, error) from None
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise InputError(
            location,
            "declares a document type or entities, which VOC annotations do not have",
            fix="remove the declaration",
        )
    try:
        root = ElementTree.fromstring(text)  # noqa: S314  it declares nothing, see above
    except ElementTree.ParseError as error:
        line, column = error.position
        raise InputError(
            location,
            f"is not well-formed XML ({error})",
            where=f"line {line}, column {column + 1}",
            fix="repair it or fetch it again",
        ) from error
    if root.tag != "annotation":
        raise InputError(
            location,
            f"is not a VOC annotation: its root is <{root.tag}>, expected <annotation>",
            fix="export or fetch it again",
        )
    return root


def explain_fault(annotation: ElementTree.Element, location: str) -> NoReturn:
    """Raise InputError for the first tag that `VocObjects.add` cannot read.

    The reader itself does not say which one it was: checking each tag would double its time.
    """
    for number, element in enumerate(annotation.findall("object"), 1):
        name = element.findtext("name", "").strip()
        where = f"object {number} ({name})" if name else f"object {number}"
        if not name:
            raise InputError(location, "has no <name>", where=where)
        for tag in CORNERS:
            text = element.findtext(f"bndbox/{tag}")
            if text is None:
                raise InputError(
                    location,
                    f"has no <{tag}> in <bndbox>",
                    where=where,
                    fix="every object needs xmin, ymin, xmax and ymax",
                )
            if not is_number(text):
                raise InputError(location, f"<{tag}> is {text!r}, expected a number", where=where)
        for tag in FLAGS:
            text = element.findtext(tag, "").strip()
            if text not in FLAG_VALUES:
                raise InputError(location, f"<{tag}> is {text!r}, expected 0 or 1", where=where)
    width, height = annotation.findtext("size/width"), annotation.findtext("size/height")
    problem = f"<size> is {width!r} × {height!r}, expected two numbers that are not negative"
    raise InputError(location, problem)
