"""Claims: what the summary says in sentences, and nothing that the numbers do not support."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from detbench.reports.page.content import ClassPair, Detector, Pair, Timing

_ISOLATE, _END = "\u2068", "\u2069"
"""Unicode's isolates: a name of either direction leaves the sentence around it alone."""


def claims(
    detectors: Sequence[Detector],
    headline: str,
    classes: Sequence[str],
    images: int,
    pairs: Sequence[Pair] = (),
    class_pairs: Mapping[int, Sequence[ClassPair]] | None = None,
    *,
    groups: int | None = None,
) -> tuple[str, ...]:
    """Return sentences on who leads, by how much and how surely, in how many classes, and how fast, best first."""
    known = [
        (value, detector)
        for detector in detectors
        if (value := detector.summary[headline]) is not None
    ]
    if not known:
        return (
            "No class has an object that counts, so nothing can be measured on this data.",
            _speed(detectors),
        )
    known.sort(key=lambda pair: -pair[0])
    said = (
        _lead(known, headline),
        _doubt(detectors, pairs, headline, images, groups),
        _classes(known, classes, class_pairs or {}),
        _speed(detectors),
    )
    return tuple(sentence for sentence in said if sentence)


def isolated(name: str) -> str:
    """Return a name that keeps its direction of writing to itself."""
    return f"{_ISOLATE}{name}{_END}"


def representative(detector: Detector) -> Timing | None:
    """Return the timing that stands for a detector: end to end, one picture at a time, else the whole of the model alone."""
    for stage in ("end_to_end", "infer"):
        rows = [
            row
            for row in detector.timings
            if row.stage == stage and row.batch == 1 and row.p50_ms is not None
        ]
        if rows:
            return next((row for row in rows if row.scenario == "single_stream"), rows[0])
    return None


def _lead(known: Sequence[tuple[float, Detector]], headline: str) -> str:
    (best, winner), *others = known
    if not others:
        return f"{isolated(winner.name)} reaches {headline} {best:.4f}."
    tied = [detector.name for value, detector in known if value == best]
    if len(tied) > 1:
        return f"{listed(tied)} share the highest {headline}, {best:.4f}."
    second, runner_up = others[0]
    points = (best - second) * 100
    return (
        f"{isolated(winner.name)} has the highest {headline}, {best:.4f}: "
        f"{points:.1f} points more than {isolated(runner_up.name)} with {second:.4f}."
        if points >= 0.05
        else f"{isolated(winner.name)} has the highest {headline}, {best:.4f}; {isolated(runner_up.name)} is less than 0.05 points behind."
    )


def _classes(
    known: Sequence[tuple[float, Detector]],
    classes: Sequence[str],
    class_pairs: Mapping[int, Sequence[ClassPair]],
) -> str:
    """Say in how many classes the leader leads too, in how many of them surely, and where it is furthest behind."""
    winner, others = known[0][1], [detector for _, detector in known[1:]]
    gaps = []
    for k, name in enumerate(classes):
        own = winner.classes[k].measures["AP"]
        best = max(
            (value for each in others if (value := each.classes[k].measures["AP"]) is not None),
            default=None,
        )
        if own is not None and best is not None:
            gaps.append((best - own, name))
    tied = len(known) > 1 and known[0][0] == known[1][0]
    if len(gaps) < 2 or tied:
        return ""
    gap, worst = max(gaps)
    ahead = sum(gap < 0 for gap, _ in gaps)
    tail = (
        f"; it is furthest behind in {isolated(worst)}, by {gap * 100:.1f} points"
        if gap >= 0.0005
        else ""
    )
    return f"{isolated(winner.name)} has the highest AP in {ahead} of {len(gaps)} classes{_surely(class_pairs)}{tail}."


