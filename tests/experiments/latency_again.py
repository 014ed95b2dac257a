"""Time models again and again, alone and in company: do the times hold?

    python -m tests.experiments.latency_again --minutes 60 --record latency_again.jsonl
    python -m tests.experiments.latency_again --minutes 0 --record latency_again.jsonl

Each invocation is a `detbench latency` of its own, drawn at random: one model, or two that take
turns. FastestDet alone is drawn most often. Needs the real models ($DETBENCH_DATA or
../shared/data). Finished invocations are in the record, so that an interrupted run resumes. Prints
Markdown tables; with no minutes left, only those.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from detbench.adapters.shipped import SPECS
from tests.experiments.population import data_folder

MODELS = data_folder() / "models"
FASTEST, NANO = "FastestDet", "yolox_nano"
YOLO = Path(SPECS["yolo"].partition(":")[2]).stem
FILES = {
    FASTEST: f"onnx:{MODELS / 'fastestdet' / 'FastestDet.onnx'}",
    NANO: f"onnx:{MODELS / 'yolox_nano_kazuhito' / 'yolox_nano.onnx'}",
    YOLO: SPECS["yolo"],
}
COUNTS = {
    (FASTEST,): 40,
    (FASTEST, NANO): 20,
    (YOLO, FASTEST): 20,
    (NANO,): 10,
    (YOLO,): 10,
}
"""How often each set of models is to be timed."""
P50_LIMIT, P90_LIMIT, RATIO_LIMIT = 0.02, 0.05, 0.03
Invocation = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--record", type=Path, default=Path("latency_again.jsonl"))
    parser.add_argument("--models", default=",".join(FILES), help="only sets of these")
    parser.add_argument("--max-seconds", type=float)
    parser.add_argument("--processes", type=int)
    parser.add_argument("--patience", type=float, default=0.0)
    options = parser.parse_args()
    invocations = read(options.record)
    rng = np.random.default_rng(len(invocations))
    ends_at = time.monotonic() + 60 * options.minutes
    names = set(options.models.split(","))
    while time.monotonic() < ends_at and (left := missing(invocations, names)):
        models = left[rng.integers(len(left))]
        invocation = invoke(models, options)
        with options.record.open("a", encoding="utf-8") as record:
            record.write(json.dumps(invocation) + "\n")
        invocations.append(invocation)
    print_tables(invocations)


def read(record: Path) -> list[Invocation]:
    if not record.exists():
        return []
    return [json.loads(line) for line in record.read_text(encoding="utf-8").splitlines()]


def missing(invocations: Sequence[Invocation], names: set[str]) -> list[tuple[str, ...]]:
    """Return the sets of these models still to time, each as often as it is missing."""
    done = Counter(tuple(invocation["models"]) for invocation in invocations)
    return [
        models
        for models, count in COUNTS.items()
        if names.issuperset(models)
        for _ in range(count - done[models])
    ]


def invoke(models: Sequence[str], options: argparse.Namespace) -> Invocation:
    """Time models with the command, and return what it wrote."""
    started, began = time.time(), time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "times.json"
        command = [sys.executable, "-m", "detbench", "latency", *(FILES[name] for name in models)]
        command += ["--json", str(file)]
        command += ["--patience", f"{options.patience:g}"]
        command += ["--max-seconds", f"{options.max_seconds:g}"] if options.max_seconds else []
        command += ["--processes", str(options.processes)] if options.processes else []
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if not file.exists():
            raise SystemExit(done.stderr)
        document = json.loads(file.read_text(encoding="utf-8"))
    return {
        "models": list(models),
        "started": started,
        "seconds": time.perf_counter() - began,
        "code": done.returncode,
        "results": document["results"],
        "comparisons": document["comparisons"],
    }


def print_tables(invocations: Sequence[Invocation]) -> None:
    print(f"{len(invocations)} invocations, {span_minutes(invocations):.0f} minutes\n")
    print("| models | invocations | results | valid | seconds each: median (longest) |")
    print("|---|---|---|---|---|")
    for models in COUNTS:
        own = of(invocations, models)
        if not own:
            continue
        verdicts = [result["verdict"] for one in own for result in one["results"]]
        seconds = [one["seconds"] for one in own]
        print(
            f"| {', '.join(models)} | {len(own)} | {len(verdicts)} | {verdicts.count('valid')}"
            f" | {np.median(seconds):.0f} ({max(seconds):.0f}) |"
        )
    print_again(invocations)
    print_company(invocations)
    print_ratios(invocations)
    print_comparisons(invocations)


def print_again(invocations: Sequence[Invocation]) -> None:
    """Print whether the intervals of single models hold."""
    columns = ("model", "stage", "valid", "p50 ms: 10–90%", "drift", "agreeing pairs")
    columns += ("hold the median",)
    print(f"\n| {' | '.join(columns)} |")
    print(f"{'|---' * len(columns)}|")
    for models in COUNTS:
        if len(models) > 1:
            continue
        for stage in ("infer", "end_to_end"):
            results = valid_results(of(invocations, models), models[0], stage)
            if len(results) < 2:
                continue
            p50s = np.array([result["p50_ms"] for result in results])
            intervals = [result["p50_interval_ms"] for result in results]
            center = float(np.median(p50s))
            agree = [agrees(one, other) for one, other in combinations(results, 2)]
            holds = [low <= center <= high for low, high in intervals]
            low, high = np.percentile(p50s, [10, 90])
            print(
                f"| {models[0]} | {stage} | {len(results)} | {low:.3g}–{high:.3g}"
                f" | {drift(results):.1%} | {np.mean(agree):.1%} of {len(agree)}"
                f" | {np.mean(holds):.1%} |"
            )


def drift(results: Sequence[dict[str, Any]]) -> float:
    """Return how much invocations differ beyond what their processes do, as a standard deviation.

    By the method of moments: the variance of the logarithms of the p50s, less the mean variance
    that the processes of an invocation give to its p50.
    """
    within = [
        np.var(np.log(result["process_p50_ms"]), ddof=1) / len(result["process_p50_ms"])
        for result in results
    ]
    total = np.var(np.log([result["p50_ms"] for result in results]), ddof=1)
    return float(np.sqrt(max(total - np.mean(within), 0.0)))


def agrees(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Return whether two p50s differ by no more than their intervals allow together."""
    half_widths = [
        (result["p50_interval_ms"][1] - result["p50_interval_ms"][0]) / 2 for result in (one, other)
    ]
    return bool(abs(one["p50_ms"] - other["p50_ms"]) <= np.hypot(*half_widths))


