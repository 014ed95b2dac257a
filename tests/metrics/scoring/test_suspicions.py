"""Each suspicion is raised by a planted fault, and none by clean data or by real detectors."""

from __future__ import annotations

import re
import warnings
from dataclasses import replace

import numpy as np
import pytest

from detbench.data.columns import groups_from_offsets
from detbench.data.detection_rows import DetectionRows
from detbench.data.detections import Detections
from detbench.data.load import load_detections, load_ground_truth
from detbench.errors import DetbenchWarning
from detbench.metrics.protocols.coco import COCO
from detbench.metrics.scoring.suspicions import detection_suspicions, find_suspicions
from tests.data.simulated_detections import simulated_detections
from tests.metrics.scored import detections, perfect, scored, truth

ROWS = [(image, k, (10 + 60 * k, 10, 50 + 60 * k, 60)) for image in range(4) for k in range(2)]
BOX = (10, 10, 50, 60)


def suspicion_ids(ground_truth, detector, protocol="voc2007") -> list[str]:
    evaluation = scored(ground_truth, detector, protocol)
    return [suspicion.id for suspicion in find_suspicions(evaluation)]


def suspicion_texts(ground_truth, detector, protocol="voc2007") -> str:
    return " / ".join(map(str, find_suspicions(scored(ground_truth, detector, protocol))))


@pytest.mark.parametrize("protocol", ["voc2007", "coco"])
def test_clean_data_is_not_suspicious(protocol):
    ground_truth = truth(ROWS)
    assert suspicion_ids(ground_truth, perfect(ground_truth), protocol) == []


def test_no_detections_is_one_finding():
    ground_truth = truth(ROWS)
    assert suspicion_ids(ground_truth, detections(ground_truth, [])) == ["detections-empty"]


def test_normalized_coordinates():
    ground_truth = truth(ROWS)
    fractions = perfect(ground_truth, boxes=ground_truth.boxes / 200)
    assert "box-normalized" in suspicion_ids(ground_truth, fractions)
    tiny = truth([(image, k, (0.1, 0.1, 0.9, 0.9)) for image, k, _ in ROWS], size=(1, 1))
    assert "box-normalized" not in suspicion_ids(tiny, perfect(tiny)), (
        "the ground truth is in the same unit"
    )


@pytest.mark.parametrize(("n_outside", "is_suspicious"), [(0, False), (1, False), (2, True)])
def test_more_than_a_tenth_of_the_boxes_outside(n_outside, is_suspicious):
    """Of ten detections, the first reach past the right edge by more than a tenth of the image."""
    ground_truth = truth(ROWS)
    inside = [(n % 4, n % 2, 0.9 - n / 100, BOX) for n in range(10 - n_outside)]
    past = [(n % 4, 0, 0.2 - n / 100, (10, 10, 221, 60)) for n in range(n_outside)]
    detector = detections(ground_truth, [*past, *inside])
    assert ("outside-image" in suspicion_ids(ground_truth, detector)) is is_suspicious
    if is_suspicious:
        assert "2 of 10 boxes (20%)" in suspicion_texts(ground_truth, detector)


def test_a_little_past_the_edge_or_an_unknown_size_is_fine():
    ground_truth = truth(ROWS)
    a_little = perfect(ground_truth, boxes=np.add(ground_truth.boxes, (-15, -15, 0, 0)))
    assert "outside-image" not in suspicion_ids(ground_truth, a_little)
    unknown = truth(ROWS, image_sizes=[(np.nan, np.nan)] * 4)
    far = perfect(unknown, boxes=ground_truth.boxes + 5000)
    assert "outside-image" not in suspicion_ids(unknown, far)


@pytest.mark.parametrize(
    ("scores", "text"), [((-0.5, 0.5), "-0.5 to 0.5"), ((0.5, 90.0), "0.5 to 90")]
)
def test_scores_outside_0_to_1(scores, text):
    ground_truth = truth(ROWS)
    detector = perfect(ground_truth, scores=np.linspace(*scores, len(ROWS)))
    assert suspicion_ids(ground_truth, detector) == ["score-range"]
    assert f"scores range from {text}, outside 0–1" in suspicion_texts(ground_truth, detector)
    within = perfect(ground_truth, scores=np.linspace(0, 1, len(ROWS)))
    assert suspicion_ids(ground_truth, within) == [], "0 and 1 are within"


