"""Measure the peak memory of commands on a large dataset; prints the table of docs/performance.md.

    python tests/benchmarks/memory.py
    python tests/benchmarks/memory.py --images 10000 --detections 500000

Each command is a process of its own with cached kernels, which a first run on few images compiles.
The peak is that of the process, from the operating system.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from large import write

COMMANDS = {
    "eval --no-intervals": "eval {inputs} --no-intervals -o {out}/plain",
    "eval": "eval {inputs} -o {out}/runs",
    "report": "report {out}/runs/detections -o {out}/page.html",
    "analyze": "analyze {inputs} --resamples 0",
}


def run(command: str, inputs: tuple[Path, Path], out: Path) -> tuple[float, float]:
    """Return the seconds and the peak memory in MB of a command."""
    words = command.format(inputs=" ".join(map(str, inputs)), out=out).split()
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "detbench", *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status):
        raise SystemExit(f"{command} failed: {process.stderr.read().decode()[-2000:]}")
    return time.perf_counter() - start, usage.ru_maxrss / 1000


def main() -> None:
    """Write the dataset and measure every command."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--classes", type=int, default=1_203)
    parser.add_argument("--detections", type=int, default=5_000_000)
    parser.add_argument("--commands", default=",".join(COMMANDS))
    options = parser.parse_args()
    names = options.commands.split(",")
    print(
        f"{options.detections:,} detections on {options.images:,} images,"
        f" {options.classes:,} classes\n\n"
        "| command | s | peak memory MB | of the first |\n|---|---|---|---|"
    )
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        small = write(folder, 100, options.classes, 1_000)
        for name in names:
            run(COMMANDS[name], small, folder / "small")
        inputs = write(folder, options.images, options.classes, options.detections)
        first = 0.0
        for name in names:
            seconds, peak = run(COMMANDS[name], inputs, folder / "out")
            first = first or peak
            print(f"| `{name}` | {seconds:.1f} | {peak:,.0f} | {peak / first:.2f} |", flush=True)


if __name__ == "__main__":
    main()
