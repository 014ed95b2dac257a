"""Recall of objects grouped by a trait: which kinds of objects a detector does not find."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detbench.data.columns import Flags, Floats, Ints, groups_from_offsets
from detbench.metrics.errors.diagnosis import FOUND, HIT, LEFT_OUT, Diagnosis
from detbench.metrics.errors.traits import Trait
from detbench.metrics.scoring.evaluation import Evaluation


@dataclass(frozen=True, eq=False)
class TraitRecall:
    """Recall by the V values of a trait; objects that do not count are left out."""

    trait: Trait
    objects: Ints
    """(V,) objects to find."""
    reached: Floats
    """(V,) share found by any detection, NaN without objects."""
    taken: Floats
    """(V,) share found by detections of at least the score threshold, NaN without objects."""
    by_image: Ints
    """(2, I, V) objects to find, and those found at the score threshold."""

    def replicates(self, weights: NDArray[np.uint16]) -> Floats:
        """Return (B, V) `taken` when image i counts `weights[b, i]` times; weights is (B, I)."""
        objects, found = (weights.astype(np.float64) @ table for table in self.by_image)
        return _share(found, objects)


def trait_recall(
    evaluation: Evaluation, diagnosis: Diagnosis, trait: Trait, score: float
) -> TraitRecall:
    """Return recall by a trait, with all detections and with those of at least a score."""
    objects = (diagnosis.objects != LEFT_OUT) & (trait.of >= 0)
    found = objects & (diagnosis.objects == FOUND)
    taken = found & _found_from(evaluation, diagnosis, score)
    tables = np.stack([_by_image(evaluation, trait, chosen) for chosen in (objects, taken)])
    totals = tables.sum(axis=1)
    reached = np.bincount(trait.of[found], minlength=len(trait.values))
    return TraitRecall(
        trait, totals[0], _share(reached, totals[0]), _share(totals[1], totals[0]), tables
    )


def _found_from(evaluation: Evaluation, diagnosis: Diagnosis, score: float) -> Flags:
    """Return (G,) which objects a detection of at least a score hit."""
    hits = (diagnosis.detections == HIT) & (evaluation.detections.scores >= score)
    found = np.zeros(len(diagnosis.objects), np.bool_)
    found[diagnosis.partners[hits]] = True
    return found


def _by_image(evaluation: Evaluation, trait: Trait, chosen: Flags) -> Ints:
    truth, values = evaluation.ground_truth, len(trait.values)
    place = groups_from_offsets(truth.offsets)[chosen].astype(np.int64) * values + trait.of[chosen]
    return np.bincount(place, minlength=len(truth.image_ids) * values).reshape(-1, values)


def _share(part: NDArray[np.floating] | Ints, whole: NDArray[np.floating] | Ints) -> Floats:
    return np.asarray(np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=whole > 0))