def half_right(ground_truth):
    """Return every box once on its object and once beside it, all with one score."""
    on_object = [(image, k, 0.5, box) for image, k, box in ROWS]
    beside = [(image, k, 0.5, (x1 + 25, y1, x2 + 25, y2)) for image, k, (x1, y1, x2, y2) in ROWS]
    return detections(ground_truth, [*on_object, *beside])


def test_constant_scores():
    """The worst order has all eight misses first.

    At the n-th of four hits of a class, the precision is n / (n + 4).
    """
    ground_truth = truth(ROWS)
    detector = half_right(ground_truth)
    assert suspicion_ids(ground_truth, detector) == ["score-ties"]
    expected = (
        "all 16 detections have the score 0.5; depending on their order, mAP is between .500 and "
        "1.000"
    )
    assert expected in suspicion_texts(ground_truth, detector)
    right = perfect(ground_truth, scores=np.full(len(ROWS), 0.5))
    assert suspicion_ids(ground_truth, right) == [], "in any order, all are right"
    one = truth(ROWS[:1], images=1)
    assert suspicion_ids(one, perfect(one)) == [], "a single score is no tie"


@pytest.mark.parametrize(("n_missing", "is_suspicious"), [(4, False), (5, True)])
def test_more_images_without_detection_than_the_others_let_expect(n_missing, is_suspicious):
    """If every other image has two detections, 5 of 100 without any are too many.

    Three and a hundredth of the images may be without.
    """
    ground_truth = truth([(image, 0, BOX) for image in range(100)], images=120)
    rows = [
        (image, 0, 0.9 - image / 1000, (10, 10, 50, 60 + n))
        for image in range(n_missing, 100)
        for n in range(2)
    ]
    detector = detections(ground_truth, rows)
    expected = ["images-missing"] if is_suspicious else []
    assert suspicion_ids(ground_truth, detector) == expected
    if is_suspicious:
        text = suspicion_texts(ground_truth, detector)
        assert "5 of 100 images with objects have no detection" in text


@pytest.mark.parametrize(("n_single", "is_suspicious"), [(0, True), (10, False)])
def test_images_without_detection_are_normal_beside_images_with_one(n_single, is_suspicious):
    ground_truth = truth([(image, 0, BOX) for image in range(100)], images=100)
    counts = [0] * 15 + [1] * n_single + [3] * (85 - n_single)
    spread = [counts[(7 * image) % 100] for image in range(100)]
    boxes = [
        (image, (10, 10, 50, 60 + n)) for image, count in enumerate(spread) for n in range(count)
    ]
    scores = np.linspace(0.9, 0.1, len(boxes))
    rows = [(image, 0, score, box) for (image, box), score in zip(boxes, scores, strict=True)]
    detector = detections(ground_truth, rows)
    assert ("images-missing" in suspicion_ids(ground_truth, detector)) is is_suspicious


def test_many_images_in_a_row_without_detection():
    """A weak detector leaves some images empty anyhow, and stopped at image 90 of 100."""
    ground_truth = truth([(image, 0, BOX) for image in range(100)], images=100)

    def detector(n_images):
        rows = [(image, 0, 0.9 - image / 1000, BOX) for image in range(n_images) if image % 6]
        return detections(ground_truth, rows)

    assert "images-missing" in suspicion_ids(ground_truth, detector(90))
    assert "10 in a row, starting at '090'" in suspicion_texts(ground_truth, detector(90))
    assert suspicion_ids(ground_truth, detector(100)) == []


