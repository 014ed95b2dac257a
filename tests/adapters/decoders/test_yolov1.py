"""Decoders of YOLOv1's grids, compared with plain loops, and the shapes they are chosen for."""

import numpy as np
import pytest

from detbench.adapters.decoders.choose import choose_decoder
from detbench.adapters.decoders.decoder import OutputShapes
from detbench.adapters.decoders.from_options import make_decoder, make_decoders
from detbench.adapters.decoders.yolo.yolov1 import CellBox, YoloV1
from detbench.errors import DetbenchError
from tests.adapters.decoders.comparison import assert_same, decode, shapes_of, uniform
from tests.references import onnx_decodes as plain

SIZE = (448, 320)
MIN_SCORE = 0.1
N_CLASSES = 4


def as_cells(boxes, classes):
    """Return rows of cells (list of boxes, class values) of one image, for the plain loops.

    Args:
        boxes: (rows, columns, B, 5)
        classes: (rows, columns, C)
    """
    return [
        list(zip(box_row, class_row, strict=True))
        for box_row, class_row in zip(boxes.tolist(), classes.tolist(), strict=True)
    ]


@pytest.mark.parametrize("sizes", ["image", "sqrt", "cell"])
@pytest.mark.parametrize("activation", ["final", "logits"])
@pytest.mark.parametrize("order", ["xywhc", "cxywh"])
def test_one_box_per_cell(sizes, activation, order):
    span = {"low": -2.0, "high": 2.0} if activation == "logits" else {}
    boxes, classes = uniform(0, 2, 6, 6, 5, **span), uniform(1, 2, 6, 6, N_CLASSES, **span)
    ordered = boxes if order == "xywhc" else np.roll(boxes, 1, axis=-1)
    outputs = {"class": classes, "box": ordered}
    decoder = make_decoder("cellbox", {"sizes": sizes, "values": activation, "box": order})
    assert decoder.match_layout(shapes_of(outputs, SIZE)) == (N_CLASSES, True)
    expected = [
        plain.cell_boxes(
            as_cells(image_boxes[:, :, None], image_classes),
            SIZE,
            MIN_SCORE,
            sizes,
            activation == "logits",
        )
        for image_boxes, image_classes in zip(boxes, classes, strict=True)
    ]
    assert_same(decode(decoder, outputs, MIN_SCORE, SIZE), expected, 1e-6)


def flatten(boxes, classes, order):
    """Return the output (B, cells, C + 5 · boxes) in an order within a cell."""
    batch, n_cells = boxes.shape[:2]
    if order == "classes-confidences-boxes":
        xywh = boxes[..., :4].reshape(batch, n_cells, -1)
        return np.concatenate([classes, boxes[..., 4], xywh], axis=-1)
    flat_boxes = boxes.reshape(batch, n_cells, -1)
    parts = [classes, flat_boxes] if order == "classes-boxes" else [flat_boxes, classes]
    return np.concatenate(parts, axis=-1)


@pytest.mark.parametrize("order", ["classes-boxes", "classes-confidences-boxes", "boxes-classes"])
@pytest.mark.parametrize("sizes", ["image", "sqrt"])
def test_several_boxes_per_cell(order, sizes):
    boxes, classes = uniform(0, 2, 49, 3, 5), uniform(1, 2, 49, N_CLASSES)
    decoder = YoloV1(boxes=3, order=order, sizes=sizes)
    outputs = {"o": flatten(boxes, classes, order)}
    assert decoder.match_layout(shapes_of(outputs, SIZE)) == (N_CLASSES, False)
    expected = [
        plain.cell_boxes(
            as_cells(image_boxes.reshape(7, 7, 3, 5), image_classes.reshape(7, 7, -1)),
            SIZE,
            MIN_SCORE,
            sizes,
        )
        for image_boxes, image_classes in zip(boxes, classes, strict=True)
    ]
    assert_same(decode(decoder, outputs, MIN_SCORE, SIZE), expected, 1e-6)


def choose(outputs, class_count=None):
    return choose_decoder(make_decoders({}), OutputShapes(outputs, (448, 448)), class_count)


def test_one_box_per_cell_is_chosen_by_the_names_of_its_outputs():
    decoder, count = choose({"box": (1, 6, 6, 5), "class": (1, 6, 6, 20)}, 20)
    assert (decoder.name, count) == ("cellbox", 20)
    with pytest.raises(DetbenchError, match="no decoder matches"):
        choose({"output_0": (1, 6, 6, 5), "output_1": (1, 6, 6, 20)}, 20)


def test_the_boxes_are_identified_by_name_if_there_are_five_classes():
    boxes, classes = uniform(0, 1, 6, 6, 5), uniform(1, 1, 6, 6, 5)
    (class_first,) = decode(CellBox(), {"class": classes, "box": boxes}, MIN_SCORE, SIZE)
    (box_first,) = decode(CellBox(), {"box": boxes, "class": classes}, MIN_SCORE, SIZE)
    assert len(class_first.scores) > 10
    np.testing.assert_array_equal(class_first.boxes, box_first.boxes)


@pytest.mark.parametrize("shape", [(1, 49, 30), (1, 36, 14)])
def test_a_flat_grid_is_only_read_if_named(shape):
    with pytest.raises(DetbenchError, match="no decoder matches"):
        choose({"o": shape}, 20)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("cellbox", {"sizes": "pixels"}, "option sizes=pixels: must be image or sqrt or cell"),
        ("yolov1", {"order": "mixed"}, "option order=mixed: must be classes-boxes or"),
        ("yolov1", {"boxes": "0"}, "option boxes=0: must be at least 1"),
    ],
)
def test_options_are_checked(name, options, message):
    with pytest.raises(DetbenchError, match=message):
        make_decoder(name, options)


@pytest.mark.parametrize("shape", [(1, 48, 30), (1, 49, 10), (49, 30)])
def test_shapes_without_square_grid_or_class_are_refused(shape):
    assert YoloV1().match_layout(OutputShapes({"o": shape}, SIZE)) is None


def test_half_precision_and_no_box():
    outputs = {
        "box": np.zeros((1, 6, 6, 5), np.float16),
        "class": np.zeros((1, 6, 6, 3), np.float16),
    }
    (candidates,) = decode(CellBox(), outputs, MIN_SCORE, SIZE)
    assert (candidates.boxes.shape, len(candidates.scores)) == ((0, 4), 0)
