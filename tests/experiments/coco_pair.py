"""Pairs of COCO files that mistakes are planted in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np

Entry = dict[str, Any]


@dataclass
class CocoPair:
    """COCO annotations and results, as decoded JSON, to be spoiled."""

    ground_truth: dict[str, Any]
    detections: list[Entry]
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(27))

    def copy(self, seed: int = 27) -> CocoPair:
        both = msgspec.json.encode((self.ground_truth, self.detections))
        decoded: tuple[dict[str, Any], list[Entry]] = msgspec.json.decode(both)
        return CocoPair(*decoded, np.random.default_rng(seed))

    @property
    def annotations(self) -> list[Entry]:
        annotations: list[Entry] = self.ground_truth["annotations"]
        return annotations

    @property
    def sizes(self) -> dict[Any, tuple[float, float]]:
        images = self.ground_truth["images"]
        return {image["id"]: (image["width"], image["height"]) for image in images}

    def sample(self, share: float) -> list[Entry]:
        """Return a random sample of the detections."""
        n_detections = len(self.detections)
        n_sampled = max(1, int(share * n_detections))
        rows = self.rng.choice(n_detections, n_sampled, replace=False)
        return [self.detections[row] for row in rows]


Plant = Callable[[CocoPair], None]


@dataclass(frozen=True)
class Mistake:
    """One way to make a mistake of the list, and the ID that names it."""

    name: str
    how: str
    id: str
    plant: Plant
