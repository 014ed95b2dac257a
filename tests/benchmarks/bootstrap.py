"""Compare 1,000 paired bootstrap replicates with hotcoco's `compare`; prints a Markdown table.

    python -m tests.benchmarks.bootstrap --rounds 3

Two detectors on VOC 2007 test; without the real data, simulated detections on 5,000 images. hotcoco
computes all its measures in every replicate and takes minutes, so fewer of its replicates are
timed, and the times per replicate are compared.
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
from detbench.metrics.protocols.coco import COCO
from detbench.metrics.protocols.protocol import Measure, Protocol
from detbench.metrics.protocols.voc import VOC2007
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
    """Return the tasks to time: bootstraps of finished evaluations."""
    pairs = {
        protocol: [
            evaluate(everything.ground_truth, each, protocol) for each in everything.detections
        ]
        for protocol in (COCO, VOC2007)
    }
    timed: dict[str, Callable[[], object]] = {
        name: lambda pair=pairs[protocol], measures=measures: bootstrap(
            pair, measures, resamples=REPLICATES
        )
        for name, (protocol, measures) in TASKS.items()
    }
    timed[DIFFERENCE] = lambda: differences(*pairs[COCO], [Measure("AP")], resamples=REPLICATES)
    return timed


def hotcoco_task(everything: Population, replicates: int) -> Callable[[], object]:
    """Return hotcoco's comparison of the same detections, evaluated before."""
    import hotcoco

    with tempfile.TemporaryDirectory() as folder:
        annotations, results = Path(folder) / "annotations.json", Path(folder) / "results.json"
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
    """Return wall time and processor time of one call.

    Processor time does not depend on other load of the machine.
    """
    wall, processor = time.perf_counter(), time.process_time()
    task()
    return time.perf_counter() - wall, time.process_time() - processor


def peak_memory(name: str, out: multiprocessing.Queue) -> None:
    """Put the peak resident memory in MB before and after resampling into a queue."""
    task = tasks(population())[name]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    task()
    out.put((before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


def memory_of(name: str) -> tuple[float, float]:
    """Return the result of `peak_memory` in a fresh process."""
    context = multiprocessing.get_context("spawn")
    out = context.Queue()
    process = context.Process(target=peak_memory, args=(name, out))
    process.start()
    memory: tuple[float, float] = out.get()
    process.join()
    return memory


def main() -> None:
    """Time all tasks in turn, after one call that is dropped."""
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
    sizes = " and ".join(f"{len(each):,}" for each in everything.detections)
    print(
        f"{everything.ground_truth.name}: {len(everything.ground_truth.image_ids):,} images, "
        f"{sizes} detections; {REPLICATES:,} paired replicates\n"
    )
    print("| | wall s | processor s | processor time of hotcoco, ratio |\n|---|---|---|---|")
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
        f"| hotcoco `compare`, {options.hotcoco_replicates} replicates scaled "
        f"| {_spread(wall, 0)} | {_spread(processor, 0)} | |"
    )
    before, peak = memory_of(DIFFERENCE)
    print(f"\npeak memory of {DIFFERENCE}: {peak:.0f} MB; {before:.0f} MB before resampling")


def _spread(values: Sequence[float], digits: int) -> str:
    median = f"{statistics.median(values):.{digits}f}"
    return f"{median} ({min(values):.{digits}f} to {max(values):.{digits}f})"


if __name__ == "__main__":
    main()
