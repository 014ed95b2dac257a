"""Table of protocols: found by name, with the references' parameters."""

from dataclasses import replace

import numpy as np
import pytest
from pycocotools.cocoeval import Params

from detbench.errors import DetbenchError
from detbench.metrics.protocols.coco import COCO
from detbench.metrics.protocols.protocol import Measure
from detbench.metrics.protocols.table import PROTOCOLS, changed_switches, protocol_named
from detbench.metrics.protocols.voc import VOC2007, VOC2012


def test_protocols_are_found_by_their_names():
    assert [protocol_named(name) for name in PROTOCOLS] == [COCO, VOC2007, VOC2012]
    assert [protocol.name for protocol in PROTOCOLS.values()] == list(PROTOCOLS)
    with pytest.raises(DetbenchError, match="coco, voc2007, voc2012"):
        protocol_named("voc")


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


def test_changed_switches_are_those_that_differ_from_the_published_protocol():
    assert changed_switches(COCO) == {}
    assert changed_switches(replace(VOC2007, plus_one=False)) == {"plus_one": False}
    assert changed_switches(replace(COCO, measures=(Measure("AP"),))) == {}
    assert changed_switches(replace(VOC2007, name="own", plus_one=False)) == {}
