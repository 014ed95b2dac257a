"""Checkpoints: the state of a training after an epoch, from which it resumes exactly.

Beside `model.keras` lies a folder `model.keras.training` with one folder for the last and one for
the best epoch. Each holds the weights with the optimizer's state, and a record of settings,
anchors and history. They are written atomically, so the last complete epoch survives any
interruption.
"""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from detbench.adapters.keras.model_file import LOAD_ERRORS
from detbench.data.files import atomic_folder
from detbench.errors import InputError

VERSION = 1
SCORE_COLUMN = "val_voc2007_mAP"
"""The column of the history that decides which epoch is the best."""
_WEIGHTS = "state.weights.h5"
_RECORD = "state.json"
_FIX = "remove this folder, or start over with --no-resume"


@dataclass
class TrainingState:
    """How far a training is."""

    settings: dict[str, Any]
    """The training plan and the digests of the data, as JSON values."""
    anchors: list[list[float]]
    """Widths and heights in cells."""
    history: list[dict[str, float]] = field(default_factory=list)
    """One row per finished epoch: `epoch` from 1, `seconds`, losses, scores."""

    @property
    def elapsed_s(self) -> float:
        """Seconds that the finished epochs took."""
        return sum(row["seconds"] for row in self.history)

    @property
    def best_epoch(self) -> int:
        """Number of the first epoch with the best score, 0 if none is finished.

        A missing score (NaN) is the worst.
        """
        scores = [
            -math.inf if math.isnan(row[SCORE_COLUMN]) else row[SCORE_COLUMN]
            for row in self.history
        ]
        return scores.index(max(scores)) + 1 if scores else 0


class Checkpoints:
    """The checkpoint folder of a training."""

    def __init__(self, output: Path) -> None:
        self.folder = output.with_name(f"{output.name}.training")

    def latest(self) -> TrainingState | None:
        """Return the state after the last finished epoch, None if there is none.

        Raises InputError if the folder cannot be read.
        """
        finished = self._epoch_folders()
        return _read_state(finished[-1] / _RECORD) if finished else None

    def save(self, model: Any, state: TrainingState) -> None:
        """Save the state after the latest epoch, and remove all others except the best."""
        epoch = len(state.history)
        record = {
            "schema_version": VERSION,
            "settings": state.settings,
            "anchors": state.anchors,
            "history": state.history,
        }
        with atomic_folder(self._epoch_folder(epoch)) as temporary:
            model.save_weights(temporary / _WEIGHTS)
            text = json.dumps(record, sort_keys=True, allow_nan=True)
            (temporary / _RECORD).write_text(text, encoding="utf-8")
        kept = (self._epoch_folder(epoch), self._epoch_folder(state.best_epoch))
        for folder in self._epoch_folders():
            if folder not in kept:
                shutil.rmtree(folder)

    def restore(self, model: Any, epoch: int) -> None:
        """Load weights and optimizer state after an epoch into a model of the same shape.

        The optimizer must be built. Raises InputError if the file cannot be read.
        """
        path = self._epoch_folder(epoch) / _WEIGHTS
        try:
            model.load_weights(path)
        except LOAD_ERRORS as error:
            reason = str(error).strip().split("\n", 1)[0][:200]
            raise InputError(path, f"cannot be read ({reason})", fix=_FIX) from error

    def remove(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _epoch_folder(self, epoch: int) -> Path:
        return self.folder / f"epoch-{epoch:05d}"

    def _epoch_folders(self) -> list[Path]:
        return sorted(self.folder.glob("epoch-*"))


class _Record(msgspec.Struct):
    """What a record must hold."""

    settings: dict[str, Any]
    anchors: list[tuple[float, float]]
    history: list[dict[str, float]]


def _read_state(path: Path) -> TrainingState:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        version = record["schema_version"]
        if version != VERSION:
            problem = f"has version {version}, and this detbench reads {VERSION}"
            raise InputError(path, problem, fix=_FIX)
        msgspec.convert(record, _Record)
        _check_history(record["history"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        problem = f"cannot be read as the record of a training ({error})"
        raise InputError(path, problem, fix=_FIX) from error
    return TrainingState(record["settings"], record["anchors"], record["history"])


def _check_history(history: list[dict[str, float]]) -> None:
    """Raise ValueError unless there is a row for each epoch, with its time and score."""
    for epoch, row in enumerate(history, 1):
        if row.get("epoch") != epoch or "seconds" not in row or SCORE_COLUMN not in row:
            raise ValueError(f"epoch {epoch} is missing or incomplete")
    if not history:
        raise ValueError("no epoch is finished")
