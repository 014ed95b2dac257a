"""Time models whose answers are known: is what is wrong with them named, and nothing else?

    python -m tests.experiments.latency_known_answers --repetitions 200

Every repetition is a complete measurement by the engine of `detbench latency`, with five fresh
copies per model and few samples. All copies live in this process. Their calls spin for a CPU time
with noise, so that neither the machine's own changes of speed nor other work on it count. What
differs between processes is drawn for each copy. A thread that spins is simulated: calls of the
other models take 30% longer until it stops. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import itertools
import math
import os
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from detbench.adapters.detector import Batch, ImageDetections
from detbench.bench.latency.assembly import SweepResult
from detbench.bench.latency.clock import Clock
from detbench.bench.latency.images import EncodedImage
from detbench.bench.latency.local_model import LocalModel
from detbench.bench.latency.processes import process_group
from detbench.bench.latency.sweep import sweep
from detbench.bench.latency.timing_plan import TimingPlan

PROCESSES = 5
CALL_NS = 100_000
TURN_NS = 2e6
"""Shorter than the engine's turns, so that few samples make several turns."""
MAX_S = 0.12
"""Of each model in all processes together."""
SPIN_NS = 5_000_000
SPIN_SLOWDOWN = 0.3
CALL_SPREAD, PROCESS_SPREAD = 0.02, 0.005
"""Standard deviations between calls and between processes, as shares of the time."""
SLOWER = 0.03
MODE_CHANGE = 0.2
SLOW_PROCESSES = 2
"""Of five, in the slower of two modes."""


class Threads:
    """Until when the thread of each model spins."""

    def __init__(self) -> None:
        self._until_ns: dict[str, int] = {}

    def spin(self, model: str, until_ns: int) -> None:
        """Let a model's thread spin."""
        self._until_ns[model] = until_ns

    def disturb(self, model: str) -> bool:
        """Return whether the thread of another model spins now."""
        now = time.thread_time_ns()
        return any(until > now for name, until in self._until_ns.items() if name != model)


@dataclass
class KnownDetector:
    """A detector whose model takes a known time."""

    name: str
    call_ns: float
    rng: np.random.Generator
    threads: Threads
    spins: bool
    class_names: tuple[str, ...] = ("a",)
    input_size: tuple[int, int] = (8, 8)
    batch_size: int | None = None
    settings: dict[str, Any] = field(default_factory=dict)

    def preprocess(self, images: Sequence[Any]) -> Batch:
        return Batch(np.zeros((len(images), 1)), ())

    def to_device(self, batch: Batch) -> Any:
        return batch.inputs

    def infer(self, inputs: Any) -> Any:
        started = time.thread_time_ns()
        is_disturbed = self.threads.disturb(self.name)
        noise = 1 + CALL_SPREAD * self.rng.standard_normal()
        until = started + self.call_ns * noise * (1 + SPIN_SLOWDOWN * is_disturbed)
        while time.thread_time_ns() < until:
            pass
        if self.spins:
            self.threads.spin(self.name, time.thread_time_ns() + SPIN_NS)
        return inputs

    def to_host(self, outputs: Any) -> list[Any]:
        return [outputs]

    def postprocess(self, outputs: Any, batch: Batch) -> list[ImageDetections]:
        return []

    def synchronize(self) -> None:
        pass

    def close(self) -> None:
        pass


class KnownModel(LocalModel):
    """A copy of a model, which a pause may stop."""

    def __init__(self, detector: KnownDetector, *, is_stopped_by_pause: bool) -> None:
        super().__init__(detector, IMAGES, clock=Clock(detector, time.thread_time_ns))
        self._threads, self._is_stopped_by_pause = detector.threads, is_stopped_by_pause

    @property
    def turns(self) -> Any:
        return "stopped" if self._is_stopped_by_pause else "parked"

    def pause(self) -> None:
        if self._is_stopped_by_pause:
            self._threads.spin(self.name, 0)


@dataclass
class KnownSource:
    """Starts copies of a model, each with a time of its own."""

    name: str
    times_ns: Iterator[float]
    rng: np.random.Generator
    threads: Threads
    spins: bool = False
    is_stopped_by_pause: bool = False

    def start(self) -> KnownModel:
        call_ns = next(self.times_ns)
        detector = KnownDetector(self.name, call_ns, self.rng, self.threads, self.spins)
        return KnownModel(detector, is_stopped_by_pause=self.is_stopped_by_pause)


def tiny_images() -> list[EncodedImage]:
    """Return two images that take no time to decode."""
    encoded = []
    for shade in (0, 255):
        file = BytesIO()
        Image.new("RGB", (8, 8), (shade,) * 3).save(file, "PNG")
        encoded.append(EncodedImage(f"{shade}.png", file.getvalue()))
    return encoded


IMAGES = tiny_images()


