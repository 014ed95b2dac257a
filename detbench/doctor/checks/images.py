"""Images: ids that are unknown, shifted, positions in a list, or of the wrong images; images without detections."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import PurePosixPath

import numpy as np

from detbench.data.columns import Flags, Ints
from detbench.data.formats.parsing.image_ids import WHOLE_NUMBER
from detbench.doctor.case import Case
from detbench.doctor.checks.box_formats import CLEARLY_BETTER, MUCH_BETTER
from detbench.doctor.evidence.chance import is_chance
from detbench.doctor.evidence.counterfactual import average_precision, left, short, told
from detbench.doctor.evidence.fit import sample_of
from detbench.doctor.findings import Finding
from detbench.doctor.fixes.commands import mending
from detbench.doctor.reading.rows import Rows

MOSTLY_UNKNOWN = 0.5
"""Share of detections on unknown images, and of images without detections, from which on the split is the wrong one."""
SHIFTS = (-1, 1, -2, 2)
ALIKE = 0.02
"""Mean best overlaps so near one another come from the images drawn."""
FEW_IMAGES = 0.01
"""Share of the images with objects that may be without detections whatever the rest looks like."""
PER_SINGLE = 2
"""Images without any detection that are normal for each with exactly one: numbers per image fall off smoothly."""
AT_LEAST = 1
"""Images without any that are normal where none has just one, as where each box is written for several classes."""
FALLING_OFF, FALLING_OFF_SLACK = 1.5, 3
"""Where numbers rise from one to two, none : one is at most as one : two for Poisson's and similar counts; half as much again, and some."""
LONG_RUN = 10
"""Images in a row without detections, where at most a fifth of the others have none, that show a run which stopped or began late."""


@dataclass(frozen=True)
class Naming:
    """Another way to find the image that a name means."""

    name: str
    positions: Ints
    """(names,) −1 where none."""


def check_image_ids(case: Case) -> Finding | None:
    """Return the reading of image ids that puts boxes onto objects, where their own does not."""
    if case.source is None or not len(case.rows):
        return None
    before = _fit(case)
    best = _likeliest(case, before * float((case.rows.image >= 0).mean()))
    if best is None or is_chance(replace(case, rows=renamed(case, best, case.rows))):
        return None
    mend = partial(renamed, case, best)
    overlap = f"mean best overlap {before:.2f} → {_fit(replace(case, rows=mend(case.rows))):.2f}"
    evidence = f"boxes lie on the objects ({overlap}) when image ids are taken as {best.name}: {told(case, mend(case.rows), 'so read')}"
    return Finding("image-ids-shifted", "error", evidence, mending(case, "image-ids-shifted"), mend)


def _likeliest(case: Case, before: float) -> Naming | None:
    """Return the naming under which boxes fit clearly better than `before`; of those that fit alike, the one that names most images."""
    fits = []
    for naming in namings(case):
        trial = replace(case, rows=renamed(case, naming, case.rows))
        known = float((trial.rows.image >= 0).mean())
        fit = _fit(trial) * known
        if fit > max(before + CLEARLY_BETTER, before * MUCH_BETTER) and known > 0.5:
            fits.append((fit, known, naming))
    highest = max((fit for fit, _, _ in fits), default=0.0)
    alike = [(known, naming) for fit, known, naming in fits if fit >= highest - ALIKE]
    return max(alike, key=lambda each: each[0])[1] if alike else None


def check_unknown_images(case: Case) -> Finding | None:
    """Detections on images that the ground truth does not name."""
    if case.source is None:
        return None
    unknown = (case.rows.image < 0) & ~case.source.nameless[case.rows.places]
    if not unknown.any():
        return None
    names = case.source.images.of(case.rows.places[unknown])
    count = f"{unknown.sum():,} of {len(unknown):,} detections ({unknown.mean():.0%})"
    known = ", ".join(map(repr, case.truth.image_ids[:3]))
    images = f"{len(names):,} images" if len(names) > 1 else "an image"
    evidence = f"{count} are on {images} that the ground truth does not have (the first: {names[0]!r}; it has {known} …)"
    seen = np.unique(case.rows.image[~unknown])
    if unknown.mean() >= MOSTLY_UNKNOWN and len(seen) < MOSTLY_UNKNOWN * len(case.truth.image_ids):
        return Finding(
            "wrong-split",
            "error",
            evidence,
            "choose the split the detections were made for (--split), or run the detector on this one",
        )
    proof = left(case, _on_known(case.rows), "left out")
    return Finding(
        "image-ids-unknown",
        "error",
        f"{evidence}: {proof}",
        mending(case, "image-ids-unknown"),
        _on_known,
    )


def _on_known(rows: Rows) -> Rows:
    return rows.where(rows.image >= 0)


def _fit(case: Case) -> float:
    sample = sample_of(case)
    return sample.mean_overlap(sample.boxes)


def renamed(case: Case, naming: Naming, rows: Rows) -> Rows:
    """Return the rows on the images that their names mean in a naming; YOLO's fractions become pixels of these."""
    assert case.source is not None  # noqa: S101  the check asks for it
    image = naming.positions[case.source.images.codes[rows.places]]
    if case.source.form != "yolo":
        return replace(rows, image=image)
    sizes = np.vstack([case.truth.image_sizes, [(1.0, 1.0)]])
    return replace(
        rows, image=image, boxes=rows.boxes * np.tile(sizes[image] / sizes[rows.image], 2)
    )


