"""The VOC protocols against the devkit in plain Python and against published numbers."""

import json
import math
import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detbench.data.detections import Detections
from detbench.data.ground_truth import GroundTruth
from detbench.data.load import load_detections, load_ground_truth
from detbench.errors import DetbenchWarning
from detbench.metrics.protocols.voc import VOC2007, VOC2012
from detbench.metrics.scoring.evaluate import evaluate
from tests.references.voc_devkit import area_under_curve, eleven_point, evaluate_class

IMAGES = 4
ARCHIVE = "VOCtest_06-Nov-2007.annotations.tar.gz"


def objects(rows):
    """A ground truth of one class from (image, xmin, ymin, xmax, ymax, difficult), 1-based inclusive."""
    return GroundTruth.from_rows(
        image_ids=[str(i) for i in range(IMAGES)],
        class_names=["thing"],
        image_index=[row[0] for row in rows],
        class_index=[0] * len(rows),
        boxes=[(x1 - 1, y1 - 1, x2, y2) for _, x1, y1, x2, y2, _ in rows],
        difficult=[row[5] for row in rows],
    )


def results(truth, rows):
    """Detections from (image, score, xmin, ymin, xmax, ymax), 1-based inclusive, in file order."""
    return Detections.from_rows(
        truth,
        image_index=[row[0] for row in rows],
        class_index=[0] * len(rows),
        scores=[row[1] for row in rows],
        boxes=[(x1 - 1, y1 - 1, x2, y2) for _, _, x1, y1, x2, y2 in rows],
    )


def devkit(truth_rows, found_rows, **switches):
    truths = {}
    for image, *box in truth_rows:
        truths.setdefault(image, []).append(tuple(box))
    return evaluate_class(truths, found_rows, **switches)


side = st.integers(1, 12)
truth_row = st.tuples(st.integers(0, IMAGES - 1), side, side, side, side, st.booleans()).map(
    lambda row: (
        row[0],
        min(row[1], row[3]),
        min(row[2], row[4]),
        max(row[1], row[3]),
        max(row[2], row[4]),
        row[5],
    )
)
found_row = st.tuples(
    st.integers(0, IMAGES - 1),
    st.sampled_from([0.1, 0.2, 0.2 + 1e-16, 0.5, 0.9]),
    side,
    side,
    side,
    side,
)


@settings(max_examples=400, deadline=None)
@given(
    st.lists(truth_row, max_size=10), st.lists(found_row, max_size=14), st.booleans(), st.booleans()
)
def test_equals_the_devkit_on_made_cases(truth_rows, found_rows, strict, plus_one):
    """Small integer boxes: ties of score and overlap, overlaps of exactly one half, inverted boxes and difficult objects abound."""
    truth = objects(truth_rows)
    found = results(truth, found_rows)
    recall, precision, positives = devkit(truth_rows, found_rows, strict=strict, plus_one=plus_one)
    switches = {"strict_overlap": strict, "plus_one": plus_one}
    eleven, area = (
        evaluate(truth, found, replace(rules, **switches)) for rules in (VOC2007, VOC2012)
    )
    if positives == 0:
        assert eleven.summary == area.summary == {"mAP": None}
        return
    assert eleven.summary["mAP"] == eleven_point(recall, precision)
    assert area.summary["mAP"] == pytest.approx(area_under_curve(recall, precision), abs=1e-14)
    reached = max(recall, default=0.0)
    assert eleven.class_columns()["recall"].tolist() == [reached]
    measured_precision, measured_recall, _ = eleven.curve("thing")
    points = list(zip(recall, precision, strict=True))
    counted = [
        now
        for before, now in zip([(0.0, math.nan), *points], points, strict=False)
        if not (now == before or math.isnan(now[1]))
    ]
    assert set(zip(measured_recall.tolist(), measured_precision.tolist(), strict=True)) == set(
        counted
    )


def test_ties_are_broken_by_the_order_of_the_file():
    """Two detections of one score: the one written first comes first, even where it lies on a later image."""
    truth_rows = [(0, 1, 1, 10, 10, False)]
    hit, miss = (0, 0.5, 1, 1, 10, 10), (3, 0.5, 1, 1, 10, 10)
    truth = objects(truth_rows)
    for rows in ([hit, miss], [miss, hit]):
        recall, precision, _ = devkit(truth_rows, rows)
        assert evaluate(truth, results(truth, rows), VOC2012).summary["mAP"] == area_under_curve(
            recall, precision
        )
    assert evaluate(truth, results(truth, [hit, miss]), VOC2012).summary["mAP"] == 1.0
    assert evaluate(truth, results(truth, [miss, hit]), VOC2012).summary["mAP"] == 0.5


def test_a_difficult_object_is_never_used_up_and_hides_no_false_positive():
    truth_rows = [(0, 1, 1, 10, 10, True), (0, 50, 50, 60, 60, False)]
    rows = [(0, 0.9, 1, 1, 10, 10), (0, 0.8, 1, 1, 10, 10), (0, 0.7, 50, 50, 60, 60)]
    truth = objects(truth_rows)
    assert evaluate(truth, results(truth, rows), "voc2007").summary["mAP"] == pytest.approx(
        1.0, abs=1e-12
    )
    counts = evaluate(truth, results(truth, rows), "voc2007").counts[0, 0, 0]
    assert counts.tolist() == [1, 0, 2, 1]


