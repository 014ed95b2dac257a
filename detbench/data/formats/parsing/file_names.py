"""File names: image ids, classes and splits that writers of folders turn into names of files."""

from __future__ import annotations

from detbench.errors import DetbenchError


def check_file_name(name: str) -> None:
    """Check that an image id, class or split can be part of a file name and of a line of text.

    Raises:
        DetbenchError: It cannot.
    """
    usable = (
        name
        and name == name.strip()
        and name.isprintable()
        and not any(character in "/\\" for character in name)
        and name not in {".", ".."}
    )
    if not usable:
        raise DetbenchError(
            f"{name!r} cannot be the name of a file; rename this image, class or split"
        )