def namings(case: Case) -> Iterator[Naming]:
    """Yield every way to read the names that differs from their own."""
    assert case.source is not None  # noqa: S101  the check asks for it
    names, ids = case.source.images.names, case.truth.image_ids
    places = {image_id: place for place, image_id in enumerate(ids)}
    stems = {
        PurePosixPath(file).stem: place for place, file in enumerate(case.truth.image_files) if file
    } | {PurePosixPath(image_id).stem: place for place, image_id in enumerate(ids)}
    yield Naming(
        "names of files", _positions([stems.get(PurePosixPath(name).stem, -1) for name in names])
    )
    numbers = [int(name) if WHOLE_NUMBER.fullmatch(name) else None for name in names]
    if any(number is None for number in numbers):
        return
    by_number = {
        int(image_id): place
        for image_id, place in places.items()
        if WHOLE_NUMBER.fullmatch(image_id)
    }
    yield Naming(
        "numbers, leading zeros aside",
        _positions([by_number.get(number or 0, -1) for number in numbers]),
    )
    for shift in SHIFTS:
        yield Naming(
            f"{-shift:+d} away from the true ones",
            _positions([by_number.get((number or 0) + shift, -1) for number in numbers]),
        )
    own = [by_number.get(number or 0, -1) for number in numbers]
    for how, order in _lists(case):
        yield from _placed(how, order, [number or 0 for number in numbers], own)
    as_texts = sorted(
        range(len(ids)),
        key=lambda place: (
            str(int(ids[place])) if WHOLE_NUMBER.fullmatch(ids[place]) else ids[place]
        ),
    )
    for how, order in (
        ("sorted as texts where numbers are due", as_texts),
        ("in the opposite order", list(range(len(ids)))[::-1]),
    ):
        yield Naming(how, _positions([order[place] if place >= 0 else -1 for place in own]))


def _lists(case: Case) -> Iterator[tuple[str, list[int]]]:
    """Yield every list of the images, as positions in the ground truth, that places can be counted in."""
    yield "the list of images", list(range(len(case.truth.image_ids)))
    if case.annotations is not None and (np.diff(case.annotations.image_order) < 0).any():
        yield "the list of images in the order of the file", case.annotations.image_order.tolist()


def _placed(how: str, order: list[int], numbers: list[int], own: list[int]) -> Iterator[Naming]:
    """Yield the readings of `numbers` as places in a list, and those of images, `own`, as ones some places further in it."""
    for first in (0, 1):
        inside = [
            order[number - first] if 0 <= number - first < len(order) else -1 for number in numbers
        ]
        yield Naming(f"positions in {how}, from {first}", _positions(inside))
    rank = {place: at for at, place in enumerate(order)}
    for shift in SHIFTS:
        turned = [
            order[(rank[place] + shift) % len(order)] if place in rank else -1 for place in own
        ]
        yield Naming(
            f"those of the image {abs(shift)} {'before' if shift > 0 else 'after'} in {how}",
            _positions(turned),
        )


def _positions(places: list[int]) -> Ints:
    return np.array(places, np.int64)


def check_missing(case: Case) -> Finding | None:
    """Images with objects that have no detection, more than the numbers per image let expect, or many in a row."""
    image = case.scored.image if case.source is None else case.scored.image[~case.copies]
    counts = np.bincount(image, minlength=len(case.truth.image_ids))
    objects = (
        np.bincount(
            np.repeat(np.arange(len(counts)), np.diff(case.truth.offsets))[case.regular],
            minlength=len(counts),
        )
        > 0
    )
    empty = objects & (counts == 0)
    missing, singles, total = (
        int(empty.sum()),
        int((objects & (counts == 1)).sum()),
        int(objects.sum()),
    )
    run, start = _longest_run(counts == 0)
    others = int((counts == 0).sum()) - run
    stopped = (
        run >= LONG_RUN
        and run > FEW_IMAGES * len(counts)
        and others <= 0.2 * (len(counts) - run)
        and empty[start : start + run].any()
    )
    if not len(case.scored) or not (
        stopped or missing > _normally_empty(objects, counts) + FEW_IMAGES * total
    ):
        return None
    evidence = (
        f"{missing:,} of {total:,} images with objects have no detection, {singles:,} have just one"
    )
    if stopped:
        evidence += f"; {run:,} in a row, from {case.truth.image_ids[start]!r} on"
    if case.source is not None:
        seen = np.flatnonzero(counts > 0)
        apart = replace(
            case,
            truth=case.truth.select_images(seen),
            rows=_selected(case.scored, seen, len(counts)),
        )
        now, then = average_precision(case, case.rows), average_precision(apart, apart.rows)
        evidence += f": {case.protocol.measures[0].name} is {short(now)} on all images and {short(then)} on those with detections"
    fix = "if the detector did not run on them, score only the images it saw; if its score threshold is high, lower it to .01 or less"
    return Finding("images-missing", "warning", evidence, fix)


def _normally_empty(objects: Flags, counts: Ints) -> float:
    """Return how many images without detections are normal: few for each with one, fewer where more have two than one."""
    one, two = (int((objects & (counts == number)).sum()) for number in (1, 2))
    return (
        max(PER_SINGLE * one, AT_LEAST)
        if two <= one
        else FALLING_OFF * one**2 / two + FALLING_OFF_SLACK
    )


def _selected(rows: Rows, positions: Ints, images: int) -> Rows:
    place = np.full(images, -1, np.int64)
    place[positions] = np.arange(len(positions))
    return replace(rows, image=place[rows.image])


def _longest_run(flags: Flags) -> tuple[int, int]:
    """Return length and start of the longest run of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    if not len(edges):
        return 0, 0
    lengths = edges[1::2] - edges[::2]
    longest = int(lengths.argmax())
    return int(lengths[longest]), int(edges[2 * longest])
