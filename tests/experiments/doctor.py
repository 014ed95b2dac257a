"""Plant every mistake of two families, and look at clean sets.

    python -m tests.experiments.doctor [--seed 27] [--table clean] [--data ../shared/data]

Prints the tables of `docs/doctor.md`. Sets of real data are left out if their folder is missing.
"""

from __future__ import annotations

import argparse
import itertools
import json
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path

import msgspec
import numpy as np

from detbench.doctor.doctor import examine
from detbench.doctor.findings import Finding
from detbench.errors import DetbenchWarning
from tests.doctor.clean_sets import every_clean_set
from tests.doctor.written_pairs import pair_of
from tests.experiments.coco_pair import CocoPair, Mistake
from tests.experiments.doctor_sets import base_sets, clean_sets, file_base, simulated_sets
from tests.experiments.file_mistakes import FILE_MISTAKES
from tests.experiments.file_outcomes import outcome_of
from tests.experiments.mistakes import MISTAKES

NO_MISTAKE = Mistake("", "", "", lambda _: None)


def examine_planted(
    pair: CocoPair, mistake: Mistake, folder: Path, seed: int = 27
) -> list[Finding]:
    """Return what the doctor finds in a pair with a mistake, which is written to `folder`."""
    spoiled = pair.copy(seed)
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


def print_mistakes(bases: list[tuple[str, CocoPair]], folder: Path, seed: int) -> None:
    """Print which mistakes of the first family are named on which set, and what else is found."""
    before = {name: examine_planted(pair, NO_MISTAKE, folder) for name, pair in bases}
    print(f"| mistake | how | finding | {' | '.join(before)} |")
    print(f"|---|---|---|{'---|' * len(before)}")
    missed: dict[str, set[str]] = {name: set() for name in before}
    for mistake in MISTAKES:
        cells = []
        for name, pair in bases:
            findings = examine_planted(pair, mistake, folder, seed)
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


def print_file_mistakes(folder: Path, seed: int) -> None:
    """Print what becomes of the second family in files of every format."""
    ground_truth, detections = file_base(seed)
    formats = list(dict.fromkeys(f"{a} and {b}" for m in FILE_MISTAKES for a, b in m.formats))
    print("| mistake | finding | outcome by format of ground truth and detections |\n|---|---|---|")
    counts: Counter[str] = Counter()
    for number, mistake in enumerate(FILE_MISTAKES):
        outcomes: dict[str, list[str]] = {}
        for pair_of_formats in sorted(
            mistake.formats, key=lambda p: formats.index(" and ".join(p))
        ):
            pair = pair_of(ground_truth, detections, *pair_of_formats)
            pair.rng = np.random.default_rng(seed)
            where = folder / f"{number}-{'-'.join(pair_of_formats)}".replace(" ", "-")
            outcome = outcome_of(mistake, pair, where)
            counts[outcome.kind] += 1
            name = " and ".join(dict.fromkeys(pair_of_formats))
            outcomes.setdefault(str(outcome), []).append(name)
        cell = "; ".join(f"{text}: {', '.join(names)}" for text, names in outcomes.items())
        ids = ", ".join(f"`{finding_id}`" for finding_id in mistake.ids)
        print(f"| {mistake.name} | {ids} | {cell} |", flush=True)
    total = sum(counts.values())
    print(f"\n{', '.join(f'{n} {kind}' for kind, n in counts.most_common())} of {total}\n")


def print_clean_sets(data: Path, folder: Path) -> None:
    """Print what is found in each clean set of real data, shapes and simulated detectors."""
    print("| clean set | errors and warnings | notes | s |\n|---|---|---|---|")
    for name, ground_truth, detections in (*clean_sets(data, folder), *simulated_sets(folder)):
        faults, notes, duration_s = examine_clean(ground_truth, detections)
        row = f"| {name} | {', '.join(faults) or 'none'} | {', '.join(notes)} | {duration_s:.1f} |"
        print(row, flush=True)


def print_scenes(folder: Path, seed: int) -> None:
    """Print what is found in each scene, with every detector, in files of every format."""
    print("| scene | sets | errors and warnings | notes |\n|---|---|---|---|")
    total = n_clean = 0
    for scene, sets in itertools.groupby(
        every_clean_set(folder, seed), key=lambda clean: clean[0].split(",")[0]
    ):
        results = [examine_clean(*paths) for _, *paths in sets]
        faults = Counter(fault for faults, _, _ in results for fault in faults)
        notes = Counter(note for _, notes, _ in results for note in notes)
        total, n_clean = total + len(results), n_clean + sum(not faults for faults, _, _ in results)
        print(f"| {scene} | {len(results)} | {_counted(faults) or 'none'} | {_counted(notes)} |")
    print(f"\n{n_clean} of {total} without errors and warnings\n")


def _counted(ids: Counter[str]) -> str:
    return ", ".join(f"{finding_id} ({n})" for finding_id, n in ids.items())


def examine_clean(ground_truth: Path, detections: Path) -> tuple[list[str], list[str], float]:
    """Return the IDs of faults and of notes, and how many seconds it took."""
    start = time.perf_counter()
    findings = examine(ground_truth, detections)
    duration_s = time.perf_counter() - start
    faults = [finding.id for finding in findings if finding.severity != "note"]
    notes = [finding.id for finding in findings if finding.severity == "note"]
    return faults, notes, duration_s


TABLES = ("clean", "scenes", "mistakes", "files")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[3] / "shared" / "data")
    parser.add_argument("--seed", type=int, default=27, help="Random seed of all that is planted.")
    parser.add_argument("--table", choices=TABLES, help="Print one of the tables only.")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", DetbenchWarning)
    tables = TABLES if arguments.table is None else (arguments.table,)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if "clean" in tables:
            print_clean_sets(arguments.data, folder)
            print()
        if "scenes" in tables:
            print_scenes(folder / "scenes", arguments.seed)
        if "mistakes" in tables:
            bases = list(base_sets(arguments.data, folder / "bases"))
            print_mistakes(bases, folder / "planted", arguments.seed)
        if "files" in tables:
            print_file_mistakes(folder / "files", arguments.seed)


if __name__ == "__main__":
    main()
