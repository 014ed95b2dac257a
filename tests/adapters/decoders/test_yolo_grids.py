"""Grids of YOLOv1 and of Keras' YOLOv2 against plain loops, and for which shapes they are chosen."""

import numpy as np
import pytest

from detbench.adapters.decoders.choose import choose_decoder
from detbench.adapters.decoders.decoder import OutputShapes, RawOutputs
from detbench.adapters.decoders.yolo.yolov1 import CellBox, YoloV1
from detbench.adapters.decoders.yolo.yolov2 import YoloV2
from detbench.adapters.options import make_decoder, make_decoders
from detbench.errors import DetbenchError
from tests.references import onnx_decodes as plain

SIZE = (448, 320)
FLOOR = 0.1
CLASSES = 4


def values(seed, *shape, low=0.0, high=1.0):
    return np.random.default_rng(seed).uniform(low, high, shape).astype(np.float32)


def assert_same(found, expected):
    assert len(found) == len(expected)
    for got, reference in zip(found, expected, strict=True):
        table = np.array(reference, np.float64)
        rows = np.column_stack([got.boxes, got.scores, got.classes])
        assert len(table) > 3
        assert rows.shape == table.shape
        np.testing.assert_allclose(
            rows[np.lexsort(rows.T)], table[np.lexsort(table.T)], rtol=1e-6, atol=1e-6
        )


