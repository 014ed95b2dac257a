"""Exact sizes: widths and heights for x, y, w, h formats that give back the same box exactly.

Readers of such formats compute x1 + w and w · h in float64. The difference x2 − x1 is not always
the w that a file states: 1000.3 + 0.1 gives an x2 that lies 0.10000000000002274 further right. The
shortest decimal that leads back to x2 is most often what the file stated.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from detbench.data.columns import Floats

_DECIMALS = range(18)
_STEPS = [sign * step for step in (*range(1, 48), *range(48, 1024, 16)) for sign in (1, -1)]
"""Units in the last place by which candidates differ from x2 − x1, nearest first."""


def exact_sizes(boxes: Floats, box_areas: Floats) -> Floats:
    """Return widths and heights (N, 2) with x1 + w == x2, y1 + h == y2 and w · h == area.

    `boxes` (N, 4) are x1, y1, x2, y2. Each size is the shortest decimal that fits. If no pair gives
    the area too, the box has priority. If float64 has no w that leads from x1 to x2 at all (their
    magnitudes differ by more than 2^53), w is the difference.
    """
    # Candidates may overflow, or divide by a width of 0; such ones fit nothing.
    with np.errstate(all="ignore"):
        sizes = np.stack([_shortest(boxes[:, side], boxes[:, side + 2]) for side in (0, 1)], axis=1)
        # Most boxes have the right area then. Only the others need the search over pairs.
        wrong_area = np.flatnonzero(sizes[:, 0] * sizes[:, 1] != box_areas)
        if len(wrong_area):
            sizes[wrong_area] = _sizes_with_areas(
                boxes[wrong_area], box_areas[wrong_area], sizes[wrong_area]
            )
    return sizes


def _shortest(start: Floats, end: Floats) -> Floats:
    """Return, for each row, the first candidate that leads from start to end, else end − start."""
    # `pending` are the rows that no candidate has fitted yet.
    lengths = end - start
    pending = np.arange(len(start))
    for candidates, _ in _candidates(start, end):
        fits = start[pending] + candidates[pending] == end[pending]
        lengths[pending[fits]] = candidates[pending[fits]]
        pending = pending[~fits]
        if not len(pending):
            break
    return lengths


def _candidates(start: Floats, end: Floats) -> Iterator[tuple[Floats, int]]:
    """Yield lengths that may lead from start to end, shortest first, and their decimals."""
    difference = end - start
    for decimals in _DECIMALS:
        yield np.round(difference, decimals), decimals
    # No decimal fits: try the float64 values around the difference.
    yield difference, _DECIMALS[-1]
    for step in _STEPS:
        yield difference + step * np.spacing(difference), _DECIMALS[-1]


def _sizes_with_areas(boxes: Floats, areas: Floats, shortest: Floats) -> Floats:
    """Return sizes that give box and area; rows without such candidates keep the shortest."""
    x1, y1, x2, y2 = boxes.T
    sizes = shortest.copy()
    pending = np.ones(len(boxes), np.bool_)
    for widths, decimals in _candidates(x1, x2):
        # For each width, the heights worth trying: the shortest, the one that the area asks for
        # (rounded, exact, and its neighbors), and the difference.
        quotients = areas / widths
        heights = [shortest[:, 1], np.round(quotients, decimals), y2 - y1]
        heights += [quotients + step * np.spacing(quotients) for step in (0, 1, -1)]
        for height in heights:
            gives_box = (x1 + widths == x2) & (y1 + height == y2)
            fits = pending & gives_box & (widths * height == areas)
            sizes[fits, 0], sizes[fits, 1] = widths[fits], height[fits]
            pending &= ~fits
        if not pending.any():
            break
    return sizes
