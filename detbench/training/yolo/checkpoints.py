"""Checkpoints: the state of a training after an epoch, from which it goes on as if it had not been interrupted.

Beside `model.keras` lies a folder `model.keras.training` with one folder per kept epoch, the last and the best, each written atomically:
weights with the optimizer's state, and a record of settings, anchors and history. Whenever a process ends, the last
complete epoch is there.
"""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from detbench.data.files import atomic_folder
from detbench.errors import InputError

VERSION = 1
BEST_BY = "val_voc2007_mAP"
"""The column of the history that says which epoch is the best."""
_WEIGHTS = "state.weights.h5"
_RECORD = "state.json"
_FIX = "remove this folder, or start over with --no-resume"


@dataclass
class State:
    """How far a training is."""

    settings: dict[str, Any]
    """Plan and digests of the data, as JSON values."""
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
        """The number of the epoch with the best score, the first of equal ones; one without score is the worst; 0 if none is finished."""
        scores = [-math.inf if math.isnan(row[BEST_BY]) else row[BEST_BY] for row in self.history]
        return scores.index(max(scores)) + 1 if scores else 0


class Checkpoints:
    """The folder of a training's checkpoints."""

    def __init__(self, output: Path) -> None:
        self.folder = output.with_name(f"{output.name}.training")

    def latest(self) -> State | None:
        """Return the state after the last finished epoch, None where there is none; InputError for a folder that cannot be read."""
        finished = self._finished()
        return _read(finished[-1] / _RECORD) if finished else None

    def save(self, model: Any, state: State) -> None:
        """Keep the state after the epoch that was just finished, and drop all others but the best."""
        epoch = len(state.history)
        with atomic_folder(self._of(epoch)) as hidden:
            model.save_weights(hidden / _WEIGHTS)
            record = {
                "schema_version": VERSION,
                "settings": state.settings,
                "anchors": state.anchors,
                "history": state.history,
            }
            (hidden / _RECORD).write_text(
                json.dumps(record, sort_keys=True, allow_nan=True), encoding="utf-8"
            )
        for other in self._finished():
            if other not in (self._of(epoch), self._of(state.best_epoch)):
                shutil.rmtree(other)

    def restore(self, model: Any, epoch: int) -> None:
        """Put the weights after an epoch, and the optimizer's state where the model is compiled, into a model of the same shape."""
        path = self._of(epoch) / _WEIGHTS
        try:
            if model.optimizer is not None:
                model.optimizer.build(model.trainable_variables)
            model.load_weights(path)
        except (OSError, ValueError, KeyError) as error:
            said = str(error).strip().split("\n", 1)[0][:200]
            raise InputError(path, f"cannot be read ({said})", fix=_FIX) from error

    def remove(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _of(self, epoch: int) -> Path:
        return self.folder / f"epoch-{epoch:05d}"

    def _finished(self) -> list[Path]:
        return sorted(self.folder.glob("epoch-*"))


def _read(path: Path) -> State:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        if record["schema_version"] != VERSION:
            raise InputError(
                path,
                f"is of version {record['schema_version']}, and this detbench reads {VERSION}",
                fix=_FIX,
            )
        return State(record["settings"], record["anchors"], record["history"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            path, f"cannot be read as the record of a training ({error})", fix=_FIX
        ) from error