def print_company(invocations: Sequence[Invocation]) -> None:
    """Print how times in company compare with the median of those of the model by itself."""
    print("\n| model | in company with | stage | valid | p50 within 2% | p90 within 5% |")
    print("|---|---|---|---|---|---|")
    for models in COUNTS:
        if len(models) == 1:
            continue
        for model in models:
            other = next(name for name in models if name != model)
            for stage in ("infer", "end_to_end"):
                single = valid_results(of(invocations, (model,)), model, stage)
                company = valid_results(of(invocations, models), model, stage)
                if not single or not company:
                    continue
                cells = [
                    f"{within(company, single, key, limit)} of {len(company)}"
                    for key, limit in (("p50_ms", P50_LIMIT), ("p90_ms", P90_LIMIT))
                ]
                print(f"| {model} | {other} | {stage} | {len(company)} | {' | '.join(cells)} |")


def within(
    company: Sequence[dict[str, Any]], single: Sequence[dict[str, Any]], key: str, limit: float
) -> int:
    """Return how many figures in company are as close to the median of the single ones."""
    center = float(np.median([result[key] for result in single]))
    return sum(abs(result[key] / center - 1) <= limit for result in company)


def print_ratios(invocations: Sequence[Invocation]) -> None:
    """Print how ratios of comparisons compare with those of the single runs."""
    print("\n| B / A | stage | of single runs | of comparisons: 10–90% | within 3% |")
    print("|---|---|---|---|---|")
    for models in COUNTS:
        if len(models) == 1:
            continue
        for stage in ("infer", "end_to_end"):
            medians = [
                np.median([r["p50_ms"] for r in valid_results(of(invocations, (m,)), m, stage)])
                for m in models
                if valid_results(of(invocations, (m,)), m, stage)
            ]
            ratios = np.array(
                [
                    pair["ratio"]
                    for one in of(invocations, models)
                    if all(valid_results([one], model, stage) for model in models)
                    for pair in one["comparisons"]
                    if pair["stage"] == stage
                ]
            )
            if len(medians) < len(models) or not len(ratios):
                continue
            single = medians[1] / medians[0]
            low, high = np.percentile(ratios, [10, 90])
            n_within = int(np.sum(np.abs(ratios / single - 1) <= RATIO_LIMIT))
            print(
                f"| {models[1]} / {models[0]} | {stage} | {single:.3f}"
                f" | {low:.3f}–{high:.3f} | {n_within} of {len(ratios)} |"
            )


def print_comparisons(invocations: Sequence[Invocation]) -> None:
    """Print whether comparisons agree with each other, also if the times are not valid."""
    print("\n| B / A | stage | comparisons | of valid times | 10–90% | hold the median |")
    print("|---|---|---|---|---|---|")
    for models in COUNTS:
        for stage in ("infer", "end_to_end"):
            own = of(invocations, models)
            pairs = [p for one in own for p in one["comparisons"] if p["stage"] == stage]
            if len(pairs) < 2:
                continue
            n_valid = sum(
                all(valid_results([one], model, stage) for model in models) for one in own
            )
            ratios = [pair["ratio"] for pair in pairs]
            low, center, high = np.percentile(ratios, [10, 50, 90])
            intervals = [pair["interval"] or (0, np.inf) for pair in pairs]
            holds = [bottom <= center <= top for bottom, top in intervals]
            print(
                f"| {models[1]} / {models[0]} | {stage} | {len(pairs)} | {n_valid}"
                f" | {low:.3f}–{high:.3f} | {sum(holds)} |"
            )


def of(invocations: Sequence[Invocation], models: Sequence[str]) -> list[Invocation]:
    return [one for one in invocations if one["models"] == list(models)]


def valid_results(
    invocations: Sequence[Invocation], model: str, stage: str
) -> list[dict[str, Any]]:
    return [
        result
        for invocation in invocations
        for result in invocation["results"]
        if (result["model"], result["stage"], result["verdict"]) == (model, stage, "valid")
    ]


def span_minutes(invocations: Sequence[Invocation]) -> float:
    started = [invocation["started"] for invocation in invocations]
    return (max(started) - min(started)) / 60 if started else 0.0


if __name__ == "__main__":
    main()
