"""Protocol: frozen values, changed by switches, that refuse nonsense by name."""

from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest

from detbench.errors import DetbenchError
from detbench.metrics.protocols.coco import COCO
from detbench.metrics.protocols.protocol import AreaRange, Measure, Protocol
from detbench.metrics.protocols.voc import VOC2007


def test_protocols_are_frozen():
    with pytest.raises(FrozenInstanceError):
        COCO.plus_one = False


def test_the_defaults_are_switches_of_coco():
    default = Protocol(name="own", iou_thresholds=(0.5,))
    for switch in ("crowd", "difficult", "assignment", "recall_grid", "precision_epsilon"):
        assert getattr(default, switch) == getattr(COCO, switch)


def test_measures_are_found_by_name():
    assert COCO.measure("AP75") == Measure("AP75", iou=0.75)
    with pytest.raises(DetbenchError, match="'voc2007' has no measure 'AP'; choose one of mAP"):
        VOC2007.measure("AP")


def test_other_limits_rename_the_recalls_by_limit():
    names = " ".join(measure.name for measure in COCO.with_max_detections((300, 10)).measures)
    assert names == "AP AP50 AP75 APs APm APl AR10 AR300 ARs ARm ARl"
    assert VOC2007.with_max_detections((100,)).max_detections == (100,)


def test_measures_at_a_threshold_that_is_gone_stay():
    changed = COCO.with_thresholds((0.6,))
    assert {measure.name: measure.iou for measure in changed.measures}["AP50"] == 0.5


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
