"""XML files parsed safely, with errors that name line and column."""

from __future__ import annotations

from xml.etree import ElementTree

from detbench.errors import InputError, read_error


def parse_xml(content: bytes, location: str, *, root: str, what: str) -> ElementTree.Element:
    """Parse a file that declares nothing.

    Without a document type there are no entities that could be expanded or fetched. The text is
    decoded here, so that an encoding that the file names cannot hide a declaration.

    Args:
        content: The bytes of the file.
        location: What messages call it.
        root: The tag that its root must have.
        what: What a file with this root is, as in: is not …

    Raises:
        InputError: The file is not UTF-8, is not well-formed, declares something, or has another
            root.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise read_error(location, error) from None
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise InputError(
            location,
            f"declares a document type or entities, which {what} does not have",
            fix="remove the declaration",
        )
    try:
        element = ElementTree.fromstring(text)  # noqa: S314  it declares nothing, see above
    except ElementTree.ParseError as error:
        line, column = error.position
        raise InputError(
            location,
            f"is not well-formed XML ({error})",
            where=f"line {line}, column {column + 1}",
            fix="repair it or fetch it again",
        ) from error
    if element.tag != root:
        raise InputError(
            location,
            f"is not {what}: its root is <{element.tag}>, expected <{root}>",
            fix="export or fetch it again",
        )
    return element
