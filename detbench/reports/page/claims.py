"""Claims: what the summary says in sentences, and nothing that the numbers do not support."""

from __future__ import annotations

from collections.abc import Sequence

from detbench.reports.page.content import Detector, Timing

_ISOLATE, _END = "\u2068", "\u2069"
"""Unicode's isolates: a name of either direction leaves the sentence around it alone."""


def claims(detectors: Sequence[Detector], headline: str, classes: Sequence[str]) -> tuple[str, ...]:
    """Return sentences on who leads, by how much, in how many classes, and how fast, best first."""
    known = [(value, detector) for detector in detectors if (value := detector.summary[headline]) is not None]
    if not known:
        return ("No class has an object that counts, so nothing can be measured on this data.", _speed(detectors))
    known.sort(key=lambda pair: -pair[0])
    return tuple(
        sentence for sentence in (_lead(known, headline), _classes(known, classes), _doubt(known, headline), _speed(detectors)) if sentence
    )


def isolated(name: str) -> str:
    """Return a name that keeps its direction of writing to itself."""
    return f"{_ISOLATE}{name}{_END}"


def representative(detector: Detector) -> Timing | None:
    """Return the timing that stands for a detector: end to end, one picture at a time, else the whole of the model alone."""
    for stage in ("end_to_end", "infer"):
        rows = [row for row in detector.timings if row.stage == stage and row.batch == 1 and row.p50_ms is not None]
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


def _classes(known: Sequence[tuple[float, Detector]], classes: Sequence[str]) -> str:
    """Say in how many classes the leader leads too, and where it is furthest behind."""
    winner, others = known[0][1], [detector for _, detector in known[1:]]
    gaps = []
    for k, name in enumerate(classes):
        own = winner.classes[k].measures["AP"]
        best = max((value for each in others if (value := each.classes[k].measures["AP"]) is not None), default=None)
        if own is not None and best is not None:
            gaps.append((best - own, name))
    tied = len(known) > 1 and known[0][0] == known[1][0]
    if len(gaps) < 2 or tied:
        return ""
    gap, worst = max(gaps)
    ahead = sum(gap < 0 for gap, _ in gaps)
    tail = f"; it is furthest behind in {isolated(worst)}, by {gap * 100:.1f} points" if gap >= 0.0005 else ""
    return f"{isolated(winner.name)} has the highest AP in {ahead} of {len(gaps)} classes{tail}."


def _doubt(known: Sequence[tuple[float, Detector]], headline: str) -> str:
    """Say what the intervals of the first two say of the lead, or that there are none."""
    if len(known) < 2:
        return ""
    first, second = (detector.intervals.get(headline) for _, detector in known[:2])
    if first is None or second is None:
        return "No interval has been computed for these scores: they hold for these images, and chance may account for small differences."
    both = f"The 95 % intervals of {listed([detector.name for _, detector in known[:2]])}"
    if first[0] > second[1]:
        return f"{both} do not overlap."
    return f"{both} overlap, which leaves open whether the difference is more than chance; detbench gate compares them image by image."


def _speed(detectors: Sequence[Detector]) -> str:
    timed = [(row, detector) for detector in detectors if (row := representative(detector))]
    if not timed:
        return "Speed was not measured."
    invalid = [detector.name for row, detector in timed if row.verdict != "valid"]
    valid = sorted(((row, each) for row, each in timed if row.verdict == "valid"), key=lambda pair: pair[0].p50_ms or 0.0)
    parts = [_fastest(valid)] if valid else []
    if invalid:
        parts.append(f"The timing of {listed(invalid)} is not valid; the reasons stand with the numbers.")
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
    if row.p50_interval_ms and other.p50_interval_ms and row.p50_interval_ms[1] < other.p50_interval_ms[0]:
        ratio = (other.p50_ms or 0.0) / (row.p50_ms or 1.0)
        return f"{isolated(first.name)} is the fastest: {measured}, {isolated(second.name)} {ratio:.2f} times as long."
    return f"{isolated(first.name)} has the lowest median time ({measured}), but not outside the interval of {isolated(second.name)}."


def _described(row: Timing) -> str:
    return "one picture, end to end," if row.stage == "end_to_end" else "the model alone"


def listed(names: Sequence[str]) -> str:
    """Return names as a list in a sentence."""
    shown = [isolated(name) for name in names]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
