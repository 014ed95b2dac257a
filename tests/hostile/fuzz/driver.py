"""Fuzzing: read mutated files of every kind, and count what is neither read nor refused.

    python -m tests.hostile.fuzz.driver --seconds 3600 --seed 1

Each case has a number of its own and is made again from seed, target and number. A case fails if
reading it raises anything but DetbenchError, warns of anything but input, takes too long, writes
outside its folder, or if a command breaks the rules of exit codes and messages. Prints a Markdown
table of kinds, cases and failures.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import FrameType

from detbench.errors import DetbenchError, DetbenchWarning
from tests.hostile.fuzz.mutations import mutate
from tests.hostile.fuzz.targets import TARGETS, BrokenPromiseError, Target, run_command

_LIMIT_S = 20
"""Seconds after which a case counts as hanging."""
_COMMAND_SHARE = 0.2
"""Share of the cases that go through the command line."""


@dataclass
class Tally:
    """What became of the cases of one target."""

    read: int = 0
    refused: int = 0
    commands: int = 0
    failures: list[str] = field(default_factory=list)

    @property
    def cases(self) -> int:
        """All cases."""
        return self.read + self.refused + len(self.failures)


def fuzz(target: Target, seed: int, seconds: float, first: int = 0, most: int = 10**9) -> Tally:
    """Run cases of a target until time or their number is used up."""
    tally = Tally()
    with tempfile.TemporaryDirectory() as base:
        pristine = Path(base) / "pristine"
        pristine.mkdir()
        mutable = [path.relative_to(pristine) for path in target.write(pristine)]
        end = time.monotonic() + seconds
        for number in range(first, first + most):
            _run_case(target, Random(f"{seed} {target.name} {number}"), pristine, mutable, tally)
            if tally.failures and not tally.failures[-1].startswith("case"):
                tally.failures[-1] = f"case {number}: {tally.failures[-1]}"
            if time.monotonic() > end:
                break
    return tally


def _run_case(
    target: Target, random: Random, pristine: Path, mutable: Sequence[Path], tally: Tally
) -> None:
    folder = pristine.parent / "case"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(pristine, folder)
    for path in random.sample(mutable, min(len(mutable), random.choice((1, 1, 1, 2)))):
        mutate(folder / path, random)
    command = random.choice(target.commands) if target.commands else ""
    try:
        with _time_limit(), warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", DetbenchWarning)
            warnings.filterwarnings("ignore", module=r"PIL\.")
            if command and random.random() < _COMMAND_SHARE:
                tally.commands += 1
                words = [word.replace("{}", str(folder)) for word in command.split()]
                refused = run_command(words) == 2
                _check_outputs(folder)
            else:
                refused = not _is_read(target, folder)
        _check_surroundings(pristine.parent)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        last = traceback.extract_tb(error.__traceback__)[-1]
        tally.failures.append(
            f"{type(error).__name__}: {str(error)[:300]} ({Path(last.filename).name}:{last.lineno})"
        )
    else:
        tally.refused += refused
        tally.read += not refused


def _is_read(target: Target, folder: Path) -> bool:
    """Return whether the files are read; False if they are refused."""
    try:
        target.read(folder)
    except DetbenchError as error:
        if not str(error).strip():
            raise BrokenPromiseError("refused without a message") from error
        return False
    return True


def _check_outputs(folder: Path) -> None:
    """Raise BrokenPromiseError if a command left a hidden, half-written file."""
    for path in folder.rglob(".*"):
        raise BrokenPromiseError(f"left {path.relative_to(folder)}")


def _check_surroundings(base: Path) -> None:
    """Raise BrokenPromiseError if anything was written beside the folder of the case."""
    others = {path.name for path in base.iterdir()} - {"case", "pristine"}
    if others or Path("/etc/outside").exists():
        raise BrokenPromiseError(f"wrote outside its folder: {sorted(others)}")


@contextmanager
def _time_limit() -> Iterator[None]:
    def stop(number: int, frame: FrameType | None) -> None:
        raise BrokenPromiseError(f"takes more than {_LIMIT_S} s")

    earlier = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, _LIMIT_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, earlier)


def table(tallies: dict[str, Tally]) -> str:
    """Return a Markdown table with a row for each target, and the total."""
    total = Tally()
    rows = [
        "| input | cases | read | refused | through commands | failures |",
        "|---|" + "---|" * 5,
    ]
    for name, tally in tallies.items():
        rows.append(_row(name, tally))
        total.read += tally.read
        total.refused += tally.refused
        total.commands += tally.commands
        total.failures += tally.failures
    return "\n".join([*rows, _row("all", total)])


def _row(name: str, tally: Tally) -> str:
    counts = (tally.cases, tally.read, tally.refused, tally.commands, len(tally.failures))
    return f"| {name} | {' | '.join(f'{count:,}' for count in counts)} |"


def main() -> int:
    """Fuzz all targets in turn; return 1 if any case failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="for all targets together")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--target", help="only targets whose name contains this")
    parser.add_argument("--case", type=int, help="only this case")
    options = parser.parse_args()
    targets = [target for target in TARGETS if (options.target or "") in target.name]
    tallies = {}
    for target in targets:
        if options.case is None:
            tally = fuzz(target, options.seed, options.seconds / len(targets))
        else:
            tally = fuzz(target, options.seed, options.seconds, options.case, 1)
        tallies[target.name] = tally
        kinds = Counter(failure.partition(": ")[2] for failure in tally.failures)
        examples = {failure.partition(": ")[2]: failure for failure in tally.failures}
        for kind, count in kinds.most_common():
            print(f"{target.name}, {examples[kind]} ({count} cases)", flush=True)
    print(f"seed {options.seed}\n\n{table(tallies)}")
    return int(any(tally.failures for tally in tallies.values()))


if __name__ == "__main__":
    sys.exit(main())
