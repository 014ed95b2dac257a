"""Assemble: from frames to the content of a page, with runs that are not comparable kept apart."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec

from detbench.doctor.suspicions import suspicions
from detbench.metrics.uncertainty.clusters import group_count
from detbench.reports.curves import plotted_iou
from detbench.reports.frames import Frames
from detbench.reports.page.claims import claims, isolated
from detbench.reports.page.content import (
    ClassName,
    ClassPair,
    ClassRow,
    Content,
    Detector,
    Interval,
    OperatingPoint,
    Pair,
    Part,
    SizeRange,
    Timing,
)
from detbench.reports.page.error_analysis import why
from detbench.reports.page.explorer import explorer_data
from detbench.reports.page.gallery import gallery
from detbench.reports.page.provenance import command_of, part_provenance, run_provenance
from detbench.reports.scored_detector import OPERATING_POINT, Scored

if TYPE_CHECKING:
    import pandas as pd


def content_of(frames: Frames, *, command: str, gallery_size: int) -> Content:
    """Return the content of a page, detectors in their order; those on other data or of another protocol make parts of their own."""
    from detbench import __version__

    parts = tuple(
        _part(f"p{place}", group, gallery_size) for place, group in enumerate(frames.split())
    )
    datasets = ", ".join(dict.fromkeys(isolated(part.dataset) for part in parts))
    detectors = len(frames.detectors)
    title = (
        f"{isolated(frames.detectors[0].name)} on {datasets}"
        if detectors == 1
        else f"{detectors} detectors on {datasets}"
    )
    return Content(title, parts, _notices(parts), command, str(__version__))


def _notices(parts: Sequence[Part]) -> tuple[str, ...]:
    """Say that there are several parts, and what each of them is."""
    if len(parts) == 1:
        return ()
    lines = "; ".join(f"{number}. {part.heading}" for number, part in enumerate(parts, 1))
    made = "on different data, under different protocols or with other groups of images"
    return (f"These runs were made {made}, and must not be compared across: {lines}.",)


def _part(key: str, frames: Frames, gallery_size: int) -> Part:
    first = frames.detectors[0].evaluation
    group = frames.groups.iloc[0]
    names = _of_detector(frames.classes, frames.detectors[0].name)
    classes = tuple(
        ClassName(str(row["class"]), int(row["ground_truths"])) for row in _records(names)
    )
    detectors = tuple(
        _detector(frames, scored, look) for look, scored in enumerate(frames.detectors)
    )
    pictures, note = gallery(frames, gallery_size)
    headline = str(group["measure"])
    groups = group_count(first.ground_truth)
    pairs = _pairs(frames)
    reference, class_pairs = _class_pairs(frames)
    shared = tuple(
        row for row in detectors[0].provenance if all(row in each.provenance for each in detectors)
    )
    return Part(
        key=key,
        heading=str(group["heading"]),
        dataset=first.ground_truth.name,
        images=int(group["images"]),
        groups=groups,
        objects=int(group["ground_truths"]),
        protocol=first.protocol.name,
        headline=headline,
        detectors=tuple(
            replace(each, provenance=tuple(row for row in each.provenance if row not in shared))
            for each in detectors
        ),
        pairs=pairs,
        reference=reference,
        class_pairs=class_pairs,
        classes=classes,
        sizes=tuple(
            _size(row) for row in _records(_of_detector(frames.sizes, frames.detectors[0].name))
        ),
        ious=frames.detectors[0].by_iou.protocol.iou_thresholds,
        plotted_iou=plotted_iou(first),
        explorer=explorer_data(frames),
        claims=claims(
            detectors,
            headline,
            [each.name for each in classes],
            int(group["images"]),
            pairs,
            class_pairs,
            groups=groups,
        ),
        why=why([scored.evaluation for scored in frames.detectors], pictured=gallery_size > 0),
        gallery=pictures,
        gallery_note=note,
        provenance=(*part_provenance(first), *shared),
    )


def _pairs(frames: Frames) -> tuple[Pair, ...]:
    place = {scored.name: number for number, scored in enumerate(frames.detectors)}
    return tuple(
        Pair(
            place[row["better"]],
            place[row["worse"]],
            row["difference"] * 100,
            _points(row),
            _plain(row["p"]),
            row["told_apart"],
        )
        for row in _records(frames.pairs)
    )


def _class_pairs(frames: Frames) -> tuple[int | None, dict[int, tuple[ClassPair, ...]]]:
    """Return the place of the reference, and by the place of each other detector what tells it from the reference in each class."""
    place = {scored.name: number for number, scored in enumerate(frames.detectors)}
    found: dict[int, tuple[ClassPair, ...]] = {}
    rows = _records(frames.class_pairs)
    for row in rows:
        difference = _plain(row["difference"])
        pair = ClassPair(
            None if difference is None else difference * 100, _points(row), row["told_apart"]
        )
        found[place[row["detector"]]] = (*found.get(place[row["detector"]], ()), pair)
    return (place[rows[0]["reference"]] if rows else None), found


def _points(row: Mapping[str, Any]) -> Interval | None:
    """Return the interval of a difference in points."""
    ends = _interval(row, "difference")
    return (ends[0] * 100, ends[1] * 100) if ends else None


def _rank(frames: Frames, name: str) -> str:
    """Return `1`, or `2–3` where the images cannot tell; nothing without a ranking."""
    places = {place.name: place for place in frames.ranking.places} if frames.ranking else {}
    if name not in places:
        return ""
    first, last = places[name].best_rank, places[name].worst_rank
    return str(first) if first == last else f"{first}–{last}"


def _detector(frames: Frames, scored: Scored, look: int) -> Detector:
    [summary] = _records(_of_detector(frames.summary, scored.name))
    by_iou, by_size = (
        _records(_of_detector(table, scored.name)) for table in (frames.ious, frames.sizes)
    )
    return Detector(
        name=scored.name,
        look=look,
        summary={measure: _plain(summary[measure]) for measure in scored.evaluation.summary},
        intervals=_intervals(summary, scored.evaluation.summary),
        rank=_rank(frames, scored.name),
        detections=int(summary["detections"]),
        best=_operating_point(summary),
        classes=tuple(
            _class_row(row) for row in _records(_of_detector(frames.classes, scored.name))
        ),
        by_iou=tuple(_plain(row["AP"]) for row in by_iou),
        iou_intervals=tuple(_interval(row, "AP") for row in by_iou),
        by_size=tuple(_plain(row["AP"]) for row in by_size),
        size_intervals=tuple(_interval(row, "AP") for row in by_size),
        timings=tuple(timing(entry) for entry in scored.latency),
        suspicions=tuple(str(each) for each in suspicions(scored.evaluation)),
        provenance=run_provenance(scored.run) if scored.run else (),
        command=command_of(scored.run) if scored.run else "",
    )


def _class_row(row: Mapping[str, Any]) -> ClassRow:
    measures = {name: _plain(row[name]) for name in ("AP", "AP50", "AP75", "recall") if name in row}
    return ClassRow(
        measures, _intervals(row, measures), int(row["detections"]), _operating_point(row)
    )


def _intervals(row: Mapping[str, Any], measures: Iterable[str]) -> dict[str, Interval]:
    return {name: ends for name in measures if (ends := _interval(row, name))}


def _interval(row: Mapping[str, Any], measure: str) -> Interval | None:
    """Return the interval in the columns `X_low` and `X_high` of a measure `X`, or None where there is none."""
    low, high = (_plain(row.get(f"{measure}_{end}")) for end in ("low", "high"))
    return None if low is None or high is None else (low, high)


def timing(entry: Mapping[str, Any]) -> Timing:
    """Return a latency summary of a record; keys that the page does not show are left out."""
    return msgspec.convert({**entry, "reasons": entry.get("reasons") or ()}, Timing)


def _operating_point(row: Mapping[str, Any]) -> OperatingPoint | None:
    values = [_plain(row[name]) for name in OPERATING_POINT]
    known = [value for value in values if value is not None]
    return OperatingPoint(*known) if len(known) == len(values) else None


def _size(row: Mapping[str, Any]) -> SizeRange:
    low, high = math.sqrt(max(row["low_area"], 0)), math.sqrt(max(row["high_area"], 0))
    unlimited = math.isinf(high) or row["high_area"] >= 1e10
    if unlimited:
        limits = f"{low:g}² px and more" if low else "every size"
    else:
        limits = f"{low:g}² to {high:g}² px" if low else f"up to {high:g}² px"
    return SizeRange(str(row["size"]), int(row["ground_truths"]), limits)


def _of_detector(table: pd.DataFrame, name: str) -> pd.DataFrame:
    return table[table["detector"] == name]


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]


def _plain(value: Any) -> float | None:
    return None if value is None or math.isnan(value) else float(value)
