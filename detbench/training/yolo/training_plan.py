"""TrainingPlan: all settings of a training except its data, as one recordable value."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from detbench.adapters.preprocessing import Preprocessing
from detbench.adapters.yolo.model_file import StoredDtype
from detbench.errors import DetbenchError

PADDING = 127
"""Gray that surrounds letterboxed images, as in Darknet."""
_FREE_TO_CHANGE = {"max_seconds", "stored_dtype"}
"""What may change when a training resumes, because it changes no step of the training."""


@dataclass(frozen=True)
class TrainingPlan:
    """How a YOLO is trained."""

    epochs: int = 60
    batch_size: int = 16
    size: tuple[int, int] = (416, 416)
    """Width and height in pixels of the input."""
    anchors: int = 5
    """Number of anchors to find in the boxes of the training images."""
    stride: int = 16
    """Input pixels per cell."""
    width: int = 16
    """Channels of the first convolution."""
    depth: int = 2
    """Convolutions after the last pooling."""
    learning_rate: float = 3e-3
    """Maximum of Adam's learning rate. It rises over the first `warmup_steps` and falls to a
    hundredth along a cosine over all epochs."""
    warmup_steps: int = 100
    augment: bool = True
    """Whether images are mirrored, shifted, zoomed and recolored at random."""
    seed: int = 0
    max_seconds: float | None = None
    """No epoch begins that would end later, judged by the last one; None for no limit."""
    stored_dtype: StoredDtype = "float32"
    """Type of the weights in the model file."""

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
                f"training: stride must be a power of two, 2 or more, not {self.stride}"
            )
        if any(side < self.stride or side % self.stride for side in self.size):
            width, height = (max(round(side / self.stride), 1) * self.stride for side in self.size)
            raise DetbenchError(
                f"training: size must be a multiple of {self.stride}, "
                f"not {self.size[0]}×{self.size[1]}; use {width}×{height}"
            )

    @property
    def preprocessing(self) -> Preprocessing:
        """How images become the input: letterboxed with gray, RGB / 255, channels last."""
        return Preprocessing(self.size, "letterbox", pad_value=PADDING, layout="nhwc")

    def as_dict(self) -> dict[str, Any]:
        """Return the settings that must be equal to resume a training, as JSON-ready values."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
            if name not in _FREE_TO_CHANGE
        }


def setting_differences(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Return the settings that differ as `name: old → new`, in the order of `new`."""
    names = [*new, *(name for name in old if name not in new)]
    return [
        f"{name}: {old.get(name)} → {new.get(name)}"
        for name in names
        if old.get(name) != new.get(name)
    ]
