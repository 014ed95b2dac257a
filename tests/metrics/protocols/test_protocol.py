"""Protocols: their values are the references', and nonsense is refused by name."""

from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
from pycocotools.cocoeval import Params

from detbench.errors import DetbenchError
from detbench.metrics.protocols.coco import COCO
from detbench.metrics.protocols.protocol import AreaRange, Measure, Protocol
from detbench.metrics.protocols.table import PROTOCOLS, protocol_named
from detbench.metrics.protocols.voc import VOC2007, VOC2012


def test_coco_has_the_parameters_of_pycocotools():
    reference = Params("bbox")
    assert np.array_equal(COCO.iou_thresholds, reference.iouThrs)
    assert np.array_equal(COCO.recall_grid, reference.recThrs)
    assert list(COCO.max_detections) == reference.maxDets
    assert [[area.low, area.high] for area in COCO.area_ranges] == reference.areaRng
    assert [area.name for area in COCO.area_ranges] == reference.areaRngLbl
    names = "AP AP50 AP75 APs APm APl AR1 AR10 AR100 ARs ARm ARl"
    assert " ".join(measure.name for measure in COCO.measures) == names


def test_voc_samples_recall_with_the_rounding_of_the_devkit():
    assert VOC2007.recall_grid == tuple(n * 0.1 for n in range(11))
    assert VOC2007.recall_grid[3] == 0.30000000000000004
    assert (VOC2007.interpolation, VOC2012.interpolation) == ("sampled", "area")


def test_protocols_are_found_by_name():
    assert [protocol_named(name) for name in PROTOCOLS] == [COCO, VOC2007, VOC2012]
    with pytest.raises(DetbenchError, match="coco, voc2007, voc2012"):
        protocol_named("voc")


def test_protocols_are_frozen():
    with pytest.raises(FrozenInstanceError):
        COCO.plus_one = False


def test_other_limits_rename_the_recalls_by_limit():
    names = " ".join(measure.name for measure in COCO.with_max_detections((300, 10)).measures)
    assert names == "AP AP50 AP75 APs APm APl AR10 AR300 ARs ARm ARl"
    assert VOC2007.with_max_detections((100,)).max_detections == (100,)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"iou_thresholds": ()}, "1 to 32 IoU thresholds"),
        ({"iou_thresholds": tuple(np.linspace(0.1, 0.9, 33))}, "1 to 32 IoU thresholds"),
        ({"iou_thresholds": (0.0,)}, r"\(0, 1\]"),
        ({"iou_thresholds": (50.0,)}, r"\(0, 1\]"),
        ({"iou_thresholds": (0.5, 0.5)}, "must rise"),
        ({"iou_thresholds": (float("nan"),)}, r"\(0, 1\]"),
        ({"max_detections": (0,)}, "max_detections"),
        ({"max_detections": (10, 1)}, "max_detections"),
        ({"recall_grid": ()}, "recall grid"),
        ({"area_ranges": ()}, "area ranges"),
        ({"area_ranges": (AreaRange("tiny", 0, 1),)}, "unknown area range"),
        ({"measures": (Measure("AR5", "AR", max_detections=5),)}, "AR5"),
    ],
)
def test_nonsense_is_refused(change, message):
    with pytest.raises(DetbenchError, match=message):
        replace(COCO, **change)


def test_a_measure_without_its_threshold_is_none_not_minus_one():
    rules = COCO.with_thresholds((0.6,))
    assert {measure.name: measure.iou for measure in rules.measures}["AP50"] == 0.5
    assert isinstance(rules, Protocol)
