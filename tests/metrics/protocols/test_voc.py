"""VOC: the devkit in plain Python, and published numbers of real detectors."""

import json
import math
import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detbench.data.columns import groups_from_offsets
from detbench.data.detections import Detections
from detbench.data.ground_truth import GroundTruth
from detbench.data.load import load_detections, load_ground_truth
from detbench.errors import DetbenchWarning
from detbench.metrics.protocols.voc import RECALLS_11_MATLAB, VOC2007, VOC2012
from detbench.metrics.scoring.evaluate import evaluate
from tests.references.voc_devkit import (
    MATLAB_RECALLS,
    area_under_curve,
    eleven_point,
    evaluate_class,
)

IMAGES = 4
ARCHIVE = "VOCtest_06-Nov-2007.annotations.tar.gz"


def one_class(rows):
    """Return ground truth of rows (image, xmin, ymin, xmax, ymax, difficult), 1-based inclusive."""
    return GroundTruth.from_rows(
        image_ids=[str(i) for i in range(IMAGES)],
        class_names=["thing"],
        image_index=[row[0] for row in rows],
        class_index=[0] * len(rows),
        boxes=[(x1 - 1, y1 - 1, x2, y2) for _, x1, y1, x2, y2, _ in rows],
        difficult=[row[5] for row in rows],
    )


def detections_of(ground_truth, rows):
    """Return detections of rows (image, score, xmin, ymin, xmax, ymax) in the order of the file."""
    return Detections.from_rows(
        ground_truth,
        image_index=[row[0] for row in rows],
        class_index=[0] * len(rows),
        scores=[row[1] for row in rows],
        boxes=[(x1 - 1, y1 - 1, x2, y2) for _, _, x1, y1, x2, y2 in rows],
    )


def evaluate_rows(objects, rows, protocol):
    ground_truth = one_class(objects)
    return evaluate(ground_truth, detections_of(ground_truth, rows), protocol)


def devkit(objects, rows, **switches):
    by_image = {}
    for image, *box in objects:
        by_image.setdefault(image, []).append(tuple(box))
    return evaluate_class(by_image, rows, **switches)


def upright(row):
    image, x1, y1, x2, y2, difficult = row
    return image, min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2), difficult


side = st.integers(1, 12)
image = st.integers(0, IMAGES - 1)
score = st.sampled_from([0.1, 0.2, 0.2 + 1e-16, 0.5, 0.9])
object_rows = st.lists(
    st.tuples(image, side, side, side, side, st.booleans()).map(upright), max_size=10
)
detection_rows = st.lists(st.tuples(image, score, side, side, side, side), max_size=14)


@settings(max_examples=400)
@given(object_rows, detection_rows, st.booleans(), st.booleans())
def test_equals_the_devkit_on_small_cases(objects, rows, strict, plus_one):
    """Small integer boxes give ties, overlaps of exactly 1/2, inverted boxes, difficult objects."""
    recall, precision, positives = devkit(objects, rows, strict=strict, plus_one=plus_one)
    switches = {"strict_overlap": strict, "plus_one": plus_one}
    eleven, area = (
        evaluate_rows(objects, rows, replace(protocol, **switches))
        for protocol in (VOC2007, VOC2012)
    )
    if positives == 0:
        assert eleven.summary == area.summary == {"mAP": None}
        return
    assert eleven.summary["mAP"] == eleven_point(recall, precision)
    assert area.summary["mAP"] == pytest.approx(area_under_curve(recall, precision), abs=1e-14)
    reached = max(recall, default=0.0)
    assert eleven.class_columns()["recall"].tolist() == [reached]
    measured_precision, measured_recall, _ = eleven.curve("thing")
    # The devkit also has a point for each ignored detection, equal to the one before it.
    points = list(zip(recall, precision, strict=True))
    counted = {
        point
        for before, point in zip([(0.0, math.nan), *points], points, strict=False)
        if not (point == before or math.isnan(point[1]))
    }
    measured = zip(measured_recall.tolist(), measured_precision.tolist(), strict=True)
    assert set(measured) == counted


def test_ties_are_broken_by_the_order_of_the_file():
    """Of two equal scores the one written first comes first, even in a later image."""
    objects = [(0, 1, 1, 10, 10, False)]
    hit, miss = (0, 0.5, 1, 1, 10, 10), (3, 0.5, 1, 1, 10, 10)
    for rows, expected in (([hit, miss], 1.0), ([miss, hit], 0.5)):
        recall, precision, _ = devkit(objects, rows)
        value = evaluate_rows(objects, rows, VOC2012).summary["mAP"]
        assert value == area_under_curve(recall, precision) == expected


def test_a_difficult_object_is_never_used_up_and_hides_no_false_positive():
    objects = [(0, 1, 1, 10, 10, True), (0, 50, 50, 60, 60, False)]
    rows = [(0, 0.9, 1, 1, 10, 10), (0, 0.8, 1, 1, 10, 10), (0, 0.7, 50, 50, 60, 60)]
    evaluation = evaluate_rows(objects, rows, "voc2007")
    assert evaluation.summary["mAP"] == pytest.approx(1.0, abs=1e-12)
    assert evaluation.counts[0, 0, 0].tolist() == [1, 0, 2, 1]