def test_permuted_classes():
    ground_truth = truth(ROWS)
    own = ground_truth.class_index
    swapped = perfect(ground_truth, class_index=1 - own)
    assert suspicion_ids(ground_truth, swapped) == ["classes-permuted"]
    assert suspicion_texts(ground_truth, swapped).startswith(
        "100% of the well-placed detections of 2 classes lie on objects of another class (cat → dog"
    )
    nowhere = perfect(ground_truth, boxes=np.add(ground_truth.boxes, (100, 30, 100, 30)))
    assert suspicion_ids(ground_truth, nowhere) == [], (
        "they hit nothing, but do not overlap objects of other classes, either"
    )
    half = perfect(ground_truth, class_index=np.where(np.arange(8) < 4, own, 1 - own))
    assert suspicion_ids(ground_truth, half) == [], "half of them right shows that names are right"
    one_sided = perfect(ground_truth, class_index=np.zeros(8, int))
    assert suspicion_ids(ground_truth, one_sided) == [], (
        "a detector that takes dogs for cats has not swapped the two"
    )
    few = truth(ROWS[:4], images=2)
    assert suspicion_ids(few, perfect(few, class_index=1 - few.class_index)) == [], (
        "two objects of a class are too few"
    )


def test_more_detections_than_the_protocol_scores():
    ground_truth = truth(ROWS)
    many = [(0, 0, 0.9 - n / 1000, BOX) for n in range(103)]
    others = [(image, k, 0.5, box) for image, k, box in ROWS]
    detector = detections(ground_truth, [*many, *others])
    assert suspicion_ids(ground_truth, detector, "coco") == ["too-many-detections"]
    text = suspicion_texts(ground_truth, detector, "coco")
    assert "4 detections are not scored: they are beyond the 100 highest-scoring ones" in text
    assert "too-many-detections" not in suspicion_ids(ground_truth, detector, "voc2007"), (
        "VOC has no limit"
    )
    higher_limit = replace(COCO, max_detections=(1, 10, 104), measures=COCO.measures[:6])
    assert "too-many-detections" not in suspicion_ids(ground_truth, detector, higher_limit)


def test_a_suspicion_names_what_to_do():
    ground_truth = truth(ROWS)
    [suspicion] = find_suspicions(scored(ground_truth, half_right(ground_truth)))
    assert str(suspicion) == f"{suspicion.evidence}; {suspicion.fix}"


@pytest.mark.parametrize("name", ["htt1084_d56c7e49", "robinyen_darknet", "hli2020_darknet"])
def test_real_detectors_are_not_suspicious(shared_data, name):
    ground_truth = load_ground_truth(shared_data / "VOCtest_06-Nov-2007.annotations.tar.gz")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DetbenchWarning)
        detector = load_detections(shared_data / "dets_voc" / name, ground_truth)
    assert suspicion_ids(ground_truth, detector) == []


