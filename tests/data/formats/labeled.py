"""Labeled files: ground truth and detections loaded and shown as plain rows, for tests."""

import json
import re
import warnings

from detbench.data.columns import groups_from_offsets
from detbench.data.load import load_detections, load_ground_truth


def write(path, document):
    """Write a text, or anything else as JSON, and return the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = document if isinstance(document, str) else json.dumps(document)
    path.write_text(text, encoding="utf-8")
    return path


def objects(ground_truth):
    """Return (image id, class, box, flags) of every object; flags are the names of those set."""
    images = groups_from_offsets(ground_truth.offsets)
    flags = ("iscrowd", "difficult", "truncated")
    return [
        (
            ground_truth.image_ids[images[row]],
            ground_truth.class_names[ground_truth.class_index[row]],
            [round(value, 9) for value in ground_truth.boxes[row].tolist()],
            " ".join(flag for flag in flags if getattr(ground_truth, flag)[row]),
        )
        for row in range(len(ground_truth))
    ]


def scored(detections):
    """Return (image id, class, box, score) of every detection."""
    images = groups_from_offsets(detections.offsets)
    return [
        (
            detections.image_ids[images[row]],
            detections.class_names[detections.class_index[row]],
            [round(value, 9) for value in detections.boxes[row].tolist()],
            detections.scores[row].item(),
        )
        for row in range(len(detections))
    ]


def load(path, **options):
    """Return the ground truth at a path and the texts of its warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ground_truth = load_ground_truth(path, **options)
    return ground_truth, [str(warning.message) for warning in caught]


def load_scored(path, ground_truth, **options):
    """Return the detections at a path as `scored` does, and the texts of its warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        detections = load_detections(path, ground_truth, **options)
    return scored(detections), [str(warning.message) for warning in caught]


def advised(error) -> list[str]:
    """Return what a message states behind --columns, without the side."""
    return re.findall(r'--columns "?(?:detections|ground-truth):([^"\s]+)', str(error.value))