def test_a_duplicate_is_a_false_positive_and_no_hit_on_the_second_best():
    objects = [(0, 1, 1, 10, 10, False), (0, 1, 1, 10, 11, False)]
    rows = [(0, 0.9, 1, 1, 10, 10), (0, 0.8, 1, 1, 10, 10)]
    assert evaluate_rows(objects, rows, "voc2007").counts[0, 0, 0].tolist() == [1, 1, 0, 2]
    as_coco = replace(VOC2007, assignment="best_available")
    assert evaluate_rows(objects, rows, as_coco).counts[0, 0, 0].tolist() == [2, 0, 0, 2]


@pytest.fixture(scope="module")
def voc(shared_data):
    return load_ground_truth(shared_data / ARCHIVE)


@pytest.fixture(scope="module", params=["htt1084_d56c7e49", "robinyen_darknet", "hli2020_darknet"])
def real(request, shared_data, voc):
    """Return the detections of a real detector, and what others computed on them by class."""
    folder = shared_data / "dets_voc" / request.param
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DetbenchWarning)
        detections = load_detections(folder, voc)
    return detections, json.loads(folder.with_suffix(".json").read_text())["classes"]


@pytest.mark.parametrize(
    ("protocol", "key"),
    [
        (VOC2007, "ap07"),
        (VOC2012, "ap_area"),
        (replace(VOC2007, plus_one=False), "ap07_noplus1"),
        (replace(VOC2012, plus_one=False), "ap_area_noplus1"),
        (VOC2012.with_thresholds((0.75,)), "ap_area_iou75"),
    ],
)
def test_real_detectors_have_their_known_scores(voc, real, protocol, key):
    detections, by_class = real
    evaluation = evaluate(voc, detections, protocol)
    expected = [by_class[name][key] for name in voc.class_names]
    assert evaluation.class_ap == pytest.approx(expected, abs=1e-12)


def test_real_detectors_have_their_known_counts_and_recalls(voc, real):
    detections, by_class = real
    columns = evaluate(voc, detections, VOC2007).class_columns()
    for column, key in (("ground_truths", "npos"), ("detections", "ndet"), ("recall", "recall")):
        assert columns[column].tolist() == [by_class[name][key] for name in voc.class_names]


def test_published_scores_of_htt1084_are_equal_bit_for_bit(voc, shared_data):
    """The numbers its authors published, class by class, and their mean."""
    folder = shared_data / "dets_voc" / "htt1084_d56c7e49"
    by_class = json.loads(folder.with_suffix(".json").read_text())["classes"]
    evaluation = evaluate(voc, load_detections(folder, voc))
    assert evaluation.protocol.name == "voc2007"
    published = [by_class[name]["published_ap07"] for name in voc.class_names]
    assert evaluation.class_ap.tolist() == published
    assert evaluation.summary["mAP"] == pytest.approx(0.7218680971856, abs=1e-12)


@pytest.mark.parametrize(
    ("switch", "golden", "tolerance"),
    [
        ({"difficult": "count"}, 0.64651, 5e-6),
        ({"difficult": "drop"}, 0.711506, 5e-7),
        ({"plus_one": False}, 0.71852, 5e-6),
        ({"strict_overlap": True}, 0.7218680971856, 1e-12),
    ],
)
def test_switches_give_the_known_wrong_numbers(voc, shared_data, switch, golden, tolerance):
    detections = load_detections(shared_data / "dets_voc" / "htt1084_d56c7e49", voc)
    value = evaluate(voc, detections, replace(VOC2007, **switch)).summary["mAP"]
    assert value == pytest.approx(golden, abs=tolerance)


@pytest.mark.parametrize("class_name", ["boat", "person", "tvmonitor"])
def test_real_classes_equal_the_plain_devkit(voc, real, class_name):
    """One class of a real detector, with its inverted boxes, object by object."""
    detections, _ = real
    images, object_images = (
        groups_from_offsets(boxes.offsets).tolist() for boxes in (detections, voc)
    )
    k = voc.class_names.index(class_name)
    objects = {}
    for n in np.flatnonzero(voc.class_index == k).tolist():
        x1, y1, x2, y2 = voc.boxes[n].tolist()
        row = (x1 + 1, y1 + 1, x2, y2, bool(voc.difficult[n]))
        objects.setdefault(object_images[n], []).append(row)
    rows = []
    for n in np.flatnonzero(detections.class_index == k).tolist():
        x1, y1, x2, y2 = detections.boxes[n].tolist()
        rows.append((images[n], float(detections.scores[n]), x1 + 1, y1 + 1, x2, y2))
    recall, precision, _ = evaluate_class(objects, rows)
    evaluation = evaluate(voc, detections, VOC2007)
    assert evaluation.class_ap[k] == eleven_point(recall, precision)


@pytest.mark.parametrize("hits", range(1, 10))
def test_the_recalls_of_matlab(hits):
    """Ten objects, of which the first `hits` are found: recall is a multiple of .1."""
    objects = [(0, 20 * n, 1, 20 * n + 9, 9, False) for n in range(10)]
    rows = [(0, 1 - 0.01 * n, *objects[n][1:5]) for n in range(hits)]
    recall, precision, _ = devkit(objects, rows)
    by_python, by_matlab = (
        evaluate_rows(objects, rows, protocol).summary["mAP"]
        for protocol in (VOC2007, replace(VOC2007, recall_grid=RECALLS_11_MATLAB))
    )
    assert by_python == eleven_point(recall, precision)
    assert by_matlab == eleven_point(recall, precision, MATLAB_RECALLS)
    assert (by_matlab > by_python) == (hits in (6, 7))
