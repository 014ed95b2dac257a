"""PredictionGallery: which sheets are drawn, and where the boxes are on them."""

import numpy as np
import pytest
from PIL import Image

from detbench.errors import DetbenchError
from tests.training.keras.small_models import NAMES, fixed_detections_model, noise_examples

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("keras")]
IMAGES, BOXES, LABELS = noise_examples()
BATCHES = [(IMAGES.astype(np.float32), {"boxes": BOXES, "labels": LABELS})]
FIRST_CLASS_COLOR = (0x00, 0x72, 0xB2)


def draw_sheets(folder, model, epochs=1, **options):
    from detbench.training.keras import PredictionGallery

    gallery = PredictionGallery(BATCHES, folder, box_format="xyxy", class_names=NAMES, **options)
    gallery.set_params({"epochs": epochs})
    gallery.set_model(model)
    gallery.on_train_begin()
    for epoch in range(epochs):
        gallery.on_epoch_end(epoch, {})
    return gallery


def pixels_of_first_class(path):
    """Return the rows and columns of the pixels in the color of the first class."""
    return np.nonzero((np.asarray(Image.open(path)) == FIRST_CLASS_COLOR).all(-1))


def test_the_first_every_second_and_the_last_epoch_get_a_sheet(tmp_path):
    folder = tmp_path / "new" / "sheets"
    draw_sheets(folder, fixed_detections_model([[8, 8, 40, 40]], [0]), epochs=4, every=2, count=4)
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["epoch-001.png", "epoch-003.png", "epoch-004.png"]


def test_predictions_from_the_lowest_score_are_drawn_at_their_position(tmp_path):
    model = fixed_detections_model([[8, 16, 40, 48]], [0], scores=[0.5])
    draw_sheets(tmp_path / "low", model, count=1, score=0.5)
    draw_sheets(tmp_path / "high", model, count=1, score=0.51)
    rows, columns = pixels_of_first_class(tmp_path / "low" / "epoch-001.png")
    assert len(rows) > 400
    assert len(pixels_of_first_class(tmp_path / "high" / "epoch-001.png")[0]) == 0
    # An image of 64 pixels is enlarged five times.
    assert columns.min() == 16 + 8 * 5
    assert columns.max() == 16 + 40 * 5
    assert rows.max() == 56 + 48 * 5


def test_predictions_are_those_of_the_current_weights(tmp_path):
    model = fixed_detections_model([[8, 16, 40, 48]], [0])
    gallery = draw_sheets(tmp_path, model, count=1)
    first = (tmp_path / "epoch-001.png").read_bytes()
    model.get_layer("fixed").boxes.assign([[0, 0, 20, 20]])
    gallery.on_train_begin()
    gallery.on_epoch_end(0, {})
    assert (tmp_path / "epoch-001.png").read_bytes() != first


def test_numbers_in_any_range_are_displayable():
    from detbench.training.keras.gallery import displayable

    image = np.zeros((2, 2, 3), np.float32)
    image[0] = 1
    assert displayable(image).tolist() == (image * 255).tolist()
    assert displayable(image * 2 - 1).tolist() == (image * 255).tolist()
    assert displayable(image * 200).tolist() == (image * 200).tolist()
    assert displayable(np.moveaxis(np.zeros((4, 5, 3), np.uint8), -1, 0)).shape == (4, 5, 3)


def test_a_sheet_needs_an_image(tmp_path):
    with pytest.raises(DetbenchError, match="count must be"):
        draw_sheets(tmp_path, fixed_detections_model([[8, 16, 40, 48]], [0]), count=0)
