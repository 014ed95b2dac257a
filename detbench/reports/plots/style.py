"""Style: the colours, marks and sizes that all plots share, on light and on dark paper; readable by the colour-blind and in grey."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

Theme = Literal["light", "dark"]
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's palette, without its yellow."""
DARK_COLOURS = ("#56B4E9", "#FF8F5A", "#20C997", "#F0A6CF", "#F0E442", "#9678FF", "#FFFFFF")
"""The same order of hues for dark paper, lighter, each with a contrast of 5 and more against it."""
DASHES = ("solid", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)))
"""A second way to tell lines apart."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")
"""A second way to tell points apart."""
_LAYOUT = {
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "savefig.dpi": 144,
    "text.parse_math": False,
}


def _inks(paper: str, ink: str, muted: str, grid: str) -> dict[str, Any]:
    """Return the settings for one paper colour; `xtick.color` is what lesser text is written in."""
    papers = dict.fromkeys(("figure.facecolor", "axes.facecolor", "savefig.facecolor"), paper)
    inks = dict.fromkeys(
        ("text.color", "axes.labelcolor", "axes.titlecolor", "legend.labelcolor"), ink
    )
    mutes = dict.fromkeys(("xtick.color", "ytick.color", "axes.edgecolor"), muted)
    return papers | inks | mutes | {"grid.color": grid}


_INKS = {
    "light": _inks("#ffffff", "#1f1f1f", "#555555", "#e3e3e3"),
    "dark": _inks("#14181d", "#eceff2", "#a9b2bc", "#2f363e"),
}
_PALETTES = {"light": COLOURS, "dark": DARK_COLOURS}


@contextmanager
def plot_style(theme: Theme = "light") -> Iterator[None]:
    """Apply the shared settings inside the block only."""
    import matplotlib as mpl
    from cycler import cycler

    with mpl.rc_context(
        {**_LAYOUT, **_INKS[theme], "axes.prop_cycle": cycler(color=_PALETTES[theme])}
    ):
        yield


def colour(index: int) -> str:
    """Return the colour of the detector at `index` in the style that is in force."""
    import matplotlib as mpl

    colours: list[str] = mpl.rcParams["axes.prop_cycle"].by_key()["color"]
    return colours[index % len(colours)]


def muted() -> str:
    """Return the colour of lesser text and of lines that are no data, in the style that is in force."""
    import matplotlib as mpl

    return str(mpl.rcParams["xtick.color"])


def ink() -> str:
    """Return the colour of text in the style that is in force."""
    import matplotlib as mpl

    return str(mpl.rcParams["text.color"])


def paper() -> str:
    """Return the colour of the paper in the style that is in force."""
    import matplotlib as mpl

    return str(mpl.rcParams["axes.facecolor"])


def dashes(index: int) -> str | tuple[int, tuple[float, ...]]:
    """Return the line style of the detector at `index`; with the colour it is one of 28 looks, since 7 and 4 share no factor."""
    return DASHES[index % len(DASHES)]


def marker(index: int) -> str:
    """Return the marker of the detector at `index`; with the colour it is one of 63 looks, since 7 and 9 share no factor."""
    return MARKERS[index % len(MARKERS)]
