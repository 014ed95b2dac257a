"""Run folders: everything about one scored detector in one place, complete in itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

import msgspec

from detbench.bench.environment import environment
from detbench.bench.latency.result import LatencyResult
from detbench.bench.latency.store import LATENCY, load_results, save_samples
from detbench.bench.results import (
    SCHEMA_VERSION,
    ValueIntervals,
    evaluation_record,
    protocol_record,
    recorded_protocol,
)
from detbench.data.detections import Detections
from detbench.data.files import atomic_folder, atomic_path
from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchError, InputError
from detbench.metrics.protocols.protocol import Protocol
from detbench.metrics.scoring.evaluate import evaluate
from detbench.metrics.scoring.evaluation import Evaluation
from detbench.metrics.scoring.evaluation_html import evaluation_html

RECORD, GROUND_TRUTH, DETECTIONS = "record.json", "ground_truth.parquet", "detections.parquet"
UPGRADES: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}
"""Schema version → what turns a record of it into one of the next version; the one place where older records are upgraded."""


@dataclass(frozen=True, eq=False)
class Run:
    """A run folder, read back."""

    folder: Path
    record: dict[str, Any]
    ground_truth: GroundTruth
    detections: Detections
    latency: tuple[LatencyResult, ...] = ()

    @property
    def name(self) -> str:
        """The detector's name."""
        return self.detections.name

    @property
    def protocol(self) -> Protocol:
        """The protocol that was scored by, with every switch as it was."""
        try:
            return recorded_protocol(self.record["options"]["effective"]["protocol"])
        except (
            KeyError,
            TypeError,
            AttributeError,
            msgspec.ValidationError,
            DetbenchError,
        ) as error:
            problem = f"does not say by which protocol was scored ({error})"
            raise InputError(
                self.folder / RECORD, problem, fix="score again with `detbench eval -o`"
            ) from error

    def evaluation(self) -> Evaluation:
        """Score again under the recorded protocol, from the folder alone: matches are not stored, matching takes a tenth of a second."""
        return evaluate(self.ground_truth, self.detections, self.protocol)

    def __repr__(self) -> str:
        return f"<Run {self.name!r} on {self.ground_truth.name} in {self.folder}>"

    def _repr_html_(self) -> str:
        """Return the scores and where they are kept as HTML, for notebooks."""
        return f"{evaluation_html(self.evaluation())}<p>run folder {escape(str(self.folder))}</p>"


class _Version(msgspec.Struct):
    schema_version: int


class _Core(msgspec.Struct):
    """What reading a run needs of its record."""

    name: str
    digests: dict[str, str | None]


def write_json(path: Path, document: dict[str, Any]) -> None:
    """Write a document with sorted keys, indented, all of it or nothing."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(json_bytes(document))


def json_bytes(document: dict[str, Any]) -> bytes:
    """Return a document as JSON with sorted keys, indented, ending in a newline."""
    return msgspec.json.format(msgspec.json.encode(document, order="sorted"), indent=2) + b"\n"


def write_run(
    folder: Path,
    evaluation: Evaluation,
    *,
    options: dict[str, Any],
    intervals: ValueIntervals | None = None,
    latency: Sequence[LatencyResult] = (),
) -> Path:
    """Write a run folder for an evaluation.

    Args:
        folder: must not exist yet or be empty.
        evaluation: what was scored.
        options: as passed by the user.
        intervals: of the measures, where they are known.
        latency: what was timed of the same detector.

    Raises:
        InputError: the folder is in use or cannot be written; nothing is left behind.
    """
    from detbench.data.load import save_detections, save_ground_truth

    record: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "name": evaluation.detections.name,
        "created": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "model": evaluation.detections.settings.get("model"),
        "options": {
            "passed": options,
            "effective": {
                "protocol": protocol_record(evaluation.protocol),
                "model": dict(evaluation.detections.settings),
            },
        },
        "sources": {
            "ground_truth": evaluation.ground_truth.source,
            "detections": evaluation.detections.source,
        },
        "digests": {
            "model": evaluation.detections.settings.get("digest"),
            "ground_truth": evaluation.ground_truth.digest,
            "detections": evaluation.detections.digest,
        },
        "environment": environment().as_dict(),
        "evaluations": [
            {"protocol": evaluation.protocol.name, **evaluation_record(evaluation, intervals)}
        ],
        "latency": [result.as_record() for result in latency],
    }
    with atomic_folder(folder) as temporary:
        if latency:
            record["digests"]["latency"] = save_samples(latency, temporary / LATENCY)
        write_json(temporary / RECORD, record)
        save_ground_truth(evaluation.ground_truth, temporary / GROUND_TRUTH)
        save_detections(evaluation.detections, evaluation.ground_truth, temporary / DETECTIONS)
    return folder


def read_run(folder: Path) -> Run:
    """Read a run folder and check its files against the digests of its record.

    Raises:
        InputError: a file is missing, changed, or of a newer version.
    """
    from detbench.data.load import load_detections, load_ground_truth

    path = folder / RECORD
    try:
        text = path.read_bytes()
        version = msgspec.json.decode(text, type=_Version).schema_version
        if version < 1:
            raise InputError(path, f"has schema version {version}, which never was one")
        if version > SCHEMA_VERSION:
            raise InputError(
                path,
                f"has schema version {version}, this detbench reads up to {SCHEMA_VERSION}",
                fix="upgrade detbench",
            )
        core = msgspec.json.decode(text, type=_Core)
    except OSError as error:
        raise InputError(
            path, "cannot be read", fix="give a run folder, as `detbench eval -o` writes it"
        ) from error
    except msgspec.DecodeError as error:
        raise InputError(path, f"is not a record: {error}") from error
    truth = load_ground_truth(folder / GROUND_TRUTH)
    detections = load_detections(folder / DETECTIONS, truth, name=core.name)
    for kind, found in (("ground_truth", truth.digest), ("detections", detections.digest)):
        if core.digests.get(kind) != found:
            raise InputError(
                folder / f"{kind}.parquet",
                "is not the file this run was recorded with: its digest differs",
                fix="score again",
            )
    record = upgraded(msgspec.json.decode(text))
    latency = load_results(folder / LATENCY, record.get("latency", ()), core.digests.get("latency"))
    return Run(folder, record, truth, detections, latency)


def upgraded(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record of any older schema version as one of this version."""
    for version in range(record["schema_version"], SCHEMA_VERSION):
        record = UPGRADES[version](record) | {"schema_version": version + 1}
    return record
