"""Together: image ids and boxes that are both wrong, so that neither shows as long as the other is not mended."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from detbench.doctor.case import Case
from detbench.doctor.checks.box_formats import CLEARLY_BETTER, MUCH_BETTER
from detbench.doctor.checks.images import ALIKE, namings, renamed
from detbench.doctor.evidence.chance import best_reading, is_chance
from detbench.doctor.evidence.counterfactual import told
from detbench.doctor.evidence.fit import sample_of
from detbench.doctor.findings import Finding
from detbench.doctor.fixes.commands import mending
from detbench.doctor.reading.rows import Rows

POOR = 0.35
"""Mean best overlap under any reading of the boxes up to which this is looked for: boxes of other images have .25, public detectors .4.

Where images have more objects than boxes are looked at, it is as much of what can be reached."""
LOOKED_AT = 300
"""Images whose detections are read in all ways."""
READINGS_OF_ANOTHER_KIND = ("box-", "letterbox-", "image-ids-shifted")


def check_images_and_boxes(case: Case) -> Finding | None:
    """Return the reading of image ids under which some other reading of the boxes puts them onto the objects."""
    if (
        case.source is None
        or not len(case.rows)
        or any(each.startswith(READINGS_OF_ANOTHER_KIND) for each in case.mended)
    ):
        return None
    few = replace(case, rows=_of_some_images(case))
    sample = sample_of(few)
    poor = POOR * min(1.0, len(sample.boxes) / max(len(sample.objects), 1))
    if sample.mean_overlap(sample.boxes) > poor or (own := best_reading(few)[0]) > poor:
        return None
    before = own * float((few.rows.image >= 0).mean())
    fits = []
    for naming in namings(case):
        trial = replace(few, rows=renamed(case, naming, few.rows))
        share = float((trial.rows.image >= 0).mean())
        if share > 0.5:
            fit, name, read = best_reading(trial)
            fits.append((fit * share, share, naming, name, read))
    highest = max((each[0] for each in fits), default=0.0)
    if highest <= max(before + CLEARLY_BETTER, before * MUCH_BETTER):
        return None
    _, _, naming, name, read = max(
        (each for each in fits if each[0] >= highest - ALIKE), key=lambda each: each[1]
    )
    if is_chance(replace(few, rows=renamed(case, naming, few.rows))):
        return None
    mend = partial(renamed, case, naming)
    rows = read(mend(case.rows))
    evidence = f"boxes, taken as {name}, lie on the objects when image ids are taken as {naming.name}: {told(case, rows, 'both so read')}"
    return Finding("image-ids-shifted", "error", evidence, mending(case, "image-ids-shifted"), mend)


def _of_some_images(case: Case) -> Rows:
    """Return the rows of the images that are looked at, drawn by the names that the file has for them."""
    assert case.source is not None  # noqa: S101  the check asks for it
    names = len(case.source.images.names)
    chosen = np.zeros(names, np.bool_)
    chosen[np.random.default_rng(4).permutation(names)[:LOOKED_AT]] = True
    return case.rows.where(chosen[case.source.images.codes[case.rows.places]])
