"""Claims: the result in sentences, none of which says more than the numbers support."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from detbench.reports.page.content import ClassPairCell, Detector, PairRow, Timing
from detbench.reports.page.names import isolated, listed

_QUICK_LOOK = "quick look"
_MIN_POINTS = 0.05
"""Smaller differences would round to 0.0 points."""


def claims(
    detectors: Sequence[Detector],
    headline: str,
    classes: Sequence[str],
    images: int,
    pairs: Sequence[PairRow] = (),
    class_pairs: Mapping[int, Sequence[ClassPairCell]] | None = None,
    *,
    groups: int | None = None,
) -> tuple[str, ...]:
    """Return sentences on who leads, by how much, whether that is significant, and on speed.

    Args:
        detectors: of one comparison.
        headline: the measure that decides the order.
        classes: names of the classes.
        images: number of images.
        pairs: differences between the detectors, the two best first.
        class_pairs: differences to the best detector in each class, by position of the other.
        groups: number of groups of images; None if images are not grouped.
    """
    ranked = [
        (value, detector)
        for detector in detectors
        if (value := detector.summary[headline]) is not None
    ]
    if not ranked:
        return (
            "No class has an object that counts, so nothing can be measured on this data.",
            _speed(detectors),
        )
    ranked.sort(key=lambda pair: -pair[0])
    sentences = (
        _lead(ranked, headline),
        _significance(detectors, pairs, headline, images, groups),
        _class_lead(ranked, classes, class_pairs or {}),
        _speed(detectors),
    )
    return tuple(sentence for sentence in sentences if sentence)


def representative_timing(detector: Detector) -> Timing | None:
    """Return the timing that stands for a detector: one image at a time, end to end if timed."""
    for stage in ("end_to_end", "infer"):
        rows = [
            row
            for row in detector.timings
            if row.stage == stage and row.batch == 1 and row.p50_ms is not None
        ]
        if rows:
            return next((row for row in rows if row.scenario == "single_stream"), rows[0])
    return None


def _lead(ranked: Sequence[tuple[float, Detector]], headline: str) -> str:
    (best, winner), *others = ranked
    if not others:
        return f"{isolated(winner.name)} reaches {headline} {best:.4f}."
    tied = [detector.name for value, detector in ranked if value == best]
    if len(tied) > 1:
        return f"{listed(tied)} share the highest {headline}, {best:.4f}."
    second, runner_up = others[0]
    points = (best - second) * 100
    lead = f"{isolated(winner.name)} has the highest {headline}, {best:.4f}"
    if points < _MIN_POINTS:
        return f"{lead}; {isolated(runner_up.name)} is less than 0.05 points behind."
    return f"{lead}: {points:.1f} points more than {isolated(runner_up.name)} with {second:.4f}."


def _significance(
    detectors: Sequence[Detector],
    pairs: Sequence[PairRow],
    headline: str,
    images: int,
    groups: int | None,
) -> str:
    """Return whether the difference between the two best is significant, or why that is unknown."""
    if len(detectors) < 2:
        return ""
    if not pairs:
        return _without_differences(detectors, images)
    lead = pairs[0]
    names = f"{isolated(detectors[lead.better].name)} and {isolated(detectors[lead.worse].name)}"
    if lead.interval is None or lead.p is None:
        return f"Too few images have objects to test the difference between {names}."
    if lead.interval == (0.0, 0.0):
        return f"{names} have the same score on every resample of the images."
    verdict = "statistically significant" if lead.significant else "not statistically significant"
    low, high = (_signed(end) for end in lead.interval)
    resampling = f", resampling {groups:,} groups of images" if groups else ""
    return (
        f"The difference in {headline} between {names} is {verdict}: {_signed(lead.points)} points "
        f"(95% CI {low} to {high}, p = {lead.p:.3f}{resampling})."
    )


def _signed(points: float) -> str:
    return f"{points:+.1f}".replace("-", "−")


def _without_differences(detectors: Sequence[Detector], images: int) -> str:
    """Return why no difference was tested."""
    if images < 2:
        return "Differences cannot be tested on a single image."
    without = [detector.name for detector in detectors if not detector.intervals]
    if len(without) < len(detectors):
        verb = "was" if len(without) == 1 else "were"
        return f"Differences were not tested: {listed(without)} {verb} recorded without intervals."
    return "No intervals were computed, so small differences may be due to chance."


def _class_lead(
    ranked: Sequence[tuple[float, Detector]],
    classes: Sequence[str],
    class_pairs: Mapping[int, Sequence[ClassPairCell]],
) -> str:
    """Return in how many classes the best detector leads too, and where it is furthest behind."""
    winner = ranked[0][1]
    others = [detector for _, detector in ranked[1:]]
    gaps = []
    for k, name in enumerate(classes):
        own = winner.classes[k].measures["AP"]
        rivals = [
            value for other in others if (value := other.classes[k].measures["AP"]) is not None
        ]
        if own is not None and rivals:
            gaps.append((max(rivals) - own, name))
    is_tied = len(ranked) > 1 and ranked[0][0] == ranked[1][0]
    if len(gaps) < 2 or is_tied:
        return ""
    gap, worst = max(gaps)
    n_ahead = sum(gap < 0 for gap, _ in gaps)
    sentence = f"{isolated(winner.name)} has the highest AP in {n_ahead} of {len(gaps)} classes"
    sentence += _significant_classes(class_pairs)
    if 100 * gap >= _MIN_POINTS:
        sentence += f"; it is furthest behind in {isolated(worst)}, by {gap * 100:.1f} points"
    return f"{sentence}."


def _significant_classes(class_pairs: Mapping[int, Sequence[ClassPairCell]]) -> str:
    """Return in how many classes the reference is significantly better than every other."""
    by_class = [*zip(*class_pairs.values(), strict=True)]
    if not by_class:
        return ""
    n_significant = sum(
        all(pair.significant and (pair.points or 0.0) < 0 for pair in pairs) for pairs in by_class
    )
    return f", significantly in {n_significant or 'none'}"


def _speed(detectors: Sequence[Detector]) -> str:
    timed = [(row, detector) for detector in detectors if (row := representative_timing(detector))]
    if not timed:
        return "Speed was not measured."
    invalid = [detector.name for row, detector in timed if row.verdict == "invalid"]
    quick_looks = [detector.name for row, detector in timed if row.verdict == _QUICK_LOOK]
    usable = sorted(
        ((row, detector) for row, detector in timed if row.verdict != "invalid"),
        key=lambda pair: pair[0].p50_ms or 0.0,
    )
    sentences = [_fastest(usable)] if usable else []
    if quick_looks:
        sentences.append(
            f"The timing of {listed(quick_looks)} is a quick look at one process;"
            " its interval does not cover how much processes differ."
        )
    if invalid:
        sentences.append(
            f"The timing of {listed(invalid)} is not valid; the reasons are in the speed section."
        )
    return " ".join(sentences)


def _fastest(usable: Sequence[tuple[Timing, Detector]]) -> str:
    row, first = usable[0]
    stage = "one image, end to end," if row.stage == "end_to_end" else "the model alone"
    median = f"{stage} takes {row.p50_ms:.3g} ms (median)"
    if len(usable) == 1:
        return f"{isolated(first.name)}: {median}."
    same_stage = [(other, rival) for other, rival in usable[1:] if other.stage == row.stage]
    if not same_stage:
        return f"{isolated(first.name)}: {median}; the others were timed at another stage."
    other, second = same_stage[0]
    ratio = (other.p50_ms or 0.0) / (row.p50_ms or 1.0)
    slower = f"{isolated(second.name)} takes {ratio:.2f} times as long."
    if _QUICK_LOOK in {row.verdict, other.verdict}:
        return f"{isolated(first.name)} has the lowest median time: {median}; {slower}"
    if _is_below(row, other):
        return f"{isolated(first.name)} is the fastest: {median}; {slower}"
    return (
        f"{isolated(first.name)} has the lowest median time: {median}; "
        f"its interval overlaps that of {isolated(second.name)}."
    )


def _is_below(a: Timing, b: Timing) -> bool:
    """Return whether the interval of `a`'s median lies below that of `b`'s."""
    if a.p50_interval_ms is None or b.p50_interval_ms is None:
        return False
    return a.p50_interval_ms[1] < b.p50_interval_ms[0]