@pytest.mark.parametrize("stride", [16, 32])
def test_yolov2_with_anchors_as_an_axis_of_their_own(stride):
    anchors = [(1.0, 2.0), (3.0, 4.0), (0.5, 0.7)]
    decoder = YoloV2(anchors=tuple(side for pair in anchors for side in pair), stride=stride)
    raw = values(0, 2, SIZE[1] // stride, SIZE[0] // stride, 3, 5 + CLASSES, low=-3, high=3)
    assert decoder.match_layout(OutputShapes({"output": raw.shape}, SIZE)) == (CLASSES, True)
    found = decoder.decode(RawOutputs({"output": raw}, SIZE), FLOOR)
    assert_same(found, [plain.yolov2_last(one, SIZE, FLOOR, anchors, stride) for one in raw])


def test_both_ranks_of_yolov2_read_the_same_values_alike():
    decoder = YoloV2(anchors=(1.0, 2.0, 3.0, 4.0))
    last = values(1, 1, 10, 14, 2, 5 + CLASSES, low=-2, high=2)
    first = last.transpose(0, 3, 4, 1, 2).reshape(1, -1, 10, 14)
    assert decoder.match_layout(OutputShapes({"o": first.shape}, SIZE)) == (CLASSES, True)
    tables = [decoder.decode(RawOutputs({"o": raw}, SIZE), FLOOR)[0] for raw in (last, first)]
    sets = [
        np.unique(np.column_stack([one.boxes, one.scores, one.classes]), axis=0) for one in tables
    ]
    assert len(sets[0]) > 10
    np.testing.assert_array_equal(*sets)


@pytest.mark.parametrize("shape", [(1, 10, 14, 3, 9), (1, 5, 7, 2, 9), (1, 10, 14, 2, 5)])
def test_other_grids_and_anchors_are_not_yolov2(shape):
    assert YoloV2(anchors=(1.0, 2.0, 3.0, 4.0)).match_layout(OutputShapes({"o": shape}, SIZE)) is None


@pytest.mark.parametrize("sizes", ["image", "sqrt", "cell"])
@pytest.mark.parametrize("how", ["final", "logits"])
@pytest.mark.parametrize("order", ["xywhc", "cxywh"])
def test_one_box_per_cell(sizes, how, order):
    span = {"low": -2.0, "high": 2.0} if how == "logits" else {}
    boxes, classes = values(0, 2, 6, 6, 5, **span), values(1, 2, 6, 6, CLASSES, **span)
    decoder = make_decoder("cellbox", {"sizes": sizes, "values": how, "box": order})
    given = boxes if order == "xywhc" else np.concatenate([boxes[..., 4:], boxes[..., :4]], axis=-1)
    outputs = {"class": classes, "box": given}
    assert decoder.match_layout(OutputShapes({name: one.shape for name, one in outputs.items()}, SIZE)) == (
        CLASSES,
        True,
    )
    found = decoder.decode(RawOutputs(outputs, SIZE), FLOOR)
    cells = [
        [
            [([boxes[b, y, x].tolist()], classes[b, y, x].tolist()) for x in range(6)]
            for y in range(6)
        ]
        for b in range(2)
    ]
    assert_same(
        found, [plain.cell_boxes(one, SIZE, FLOOR, sizes, how == "logits") for one in cells]
    )


def flat(boxes, classes, order):
    batch, cells = boxes.shape[:2]
    if order == "classes-confidences-boxes":
        return np.concatenate(
            [classes, boxes[..., 4], boxes[..., :4].reshape(batch, cells, -1)], axis=-1
        )
    joined = boxes.reshape(batch, cells, -1)
    return np.concatenate(
        [classes, joined] if order == "classes-boxes" else [joined, classes], axis=-1
    )


@pytest.mark.parametrize("order", ["classes-boxes", "classes-confidences-boxes", "boxes-classes"])
@pytest.mark.parametrize("sizes", ["image", "sqrt"])
def test_several_boxes_per_cell(order, sizes):
    boxes, classes = values(0, 2, 49, 3, 5), values(1, 2, 49, CLASSES)
    decoder = YoloV1(boxes=3, order=order, sizes=sizes)
    raw = flat(boxes, classes, order)
    assert decoder.match_layout(OutputShapes({"o": raw.shape}, SIZE)) == (CLASSES, False)
    cells = [
        [
            [(boxes[b, 7 * y + x].tolist(), classes[b, 7 * y + x].tolist()) for x in range(7)]
            for y in range(7)
        ]
        for b in range(2)
    ]
    assert_same(
        decoder.decode(RawOutputs({"o": raw}, SIZE), FLOOR),
        [plain.cell_boxes(one, SIZE, FLOOR, sizes) for one in cells],
    )


def chosen(outputs, class_count=None):
    return choose_decoder(make_decoders({}), OutputShapes(outputs, (448, 448)), class_count)


def test_one_box_per_cell_is_chosen_by_the_names_of_its_outputs():
    decoder, count = chosen({"box": (1, 6, 6, 5), "class": (1, 6, 6, 20)}, 20)
    assert (decoder.name, count) == ("cellbox", 20)
    with pytest.raises(DetbenchError, match="no decoder knows"):
        chosen({"output_0": (1, 6, 6, 5), "output_1": (1, 6, 6, 20)}, 20)


def test_with_five_classes_the_boxes_go_by_their_name():
    boxes, classes = values(0, 1, 6, 6, 5), values(1, 1, 6, 6, 5)
    tables = [
        CellBox().decode(RawOutputs(outputs, SIZE), 0.1)[0]
        for outputs in ({"class": classes, "box": boxes}, {"box": boxes, "class": classes})
    ]
    assert len(tables[0].scores) > 10
    np.testing.assert_array_equal(tables[0].boxes, tables[1].boxes)


@pytest.mark.parametrize("shape", [(1, 49, 30), (1, 36, 14)])
def test_a_flat_grid_is_never_chosen_unasked(shape):
    with pytest.raises(DetbenchError, match="no decoder knows"):
        chosen({"o": shape}, 20)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("cellbox", {"sizes": "pixels"}, "option sizes=pixels: must be image or sqrt or cell"),
        ("yolov1", {"order": "mixed"}, "option order=mixed: must be classes-boxes or"),
        ("yolov1", {"boxes": "0"}, "option boxes=0: must be at least 1"),
        ("yolov2", {"stride": "0"}, "option stride=0: must be at least 1"),
    ],
)
def test_options_are_checked(name, options, message):
    with pytest.raises(DetbenchError, match=message):
        make_decoder(name, options)


@pytest.mark.parametrize("shape", [(1, 48, 30), (1, 49, 10), (49, 30)])
def test_what_is_no_square_grid_or_has_no_class_is_refused(shape):
    assert YoloV1().match_layout(OutputShapes({"o": shape}, SIZE)) is None


def test_half_precision_and_nothing_found():
    outputs = {
        "box": np.zeros((1, 6, 6, 5), np.float16),
        "class": np.zeros((1, 6, 6, 3), np.float16),
    }
    (nothing,) = CellBox().decode(RawOutputs(outputs, SIZE), 0.1)
    assert (nothing.boxes.shape, len(nothing.scores)) == ((0, 4), 0)
