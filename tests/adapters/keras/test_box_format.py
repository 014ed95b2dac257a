import numpy as np
import pytest

from detbench.adapters.keras.box_format import BOX_FORMATS, to_xyxy
from detbench.errors import DetbenchError

SIZE = (200, 100)


@pytest.mark.parametrize("relative", ["", "rel_"])
@pytest.mark.parametrize("name", BOX_FORMATS)
def test_keras_own_conversion_is_inverted(name, relative):
    keras = pytest.importorskip("keras")
    boxes = np.array([[[10, 20, 50, 80], [0, 0, 200, 100], [3.5, 7.25, 4, 90]]], np.float32)
    known = {"format": relative + name}
    if known["format"] == "rel_center_yxhw":
        written = keras.utils.bounding_boxes.convert_format(
            boxes, "xyxy", "center_yxhw"
        ) / np.float32([100, 200, 100, 200])
    else:
        written = keras.utils.bounding_boxes.convert_format(
            boxes, "xyxy", known["format"], height=SIZE[1], width=SIZE[0]
        )
    np.testing.assert_allclose(
        to_xyxy(np.asarray(written), known["format"], SIZE), boxes, atol=1e-4
    )


def test_an_unknown_format_lists_the_known():
    with pytest.raises(
        DetbenchError, match="there is no box_format 'xxyy'; choose one of xyxy, yxyx"
    ):
        to_xyxy(np.zeros((0, 4)), "xxyy", SIZE)


def test_no_boxes_stay_no_boxes():
    assert to_xyxy(np.zeros((0, 4)), "rel_xywh", SIZE).shape == (0, 4)
