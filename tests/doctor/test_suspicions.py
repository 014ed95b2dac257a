"""Each suspicion is raised by a planted fault, and none by clean data or by real detectors."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest

from detbench.data.load import load_detections, load_ground_truth
from detbench.doctor.suspicions import suspicions
from detbench.errors import DetbenchWarning
from detbench.metrics.protocols.protocol import COCO
from tests.metrics.scored import detections, perfect, scored, truth

ROWS = [(image, k, (10 + 60 * k, 10, 50 + 60 * k, 60)) for image in range(4) for k in range(2)]


def ids(ground_truth, found, protocol="voc2007") -> list[str]:
    return [suspicion.id for suspicion in suspicions(scored(ground_truth, found, protocol))]


def texts(ground_truth, found, protocol="voc2007") -> str:
    return " / ".join(map(str, suspicions(scored(ground_truth, found, protocol))))


@pytest.mark.parametrize("protocol", ["voc2007", "coco"])
def test_clean_data_is_not_suspicious(protocol):
    ground_truth = truth(ROWS)
    assert ids(ground_truth, perfect(ground_truth), protocol) == []


def test_no_detections_is_one_finding():
    ground_truth = truth(ROWS)
    assert ids(ground_truth, detections(ground_truth, [])) == ["detections-empty"]


def test_normalised_coordinates():
    ground_truth = truth(ROWS)
    fractions = perfect(ground_truth, boxes=ground_truth.boxes / 200)
    assert "box-normalised" in ids(ground_truth, fractions)
    tiny = truth([(image, k, (0.1, 0.1, 0.9, 0.9)) for image, k, _ in ROWS], size=(1, 1))
    assert "box-normalised" not in ids(tiny, perfect(tiny)), "the ground truth is in the same unit"


@pytest.mark.parametrize(("outside", "suspicious"), [(0, False), (1, False), (2, True)])
def test_more_than_a_tenth_of_the_boxes_outside(outside, suspicious):
    """Ten detections, the first of which reach past the right edge by more than a tenth of the image."""
    ground_truth = truth(ROWS)
    inside = [(n % 4, n % 2, 0.9 - n / 100, (10, 10, 50, 60)) for n in range(10 - outside)]
    past = [(n % 4, 0, 0.2 - n / 100, (10, 10, 221, 60)) for n in range(outside)]
    found = detections(ground_truth, [*past, *inside])
    assert ("outside-image" in ids(ground_truth, found)) is suspicious
    if suspicious:
        assert "2 of 10 boxes (20%)" in texts(ground_truth, found)


def test_a_little_past_the_edge_or_an_unknown_size_is_fine():
    ground_truth = truth(ROWS)
    a_little = perfect(ground_truth, boxes=np.add(ground_truth.boxes, (-15, -15, 0, 0)))
    assert "outside-image" not in ids(ground_truth, a_little)
    unknown = truth(ROWS, image_sizes=[(np.nan, np.nan)] * 4)
    assert "outside-image" not in ids(unknown, perfect(unknown, boxes=ground_truth.boxes + 5000))


@pytest.mark.parametrize(
    ("scores", "said"), [((-0.5, 0.5), "-0.5 to 0.5"), ((0.5, 90.0), "0.5 to 90")]
)
def test_scores_outside_0_to_1(scores, said):
    ground_truth = truth(ROWS)
    found = perfect(ground_truth, scores=np.linspace(*scores, len(ROWS)))
    assert ids(ground_truth, found) == ["score-range"]
    assert f"scores run from {said}, outside 0–1" in texts(ground_truth, found)
    assert ids(ground_truth, perfect(ground_truth, scores=np.linspace(0, 1, len(ROWS)))) == [], (
        "0 and 1 are within"
    )


def half_right(ground_truth):
    """Every box once on its object and once beside it, all of one score."""
    beside = [(image, k, 0.5, (x1 + 25, y1, x2 + 25, y2)) for image, k, (x1, y1, x2, y2) in ROWS]
    return detections(ground_truth, [*((image, k, 0.5, box) for image, k, box in ROWS), *beside])


def test_constant_scores():
    """The unluckiest order has all eight misses first: at the n-th of four hits of a class, the precision is n / (n + 4)."""
    ground_truth = truth(ROWS)
    found = half_right(ground_truth)
    assert ids(ground_truth, found) == ["score-ties"]
    assert (
        "all 16 detections have the score 0.5; by their order mAP lies between .500 and 1.000"
        in texts(ground_truth, found)
    )
    assert ids(ground_truth, perfect(ground_truth, scores=np.full(len(ROWS), 0.5))) == [], (
        "no order changes that all are right"
    )
    one = truth(ROWS[:1], images=1)
    assert ids(one, perfect(one)) == [], "a single score is no tie"


@pytest.mark.parametrize(("missing", "suspicious"), [(4, False), (5, True)])
def test_more_images_without_detection_than_the_others_let_expect(missing, suspicious):
    """Where every other image has two detections, 5 of 100 without any are too many: three and a hundredth may be."""
    ground_truth = truth([(image, 0, (10, 10, 50, 60)) for image in range(100)], images=120)
    rows = [
        (image, 0, 0.9 - image / 1000, (10, 10, 50, 60 + n))
        for image in range(missing, 100)
        for n in range(2)
    ]
    found = detections(ground_truth, rows)
    assert ids(ground_truth, found) == (["images-missing"] if suspicious else [])
    if suspicious:
        assert "5 of 100 images with objects have no detection" in texts(ground_truth, found)


@pytest.mark.parametrize(("singles", "suspicious"), [(0, True), (10, False)])
def test_images_without_detection_are_normal_beside_images_with_one(singles, suspicious):
    ground_truth = truth([(image, 0, (10, 10, 50, 60)) for image in range(100)], images=100)
    counts = [0] * 15 + [1] * singles + [3] * (85 - singles)
    spread = [counts[(7 * image) % 100] for image in range(100)]
    rows = [
        (image, 0, 0.9, (10, 10, 50, 60 + n))
        for image, count in enumerate(spread)
        for n in range(count)
    ]
    scores = np.linspace(0.9, 0.1, len(rows))
    found = detections(
        ground_truth,
        [(image, k, score, box) for (image, k, _, box), score in zip(rows, scores, strict=True)],
    )
    assert ("images-missing" in ids(ground_truth, found)) is suspicious


def test_many_images_in_a_row_without_detection():
    """A weak detector, which leaves some images empty anyhow, stopped at the ninetieth image of a hundred."""
    ground_truth = truth([(image, 0, (10, 10, 50, 60)) for image in range(100)], images=100)
    rows = [(image, 0, 0.9 - image / 1000, (10, 10, 50, 60)) for image in range(90) if image % 6]
    assert "images-missing" in ids(ground_truth, detections(ground_truth, rows))
    assert "10 in a row, from '090' on" in texts(ground_truth, detections(ground_truth, rows))
    spread = [(image, 0, 0.9 - image / 1000, (10, 10, 50, 60)) for image in range(100) if image % 6]
    assert ids(ground_truth, detections(ground_truth, spread)) == []


def test_permuted_classes():
    ground_truth = truth(ROWS)
    swapped = perfect(ground_truth, class_index=1 - ground_truth.class_index)
    assert ids(ground_truth, swapped) == ["classes-permuted"]
    assert texts(ground_truth, swapped).startswith(
        "100% of the well-placed detections of 2 classes lie on objects of another class (cat → dog"
    )
    nowhere = perfect(ground_truth, boxes=np.add(ground_truth.boxes, (100, 30, 100, 30)))
    assert ids(ground_truth, nowhere) == [], (
        "they hit nothing, but overlap no objects of other classes either"
    )
    half = perfect(
        ground_truth,
        class_index=np.where(
            np.arange(8) < 4, ground_truth.class_index, 1 - ground_truth.class_index
        ),
    )
    assert ids(ground_truth, half) == [], "half of them right shows that names are right"
    one_sided = perfect(ground_truth, class_index=np.zeros(8, int))
    assert ids(ground_truth, one_sided) == [], (
        "a detector that takes dogs for cats has not swapped the two"
    )
    few = truth(ROWS[:4], images=2)
    assert ids(few, perfect(few, class_index=1 - few.class_index)) == [], (
        "two objects of a class are too few to tell"
    )


def test_more_detections_than_the_protocol_scores():
    ground_truth = truth(ROWS)
    many = [(0, 0, 0.9 - n / 1000, (10, 10, 50, 60)) for n in range(103)]
    other = [(image, k, 0.5, box) for image, k, box in ROWS]
    found = detections(ground_truth, [*many, *other])
    assert ids(ground_truth, found, "coco") == ["too-many-detections"]
    assert "4 detections are beyond the 100 best of their image and class" in texts(
        ground_truth, found, "coco"
    )
    assert "too-many-detections" not in ids(ground_truth, found, "voc2007"), "VOC has no limit"
    assert "too-many-detections" not in ids(
        ground_truth, found, replace(COCO, max_detections=(1, 10, 104), measures=COCO.measures[:6])
    )


def test_a_fault_names_what_to_do():
    ground_truth = truth(ROWS)
    [found] = suspicions(scored(ground_truth, half_right(ground_truth)))
    assert str(found) == f"{found.evidence}; {found.fix}"


@pytest.mark.parametrize("name", ["htt1084_d56c7e49", "robinyen_darknet", "hli2020_darknet"])
def test_real_detectors_are_not_suspicious(shared_data, name):
    ground_truth = load_ground_truth(shared_data / "VOCtest_06-Nov-2007.annotations.tar.gz")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DetbenchWarning)
        found = load_detections(shared_data / "dets_voc" / name, ground_truth)
    assert ids(ground_truth, found) == []
