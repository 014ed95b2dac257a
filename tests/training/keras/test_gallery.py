"""PredictionGallery: which sheets are drawn, of what, and where the boxes are on them."""

import numpy as np
import pytest
from PIL import Image

from detbench.errors import DetbenchError
from tests.training.keras.tiny import NAMES, examples, knowing_model

pytest.importorskip("keras")

IMAGES, BOXES, LABELS = examples()
BATCHES = [(IMAGES.astype(np.float32), {"boxes": BOXES, "labels": LABELS})]
OUTLINE = (0x00, 0x72, 0xB2)
"""The colour of the first class."""


def draw(folder, model, epochs=1, **options):
    from detbench.training.keras import PredictionGallery

    gallery = PredictionGallery(BATCHES, folder, box_format="xyxy", class_names=NAMES, **options)
    gallery.set_params({"epochs": epochs})
    gallery.set_model(model)
    gallery.on_train_begin()
    for epoch in range(epochs):
        gallery.on_epoch_end(epoch, {})
    return gallery


def outlined(path):
    return int((np.asarray(Image.open(path)) == OUTLINE).all(-1).sum())


def test_a_sheet_for_the_first_every_other_and_the_last_epoch(tmp_path):
    draw(
        tmp_path / "new" / "sheets",
        knowing_model([[8, 8, 40, 40]], [0]),
        epochs=4,
        every=2,
        count=4,
    )
    assert sorted(path.name for path in (tmp_path / "new" / "sheets").iterdir()) == [
        "epoch-001.png",
        "epoch-003.png",
        "epoch-004.png",
    ]


def test_predictions_from_the_asked_score_are_drawn_where_they_are(tmp_path):
    model = knowing_model([[8, 16, 40, 48]], [0], scores=[0.5])
    draw(tmp_path / "low", model, count=1, score=0.5)
    draw(tmp_path / "high", model, count=1, score=0.51)
    assert outlined(tmp_path / "low" / "epoch-001.png") > 400
    assert outlined(tmp_path / "high" / "epoch-001.png") == 0
    sheet = np.asarray(Image.open(tmp_path / "low" / "epoch-001.png"))
    rows, columns = np.nonzero((sheet == OUTLINE).all(-1))
    assert columns.min() == 16 + 8 * 5
    assert columns.max() == 16 + 40 * 5
    assert rows.max() == 56 + 48 * 5


def test_it_draws_what_the_weights_find_now(tmp_path):
    model = knowing_model([[8, 16, 40, 48]], [0])
    gallery = draw(tmp_path, model, count=1)
    first = (tmp_path / "epoch-001.png").read_bytes()
    model.get_layer("knowing").boxes.assign([[0, 0, 20, 20]])
    gallery.on_train_begin()
    gallery.on_epoch_end(0, {})
    assert (tmp_path / "epoch-001.png").read_bytes() != first


def test_numbers_in_any_range_can_be_shown():
    from detbench.training.keras.gallery import shown_picture

    image = np.zeros((2, 2, 3), np.float32)
    image[0] = 1
    assert shown_picture(image).tolist() == (image * 255).tolist()
    assert shown_picture(image * 2 - 1).tolist() == (image * 255).tolist()
    assert shown_picture(image * 200).tolist() == (image * 200).tolist()
    assert shown_picture(np.moveaxis(np.zeros((4, 5, 3), np.uint8), -1, 0)).shape == (4, 5, 3)


def test_other_classes_are_an_error(tmp_path):
    with pytest.raises(DetbenchError, match="count must be"):
        draw(tmp_path, knowing_model([[8, 16, 40, 48]], [0]), count=0)
