"""Log axes: ticks in plain numbers, since texts in plots are never read as formulas."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axis import Axis

_FEW, _MANY = (1.0, 2.0, 5.0), (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)
_SHORT_RANGE = 20.0
"""Up to this ratio of the ends, an axis gets more ticks for each power of ten."""


def plain_ticks(axis: Axis) -> None:
    """Write the ticks of a log axis, whose limits are set by now, as plain numbers, and no minor ones."""
    from matplotlib.ticker import LogLocator, NullFormatter, NullLocator, StrMethodFormatter

    low, high = axis.get_view_interval()
    subs = _MANY if high <= low * _SHORT_RANGE else _FEW
    axis.set_major_locator(LogLocator(subs=subs, numticks=12))
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())
