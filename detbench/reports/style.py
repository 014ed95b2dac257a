"""Style: the colours, line styles and sizes that all plots share; readable by the colour-blind and in grey."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's palette, without its yellow."""
DASHES = ("solid", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)))
"""A second way to tell detectors apart."""
SETTINGS = {
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "grid.color": "#e3e3e3",
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "savefig.dpi": 144,
    "text.parse_math": False,
}


@contextmanager
def plot_style() -> Iterator[None]:
    """Apply the shared settings inside the block only."""
    import matplotlib as mpl

    with mpl.rc_context(SETTINGS):
        yield


def colour(index: int) -> str:
    """Return the colour of the detector at `index`."""
    return COLOURS[index % len(COLOURS)]


def dashes(index: int) -> str | tuple[int, tuple[float, ...]]:
    """Return the line style of the detector at `index`; with the colour it is one of 28 looks, since 7 and 4 share no factor."""
    return DASHES[index % len(DASHES)]
