"""A dataset that a tiny model learns in seconds: a red or a blue square on a dark ground."""

import numpy as np
import pytest
from PIL import Image

from detbench.data.ground_truth import GroundTruth

COLOURS = ((230, 40, 40), (40, 60, 230))
SIDE = 48


def squares(folder, count, seed, *, empty=()):
    """Pictures of one square each, but those that shall be empty; the last object of every fifth picture is difficult."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    image, classes, boxes = [], [], []
    for number in range(count):
        pixels = rng.integers(0, 60, (SIDE, SIDE, 3), np.uint8)
        if number not in empty:
            side, kind = int(rng.integers(14, 24)), int(rng.integers(2))
            x, y = rng.integers(0, SIDE - side, 2)
            pixels[y : y + side, x : x + side] = COLOURS[kind]
            image.append(number)
            classes.append(kind)
            boxes.append((x, y, x + side, y + side))
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return GroundTruth.from_rows(
        image_ids=[str(number) for number in range(count)],
        class_names=("red", "blue"),
        image_index=image,
        class_index=classes,
        boxes=np.array(boxes, float).reshape(-1, 4),
        image_sizes=np.full((count, 2), float(SIDE)),
        image_files=[f"{number}.png" for number in range(count)],
        image_folder=folder,
        name=folder.name,
        protocol="voc2007",
    )


@pytest.fixture(scope="session")
def learned(tmp_path_factory):
    """Forty pictures to learn from, of which two are empty."""
    return squares(tmp_path_factory.mktemp("squares") / "train", 40, 0, empty=(3, 17))


@pytest.fixture(scope="session")
def validated(tmp_path_factory):
    return squares(tmp_path_factory.mktemp("squares") / "val", 12, 1)
