"""Offsets: all boxes a pixel off, from a mix of 0-based and 1-based, or inclusive and exclusive coordinates.

Detectors that cut their boxes to the image leave piles of edges at its border: left and upper ones at 0, right and lower ones at its size.
Where the piles lie a pixel elsewhere, coordinates were moved. Where there are no piles, the centres of well-placed boxes tell: their mean
distance from those of the objects is about half a pixel at most for real detectors.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from detbench.data.columns import Floats, rows_of_groups
from detbench.doctor.case import Case
from detbench.doctor.evidence.counterfactual import told
from detbench.doctor.evidence.fit import best_of_each, paired_iou
from detbench.doctor.findings import Finding
from detbench.doctor.fixes.commands import mending
from detbench.doctor.reading.rows import Rows

PILE = 0.004
"""Share of boxes with an edge exactly at the border that shows that boxes are cut to the image; real detectors leave 4–25 %."""
FEWEST_IN_PILE = 8
STEEP = 5
"""How many times larger the pile is than what lies on the pixels beside it."""
WELL_PLACED = 0.6
"""Overlap of pairs whose distances count."""
FEWEST_PAIRS = 40
SUREST = 5.0
"""Standard errors by which a mean distance must differ from 0."""
OFF = (0.75, 2.0)
"""Mean distances, over both directions, that are called a pixel: public detectors on VOC 2007 have up to .5, by their own bias."""


def check_offset(case: Case) -> Finding | None:
    """Return what shows that all boxes, or their first or last corners, are moved by one pixel."""
    first, last = _piles(case)
    if first is None and last is None:
        how, shift = _by_distance(case)
    else:
        shift = (first or 0, _of_last(first, last))
        how = ", ".join(
            [
                *([f"left and upper edges pile up at {first} instead of 0"] if first else []),
                *(
                    [
                        f"right and lower edges pile up a pixel {'behind' if last > 0 else 'before'} the image's end"
                    ]
                    if last
                    else []
                ),
            ]
        )
    if not any(shift):
        return None
    mend = partial(_moved, np.repeat([-shift[0], -shift[1]], 2).astype(np.float64))
    named = "corners moved by " + ", ".join(f"{-by:+d}" for by in shift)
    return Finding(
        "pixel-offset",
        "warning",
        f"{how}: {told(case, mend(case.rows), named)}",
        mending(case, "pixel-offset"),
        mend,
    )


def _of_last(first: int | None, last: int | None) -> int:
    """Return how far the last corners were moved; a pile one pixel before the end is that of a detector that cuts boxes there."""
    if last is None:
        return first or 0
    return 0 if last == -1 and first != -1 else last


def _piles(case: Case) -> tuple[int | None, int | None]:
    """Return the places (−1, 0 or 1) relative to the image's borders where first and last edges pile up; None where they do not."""
    rows = case.scored
    return _pile(rows.boxes[:, :2]), _pile(rows.boxes[:, 2:] - case.truth.image_sizes[rows.image])


def _pile(edges: Floats) -> int | None:
    counts = {
        place: int((np.abs(edges - place) < 1e-3).any(axis=1).sum()) for place in (-2, -1, 0, 1, 2)
    }
    place = max(counts, key=lambda place: counts[place])
    others = max(count for other, count in counts.items() if other != place)
    enough = counts[place] >= max(PILE * len(edges), FEWEST_IN_PILE)
    return place if enough and counts[place] >= STEEP * others and abs(place) < 2 else None


def _by_distance(case: Case) -> tuple[str, tuple[int, int]]:
    """Return how the centres of well-placed boxes lie, and by which pixel that moves both corners."""
    distances = _distances(case)
    if distances is None:
        return "", (0, 0)
    (x, y), (x_error, y_error), pairs = distances
    mean, error = (x + y) / 2, np.hypot(x_error, y_error) / 2
    shift = (
        int(np.sign(mean))
        if OFF[0] <= abs(mean) <= OFF[1] and abs(mean) > SUREST * error and x * y > 0
        else 0
    )
    return (
        f"the centres of {pairs:,} well-placed boxes lie {x:+.2f} and {y:+.2f} pixels off those of the objects",
        (shift, shift),
    )


def _distances(case: Case) -> tuple[Floats, Floats, int] | None:
    """Return mean distance (x, y) of centres, its standard error, and the number of pairs; each pair weighs as its object is small."""
    rows, truth = case.scored, case.truth
    best = best_of_each(rows.image, rows.scores, np.arange(len(rows)), 10)
    owners = rows.image[best]
    counts = np.diff(truth.offsets)[owners]
    d, o = np.repeat(best, counts), rows_of_groups(truth.offsets, owners)
    same = (rows.classes[d] == truth.class_index[o]) & case.regular[o]
    d, o = d[same], o[same]
    placed = paired_iou(rows.boxes[d], truth.boxes[o]) > WELL_PLACED
    d, o = d[placed], o[placed]
    if len(d) < FEWEST_PAIRS:
        return None
    found, true = rows.boxes[d], truth.boxes[o]
    distance = (found[:, :2] + found[:, 2:] - true[:, :2] - true[:, 2:]) / 2
    weight = 1 / (16 + (true[:, 2:] - true[:, :2]) ** 2)
    total = weight.sum(axis=0)
    mean = (weight * distance).sum(axis=0) / total
    error = np.sqrt((weight**2 * (distance - mean) ** 2).sum(axis=0)) / total
    return mean, error, len(d)


def _moved(by: Floats, rows: Rows) -> Rows:
    return rows.with_boxes(rows.boxes + by)
