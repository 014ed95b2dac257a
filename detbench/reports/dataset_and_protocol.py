"""The line above a table: the dataset, its size, and the protocol with its changed switches."""

from __future__ import annotations

from detbench.data.ground_truth import GroundTruth
from detbench.metrics.protocols.table import changed_switches
from detbench.metrics.scoring.evaluation import Evaluation
from detbench.metrics.uncertainty.clusters import group_count
from detbench.wording import plural


def evaluation_heading(evaluation: Evaluation) -> str:
    """Return the dataset, its size, and the protocol with the switches that differ from it."""
    ground_truth = evaluation.ground_truth
    protocol = evaluation.protocol
    objects = f"{object_count(evaluation):,} objects"
    heading = (
        f"{ground_truth.name}: {image_count_text(ground_truth)}, {objects}, "
        f"protocol {protocol.name}"
    )
    changed = ", ".join(
        f"{switch} {_switch_text(value)}" for switch, value in changed_switches(protocol).items()
    )
    return f"{heading} but {changed}" if changed else heading


def image_count_text(ground_truth: GroundTruth) -> str:
    """Return `952 images`, or `952 images in 40 groups` where images are grouped."""
    images = f"{len(ground_truth.image_ids):,} images"
    groups = group_count(ground_truth)
    return images if groups is None else f"{images} in {plural(groups, 'group')}"


def object_count(evaluation: Evaluation) -> int:
    """Return the number of objects that count, of any size, under the evaluation's protocol."""
    return int(evaluation.counts[:, 0, 0, 3].sum())


def _switch_text(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)
