"""Style: the colors, markers, sizes and ticks of all plots, on light and dark backgrounds.

Lines and markers of different detectors can be distinguished by color-blind readers and in gray.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from matplotlib.axis import Axis

Theme = Literal["light", "dark"]
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""The palette of Okabe and Ito, without its yellow."""
DARK_COLORS = ("#56B4E9", "#FF8F5A", "#20C997", "#F0A6CF", "#F0E442", "#9678FF", "#FFFFFF")
"""Lighter colors in the same order of hues, each with a contrast of at least 5 on dark."""
DASHES = ("solid", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)))
"""Line styles, which distinguish lines besides their color."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")
"""Markers, which distinguish points besides their color."""
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
_FEW_TICKS = (1.0, 2.0, 5.0)
_MANY_TICKS = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)
"""Ticks of a log axis within a power of ten."""
_SHORT_RANGE = 20.0
"""A log axis whose ends have at most this ratio gets many ticks."""


def _theme_settings(background: str, text: str, muted: str, grid: str) -> dict[str, Any]:
    """Return matplotlib's settings for one background; `xtick.color` is the muted color."""
    backgrounds = ("figure.facecolor", "axes.facecolor", "savefig.facecolor")
    texts = ("text.color", "axes.labelcolor", "axes.titlecolor", "legend.labelcolor")
    muted_parts = ("xtick.color", "ytick.color", "axes.edgecolor")
    return {
        **dict.fromkeys(backgrounds, background),
        **dict.fromkeys(texts, text),
        **dict.fromkeys(muted_parts, muted),
        "grid.color": grid,
    }


_THEMES = {
    "light": _theme_settings("#ffffff", "#1f1f1f", "#555555", "#e3e3e3"),
    "dark": _theme_settings("#14181d", "#eceff2", "#a9b2bc", "#2f363e"),
}
_PALE_SHARE = 0.35
_PALETTES = {"light": COLORS, "dark": DARK_COLORS}


@contextmanager
def plot_style(theme: Theme = "light") -> Iterator[None]:
    """Apply the shared settings inside the block only."""
    import matplotlib as mpl
    from cycler import cycler

    palette = cycler(color=_PALETTES[theme])
    with mpl.rc_context({**_LAYOUT, **_THEMES[theme], "axes.prop_cycle": palette}):
        yield


def color(index: int) -> str:
    """Return the color of the detector at `index` in the current style."""
    import matplotlib as mpl

    colors: list[str] = mpl.rcParams["axes.prop_cycle"].by_key()["color"]
    return colors[index % len(colors)]


def pale_color(index: int) -> tuple[float, float, float]:
    """Return the color of the detector at `index`, mixed with the background."""
    from matplotlib.colors import to_rgb

    shade, paper = to_rgb(color(index)), to_rgb(background())
    red, green, blue = (
        _PALE_SHARE * own + (1 - _PALE_SHARE) * other
        for own, other in zip(shade, paper, strict=True)
    )
    return red, green, blue


def muted() -> str:
    """Return the color of less important text and of lines that are not data."""
    import matplotlib as mpl

    return str(mpl.rcParams["xtick.color"])


def text_color() -> str:
    """Return the color of text in the current style."""
    import matplotlib as mpl

    return str(mpl.rcParams["text.color"])


def background() -> str:
    """Return the background color in the current style."""
    import matplotlib as mpl

    return str(mpl.rcParams["axes.facecolor"])


def dashes(index: int) -> str | tuple[int, tuple[float, ...]]:
    """Return the line style of the detector at `index`.

    With the color it is one of 28 combinations, since 7 and 4 share no factor.
    """
    return DASHES[index % len(DASHES)]


def marker(index: int) -> str:
    """Return the marker of the detector at `index`.

    With the color it is one of 63 combinations, since 7 and 9 share no factor.
    """
    return MARKERS[index % len(MARKERS)]


def plain_ticks(axis: Axis) -> None:
    """Label a log axis with plain numbers, without minor ticks; its limits must be set already.

    Text in plots is never parsed as formulas, so matplotlib's 10^k labels would not be rendered.
    """
    from matplotlib.ticker import LogLocator, NullFormatter, NullLocator, StrMethodFormatter

    low, high = axis.get_view_interval()
    ticks = _MANY_TICKS if high <= low * _SHORT_RANGE else _FEW_TICKS
    axis.set_major_locator(LogLocator(subs=ticks, numticks=12))
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())
