"""Compare three real detectors on VOC 2007 test in every way that the statistics know; print Markdown tables.

python -m tests.experiments.real

Needs the real data ($DETBENCH_DATA or ../shared/data). Nothing is timed: the tables are the same on every machine.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from detbench.data.ground_truth import GroundTruth
from detbench.data.load import load_detections, load_ground_truth
from detbench.metrics.protocols.protocol import Measure
from detbench.metrics.scoring.evaluate import evaluate
from detbench.metrics.scoring.evaluation import Evaluation
from detbench.metrics.uncertainty.difference import Difference, difference
from detbench.metrics.uncertainty.intervals import Interval, intervals
from detbench.metrics.uncertainty.permutation import (
    PermutationTest,
    permutation_test,
    score_distance,
)
from detbench.metrics.uncertainty.power import plan
from detbench.metrics.uncertainty.ranking import ranking
from detbench.metrics.uncertainty.replicates import REPLICATES, Resampled, resample
from tests.experiments.population import DETECTORS, QUESTIONS, data_folder

NAMES = (*DETECTORS, "hli2020_darknet")
ORDER = ("mAP 2007", "mAP 2012", "AP", "AP50")
SWAPS, LEVEL, POINT = REPLICATES - 1, 0.05, 0.01


def points(interval: Interval, *, signed: bool = False) -> str:
    """Return an estimate and its interval in points."""
    estimate = f"{100 * interval.estimate:{'+' if signed else ''}.2f}"
    return f"{estimate} ({100 * interval.low:.2f} to {100 * interval.high:.2f})".replace("-", "−")


def called(change: Difference) -> str:
    """Return how many classes differ by Holm and by Benjamini–Hochberg."""
    return " / ".join(
        str(sum(getattr(each, kind) <= LEVEL for each in change.classes))
        for kind in ("p_holm", "p_fdr")
    )


def row(title: str, found: Resampled, change: Difference, swapped: PermutationTest) -> str:
    """Return a detector's line, compared with the first."""
    verdict = (
        "not told apart"
        if change.p > LEVEL
        else "better"
        if change.interval.estimate > 0
        else "worse"
    )
    cells = [
        points(intervals(found)[0]),
        points(change.interval, signed=True),
        f"{change.p:.3f}",
        f"{swapped.p:.3f}",
        called(change),
        verdict,
    ]
    return f"| `{found.name}` | {title} | {' | '.join(cells)} |"


def question(title: str, measure: Measure, evaluations: Sequence[Evaluation]) -> list[str]:
    """Print the lines of a measure; return what is said of it below the table."""
    found = [one for [one] in resample(evaluations, [measure])]
    print(f"| `{found[0].name}` | {title} | {points(intervals(found[0])[0])} | | | | | |")
    for evaluation, one in zip(evaluations[1:], found[1:], strict=True):
        (swapped,) = permutation_test(evaluations[0], evaluation, [measure], permutations=SWAPS)
        print(row(title, one, difference(found[0], one), swapped), flush=True)
    ranked = ranking(found)
    places = ", ".join(
        f"{place.name} {place.best_rank} to {place.worst_rank}" for place in ranked.places
    )
    said = [
        f"{title}: ranks {places}; corrected p {', '.join(f'{pair.p:.3f}' for pair in ranked.pairs())}"
    ]
    for other in found[1:]:
        planned = plan(
            [found[0], other], len(evaluations[0].ground_truth.image_ids), difference=POINT
        )
        shown = f"{100 * planned.smallest:.2f} points with power {planned.power:g}, 1 point on {planned.needed:,} images"
        said.append(
            f"{title}, {found[0].name} and {other.name}: {shown}, correlation {planned.correlation:.2f}"
        )
    return said


def real() -> tuple[GroundTruth, list]:
    """Return VOC 2007 test and the three detectors; leave where they are not there."""
    archive = data_folder() / "VOCtest_06-Nov-2007.annotations.tar.gz"
    if not archive.is_file():
        sys.exit(f"{archive} is not there; set DETBENCH_DATA to its folder")
    truth = load_ground_truth(archive)
    return truth, [load_detections(data_folder() / "dets_voc" / name, truth) for name in NAMES]


def main() -> None:
    """Print the tables."""
    started = time.process_time()
    truth, found = real()
    print(
        f"{truth.name}, {len(truth.image_ids):,} images; {REPLICATES:,} draws, {SWAPS:,} swaps, seed 0; in points\n"
    )
    print(
        f"| | measure | value (95 %) | less `{NAMES[0]}` (95 %) | p, bootstrap | p, permutation | classes called by Holm / BH | verdict |"
    )
    print("|---|---|---|---|---|---|---|---|")
    said, distances = [], set()
    by_title = {title: (protocol, measure) for title, protocol, measure in QUESTIONS}
    for title in ORDER:
        protocol, measure = by_title[title]
        evaluations = [evaluate(truth, each, protocol) for each in found]
        said += question(title, measure, evaluations)
        distances |= {round(score_distance(evaluations[0], each), 2) for each in evaluations[1:]}
    print("", *said, sep="\n")
    print(
        f"Kolmogorov–Smirnov distances of scores: {', '.join(f'{each:g}' for each in sorted(distances))}"
    )
    print(f"{time.process_time() - started:.0f} processor s")


if __name__ == "__main__":
    main()
