"""Plan: everything that decides about a training besides its data, as one value that can be recorded and compared."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from detbench.adapters.preprocessing import Preprocessing
from detbench.adapters.yolo.model_file import Stored
from detbench.errors import DetbenchError

PADDING = 127
"""Grey that surrounds pictures, as Darknet has it."""
_NOT_COMPARED = {"max_seconds", "stored"}
"""What may change between an interruption and going on: it changes no step of the training."""


@dataclass(frozen=True)
class Plan:
    """How a YOLO is trained."""

    epochs: int = 60
    batch_size: int = 16
    size: tuple[int, int] = (416, 416)
    """Width and height in pixels of the input."""
    anchors: int = 5
    """How many are found in the boxes of the training pictures."""
    stride: int = 16
    """Input pixels per cell."""
    width: int = 16
    """Channels of the first convolution."""
    depth: int = 2
    """Convolutions on the last grid."""
    learning_rate: float = 3e-3
    """Of Adam at its highest: it rises over the first `warmup_steps` and falls to a hundredth along a cosine over all epochs."""
    warmup_steps: int = 100
    augment: bool = True
    """Whether pictures are mirrored, moved, zoomed and recoloured at random."""
    seed: int = 0
    max_seconds: float | None = None
    """No epoch is begun that would end later than this, as far as the last one tells; None for no limit."""
    stored: Stored = "float32"
    """The type in which the model's file holds its weights."""

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "anchors", "width", "depth"):
            if getattr(self, name) < 1:
                raise DetbenchError(
                    f"training: {name} must be at least 1, not {getattr(self, name)}"
                )
        if not (math.isfinite(self.learning_rate) and self.learning_rate > 0):
            raise DetbenchError(
                f"training: learning_rate must be a positive number, not {self.learning_rate}"
            )
        if self.seed < 0 or self.warmup_steps < 0:
            raise DetbenchError("training: seed and warmup_steps must not be negative")
        if self.stride < 2 or self.stride & (self.stride - 1):
            raise DetbenchError(
                f"training: stride must be a power of two from 2, not {self.stride}"
            )
        if any(side < self.stride or side % self.stride for side in self.size):
            wide, high = (max(round(side / self.stride), 1) * self.stride for side in self.size)
            raise DetbenchError(
                f"training: size must be a multiple of {self.stride}, not {self.size[0]}×{self.size[1]}; take {wide}×{high}"
            )

    @property
    def preparation(self) -> Preprocessing:
        """How pictures become the input: letterboxed in the middle of grey, RGB / 255, channels last."""
        return Preprocessing(self.size, "letterbox", pad_value=PADDING, layout="nhwc")

    def as_dict(self) -> dict[str, Any]:
        """Return what two trainings must share for one to go on with the other's, as JSON-ready values."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
            if name not in _NOT_COMPARED
        }


def differences(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """Return the settings that differ as `name: one → other`, in the order of `other`."""
    names = [*other, *(name for name in one if name not in other)]
    return [
        f"{name}: {one.get(name)} → {other.get(name)}"
        for name in names
        if one.get(name) != other.get(name)
    ]
