"""Measure what makes processes of one model differ: each cause as variants against the default.

    python -m tests.experiments.process_differences --record differences.jsonl

A group is one fresh process of each variant, and two of the default. They are loaded side by side,
and take short turns in random order: one is awake and timed while all others are stopped. Variants
with another process are started one after the other instead. The machine's speed is measured
before and after each turn. Turns of a slower machine are set aside, by that evidence alone.

The figure of a process is the median of its samples, that of a variant the mean over its processes,
with Student's t interval. Ratios compare processes of the same groups. Prints Markdown tables.
"""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import asdict
from pathlib import Path

from detbench.bench.environment import environment
from detbench.bench.machine_speed.meter import SpeedMeter
from detbench.bench.machine_speed.speed import MachineSpeed
from tests.experiments.process_host import ClockReading, HostReading, read_clock
from tests.experiments.process_tables import (
    cause_tables,
    clock_lines,
    host_table,
    share_line,
    spread_lines,
)
from tests.experiments.process_turns import Experiment, Turn, company_of, variants_of
from tests.experiments.process_variants import KERAS_YOLO, MODELS


class Record:
    """Everything that was measured, in the order of time."""

    def __init__(self) -> None:
        self.turns: list[Turn] = []
        self.hosts: list[HostReading] = []
        self.clocks: list[ClockReading] = []

    def write(self, path: Path) -> None:
        """Write one JSON document per reading."""
        kinds = {"turn": self.turns, "host": self.hosts, "clock": self.clocks}
        lines = [json.dumps({kind: asdict(one)}) for kind, all_ in kinds.items() for one in all_]
        path.write_text("\n".join(lines) + "\n")

    def read(self, path: Path) -> None:
        """Add what an earlier run wrote, with numbers of groups that are not used yet."""
        first_group = max((turn.group for turn in self.turns), default=-1) + 1
        for line in path.read_text().splitlines():
            match json.loads(line):
                case {"turn": turn}:
                    for moment in ("before", "after"):
                        turn[moment] = MachineSpeed(**turn[moment])
                    turn["group"] += first_group
                    self.turns.append(Turn(**turn))
                case {"host": host}:
                    self.hosts.append(HostReading(**host))
                case {"clock": clock}:
                    self.clocks.append(ClockReading(**clock))

    def print_tables(self) -> None:
        for line in (
            *cause_tables(self.turns),
            *spread_lines(self.turns),
            share_line(self.turns),
            *host_table(self.turns, self.hosts),
            *clock_lines(self.turns, self.clocks),
        ):
            print(line)


def measure(record: Record, options: argparse.Namespace) -> float:
    """Take groups of all models in turns; return the time in s."""
    with SpeedMeter() as meter:
        experiment = Experiment(meter, options.max_seconds, options.seed)
        record.turns, record.hosts = experiment.turns, experiment.host_readings
        for group in range(options.groups):
            for model in options.models:
                if experiment.elapsed_s > options.max_seconds:
                    break
                for run, variants in (
                    (experiment.side_by_side, variants_of(model, options.causes)),
                    (experiment.one_by_one, company_of(model, options.causes)),
                ):
                    record.clocks.append(read_clock())
                    if variants:
                        run(model, variants, group)
    return experiment.elapsed_s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    every_model = (*MODELS, KERAS_YOLO)
    parser.add_argument("--models", nargs="+", choices=every_model, default=list(MODELS))
    parser.add_argument("--causes", nargs="+", default=[], help="Default: all.")
    parser.add_argument("--groups", type=int, default=5, help="Fresh processes per variant.")
    parser.add_argument("--max-seconds", type=float, default=480.0)
    parser.add_argument("--seed", type=int, default=0, help="Of the order of processes.")
    parser.add_argument("--record", type=Path, help="File for all samples.")
    parser.add_argument("--read", type=Path, nargs="+", help="Only print tables of records.")
    options = parser.parse_args()
    record = Record()
    for path in options.read or ():
        record.read(path)
    if not options.read:
        machine = environment()
        print(
            f"{machine.cpu}, {machine.cores} cores, Python {machine.python}, "
            f"load {os.getloadavg()[0]:.1f}"
        )
        elapsed_s = measure(record, options)
        print(f"{elapsed_s:.0f} s in total, load {os.getloadavg()[0]:.1f}")
        if options.record:
            record.write(options.record)
    record.print_tables()


if __name__ == "__main__":
    main()