@dataclass(frozen=True)
class Scenario:
    """Models with a known answer, and what counts as finding it."""

    name: str
    sources: Callable[[np.random.Generator], list[KnownSource]]
    is_found: Callable[[SweepResult], bool]
    answer: str
    required: str


def process_times_ns(
    call_ns: float, rng: np.random.Generator, factors: Sequence[float] = (1.0,)
) -> Iterator[float]:
    """Yield the time of each new copy; the factors repeat."""
    for factor in itertools.cycle(factors):
        yield call_ns * factor * math.exp(PROCESS_SPREAD * rng.standard_normal())


def pair(
    rng: np.random.Generator,
    *,
    change: float = 0.0,
    spins: tuple[bool, bool] = (False, False),
    is_stopped_by_pause: bool = False,
) -> list[KnownSource]:
    """Return models A and B; B takes longer by a share."""
    threads = Threads()
    times = (CALL_NS, CALL_NS * (1 + change))
    return [
        KnownSource(name, process_times_ns(ns, rng), rng, threads, own_spins, is_stopped_by_pause)
        for name, ns, own_spins in zip("AB", times, spins, strict=True)
    ]


def two_modes(rng: np.random.Generator) -> list[KnownSource]:
    """Return one model, some of whose processes are slower."""
    factors = [1 + MODE_CHANGE * (place < SLOW_PROCESSES) for place in range(PROCESSES)]
    times = process_times_ns(CALL_NS, rng, rng.permutation(factors).tolist())
    return [KnownSource("A", times, rng, Threads())]


def is_named(timed: SweepResult, kind: str) -> bool:
    """Return whether every result has a reason of a kind."""
    return all(
        any(reason.startswith(kind) for reason in result.reasons) for result in timed.results
    )


def is_different(timed: SweepResult) -> bool:
    [compared] = timed.pairs
    return compared.comparison.verdict in ("slower", "faster")


SCENARIOS = (
    Scenario(
        "B spins a thread for 5 ms after each call",
        lambda rng: pair(rng, spins=(False, True)),
        lambda timed: is_named(timed, "disturbed by"),
        "all are disturbed",
        "≥ 95%",
    ),
    Scenario(
        "A and B both do, and slow each other alike",
        lambda rng: pair(rng, spins=(True, True)),
        lambda timed: is_named(timed, "disturbed by"),
        "all are disturbed",
        "≥ 95%",
    ),
    Scenario(
        "both do, but a pause stops the threads",
        lambda rng: pair(rng, spins=(True, True), is_stopped_by_pause=True),
        lambda timed: any(is_named(SweepResult([r]), "disturbed by") for r in timed.results),
        "any is disturbed",
        "≤ 5%",
    ),
    Scenario(
        f"{SLOW_PROCESSES} of {PROCESSES} processes take {MODE_CHANGE:.0%} longer",
        two_modes,
        lambda timed: is_named(timed, "two modes"),
        "two modes",
        "≥ 95%",
    ),
    Scenario(
        f"B takes {SLOWER:.0%} longer",
        lambda rng: pair(rng, change=SLOWER),
        lambda timed: timed.pairs[0].comparison.verdict == "slower",
        "B is slower",
        "≥ 95%",
    ),
    Scenario(
        "B is the same",
        pair,
        is_different,
        "B is slower or faster",
        "≤ 5%",
    ),
)


def repetition(seed: tuple[int, int]) -> list[tuple[bool, list[int]]]:
    """Measure every scenario once; return what was found, and the samples of each model."""
    warnings.simplefilter("ignore")
    process_group._TURN_NS = TURN_NS
    plan = TimingPlan(stages=("infer",), min_s=0.0, max_s=MAX_S, processes=PROCESSES)
    rng, outcomes = np.random.default_rng(seed), []
    for scenario in SCENARIOS:
        timed = sweep(scenario.sources(rng), plan, seed=int(rng.integers(2**32)))
        counts = [len(result.samples_ns) for result in timed.results]
        outcomes.append((scenario.is_found(timed), counts))
    return outcomes


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    options = parser.parse_args()
    began = time.perf_counter()
    seeds = [(options.seed, number) for number in range(options.repetitions)]
    with ProcessPoolExecutor(options.jobs) as pool:
        repetitions = list(pool.map(repetition, seeds))
    print(
        "| models | found | repetitions | share | required | samples per model |\n"
        "|---|---|---|---|---|---|"
    )
    for scenario, outcomes in zip(SCENARIOS, zip(*repetitions, strict=True), strict=True):
        share = np.mean([is_found for is_found, _ in outcomes])
        samples = np.median([count for _, counts in outcomes for count in counts])
        print(
            f"| {scenario.name} | {scenario.answer} | {len(outcomes):,} | {share:.1%} |"
            f" {scenario.required} | {samples:,.0f} |"
        )
    print(
        f"\n{os.cpu_count()} cores; load average {os.getloadavg()[0]:.1f};"
        f" {time.perf_counter() - began:.0f} s"
    )


if __name__ == "__main__":
    main()
