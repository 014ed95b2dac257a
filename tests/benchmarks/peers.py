r"""Compare the speed of detbench and other evaluators; prints tables of docs/performance.md.

    python tests/benchmarks/peers.py                      # 500,000 detections, every peer
    python tests/benchmarks/peers.py --detections 5000000 --images 50000 --classes 365 \
        --truths 600000 --only ultrafast-pycocotools

Every round runs each evaluator once, in random order, so that a change of the machine's speed
affects all of them. A ratio is the median over rounds of evaluator / detbench within the round.
Slow evaluators run in the first `--slow-rounds` rounds only.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import io
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

THREADS = 2
os.environ.setdefault("RAYON_NUM_THREADS", str(THREADS))

import numpy as np  # noqa: E402
import workload  # noqa: E402

PEERS = ["pycocotools", "faster-coco-eval", "hotcoco", "ultrafast-pycocotools"]
SLOW = {"pycocotools", "faster-coco-eval"}
Task = Callable[[], Any]


def coco_api(module: Any, annotations: Path, results: Path) -> tuple[Task, Task]:
    """Return two tasks of a package with pycocotools' interface: evaluate only, and from JSON.

    Both return the 12 numbers.
    """
    truth = module.COCO(str(annotations))
    detections = truth.loadRes(str(results))

    def numbers(truth: Any, detections: Any) -> Any:
        evaluator = module.COCOeval(truth, detections, "bbox")
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()
        return evaluator.stats

    def from_json() -> Any:
        fresh = module.COCO(str(annotations))
        return numbers(fresh, fresh.loadRes(str(results)))

    return lambda: numbers(truth, detections), from_json


def peer(name: str) -> Any:
    """Import a peer and return the module that holds COCO and COCOeval."""
    if name == "pycocotools":
        import pycocotools.coco
        import pycocotools.cocoeval

        return argparse.Namespace(
            COCO=pycocotools.coco.COCO, COCOeval=pycocotools.cocoeval.COCOeval
        )
    if name == "faster-coco-eval":
        import faster_coco_eval

        return argparse.Namespace(
            COCO=faster_coco_eval.COCO, COCOeval=faster_coco_eval.COCOeval_faster
        )
    if name == "hotcoco":
        import hotcoco

        return hotcoco
    import ultrafast_pycocotools

    return ultrafast_pycocotools


def ours(annotations: Path, results: Path, folder: Path) -> tuple[Task, Task, Task]:
    """Return three tasks of detbench: evaluate only, from JSON, and from Parquet."""
    import detbench
    from detbench.data.load import save_detections, save_ground_truth

    truth = detbench.load_ground_truth(annotations)
    detections = detbench.load_detections(results, truth)
    save_ground_truth(truth, folder / "truth.parquet")
    save_detections(detections, truth, folder / "detections.parquet")

    def load_and_score(truth_path: Path, detections_path: Path) -> Any:
        fresh = detbench.load_ground_truth(truth_path)
        return detbench.evaluate(
            fresh, detbench.load_detections(detections_path, fresh), "coco", threads=THREADS
        ).summary

    return (
        lambda: detbench.evaluate(truth, detections, "coco", threads=THREADS).summary,
        lambda: load_and_score(annotations, results),
        lambda: load_and_score(folder / "truth.parquet", folder / "detections.parquet"),
    )


def interleave(tasks: dict[str, Task], rounds: int, slow_rounds: int) -> dict[str, list[float]]:
    """Run every task once per round in random order; return by name the seconds of each round."""
    times: dict[str, list[float]] = {name: [] for name in tasks}
    order = random.Random(0)
    for number in range(-1, rounds):
        names = [name for name in tasks if name not in SLOW or 0 <= number < slow_rounds]
        order.shuffle(names)
        for name in names:
            gc.collect()
            started = time.perf_counter()
            with contextlib.redirect_stdout(io.StringIO()):
                tasks[name]()
            if number >= 0:
                times[name].append(time.perf_counter() - started)
    return times


def table(title: str, times: dict[str, list[float]], references: list[str]) -> str:
    """Return a Markdown table of medians and of ratios to `references` within the rounds."""
    lines = [
        f"**{title}**",
        "",
        "| | median s | min s | "
        + " | ".join(f"ratio to {name}" for name in references)
        + " | rounds |",
    ]
    lines.append("|---" * (4 + len(references)) + "|")
    for name, seconds in sorted(times.items(), key=lambda item: statistics.median(item[1])):
        ratios = [
            statistics.median(own / base for own, base in zip(seconds, times[each], strict=False))
            for each in references
        ]
        numbers = " | ".join(f"{ratio:.2f}×" for ratio in ratios)
        median = statistics.median(seconds)
        lines.append(f"| {name} | {median:.4f} | {min(seconds):.4f} | {numbers} | {len(seconds)} |")
    return "\n".join(lines)


def main() -> None:
    """Generate the workload, run all evaluators and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=5_000)
    parser.add_argument("--classes", type=int, default=80)
    parser.add_argument("--detections", type=int, default=500_000)
    parser.add_argument("--truths", type=int, default=36_781)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--slow-rounds", type=int, default=2)
    parser.add_argument("--only", nargs="+", default=PEERS, choices=PEERS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        annotations, results = workload.write_json(
            workload.make(options.images, options.classes, options.detections, options.truths),
            folder,
        )
        evaluate_only, from_json, from_parquet = ours(annotations, results, folder)
        tasks = {
            "evaluate": {"detbench": evaluate_only},
            "files": {"detbench": from_json, "detbench, from Parquet": from_parquet},
        }
        expected = np.array(list(evaluate_only().values()), np.float64)
        for name in options.only:
            with contextlib.redirect_stdout(io.StringIO()):
                tasks["evaluate"][name], tasks["files"][name] = coco_api(
                    peer(name), annotations, results
                )
                if name not in SLOW:
                    numbers = np.asarray(tasks["evaluate"][name]())[:12]
                    difference = np.abs(numbers - expected).max()
                    assert difference < 1e-9, (name, difference)
        print(
            f"{options.detections:,} detections, {options.truths:,} ground truths, "
            f"{options.images:,} images, {options.classes} classes\n"
        )
        parquet = "detbench, from Parquet"
        for title, key, references in (
            ("Evaluate only, from loaded columns", "evaluate", ["detbench"]),
            ("From files to the 12 numbers", "files", ["detbench", parquet]),
        ):
            times = interleave(tasks[key], options.rounds, options.slow_rounds)
            print(table(title, times, references), end="\n\n", flush=True)


if __name__ == "__main__":
    main()
