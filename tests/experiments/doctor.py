"""Plant every mistake of `mistakes.py` on three base sets, and look at clean sets.

    python tests/experiments/doctor.py [--data ../shared/data]

Prints the tables of `docs/doctor.md`. Sets of real data are left out if their folder is missing.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
import warnings
from pathlib import Path

import msgspec

from detbench.doctor.doctor import examine
from detbench.doctor.findings import Finding
from detbench.errors import DetbenchWarning
from tests.experiments.coco_pair import CocoPair, Mistake
from tests.experiments.doctor_sets import base_sets, clean_sets, simulated_sets
from tests.experiments.mistakes import MISTAKES

NO_MISTAKE = Mistake("", "", "", lambda _: None)


def examine_planted(pair: CocoPair, mistake: Mistake, folder: Path) -> list[Finding]:
    """Return what the doctor finds in a pair with a mistake, which is written to `folder`."""
    spoiled = pair.copy()
    mistake.plant(spoiled)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "truth.json").write_bytes(msgspec.json.encode(spoiled.ground_truth))
    # msgspec writes null for NaN, which is another mistake.
    detections = (
        json.dumps(spoiled.detections).encode()
        if mistake.id == "not-finite"
        else msgspec.json.encode(spoiled.detections)
    )
    (folder / "found.json").write_bytes(detections)
    return examine(folder / "truth.json", folder / "found.json")


def is_named(findings: list[Finding], mistake: Mistake, before: list[Finding]) -> bool:
    """Tell whether a finding that was not there `before` names the mistake."""
    return any(finding.id == mistake.id and finding not in before for finding in findings)


def other_faults(findings: list[Finding], mistake: Mistake) -> list[str]:
    """Return the IDs of the errors and warnings that do not name the mistake."""
    return [
        finding.id
        for finding in findings
        if finding.severity != "note" and finding.id != mistake.id
    ]


def print_mistakes(bases: list[tuple[str, CocoPair]], folder: Path) -> None:
    """Print which mistakes are named on which set, and what else is found."""
    before = {name: examine_planted(pair, NO_MISTAKE, folder) for name, pair in bases}
    print(f"| mistake | how | finding | {' | '.join(before)} |")
    print(f"|---|---|---|{'---|' * len(before)}")
    missed: dict[str, set[str]] = {name: set() for name in before}
    for mistake in MISTAKES:
        cells = []
        for name, pair in bases:
            findings = examine_planted(pair, mistake, folder)
            cell = "named"
            if not is_named(findings, mistake, before[name]):
                missed[name].add(mistake.name)
                cell = "**missed**"
            others = other_faults(findings, mistake)
            cells.append(cell + (f" (also {', '.join(others)})" if others else ""))
        row = f"| {mistake.name} | {mistake.how} | `{mistake.id}` | {' | '.join(cells)} |"
        print(row, flush=True)
    total = len({mistake.name for mistake in MISTAKES})
    sums = [f"**{total - len(names)} of {total}**" for names in missed.values()]
    print(f"| **named** | | | {' | '.join(sums)} |\n")


def print_clean_sets(data: Path, folder: Path) -> None:
    """Print what is found in clean sets."""
    print("| clean set | errors and warnings | notes | s |\n|---|---|---|---|")
    for name, ground_truth, detections in (*clean_sets(data, folder), *simulated_sets(folder)):
        start = time.perf_counter()
        findings = examine(ground_truth, detections)
        duration_s = time.perf_counter() - start
        faults = [finding.id for finding in findings if finding.severity != "note"]
        notes = [finding.id for finding in findings if finding.severity == "note"]
        row = f"| {name} | {', '.join(faults) or 'none'} | {', '.join(notes)} | {duration_s:.1f} |"
        print(row, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[3] / "shared" / "data")
    parser.add_argument("--base", help="Only base sets with this in their name; no clean sets.")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", DetbenchWarning)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if arguments.base is None:
            print_clean_sets(arguments.data, folder)
            print()
        bases = [
            (name, pair)
            for name, pair in base_sets(arguments.data, folder)
            if (arguments.base or "") in name
        ]
        print_mistakes(bases, folder / "planted")


if __name__ == "__main__":
    main()
