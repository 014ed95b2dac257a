"""Measure the wall time of commands in fresh processes; prints the table of docs/performance.md.

    python -m tests.benchmarks.startup GROUND_TRUTH DETECTIONS   # VOC 2007 test, a results folder

"Imports and kernel loading" is the same command on a dataset of one image. The first run after
installation is measured with an empty kernel cache.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 7


def seconds(arguments: list[str], **environment: str) -> float:
    """Return the wall time of one `detbench` command."""
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "detbench", *arguments],
        check=True,
        capture_output=True,
        env=os.environ | environment,
    )
    return time.perf_counter() - started


def median(arguments: list[str]) -> str:
    """Return median and range over the rounds, after one that is dropped."""
    times = [seconds(arguments) for _ in range(ROUNDS + 1)][1:]
    return f"{statistics.median(times):.2f} ({min(times):.2f} to {max(times):.2f})"


def one_image(folder: Path) -> list[str]:
    """Write a VOC dataset of one image with a results folder; return their paths."""
    from detbench.data.formats.voc.annotations import read_voc
    from detbench.data.formats.voc.writer import write_voc_results
    from detbench.data.shapes import make_shapes
    from tests.data.simulated_detections import simulated_detections

    dataset = make_shapes(folder / "shapes", train=0, val=0, test=1)
    write_voc_results(simulated_detections(read_voc(dataset), 1.0), folder / "results")
    return [str(dataset), str(folder / "results")]


def main() -> None:
    """Measure all rows."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("ground_truth")
    parser.add_argument("detections")
    options = parser.parse_args()
    dataset = [options.ground_truth, options.detections]
    with tempfile.TemporaryDirectory() as name:
        tiny = one_image(Path(name))
        with tempfile.TemporaryDirectory() as cache:
            first = seconds(["eval", *dataset], NUMBA_CACHE_DIR=cache)
        print("| command | wall s: median (range) |\n|---|---|")
        print(f"| `detbench --help` | {median(['--help'])} |")
        print(f"| `detbench eval`, imports and kernel loading | {median(['eval', *tiny])} |")
        print(f"| `detbench eval`, total | {median(['eval', *dataset])} |")
        print(
            f"| `detbench eval`, first run after installation: kernels are compiled | {first:.1f} |"
        )


if __name__ == "__main__":
    main()
