"""Widths and heights for formats that state x, y, w, h: numbers from which a reader gets the same box again, bit for bit.

A reader computes x1 + w and w · h in float64. The difference x2 − x1 is not always the w that was read: 1000.3 + 0.1 gives an x2
at a distance of 0.10000000000002274. The shortest decimal that leads back to x2 is most often what the source said.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from detbench.data.columns import Floats

_DECIMALS = range(18)
_NEIGHBOURS = [sign * step for step in (*range(1, 48), *range(48, 1024, 16)) for sign in (1, -1)]


def exact_sizes(boxes: Floats, box_areas: Floats) -> Floats:
    """Return (N, 2) widths and heights with x1 + w == x2, y1 + h == y2 and w · h == box area; boxes (N, 4) are xyxy.

    Each is the shortest decimal that fits. Where no pair gives the area too, the box comes first; where float64 has no w that leads
    from x1 to x2 at all (their magnitudes are more than 2^53 apart), it is the difference.
    """
    with np.errstate(all="ignore"):
        sizes = np.stack([_shortest(boxes[:, side], boxes[:, side + 2]) for side in (0, 1)], axis=1)
        open_rows = np.flatnonzero(sizes[:, 0] * sizes[:, 1] != box_areas)
        if len(open_rows):
            sizes[open_rows] = _with_areas(boxes[open_rows], box_areas[open_rows], sizes[open_rows])
    return sizes


def _shortest(start: Floats, end: Floats) -> Floats:
    """Return for each row the first candidate that leads from start to end, else the difference."""
    result = end - start
    rows = np.arange(len(start))
    for lengths, _ in _candidates(start, end):
        fits = start[rows] + lengths[rows] == end[rows]
        result[rows[fits]] = lengths[rows[fits]]
        rows = rows[~fits]
        if not len(rows):
            break
    return result


def _candidates(start: Floats, end: Floats) -> Iterator[tuple[Floats, int]]:
    """Yield lengths that may lead from start to end, the shortest decimals first, and their number of decimals."""
    difference = end - start
    for decimals in _DECIMALS:
        yield np.round(difference, decimals), decimals
    yield difference, _DECIMALS[-1]
    for step in _NEIGHBOURS:
        yield difference + step * np.spacing(difference), _DECIMALS[-1]


def _with_areas(boxes: Floats, areas: Floats, shortest: Floats) -> Floats:
    """Return sizes that give box and area; rows for which no candidate does keep the shortest."""
    x1, y1, x2, y2 = boxes.T
    sizes = shortest.copy()
    open_rows = np.ones(len(boxes), np.bool_)
    for widths, decimals in _candidates(x1, x2):
        quotients = areas / widths
        heights = [shortest[:, 1], np.round(quotients, decimals), y2 - y1]
        heights += [quotients + step * np.spacing(quotients) for step in (0, 1, -1)]
        for height in heights:
            fits = (
                open_rows & (x1 + widths == x2) & (y1 + height == y2) & (widths * height == areas)
            )
            sizes[fits, 0], sizes[fits, 1] = widths[fits], height[fits]
            open_rows &= ~fits
        if not open_rows.any():
            break
    return sizes
