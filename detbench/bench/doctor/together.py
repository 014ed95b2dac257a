"""Together: image ids and boxes that are both wrong, so that neither shows as long as the other is not mended."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from detbench.bench.doctor.case import Case
from detbench.bench.doctor.counterfactual import told
from detbench.bench.doctor.findings import Finding
from detbench.bench.doctor.fit import sample_of
from detbench.bench.doctor.fixes import mending
from detbench.bench.doctor.formats import CLEARLY_BETTER, MUCH_BETTER, alternatives, numbers_of, reread
from detbench.bench.doctor.images import namings, renamed
from detbench.bench.doctor.rows import Rows
from detbench.bench.doctor.scales import best_transform, undone

POOR = 0.35
"""Mean best overlap up to which this is looked for; it takes seconds, and public detectors have .4 and more."""
FEWEST = 20
"""Detections and objects below which one of the hundreds of readings fits by chance."""
READINGS_OF_ANOTHER_KIND = ("box-", "letterbox-", "image-ids-shifted")


def check_images_and_boxes(case: Case) -> Finding | None:
    """Return the reading of image ids under which some other reading of the boxes puts them onto the objects."""
    if case.source is None or not len(case.rows) or any(each.startswith(READINGS_OF_ANOTHER_KIND) for each in case.mended):
        return None
    sample = sample_of(case)
    if sample.mean_overlap(sample.boxes) > POOR:
        return None
    known = float((case.rows.image >= 0).mean())
    before = _best_reading(case)[0] * known
    best, after = None, max(before + CLEARLY_BETTER, before * MUCH_BETTER)
    for naming in namings(case):
        trial = replace(case, rows=renamed(case, naming, case.rows))
        share = float((trial.rows.image >= 0).mean())
        if share > 0.5:
            fit, name, rows = _best_reading(trial)
            if fit * share > after:
                best, after = (naming, name, rows), fit * share
    if best is None:
        return None
    naming, name, rows = best
    mend = partial(renamed, case, naming)
    evidence = f"boxes, taken as {name}, lie on the objects when image ids are taken as {naming.name}: {told(case, rows, 'both so read')}"
    return Finding("image-ids-shifted", "error", evidence, mending(case, "image-ids-shifted"), mend)


def _best_reading(case: Case) -> tuple[float, str, Rows]:
    """Return the highest mean best overlap that any reading of the boxes has, what it is called, and the rows so read."""
    assert case.source is not None  # noqa: S101  the caller asks for it
    sample = sample_of(case)
    if min(len(sample.boxes), len(sample.objects)) < FEWEST:
        return 0.0, "", case.rows
    written = numbers_of(case, sample.written, sample.sizes)
    fits = [(sample.mean_overlap(each.boxes(written, sample.sizes)), each) for each in alternatives(case.source.form)]
    fit, reading = max(fits, key=lambda each: each[0])
    transform = best_transform(sample, 0.0)
    if transform and transform[1] > fit:
        return transform[1], transform[0].name, undone(case, transform[0].undo, case.rows)
    return fit, reading.name, reread(case, reading, case.rows)
