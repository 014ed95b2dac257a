"""The one rule by which image ids of detections match those of a ground truth: as text, or, where all of them are numbers, by value."""

from __future__ import annotations

import re

from detbench.data.ground_truth import GroundTruth

WHOLE_NUMBER = re.compile(r"-?[0-9]{1,18}")


def numeric_image_ids(ground_truth: GroundTruth) -> dict[int, int] | None:
    """Return image number → position where every image id is a number and no two are the same one, else None."""
    if not all(WHOLE_NUMBER.fullmatch(image_id) for image_id in ground_truth.image_ids):
        return None
    numbers = {int(image_id): position for position, image_id in enumerate(ground_truth.image_ids)}
    return numbers if len(numbers) == len(ground_truth.image_ids) else None


def find_image(ground_truth: GroundTruth, numbers: dict[int, int] | None, text: str) -> int:
    """Return the position of the image called `text`, −1 where there is none; `numbers` are those of `numeric_image_ids`."""
    place = ground_truth.image_position(text)
    if place is None and numbers is not None and WHOLE_NUMBER.fullmatch(text):
        place = numbers.get(int(text))
    return -1 if place is None else place
