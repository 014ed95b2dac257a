"""Steps that several commands share: load, choose a protocol, evaluate, tabulate."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from detbench.cli.shared.app import Difficult
from detbench.cli.shared.talk import status, talk
from detbench.errors import DetbenchError, InputError

if TYPE_CHECKING:
    import typer
    from rich.console import RenderableType

    from detbench.bench.results import ValueIntervals
    from detbench.data.columns import Ints
    from detbench.data.detections import Detections
    from detbench.data.ground_truth import GroundTruth
    from detbench.metrics.protocols.protocol import Protocol
    from detbench.metrics.scoring.evaluation import Evaluation
    from detbench.metrics.uncertainty.ranking import Ranking


def given_names(paths: Sequence[Path], given: Sequence[str] | None) -> list[str | None]:
    """Return the --name of each file, None where the file says it; as many names as files, and none empty, or it is an error."""
    if given and len(given) != len(paths):
        raise DetbenchError(
            f"{len(given)} names for {len(paths)} detection files; give --name once for each, in their order"
        )
    if given and not all(each.strip() for each in given):
        raise DetbenchError("--name needs a name, not an empty one")
    return [*given] if given else [None] * len(paths)


def check_names_differ(found: Iterable[Detections]) -> None:
    """Raise DetbenchError where two detectors have one name."""
    check_distinct([detections.name for detections in found])


def check_distinct(names: Sequence[str]) -> None:
    """Raise DetbenchError where a name comes twice."""
    if len(set(names)) != len(names):
        raise DetbenchError(
            f"detectors need different names, got {', '.join(names)}; give --name once for each file"
        )


def check_run_names(names: Sequence[str]) -> None:
    """Refuse names that a folder cannot have."""
    for name in names:
        if Path(name).name != name or name in {".", ".."} or not name.isprintable():
            raise DetbenchError(f"{name!r} cannot be the name of a run folder; give another --name")


def check_run_folders(runs: Path, names: Sequence[str]) -> None:
    """Refuse, before any work is done, run folders that are in use or cannot be named so."""
    from detbench.data.files import is_free

    check_run_names(names)
    for name in names:
        folder = runs / name
        if not is_free(folder):
            raise InputError(
                folder,
                "already exists and is not empty",
                fix="choose another -o or --name, or remove it",
            )


def load_all(
    ground_truth: Path,
    detections: Sequence[Path],
    names: Sequence[str | None],
    *,
    split: str | None = None,
    images: Path | None = None,
    only_present: bool = False,
    allow_unknown: bool = False,
    groups: Path | None = None,
) -> tuple[GroundTruth, list[Detections]]:
    """Load ground truth, with the groups of its images if given, and the detections of each file.

    All are cut down to the images whose picture is there if asked.
    """
    from detbench.data.groups import read_groups
    from detbench.data.load import load_detections

    truth = load_dataset(ground_truth, split=split, images=images)
    if groups:
        truth = replace(truth, groups=read_groups(groups, truth))
    found = []
    for path, name in zip(detections, names, strict=True):
        with status(f"reading {path}"):
            found.append(load_detections(path, truth, allow_unknown=allow_unknown, name=name))
    check_names_differ(found)
    if not only_present:
        return truth, found
    positions = present_positions(truth)
    smaller = truth.select_images(positions)
    return smaller, [each.select_images(smaller, positions) for each in found]


def load_dataset(path: Path, *, split: str | None, images: Path | None) -> GroundTruth:
    """Load ground truth, saying so while it takes time."""
    from detbench.data.load import load_ground_truth

    with status(f"reading {path}"):
        return load_ground_truth(path, split=split, images=images)


def present_positions(truth: GroundTruth) -> Ints:
    """Return the positions of the images whose picture is there, and say how many."""
    positions = truth.present_images()
    talk(
        f"only present: {len(positions):,} of {len(truth.image_ids):,} images have their picture in {truth.image_folder}"
    )
    return positions


def chosen_protocol(
    truth: GroundTruth,
    name: str | None,
    *,
    difficult: Difficult | None = None,
    strict_overlap: bool = False,
    no_plus_one: bool = False,
    iou: str | None = None,
    max_detections: str | None = None,
) -> Protocol:
    """Return the protocol of this name, or the dataset's own, with the switches set that the options name."""
    from detbench.metrics.protocols.protocol import protocol_named

    rules = protocol_named(name or truth.protocol)
    if difficult:
        rules = replace(rules, difficult=difficult)
    if iou is not None:
        rules = rules.with_thresholds(_numbers(iou, float, "--iou"))
    if max_detections is not None:
        rules = rules.with_max_detections(_numbers(max_detections, int, "--max-detections"))
    return replace(
        rules,
        strict_overlap=strict_overlap or rules.strict_overlap,
        plus_one=rules.plus_one and not no_plus_one,
    )


