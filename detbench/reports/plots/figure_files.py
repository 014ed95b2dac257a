"""Figure files: writing figures, and names that fit file systems, titles and legends."""

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
"""Height in inches of each row of a legend."""
_MAX_NAME_LENGTH = 28
_MAX_STEM_BYTES = 200
"""File systems allow 255 bytes, of which a temporary name and a number need some."""
_MAX_LISTED_CHARACTERS = 10
_LEFT_TO_RIGHT = "\N{LEFT-TO-RIGHT MARK}"


def save_figures(
    figures: Mapping[str, Callable[[], Figure]], folder: Path, *, theme: Theme, names: Sequence[str]
) -> list[Path]:
    """Draw figures and write each as NAME.png into a folder, replacing older ones.

    Args:
        figures: by file name, functions that draw.
        folder: where the files are written.
        theme: of the figures.
        names: users' names in the figures, whose characters the plots' font may lack.
    """
    _warn_of_missing_characters(names)
    paths = []
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)
        for name, draw in figures.items():
            paths.append(folder / f"{name}.png")
            with plot_style(theme), atomic_path(paths[-1]) as temporary:
                draw().savefig(temporary)
    return paths


def _warn_of_missing_characters(names: Sequence[str]) -> None:
    """Warn once of the characters that the plots' font lacks, not once for each plot."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    with plot_style():
        available = get_font(findfont(FontProperties())).get_charmap()
    used = {character for name in names for character in name if character.isprintable()}
    missing = sorted(character for character in used if ord(character) not in available)
    if missing:
        listed = " ".join(missing[:_MAX_LISTED_CHARACTERS])
        warnings.warn(
            f"the font of the plots lacks {listed}; such characters are drawn as boxes",
            DetbenchWarning,
            stacklevel=4,
        )


def file_stems(names: Sequence[str]) -> dict[str, str]:
    """Return a unique file name for each class.

    Characters that are unsafe in file names become a dash; a repeated name gets a number.
    """
    stems: dict[str, str] = {}
    for name in names:
        safe = re.sub(r"[^\w.-]+", "-", name).strip("-.")
        stem = safe.encode()[:_MAX_STEM_BYTES].decode(errors="ignore") or "class"
        taken = {other.casefold() for other in stems.values()}
        unique, number = stem, 2
        while unique.casefold() in taken:
            unique, number = f"{stem}-{number}", number + 1
        stems[name] = unique
    return stems


def legend_name(name: str) -> str:
    """Return a name for a legend.

    A name that begins with an underscore gets a space before it, or matplotlib would leave it out.
    A name written from right to left gets left-to-right marks, so that numbers stay behind it.
    """
    short = shortened(name)
    if any(bidirectional(character) in {"R", "AL"} for character in short):
        return f"{_LEFT_TO_RIGHT}{short}{_LEFT_TO_RIGHT}"
    return f" {short}" if short.startswith("_") else short


def shortened(name: str, max_length: int = _MAX_NAME_LENGTH) -> str:
    """Return a name short enough for titles and legends."""
    return name if len(name) <= max_length else name[: max_length - 1] + "…"