@pytest.fixture(scope="module")
def clear_pair():
    """Return 60 images with three objects each, and the detections of a fair detector."""
    rng = np.random.default_rng(11)
    boxes = rng.uniform(0, 100, (180, 2))
    ground_truth = truth(
        [(n // 3, n % 2, (x, y / 2, x + 60, y / 2 + 40)) for n, (x, y) in enumerate(boxes)],
        images=60,
    )
    return ground_truth, simulated_detections(ground_truth, 0.7)


def with_columns(ground_truth, detector, **changes):
    columns = {
        "image_index": groups_from_offsets(detector.offsets),
        "class_index": detector.class_index,
        "scores": detector.scores,
        "boxes": detector.boxes,
    }
    columns |= {name: change(columns[name]) for name, change in changes.items()}
    return Detections.from_rows(ground_truth, name=detector.name, **columns)


def test_a_fair_detector_is_not_suspicious(clear_pair):
    assert suspicion_ids(*clear_pair, "coco") == []


@pytest.mark.parametrize("threshold", [0.2, 0.25, 0.4])
def test_low_scores_that_were_dropped(clear_pair, threshold):
    ground_truth, detector = clear_pair
    kept = np.flatnonzero(detector.scores >= threshold)
    rows = DetectionRows.from_detections(detector).select(kept)
    thresholded = rows.to_detections(ground_truth)
    assert suspicion_ids(ground_truth, thresholded, "coco") == ["scores-thresholded"]
    text = suspicion_texts(ground_truth, thresholded, "coco")
    assert text.startswith(f"no score is below {detector.scores[kept].min():.3g}, yet ")


def ap_of_orders(ground_truth, detector, n_orders=40):
    """Return AP with equal scores in random orders: the lowest and the highest."""
    rng = np.random.default_rng(12)
    values = []
    for _ in range(n_orders):
        moved = with_columns(
            ground_truth, detector, scores=lambda scores: scores + rng.uniform(0, 1e-6, len(scores))
        )
        values.append(scored(ground_truth, moved, "coco").summary["AP"])
    return min(values), max(values)


def test_quantized_scores_are_reported_with_the_range_of_ap(clear_pair):
    ground_truth, detector = clear_pair
    rounded = with_columns(ground_truth, detector, scores=lambda scores: np.round(scores, 1))
    assert suspicion_ids(ground_truth, rounded, "coco") == ["score-ties"]
    text = suspicion_texts(ground_truth, rounded, "coco")
    n_levels = len(set(rounded.scores.tolist()))
    assert f"detections have only {n_levels} different scores (one decimal); " in text
    worst, best = map(float, re.search(r"AP is between (\.\d+) and (\.\d+)", text).groups())
    lowest, highest = ap_of_orders(ground_truth, rounded)
    assert worst <= lowest + 5e-4
    assert highest <= best + 5e-4
    assert best - worst > 0.01, "a warning"


def test_boxes_of_next_to_no_extent(clear_pair):
    ground_truth, detector = clear_pair
    corners = with_columns(ground_truth, detector, boxes=lambda boxes: boxes[:, [0, 1, 0, 1]])
    assert "zero-area" in suspicion_ids(ground_truth, corners, "coco")
    twice_scaled = with_columns(ground_truth, detector, boxes=lambda boxes: boxes / 90)
    assert "boxes-collapsed" in suspicion_ids(ground_truth, twice_scaled, "coco")
    fractions = with_columns(ground_truth, detector, boxes=lambda boxes: boxes / 200)
    assert "boxes-collapsed" not in suspicion_ids(ground_truth, fractions, "coco"), (
        "one cause, one suspicion"
    )


@pytest.mark.parametrize(
    ("protocol", "expected"),
    [("coco", ["many-crowds"]), ("voc2007", ["many-crowds"]), ("counted", [])],
)
def test_half_of_the_objects_are_crowds(clear_pair, protocol, expected):
    ground_truth, detector = clear_pair
    flagged = replace(ground_truth, iscrowd=np.arange(len(ground_truth)) % 2 == 0)
    rules = replace(COCO, crowd="count") if protocol == "counted" else protocol
    assert suspicion_ids(flagged, detector, rules) == expected


def test_nothing_counts(clear_pair):
    ground_truth, detector = clear_pair
    flags = np.ones(len(ground_truth), bool)
    crowds = replace(ground_truth, iscrowd=flags)
    assert suspicion_ids(crowds, detector, "coco")[0] == "class-without-ground-truth"
    assert "since 180 are crowds" in suspicion_texts(crowds, detector, "coco")
    difficult = replace(ground_truth, difficult=flags)
    assert suspicion_ids(difficult, detector, "voc2007")[0] == "class-without-ground-truth"
    assert suspicion_ids(difficult, detector, "coco") == ["difficult-counted"]


def test_suspicions_of_detections_alone_need_no_object(clear_pair):
    _, detector = clear_pair
    unlabeled = truth([], images=60)
    assert detection_suspicions(unlabeled, detector, COCO) == []
    none = detections(unlabeled, [])
    assert [suspicion.id for suspicion in detection_suspicions(unlabeled, none, COCO)] == [
        "detections-empty"
    ]


@pytest.mark.parametrize("name", ["yolox_nano", "fastestdet"])
@pytest.mark.parametrize("threshold", [0.2, 0.25, 0.3, 0.5])
def test_a_threshold_in_a_real_detector_is_named(shared_data, name, threshold):
    folder = shared_data / "coco_tiny_val"
    ground_truth = load_ground_truth(folder / "instances_val2017.json")
    detector = load_detections(folder / f"{name}_results.json", ground_truth)
    assert suspicion_ids(ground_truth, detector, "coco") == []
    rows = DetectionRows.from_detections(detector)
    thresholded = rows.select(rows.scores >= threshold).to_detections(ground_truth)
    assert "scores-thresholded" in suspicion_ids(ground_truth, thresholded, "coco")
