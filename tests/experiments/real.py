"""Compare three real detectors on VOC 2007 test by every method; prints Markdown tables.

    python -m tests.experiments.real

Needs the real data ($DETBENCH_DATA or ../shared/data). The tables are the same on every machine.
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
from detbench.metrics.uncertainty.bootstrap import RESAMPLES
from detbench.metrics.uncertainty.difference import Difference, difference
from detbench.metrics.uncertainty.intervals import Interval, intervals
from detbench.metrics.uncertainty.permutation import (
    PermutationTest,
    permutation_test,
    score_distance,
)
from detbench.metrics.uncertainty.power import power_analysis
from detbench.metrics.uncertainty.ranking import ranking
from detbench.metrics.uncertainty.replicates import Replicates, resample
from tests.experiments.population import DETECTORS, QUESTIONS, data_folder

NAMES = (*DETECTORS, "hli2020_darknet")
ORDER = ("mAP 2007", "mAP 2012", "AP", "AP50")
SWAPS, LEVEL, POINT = RESAMPLES - 1, 0.05, 0.01


def points(interval: Interval, *, signed: bool = False) -> str:
    """Return an estimate and its interval in points."""
    estimate = f"{100 * interval.estimate:{'+' if signed else ''}.2f}"
    return f"{estimate} ({100 * interval.low:.2f} to {100 * interval.high:.2f})".replace("-", "−")


def significant_classes(change: Difference) -> str:
    """Return the numbers of significant classes by Holm and by Benjamini–Hochberg."""
    return " / ".join(
        str(sum(getattr(each, kind) <= LEVEL for each in change.classes))
        for kind in ("p_holm", "p_fdr")
    )


def row(title: str, replicates: Replicates, change: Difference, test: PermutationTest) -> str:
    """Return the row of a detector, compared with the first."""
    verdict = (
        "not significant"
        if change.p > LEVEL
        else "better"
        if change.interval.estimate > 0
        else "worse"
    )
    cells = [
        points(intervals(replicates)[0]),
        points(change.interval, signed=True),
        f"{change.p:.3f}",
        f"{test.p:.3f}",
        significant_classes(change),
        verdict,
    ]
    return f"| `{replicates.name}` | {title} | {' | '.join(cells)} |"


def question(title: str, measure: Measure, evaluations: Sequence[Evaluation]) -> list[str]:
    """Print the rows of a measure; return the lines below the table."""
    replicates = [row[0] for row in resample(evaluations, [measure])]
    first = replicates[0]
    print(f"| `{first.name}` | {title} | {points(intervals(first)[0])} | | | | | |")
    for evaluation, other in zip(evaluations[1:], replicates[1:], strict=True):
        (test,) = permutation_test(evaluations[0], evaluation, [measure], permutations=SWAPS)
        print(row(title, other, difference(first, other), test), flush=True)
    ranked = ranking(replicates)
    places = ", ".join(
        f"{place.name} {place.best_rank} to {place.worst_rank}" for place in ranked.detectors
    )
    p = ", ".join(f"{pair.p:.3f}" for pair in ranked.pairs())
    lines = [f"{title}: ranks {places}; corrected p {p}"]
    for other in replicates[1:]:
        planned = power_analysis(
            [first, other], len(evaluations[0].ground_truth.image_ids), difference=POINT
        )
        lines.append(
            f"{title}, {first.name} and {other.name}: "
            f"{100 * planned.smallest:.2f} points with power {planned.power:g}, "
            f"1 point on {planned.needed:,} images, correlation {planned.correlation:.2f}"
        )
    return lines


def real() -> tuple[GroundTruth, list]:
    """Return VOC 2007 test and the three detectors; exit if the data are missing."""
    archive = data_folder() / "VOCtest_06-Nov-2007.annotations.tar.gz"
    if not archive.is_file():
        sys.exit(f"{archive} does not exist; set DETBENCH_DATA to its folder")
    ground_truth = load_ground_truth(archive)
    folders = [data_folder() / "dets_voc" / name for name in NAMES]
    return ground_truth, [load_detections(folder, ground_truth) for folder in folders]


def main() -> None:
    """Print the tables."""
    started = time.process_time()
    ground_truth, detections = real()
    print(
        f"{ground_truth.name}, {len(ground_truth.image_ids):,} images; {RESAMPLES:,} resamples, "
        f"{SWAPS:,} swaps, random seed 0; in points\n"
    )
    print(
        f"| | measure | value (95% CI) | minus `{NAMES[0]}` (95% CI) | p, bootstrap "
        "| p, permutation | significant classes by Holm / BH | verdict |"
    )
    print("|---|---|---|---|---|---|---|---|")
    lines, distances = [], set()
    by_title = {title: (protocol, measure) for title, protocol, measure in QUESTIONS}
    for title in ORDER:
        protocol, measure = by_title[title]
        evaluations = [evaluate(ground_truth, each, protocol) for each in detections]
        lines += question(title, measure, evaluations)
        distances |= {round(score_distance(evaluations[0], each), 2) for each in evaluations[1:]}
    print("", *lines, sep="\n")
    listed = ", ".join(f"{distance:g}" for distance in sorted(distances))
    print(f"Kolmogorov–Smirnov distances of scores: {listed}")
    print(f"{time.process_time() - started:.0f} processor s")


if __name__ == "__main__":
    main()