def _surely(class_pairs: Mapping[int, Sequence[ClassPair]]) -> str:
    """Return in how many classes the reference surely leads all others; nothing where that was not asked."""
    by_class = [*zip(*class_pairs.values(), strict=True)]
    if not by_class:
        return ""
    sure = sum(
        all(pair.told_apart and (pair.points or 0.0) < 0 for pair in pairs) for pairs in by_class
    )
    ahead = f", and in {sure} of them it is" if sure else ", though in none of them"
    return f"{ahead} ahead of every other by more than chance explains"


def _doubt(
    detectors: Sequence[Detector],
    pairs: Sequence[Pair],
    headline: str,
    images: int,
    groups: int | None,
) -> str:
    """Say what the images say of the lead of the first over the second, or that they were not asked."""
    if len(detectors) < 2:
        return ""
    if not pairs:
        return _unasked(detectors, images)
    lead = pairs[0]
    names = f"{isolated(detectors[lead.better].name)} and {isolated(detectors[lead.worse].name)}"
    if lead.interval is None or lead.p is None:
        return f"Too few images show an object to say whether {names} differ by more than chance."
    if lead.interval == (0.0, 0.0):
        return f"Whichever of the images are drawn, {names} score the same."
    low, high = (f"{end:+.1f}" for end in lead.interval)
    drawn = f"{groups:,} groups of images" if groups else "images"
    evidence = f"over {drawn} drawn anew the difference in {headline} lies between {low} and {high} points (95 %), p = {lead.p:.3f}"
    if lead.told_apart:
        return f"The images tell {names} apart: {evidence}."
    return f"The images cannot tell {names} apart: {evidence}."


def _unasked(detectors: Sequence[Detector], images: int) -> str:
    """Say why no difference was looked at."""
    if images < 2:
        return "One image cannot tell how scores vary, and so nothing of whether the detectors differ on others."
    lacking = [detector.name for detector in detectors if not detector.intervals]
    if len(lacking) < len(detectors):
        return f"Differences have not been computed: {listed(lacking)} {'was' if len(lacking) == 1 else 'were'} recorded without intervals."
    return "No interval has been computed for these scores: they hold for these images, and chance may account for small differences."


def _speed(detectors: Sequence[Detector]) -> str:
    timed = [(row, detector) for detector in detectors if (row := representative(detector))]
    if not timed:
        return "Speed was not measured."
    invalid = [detector.name for row, detector in timed if row.verdict != "valid"]
    valid = sorted(
        ((row, each) for row, each in timed if row.verdict == "valid"),
        key=lambda pair: pair[0].p50_ms or 0.0,
    )
    parts = [_fastest(valid)] if valid else []
    if invalid:
        parts.append(
            f"The timing of {listed(invalid)} is not valid; the reasons stand with the numbers."
        )
    return " ".join(parts)


def _fastest(valid: Sequence[tuple[Timing, Detector]]) -> str:
    row, first = valid[0]
    measured = f"{_described(row)} takes {row.p50_ms:.3g} ms at the median"
    if len(valid) == 1:
        return f"{isolated(first.name)}: {measured}."
    rest = [(other, each) for other, each in valid[1:] if other.stage == row.stage]
    if not rest:
        return f"{isolated(first.name)}: {measured}; the others were timed at another stage."
    other, second = rest[0]
    if (
        row.p50_interval_ms
        and other.p50_interval_ms
        and row.p50_interval_ms[1] < other.p50_interval_ms[0]
    ):
        ratio = (other.p50_ms or 0.0) / (row.p50_ms or 1.0)
        return f"{isolated(first.name)} is the fastest: {measured}, {isolated(second.name)} {ratio:.2f} times as long."
    return f"{isolated(first.name)} has the lowest median time ({measured}), but not outside the interval of {isolated(second.name)}."


def _described(row: Timing) -> str:
    return "one picture, end to end," if row.stage == "end_to_end" else "the model alone"


def listed(names: Sequence[str]) -> str:
    """Return names as a list in a sentence."""
    shown = [isolated(name) for name in names]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
