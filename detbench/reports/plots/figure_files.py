"""Figure files: names that every file system takes, and figures written whole, in the style they were drawn in."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from unicodedata import bidirectional

from detbench.data.files import atomic_path
from detbench.errors import DetbenchWarning
from detbench.reports.plots.style import Theme, plot_style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEGEND_ROW = 0.2
"""Inches that a figure grows by for each row of its legend."""
_LONGEST_NAME = 28
_LEFT_TO_RIGHT = "\N{LEFT-TO-RIGHT MARK}"
_LONGEST_STEM = 200
"""Bytes; file systems take 255, of which a hidden name and a number need some."""


def save_figures(
    figures: Mapping[str, Callable[[], Figure]], folder: Path, *, theme: Theme, names: Sequence[str]
) -> list[Path]:
    """Draw figures and write each as NAME.png into a folder, replacing older ones; `names` are the users' words in them."""
    warn_of_characters(names)
    paths = []
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)
        for name, draw in figures.items():
            paths.append(folder / f"{name}.png")
            with plot_style(theme), atomic_path(paths[-1]) as temporary:
                draw().savefig(temporary)
    return paths


def warn_of_characters(names: Sequence[str]) -> None:
    """Say once, and not for every plot, which characters of the names the plots' font lacks."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    with plot_style():
        known = get_font(findfont(FontProperties())).get_charmap()
    missing = sorted(
        {
            character
            for name in names
            for character in name
            if character.isprintable() and ord(character) not in known
        }
    )
    if missing:
        shown = " ".join(missing[:10])
        warnings.warn(
            f"the plots' font has no {shown}; such characters are drawn as boxes",
            DetbenchWarning,
            stacklevel=4,
        )


def file_stems(names: Sequence[str]) -> dict[str, str]:
    """Return a file name for each class: what is unsafe in file names becomes a dash, repeats get a number."""
    stems: dict[str, str] = {}
    for name in names:
        stem = (
            re.sub(r"[^\w.-]+", "-", name)
            .strip("-.")
            .encode()[:_LONGEST_STEM]
            .decode(errors="ignore")
            or "class"
        )
        taken = {other.casefold() for other in stems.values()}
        number = 2
        unique = stem
        while unique.casefold() in taken:
            unique, number = f"{stem}-{number}", number + 1
        stems[name] = unique
    return stems


def legend_name(name: str) -> str:
    """Return a name for a legend, so that what follows it stays behind it.

    One that begins with an underscore gets a space before it, or matplotlib would leave it out; one written from right to left gets a
    left-to-right mark, or numbers after it would change sides.
    """
    short = shortened(name)
    if any(bidirectional(character) in {"R", "AL"} for character in short):
        return f"{_LEFT_TO_RIGHT}{short}{_LEFT_TO_RIGHT}"
    return f" {short}" if short.startswith("_") else short


def shortened(name: str) -> str:
    """Return a name short enough for titles and legends."""
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"
