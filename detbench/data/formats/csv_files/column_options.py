"""Column options: what a user states about the columns of ground truth, detections or both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from detbench.errors import DetbenchError

Side = Literal["ground-truth", "detections"]
SIDES: tuple[Side, ...] = ("ground-truth", "detections")
_TABLE_SUFFIXES = frozenset({".csv", ".tsv", ".tab", ".txt", ".dat", ""})


@dataclass(frozen=True)
class ColumnOptions:
    """The options of a command, as in `--columns image=name,…` or `--columns detections:…`.

    Without a side, an option is about every input that is a CSV file by its suffix.

    Args:
        options: The options.
        inputs: The ground truth, then the detections, of the command.

    Raises:
        DetbenchError: A side has two options, or an option is about none of the inputs.
    """

    options: Sequence[str]
    inputs: Sequence[Path]

    def __post_init__(self) -> None:
        for side in (None, *SIDES):
            if sum(self._side(option) == side for option in self.options) > 1:
                side_text = f"for {side}" if side else "without a side"
                raise DetbenchError(f"--columns is given twice {side_text}; state all columns once")
        if self._of(None) is not None and not any(map(_is_table, self.inputs)):
            raise DetbenchError(
                "--columns is for CSV files, and no input is one by its suffix; write "
                "--columns ground-truth:… or --columns detections:…"
            )

    def for_ground_truth(self, path: Path) -> str | None:
        """Return what is stated about the columns of the ground truth at `path`."""
        return self._for("ground-truth", path)

    def for_detections(self, path: Path) -> str | None:
        """Return what is stated about the columns of the detections at `path`."""
        return self._for("detections", path)

    def _for(self, side: Side, path: Path) -> str | None:
        stated = self._of(side)
        if stated is None and _is_table(path):
            return self._of(None)
        return stated

    def _of(self, side: Side | None) -> str | None:
        options = (option for option in self.options if self._side(option) == side)
        option = next(options, None)
        return option.removeprefix(f"{side}:") if option is not None else None

    @staticmethod
    def _side(option: str) -> Side | None:
        return next((side for side in SIDES if option.startswith(f"{side}:")), None)


def _is_table(path: Path) -> bool:
    return path.is_file() and path.suffix.lower() in _TABLE_SUFFIXES
