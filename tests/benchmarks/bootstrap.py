"""Measure 1,000 paired replicates of two detectors on VOC 2007 test, in turns with hotcoco's `compare`, and print a Markdown table.

python -m tests.benchmarks.bootstrap --rounds 3

Without the real data, simulated detections on 5,000 images take its place. hotcoco computes all its measures in every replicate, and fewer
replicates of it are timed, as it takes minutes: both are compared per replicate.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from detbench.data.load import save_detections, save_ground_truth
from detbench.metrics.protocols.protocol import COCO, VOC2007, Measure, Protocol
from detbench.metrics.scoring.evaluate import evaluate
from detbench.metrics.uncertainty.bootstrap import bootstrap
from detbench.metrics.uncertainty.difference import differences
from tests.experiments.population import Population, population

REPLICATES = 1000
TASKS: dict[str, tuple[Protocol, tuple[Measure, ...]]] = {
    "AP, replicates": (COCO, (Measure("AP"),)),
    "all 12 COCO measures, replicates": (COCO, COCO.measures),
    "AP50, replicates": (COCO, (Measure("AP50", iou=0.5),)),
    "mAP 2007, replicates": (VOC2007, (Measure("mAP"),)),
}
DIFFERENCE = "AP, difference with intervals and p"


def tasks(everything: Population) -> dict[str, Callable[[], object]]:
    """Return what is timed: bootstraps of evaluations that are at hand."""
    pairs = {
        protocol: [
            evaluate(everything.ground_truth, each, protocol) for each in everything.detections
        ]
        for protocol in (COCO, VOC2007)
    }
    timed: dict[str, Callable[[], object]] = {
        name: lambda pair=pairs[protocol], measures=measures: bootstrap(
            pair, measures, replicates=REPLICATES
        )
        for name, (protocol, measures) in TASKS.items()
    }
    timed[DIFFERENCE] = lambda: differences(*pairs[COCO], [Measure("AP")], replicates=REPLICATES)
    return timed


def hotcoco_task(everything: Population, replicates: int) -> Callable[[], object]:
    """Return hotcoco's comparison of the same detections, evaluated before."""
    import hotcoco

    with tempfile.TemporaryDirectory() as folder:
        annotations, results = Path(folder) / "truth.json", Path(folder) / "found.json"
        save_ground_truth(everything.ground_truth, annotations, "coco")
        reference, evaluations = hotcoco.COCO(str(annotations)), []
        for each in everything.detections:
            save_detections(each, everything.ground_truth, results, "coco")
            evaluations.append(
                hotcoco.COCOeval(reference, reference.load_res(str(results)), "bbox")
            )
            evaluations[-1].evaluate()
    return lambda: hotcoco.compare(*evaluations, n_bootstrap=replicates, seed=0, confidence=0.95)


def seconds(task: Callable[[], object]) -> tuple[float, float]:
    """Return wall time and processor time of one call; the latter does not grow with the load that others put on the machine."""
    wall, processor = time.perf_counter(), time.process_time()
    task()
    return time.perf_counter() - wall, time.process_time() - processor


def peak_memory(name: str, out: multiprocessing.Queue) -> None:
    """Put the highest resident memory, in MB, of a process that loads, scores and resamples; and that before resampling."""
    task = tasks(population())[name]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    task()
    out.put((before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


def memory_of(name: str) -> tuple[float, float]:
    """Return what `peak_memory` finds, in a fresh process."""
    context = multiprocessing.get_context("spawn")
    out = context.Queue()
    process = context.Process(target=peak_memory, args=(name, out))
    process.start()
    found = out.get()
    process.join()
    return found


def main() -> None:
    """Time everything in turns, after one call that is not counted."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--hotcoco-replicates", type=int, default=50)
    options = parser.parse_args()
    everything = population()
    timed = tasks(everything)
    peer = hotcoco_task(everything, options.hotcoco_replicates)
    for task in timed.values():
        task()
    rounds = [
        ({name: seconds(task) for name, task in timed.items()}, seconds(peer))
        for _ in range(options.rounds)
    ]
    scale = REPLICATES / options.hotcoco_replicates
    print(
        f"{everything.ground_truth.name}: {len(everything.ground_truth.image_ids):,} images, ",
        end="",
    )
    print(
        f"{' and '.join(f'{len(each):,}' for each in everything.detections)} detections; {REPLICATES:,} paired replicates\n"
    )
    print(
        "| | wall s | processor s | hotcoco takes times as much processor time |\n|---|---|---|---|"
    )
    for name in timed:
        wall, processor = zip(*(times[name] for times, _ in rounds), strict=True)
        ratios = [
            scale * theirs / own
            for (_, theirs), own in zip((peer for _, peer in rounds), processor, strict=True)
        ]
        print(
            f"| {name} | {_spread(wall, 2)} | {_spread(processor, 2)} | {_spread(ratios, 0)} |",
            flush=True,
        )
    wall, processor = (
        [scale * each for each in kind] for kind in zip(*(peer for _, peer in rounds), strict=True)
    )
    print(
        f"| hotcoco `compare`, {options.hotcoco_replicates} replicates scaled | {_spread(wall, 0)} | {_spread(processor, 0)} | |"
    )
    before, peak = memory_of(DIFFERENCE)
    print(f"\npeak memory of {DIFFERENCE}: {peak:.0f} MB; {before:.0f} MB before resampling")


def _spread(values: Sequence[float], digits: int) -> str:
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


if __name__ == "__main__":
    main()
