"""Scoring: from a command's options to a protocol, evaluations, intervals and their tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import typer

from detbench.cli.shared.app import INVALID, Difficult
from detbench.cli.shared.console import log, status
from detbench.errors import DetbenchError
from detbench.wording import plural

if TYPE_CHECKING:
    from rich.console import RenderableType

    from detbench.bench.results import ValueIntervals
    from detbench.data.detections import Detections
    from detbench.data.ground_truth import GroundTruth
    from detbench.metrics.protocols.protocol import Protocol
    from detbench.metrics.scoring.evaluation import Evaluation
    from detbench.metrics.uncertainty.ranking import Ranking


def protocol_from_options(
    ground_truth: GroundTruth,
    name: str | None,
    *,
    difficult: Difficult | None = None,
    strict_overlap: bool = False,
    no_plus_one: bool = False,
    matlab_recalls: bool = False,
    iou: str | None = None,
    max_detections: str | None = None,
) -> Protocol:
    """Return the named protocol, or the dataset's own, with the options' switches applied."""
    from detbench.metrics.protocols.table import protocol_named
    from detbench.metrics.protocols.voc import RECALLS_11, RECALLS_11_MATLAB

    protocol = protocol_named(name or ground_truth.protocol)
    if matlab_recalls:
        if protocol.recall_grid != RECALLS_11:
            raise DetbenchError(
                f"--matlab-recalls is about the 11 recalls of voc2007, and {protocol.name} has none"
            )
        protocol = replace(protocol, recall_grid=RECALLS_11_MATLAB)
    if difficult:
        protocol = replace(protocol, difficult=difficult)
    if iou is not None:
        protocol = protocol.with_thresholds(_numbers(iou, float, "--iou"))
    if max_detections is not None:
        limits = _numbers(max_detections, int, "--max-detections")
        protocol = protocol.with_max_detections(limits)
    return replace(
        protocol,
        strict_overlap=strict_overlap or protocol.strict_overlap,
        plus_one=protocol.plus_one and not no_plus_one,
    )


def _numbers(text: str, kind: type[Any], option: str) -> tuple[Any, ...]:
    try:
        return tuple(kind(part) for part in text.split(","))
    except ValueError as error:
        raise DetbenchError(f"{option} takes numbers separated by commas, got {text!r}") from error


def evaluate_all(
    ground_truth: GroundTruth,
    detections: Sequence[Detections],
    protocol: Protocol,
    threads: int | None,
) -> list[Evaluation]:
    """Score each detector; print a line first if the kernels have to be compiled."""
    from detbench.metrics.scoring.evaluate import evaluate
    from detbench.metrics.warmup import warm_scoring

    warm_scoring(log)
    return [evaluate(ground_truth, detector, protocol, threads=threads) for detector in detections]


def intervals_of(evaluations: Sequence[Evaluation], *, wanted: bool) -> list[ValueIntervals]:
    """Return the intervals of each evaluation's measures; empty ones if they are not wanted."""
    if not wanted:
        return [{} for _ in evaluations]
    from detbench.metrics.uncertainty.intervals import value_intervals

    with status("computing confidence intervals"):
        return [*value_intervals(evaluations)]


def ranking_of(evaluations: Sequence[Evaluation], *, wanted: bool) -> Ranking | None:
    """Return the ranking of two or more detectors; None if not wanted or without intervals."""
    if not wanted or len(evaluations) < 2:
        return None
    from detbench.metrics.uncertainty.ranking import ranking, resample_for_ranking

    with status("testing the differences between detectors"):
        replicates = resample_for_ranking(evaluations)
    return ranking(replicates) if replicates else None


def evaluation_tables(
    evaluations: Sequence[Evaluation],
    intervals: Sequence[ValueIntervals] | None = None,
    ranking: Ranking | None = None,
) -> list[RenderableType]:
    """Return heading, summary, differences and classes; last, the classes without ground truth."""
    from detbench.bench.results import classes_without_ground_truth
    from detbench.reports.dataset_and_protocol import evaluation_heading
    from detbench.reports.terminal.evaluation import (
        class_table,
        interval_footnotes,
        pair_table,
        summary_table,
    )

    tables: list[RenderableType] = [
        evaluation_heading(evaluations[0]),
        summary_table(evaluations, intervals),
    ]
    if ranking:
        tables.append(pair_table(ranking))
    tables += [class_table(evaluations, intervals), *interval_footnotes(intervals)]
    absent = classes_without_ground_truth(evaluations[0])
    if absent:
        verb = "is" if len(absent) == 1 else "are"
        tables.append(
            f"{plural(len(absent), 'class')} without ground truth {verb} left out of every mean: "
            f"{', '.join(absent)}"
        )
    return tables


def warn_of_suspicions(results: dict[str, Any]) -> None:
    """Print what is suspicious about the input of each run of a results document, on stderr."""
    for run in results["runs"]:
        for suspicion in run["suspicions"]:
            log_suspicion(run["name"], f"{suspicion['evidence']}; {suspicion['fix']}")


def log_suspicion(name: str, text: str) -> None:
    """Print on stderr what is suspicious about the input of a detector."""
    log(f"suspicious: {name}: {text}")


def exit_if_nothing_counts(evaluations: Sequence[Evaluation]) -> None:
    """Exit with the code of an invalid result if no object counts, so that no score exists."""
    if not evaluations[0].counts[:, 0, 0, 3].any():
        raise typer.Exit(INVALID)
