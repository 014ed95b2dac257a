"""A dataset that a tiny model learns in seconds: a red or a blue square on a dark background."""

import numpy as np
import pytest
from PIL import Image

from detbench.data.ground_truth import GroundTruth

COLORS = ((230, 40, 40), (40, 60, 230))
SIDE = 48


def draw_squares(folder, count, seed, *, empty=()):
    """Write images with one square each; the positions in `empty` get none."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    image_index, class_index, boxes = [], [], []
    for number in range(count):
        pixels = rng.integers(0, 60, (SIDE, SIDE, 3), np.uint8)
        if number not in empty:
            side, kind = int(rng.integers(14, 24)), int(rng.integers(2))
            x, y = rng.integers(0, SIDE - side, 2)
            pixels[y : y + side, x : x + side] = COLORS[kind]
            image_index.append(number)
            class_index.append(kind)
            boxes.append((x, y, x + side, y + side))
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return GroundTruth.from_rows(
        image_ids=[str(number) for number in range(count)],
        class_names=("red", "blue"),
        image_index=image_index,
        class_index=class_index,
        boxes=np.array(boxes, float).reshape(-1, 4),
        image_sizes=np.full((count, 2), float(SIDE)),
        image_files=[f"{number}.png" for number in range(count)],
        image_folder=folder,
        name=folder.name,
        protocol="voc2007",
    )


@pytest.fixture(scope="session")
def training_data(tmp_path_factory):
    """Return images to learn from, two of them empty.

    Their number is a multiple of the batch size: a smaller last batch would be traced, too, which
    takes most of the time of such a training.
    """
    return draw_squares(tmp_path_factory.mktemp("squares") / "train", 48, 0, empty=(3, 17))


@pytest.fixture(scope="session")
def validation_data(tmp_path_factory):
    """Return twelve images to score each epoch on."""
    return draw_squares(tmp_path_factory.mktemp("squares") / "val", 12, 1)


@pytest.fixture
def red_objects(tmp_path):
    """Return three images of different shapes.

    Two have a red object, the second also a difficult one; the third is empty.
    """
    sizes, boxes = [(80, 120), (200, 60), (30, 30)], [(20, 30, 60, 90), (50, 10, 150, 50)]
    for number, (width, height) in enumerate(sizes):
        pixels = np.full((height, width, 3), 90, np.uint8)
        if number < 2:
            x1, y1, x2, y2 = boxes[number]
            pixels[y1:y2, x1:x2] = (250, 20, 20)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    return GroundTruth.from_rows(
        image_ids=["0", "1", "2"],
        class_names=("red", "other"),
        image_index=[0, 1, 1],
        class_index=[0, 0, 1],
        boxes=[*boxes, (0, 0, 20, 20)],
        difficult=[False, False, True],
        image_sizes=sizes,
        image_files=["0.png", "1.png", "2.png"],
        image_folder=tmp_path,
        name="reds",
    )