def _numbers(text: str, kind: type[Any], option: str) -> tuple[Any, ...]:
    try:
        return tuple(kind(part) for part in text.split(","))
    except ValueError as error:
        raise DetbenchError(f"{option} takes numbers separated by commas, got {text!r}") from error


def evaluate_all(
    truth: GroundTruth, found: Sequence[Detections], rules: Protocol, threads: int | None
) -> list[Evaluation]:
    """Score each detector; say so if the kernels have to be compiled first."""
    from detbench.metrics.scoring.evaluate import evaluate
    from detbench.metrics.warmup import warm_scoring

    warm_scoring(talk)
    return [evaluate(truth, detections, rules, threads=threads) for detections in found]


def intervals_of(evaluations: Sequence[Evaluation], *, wanted: bool) -> list[ValueIntervals]:
    """Return the intervals of each evaluation's measures, none where they are not wanted."""
    from detbench.metrics.uncertainty.intervals import value_intervals

    if not wanted:
        return [{} for _ in evaluations]
    with status("looking how scores vary over images"):
        return [*value_intervals(evaluations)]


def ranking_of(evaluations: Sequence[Evaluation], *, wanted: bool) -> Ranking | None:
    """Return the ranking of several detectors, None where it is not wanted or there is nothing to rank."""
    from detbench.metrics.uncertainty.ranking import paired, ranking

    if not wanted or len(evaluations) < 2:
        return None
    with status("looking whether the images tell the detectors apart"):
        found = paired(evaluations)
    return ranking(found) if found else None


def tables(
    evaluations: Sequence[Evaluation],
    known: Sequence[ValueIntervals] | None = None,
    ranked: Ranking | None = None,
) -> list[RenderableType]:
    """Return what was scored, the summary with its intervals, differences, classes, and which classes have no ground truth."""
    from detbench.bench.results import classes_without_ground_truth
    from detbench.reports.terminal.evaluation import (
        class_table,
        headline,
        pair_table,
        summary_table,
    )

    tables: list[RenderableType] = [headline(evaluations), summary_table(evaluations, known)]
    if ranked:
        tables.append(pair_table(ranked))
    tables.append(class_table(evaluations, known))
    absent = classes_without_ground_truth(evaluations[0])
    if absent:
        tables.append(
            f"{len(absent)} classes without ground truth are left out of every mean: {', '.join(absent)}"
        )
    return tables


def warn_of_suspicions(document: dict[str, Any]) -> None:
    """Say what is suspicious about the input of each run of a results document."""
    for run in document["runs"]:
        for suspicion in run["suspicions"]:
            talk(f"suspicious: {run['name']}: {suspicion['evidence']}; {suspicion['fix']}")


def check_targets(files: Sequence[Path], folders: Sequence[Path], inputs: Sequence[Path]) -> None:
    """Refuse, before any work is done, targets that can never be written or that `check_apart` refuses."""
    from detbench.cli.shared.targets import check_apart
    from detbench.data.files import check_place

    for folder in folders:
        check_place(folder, folder=True)
    for file in files:
        check_place(file, folder=False)
    check_apart([*files, *folders], inputs)


def passed_options(context: typer.Context) -> dict[str, Any]:
    """Return the options of a command as passed, JSON-ready, and the command line as it was typed."""
    return {option: _plain(value) for option, value in context.params.items()} | {
        "command": command_line()
    }


def command_line() -> str:
    """Return the command line as it was typed, quoted for a shell."""
    return shlex.join(["detbench", *sys.argv[1:]])


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return str(value) if isinstance(value, Path) else value
