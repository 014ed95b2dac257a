"""Run folders: everything about one scored detector in one place, complete in itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

import msgspec

from detbench.bench.environment import environment
from detbench.bench.json_documents import write_json
from detbench.bench.latency.result import LatencyResult
from detbench.bench.latency.samples_file import load_results, save_samples
from detbench.bench.results import (
    ValueIntervals,
    evaluation_record,
    protocol_record,
    recorded_protocol,
)
from detbench.bench.run_files import DETECTIONS, GROUND_TRUTH, LATENCY, RECORD
from detbench.bench.run_record import RunRecord
from detbench.bench.schema_upgrades import (
    upgraded_model_settings,
    upgraded_record,
)
from detbench.data.checks.suspicion import Suspicion
from detbench.data.detections import Detections
from detbench.data.files import atomic_folder
from detbench.data.formats.parsing.json_text import json_value
from detbench.data.ground_truth import GroundTruth
from detbench.data.schema_version import SCHEMA_VERSION
from detbench.errors import DetbenchError, InputError
from detbench.metrics.protocols.protocol import Protocol
from detbench.metrics.scoring.evaluate import evaluate
from detbench.metrics.scoring.evaluation import Evaluation, evaluation_html


@dataclass(frozen=True, eq=False)
class Run:
    """A run folder, read back."""

    folder: Path
    record: dict[str, Any]
    """In the current schema version, with the latencies as their samples describe them."""
    ground_truth: GroundTruth
    detections: Detections
    latency: tuple[LatencyResult, ...] = ()

    @property
    def name(self) -> str:
        """The detector's name."""
        return self.detections.name

    @property
    def protocol(self) -> Protocol:
        """The protocol of the recorded evaluation, with every switch.

        Raises:
            InputError: The record has none, or a malformed one.
        """
        try:
            return recorded_protocol(self.record["options"]["effective"]["protocol"])
        except (
            KeyError,
            TypeError,
            AttributeError,
            msgspec.ValidationError,
            DetbenchError,
        ) as error:
            problem = f"has no valid protocol ({error})"
            fix = "score again with `detbench eval -o`"
            raise InputError(self.folder / RECORD, problem, fix=fix) from error

    def evaluation(self) -> Evaluation:
        """Score again under the recorded protocol, from the folder alone.

        Matches are not stored: matching takes a tenth of a second.
        """
        return evaluate(self.ground_truth, self.detections, self.protocol)

    def __repr__(self) -> str:
        return f"<Run {self.name!r} on {self.ground_truth.name} in {self.folder}>"

    def _repr_html_(self) -> str:
        """Return the scores and the path of the folder as HTML, for notebooks."""
        return f"{evaluation_html(self.evaluation())}<p>run folder {escape(str(self.folder))}</p>"


def write_run(
    folder: Path,
    evaluation: Evaluation,
    *,
    options: dict[str, Any],
    intervals: ValueIntervals | None = None,
    latency: Sequence[LatencyResult] = (),
    suspicions: Sequence[Suspicion] | None = None,
) -> Path:
    """Write a run folder for an evaluation.

    Args:
        folder: Must be missing or empty.
        evaluation: The scored detections.
        options: As passed by the user.
        intervals: Of the measures, if there are any.
        latency: Of the same detector.
        suspicions: About the input of the evaluation; None to look for them.

    Raises:
        InputError: The folder is in use or cannot be written. Nothing is left behind.
    """
    from detbench.data.load import save_detections, save_ground_truth
    from detbench.metrics.scoring.suspicions import find_suspicions

    if suspicions is None:
        suspicions = find_suspicions(evaluation)
    record = _record(evaluation, options, intervals, latency, suspicions)
    with atomic_folder(folder) as temporary:
        if latency:
            record["digests"]["latency"] = save_samples(latency, temporary / LATENCY)
        write_json(temporary / RECORD, record)
        save_ground_truth(evaluation.ground_truth, temporary / GROUND_TRUTH)
        save_detections(evaluation.detections, evaluation.ground_truth, temporary / DETECTIONS)
    return folder


def _record(
    evaluation: Evaluation,
    options: dict[str, Any],
    intervals: ValueIntervals | None,
    latency: Sequence[LatencyResult],
    suspicions: Sequence[Suspicion],
) -> dict[str, Any]:
    ground_truth, detections = evaluation.ground_truth, evaluation.detections
    return {
        "schema_version": SCHEMA_VERSION,
        "name": detections.name,
        "created": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "model": detections.settings.get("model"),
        "options": {
            "passed": options,
            "effective": {
                "protocol": protocol_record(evaluation.protocol),
                "model": dict(detections.settings),
            },
        },
        "sources": {"ground_truth": ground_truth.source, "detections": detections.source},
        "digests": {
            "model": detections.settings.get("digest"),
            "ground_truth": ground_truth.digest,
            "detections": detections.digest,
        },
        "environment": environment().as_dict(),
        "evaluations": [
            {
                "protocol": evaluation.protocol.name,
                **evaluation_record(evaluation, intervals, suspicions),
            }
        ],
        "latency": [result.as_record() for result in latency],
    }


def read_run(folder: Path) -> Run:
    """Read a run folder and check its files against the digests of its record.

    Raises:
        InputError: A file is missing, malformed, changed, or of a newer version.
    """
    from detbench.data.load import load_detections, load_ground_truth

    record, checked = _read_record(folder / RECORD)
    ground_truth = load_ground_truth(folder / GROUND_TRUTH)
    detections = load_detections(folder / DETECTIONS, ground_truth, name=checked.name)
    for kind, digest in (
        ("ground_truth", ground_truth.digest),
        ("detections", detections.digest),
    ):
        if checked.digests.get(kind) != digest:
            problem = "is not the file that this run was recorded with: its digest differs"
            raise InputError(folder / f"{kind}.parquet", problem, fix="score again")
    # Parquet stores settings in the words of the version that wrote it.
    detections = replace(detections, settings=upgraded_model_settings(detections.settings))
    latency = load_results(
        folder / LATENCY, record.get("latency", ()), checked.digests.get("latency")
    )
    # Older records describe times as if they were about all processes of a model.
    record |= {"latency": [result.as_record() for result in latency]}
    return Run(folder, record, ground_truth, detections, latency)


def _read_record(path: Path) -> tuple[dict[str, Any], RunRecord]:
    try:
        record = upgraded_record(json_value(path.read_bytes()), path)
        return record, msgspec.convert(record, RunRecord)
    except OSError as error:
        fix = "name a run folder, as `detbench eval -o` writes it"
        raise InputError(path, "cannot be read", fix=fix) from error
    except msgspec.MsgspecError as error:
        raise InputError(path, f"is not a record of a run: {error}") from error
