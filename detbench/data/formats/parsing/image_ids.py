"""Image ids: how those of detections match those of a ground truth, in every format.

Ids match as text. If all ids of the ground truth are integers, they also match by value, so that 1
finds "000001".
"""

from __future__ import annotations

import re

from detbench.data.ground_truth import GroundTruth

WHOLE_NUMBER = re.compile(r"-?[0-9]{1,18}")


def numeric_image_ids(ground_truth: GroundTruth) -> dict[int, int] | None:
    """Return number → position; None if an id is not an integer or two have the same value."""
    if not all(WHOLE_NUMBER.fullmatch(image_id) for image_id in ground_truth.image_ids):
        return None
    numbers = {int(image_id): position for position, image_id in enumerate(ground_truth.image_ids)}
    return numbers if len(numbers) == len(ground_truth.image_ids) else None


def find_image(ground_truth: GroundTruth, numbers: dict[int, int] | None, image_id: str) -> int:
    """Return the position of an image, −1 if it is unknown.

    `numbers` is the result of `numeric_image_ids`.
    """
    position = ground_truth.image_position(image_id)
    if position is None and numbers is not None and WHOLE_NUMBER.fullmatch(image_id):
        position = numbers.get(int(image_id))
    return -1 if position is None else position


def image_id_example(ground_truth: GroundTruth) -> str:
    """Return the end of a message about an unknown image: what its id should look like."""
    if not ground_truth.image_ids:
        return "the dataset has no images"
    return f"write image ids such as {ground_truth.image_ids[0]!r}"