def test_one_box_twice_is_a_false_positive_not_a_hit_on_the_second_best():
    truth_rows = [(0, 1, 1, 10, 10, False), (0, 1, 1, 10, 11, False)]
    rows = [(0, 0.9, 1, 1, 10, 10), (0, 0.8, 1, 1, 10, 10)]
    truth = objects(truth_rows)
    assert evaluate(truth, results(truth, rows), "voc2007").counts[0, 0, 0].tolist() == [1, 1, 0, 2]
    assert evaluate(
        truth, results(truth, rows), replace(VOC2007, assignment="best_available")
    ).counts[0, 0, 0].tolist() == [2, 0, 0, 2]


@pytest.fixture(scope="module")
def voc(shared_data):
    return load_ground_truth(shared_data / ARCHIVE)


@pytest.fixture(scope="module", params=["htt1084_d56c7e49", "robinyen_darknet", "hli2020_darknet"])
def real(request, shared_data, voc):
    """A real detector's results and what others computed on them."""
    folder = shared_data / "dets_voc" / request.param
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DetbenchWarning)
        found = load_detections(folder, voc)
    return found, json.loads(folder.with_suffix(".json").read_text())


@pytest.mark.parametrize(
    ("rules", "key"),
    [
        (VOC2007, "ap07"),
        (VOC2012, "ap_area"),
        (replace(VOC2007, plus_one=False), "ap07_noplus1"),
        (replace(VOC2012, plus_one=False), "ap_area_noplus1"),
        (VOC2012.with_thresholds((0.75,)), "ap_area_iou75"),
    ],
)
def test_real_detectors_have_their_known_scores(voc, real, rules, key):
    found, known = real
    evaluation = evaluate(voc, found, rules)
    for name, ap in zip(voc.class_names, evaluation.class_ap, strict=True):
        assert ap == pytest.approx(known["classes"][name][key], abs=1e-12), name
    columns = evaluate(voc, found, VOC2007).class_columns()
    for k, name in enumerate(voc.class_names):
        expected = known["classes"][name]
        assert (columns["ground_truths"][k], columns["detections"][k]) == (
            expected["npos"],
            expected["ndet"],
        )
        assert columns["recall"][k] == expected["recall"]


def test_published_scores_of_htt1084_are_equal_bit_for_bit(voc, shared_data):
    """The numbers its authors published, class by class, and their mean."""
    found = load_detections(shared_data / "dets_voc" / "htt1084_d56c7e49", voc)
    known = json.loads((shared_data / "dets_voc" / "htt1084_d56c7e49.json").read_text())["classes"]
    evaluation = evaluate(voc, found)
    assert evaluation.protocol.name == "voc2007"
    assert evaluation.class_ap.tolist() == [
        known[name]["published_ap07"] for name in voc.class_names
    ]
    assert evaluation.summary["mAP"] == pytest.approx(0.7218680971856, abs=1e-12)


@pytest.mark.parametrize(
    ("switch", "golden", "digits"),
    [({"difficult": "count"}, 0.64651, 5e-6), ({"difficult": "drop"}, 0.711506, 5e-7), ({"plus_one": False}, 0.71852, 5e-6),
     ({"strict_overlap": True}, 0.7218680971856, 1e-12)],
)  # fmt: skip
def test_switches_give_the_known_wrong_numbers(voc, shared_data, switch, golden, digits):
    found = load_detections(shared_data / "dets_voc" / "htt1084_d56c7e49", voc)
    assert evaluate(voc, found, replace(VOC2007, **switch)).summary["mAP"] == pytest.approx(
        golden, abs=digits
    )


def test_real_classes_equal_the_plain_devkit(voc, real):
    """Three classes of each real detector, inverted boxes and all, object by object."""
    found, _ = real
    images = np.repeat(np.arange(len(found.image_ids)), np.diff(found.offsets))
    truth_images = np.repeat(np.arange(len(voc.image_ids)), np.diff(voc.offsets))
    evaluation = evaluate(voc, found, VOC2007)
    for name in ("boat", "person", "tvmonitor"):
        k = voc.class_names.index(name)
        truths = {}
        for n in np.flatnonzero(voc.class_index == k):
            x1, y1, x2, y2 = voc.boxes[n].tolist()
            truths.setdefault(int(truth_images[n]), []).append(
                (x1 + 1, y1 + 1, x2, y2, bool(voc.difficult[n]))
            )
        rows = []
        for n in np.flatnonzero(found.class_index == k):
            x1, y1, x2, y2 = found.boxes[n].tolist()
            rows.append((int(images[n]), float(found.scores[n]), x1 + 1, y1 + 1, x2, y2))
        recall, precision, _ = evaluate_class(truths, rows)
        assert evaluation.class_ap[k] == eleven_point(recall, precision)
