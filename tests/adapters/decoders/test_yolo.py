"""Decoders of YOLOv2, YOLOv5, YOLOv8 and YOLOX, compared with plain loops over random outputs."""

import numpy as np
import pytest

from detbench.adapters.decoders.arithmetic import cell_count
from detbench.adapters.decoders.decoder import OutputShapes
from detbench.adapters.decoders.from_options import make_decoder
from detbench.adapters.decoders.yolo.yolov2 import TinyYoloV2, YoloV2
from detbench.adapters.decoders.yolo.yolov5 import YoloV5
from detbench.adapters.decoders.yolo.yolov8 import YoloV8
from detbench.adapters.decoders.yolo.yolox import YoloX
from detbench.errors import DetbenchError
from tests.adapters.decoders.comparison import (
    MIN_SCORE,
    SIZE,
    assert_same,
    decode,
    shapes_of,
    uniform,
)
from tests.references import onnx_decodes as plain

VOC = [
    (1.3221, 1.73145),
    (3.19275, 4.00944),
    (5.05587, 8.09892),
    (9.47112, 4.84053),
    (11.2364, 10.0071),
]
COCO = [
    (0.57273, 0.677385),
    (1.87446, 2.06253),
    (3.33843, 5.47434),
    (7.88282, 3.52778),
    (9.77052, 9.16828),
]
TINY_VOC = [(1.08, 1.19), (3.42, 4.41), (6.63, 11.38), (9.42, 5.11), (16.62, 10.52)]


def boxes_in_pixels(seed, batch, rows):
    return uniform(seed, batch, rows, 4, low=1, high=90)


def test_yolov8():
    n_cells = cell_count(SIZE, (8, 16, 32))
    boxes = boxes_in_pixels(0, 2, n_cells).transpose(0, 2, 1)
    values = np.concatenate([boxes, uniform(1, 2, 3, n_cells, high=0.3)], axis=1)
    outputs = {"o": values}
    assert YoloV8().match_layout(shapes_of(outputs)) == (3, True)
    # Scores of the output itself are compared as float32 turned into float64.
    expected = [plain.yolov8(image, SIZE, float(np.float32(MIN_SCORE))) for image in values]
    assert_same(decode(YoloV8(), outputs), expected)


def test_yolov5():
    n_rows = 3 * cell_count(SIZE, (8, 16, 32))
    values = np.concatenate(
        [boxes_in_pixels(0, 2, n_rows), uniform(1, 2, n_rows, 6, high=0.7)], axis=2
    )
    shapes = OutputShapes({"o": values.shape, "raw": (2, 3, 12, 20, 10)}, SIZE)
    assert YoloV5().match_layout(shapes) == (5, True)
    expected = [plain.yolov5(image, SIZE, MIN_SCORE) for image in values]
    assert_same(decode(YoloV5(), {"o": values}), expected)


def test_yolox():
    n_cells = cell_count(SIZE, (8, 16, 32))
    raw_boxes, probabilities = uniform(0, 2, n_cells, 4, low=-2, high=2), uniform(1, 2, n_cells, 4)
    outputs = {"o": np.concatenate([raw_boxes, probabilities], axis=2)}
    assert YoloX().match_layout(shapes_of(outputs)) == (3, True)
    expected = [plain.yolox(image, SIZE, MIN_SCORE) for image in outputs["o"]]
    assert_same(decode(YoloX(), outputs), expected)


def test_yolox_refuses_decoded_boxes():
    values = np.concatenate([boxes_in_pixels(0, 1, 315), uniform(1, 1, 315, 4)], axis=2)
    with pytest.raises(DetbenchError, match="has already decoded its boxes; use decoder=yolov5"):
        decode(YoloX(), {"o": values})


@pytest.mark.parametrize(
    ("decoder", "n_classes", "anchors"),
    [
        (YoloV2(), 20, VOC),
        (YoloV2(), 6, COCO),
        (TinyYoloV2(), 20, TINY_VOC),
        (YoloV2(anchors=(1.0, 2.0, 3.0, 4.0)), 6, [(1, 2), (3, 4)]),
    ],
)
def test_yolov2(decoder, n_classes, anchors):
    values = uniform(0, 2, len(anchors) * (5 + n_classes), 3, 5, low=-3, high=3)
    assert decoder.match_layout(shapes_of({"o": values})) == (n_classes, True)
    expected = [plain.yolov2(image, SIZE, 0.1, anchors) for image in values]
    assert_same(decode(decoder, {"o": values}, 0.1), expected)


@pytest.mark.parametrize("stride", [16, 32])
def test_yolov2_with_a_separate_axis_of_anchors(stride):
    anchors = [(1.0, 2.0), (3.0, 4.0), (0.5, 0.7)]
    decoder = YoloV2(anchors=tuple(side for pair in anchors for side in pair), stride=stride)
    rows, columns = SIZE[1] // stride, SIZE[0] // stride
    values = uniform(0, 2, rows, columns, 3, 9, low=-3, high=3)
    assert decoder.match_layout(shapes_of({"o": values})) == (4, True)
    expected = [plain.yolov2_last(image, SIZE, 0.1, anchors, stride) for image in values]
    assert_same(decode(decoder, {"o": values}, 0.1), expected, 1e-6)


def test_both_layouts_of_yolov2_give_the_same_boxes():
    decoder = YoloV2(anchors=(1.0, 2.0, 3.0, 4.0))
    anchors_last = uniform(1, 1, 3, 5, 2, 9, low=-2, high=2)
    anchors_first = anchors_last.transpose(0, 3, 4, 1, 2).reshape(1, -1, 3, 5)
    assert decoder.match_layout(shapes_of({"o": anchors_first})) == (4, True)
    tables = []
    for values in (anchors_last, anchors_first):
        (image,) = decode(decoder, {"o": values}, 0.1)
        table = np.column_stack([image.boxes, image.scores, image.classes])
        tables.append(np.unique(table, axis=0))
    assert len(tables[0]) > 10
    np.testing.assert_array_equal(*tables)


@pytest.mark.parametrize("shape", [(1, 3, 5, 3, 9), (1, 2, 3, 2, 9), (1, 3, 5, 2, 5)])
def test_other_grids_and_anchors_are_not_yolov2(shape):
    decoder = YoloV2(anchors=(1.0, 2.0, 3.0, 4.0))
    assert decoder.match_layout(OutputShapes({"o": shape}, SIZE)) is None


def test_the_stride_of_yolov2_is_checked():
    with pytest.raises(DetbenchError, match="option stride=0: must be at least 1"):
        make_decoder("yolov2", {"stride": "0"})
