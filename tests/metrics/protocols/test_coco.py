"""The COCO protocol against pycocotools, bit for bit."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detbench.data.formats.coco.annotations import read_coco
from detbench.data.formats.coco.results import read_coco_results
from detbench.metrics.protocols.coco import COCO
from detbench.metrics.scoring.evaluate import evaluate
from tests.references.adversarial import adversarial
from tests.references.cocoeval import assert_bit_identical, pycocotools_eval

CASES = 500
BATCH = 25
pytestmark = pytest.mark.filterwarnings("ignore::detbench.errors.DetbenchWarning")


def load(folder, truth, results):
    annotations, found = folder / "annotations.json", folder / "results.json"
    annotations.write_text(json.dumps(truth))
    found.write_text(json.dumps(results))
    ground_truth = read_coco(annotations, images=None)
    return ground_truth, read_coco_results(found, ground_truth)


def upright(results):
    """Turn results of which most boxes are inverted, which the reader refuses, into ones it takes."""
    inverted = sum(result["bbox"][2] < 0 or result["bbox"][3] < 0 for result in results)
    if 2 * inverted <= len(results):
        return results
    return [
        {**result, "bbox": [*result["bbox"][:2], abs(result["bbox"][2]), abs(result["bbox"][3])]}
        for result in results
    ]


@pytest.mark.parametrize("batch", range(CASES // BATCH))
def test_adversarial_cases_are_bit_identical(batch, tmp_path):
    for seed in range(batch * BATCH, (batch + 1) * BATCH):
        truth, results = adversarial(seed)
        ground_truth, detections = load(tmp_path, truth, upright(results))
        assert_bit_identical(
            evaluate(ground_truth, detections, "coco"), pycocotools_eval(truth, upright(results))
        )


def test_the_adversarial_cases_hold_what_they_promise():
    truths, found = zip(*(adversarial(seed) for seed in range(CASES)), strict=True)
    per_image = [
        np.unique([r["image_id"] for r in results], return_counts=True)[1].max(initial=0)
        for results in found
    ]
    boxes = [tuple(r["bbox"]) for results in found for r in results]
    scores = [r["score"] for results in found for r in results]
    areas = [a["area"] for truth in truths for a in truth["annotations"]]
    assert max(per_image) > 100
    assert len(set(boxes)) < len(boxes)
    assert len(set(scores)) < len(scores)
    assert min(scores) < 0
    assert 0.0 in scores
    assert {1024.0, 9216.0, 0.0} <= set(areas)
    assert any(a["iscrowd"] for truth in truths for a in truth["annotations"])
    assert any(w * h < 0 for _, _, w, h in boxes)
    for absent_in in ("annotations", "results"):
        assert any(
            {c["id"] for c in truth["categories"]}
            - {
                row["category_id"]
                for row in (truth["annotations"] if absent_in == "annotations" else results)
            }
            for truth, results in zip(truths, found, strict=True)
        )


side = st.one_of(st.integers(0, 40).map(float), st.floats(0, 40, allow_subnormal=False))
box = st.tuples(side, side, side, side).map(list)
score = st.one_of(st.sampled_from([0.0, -0.0, 0.5, 1.0, -1.0]), st.floats(-1, 1))
area = st.sampled_from([0.0, 600.0, 1024.0, 9216.0, 1e6])
image, category, crowd = st.integers(0, 2), st.integers(0, 1), st.integers(0, 1)
annotation = st.fixed_dictionaries(
    {"image_id": image, "category_id": category, "bbox": box, "area": area, "iscrowd": crowd}
)
result = st.fixed_dictionaries(
    {"image_id": image, "category_id": category, "bbox": box, "score": score}
)


@settings(max_examples=150, deadline=None)
@given(st.lists(annotation, max_size=8), st.lists(result, max_size=12))
def test_made_cases_are_bit_identical(tmp_path_factory, annotations, results):
    truth = {
        "images": [{"id": i} for i in range(3)],
        "categories": [{"id": k, "name": str(k)} for k in range(2)],
        "annotations": [{**each, "id": number} for number, each in enumerate(annotations, 1)],
    }
    ground_truth, detections = load(tmp_path_factory.mktemp("case"), truth, results)
    assert_bit_identical(
        evaluate(ground_truth, detections, "coco"), pycocotools_eval(truth, results)
    )


@pytest.mark.parametrize("seed", range(30))
def test_other_thresholds_limits_and_grids_are_bit_identical(seed, tmp_path):
    truth, results = adversarial(seed, most_detections=40)
    results = upright(results)
    ground_truth, detections = load(tmp_path, truth, results)
    thresholds, limits, grid = (0.3, 0.5, 0.55, 0.9, 1.0), (2, 7, 20), np.linspace(0, 1, 7)
    rules = replace(
        COCO.with_thresholds(thresholds).with_max_detections(limits),
        recall_grid=tuple(grid.tolist()),
    )
    reference = pycocotools_eval(
        truth, results, iouThrs=np.array(thresholds), maxDets=list(limits), recThrs=grid
    )
    assert_bit_identical(evaluate(ground_truth, detections, rules), reference)


def test_more_than_sixteen_thresholds_are_bit_identical(tmp_path):
    truth, results = adversarial(3)
    ground_truth, detections = load(tmp_path, truth, upright(results))
    thresholds = np.linspace(0.05, 0.95, 19)
    evaluation = evaluate(
        ground_truth, detections, COCO.with_thresholds(tuple(thresholds.tolist()))
    )
    assert evaluation.matches.hits.dtype == np.uint32
    assert_bit_identical(evaluation, pycocotools_eval(truth, upright(results), iouThrs=thresholds))


def test_ground_truth_of_id_0_counts_here_and_not_in_pycocotools(tmp_path):
    """The one named difference: pycocotools takes a match with annotation id 0 for no match (cocoapi#507)."""
    truth = {
        "images": [{"id": 1}],
        "categories": [{"id": 1, "name": "a"}],
        "annotations": [
            {
                "id": 0,
                "image_id": 1,
                "category_id": 1,
                "bbox": [0, 0, 50, 50],
                "area": 2500,
                "iscrowd": 0,
            }
        ],
    }
    results = [{"image_id": 1, "category_id": 1, "bbox": [0, 0, 50, 50], "score": 0.9}]
    ground_truth, detections = load(tmp_path, truth, results)
    assert evaluate(ground_truth, detections, "coco").summary["AP"] == pytest.approx(1.0, abs=1e-12)
    assert pycocotools_eval(truth, results).stats[0] == 0
    truth["annotations"][0]["id"] = 7
    assert_bit_identical(
        evaluate(ground_truth, detections, "coco"), pycocotools_eval(truth, results)
    )


def test_fakebbox100(shared_data):
    """The official fake results: identical arrays, and the published 12 numbers."""
    truth_path, results_path = (
        shared_data / "coco" / f"instances_val2014_{name}.json"
        for name in ("100", "fakebbox100_results")
    )
    ground_truth = read_coco(truth_path, images=None)
    evaluation = evaluate(ground_truth, read_coco_results(results_path, ground_truth), "coco")
    assert_bit_identical(
        evaluation,
        pycocotools_eval(json.loads(truth_path.read_text()), json.loads(results_path.read_text())),
    )
    published = [0.5045806987, 0.6969727247, 0.5729816670, 0.5856257, 0.5193997, 0.5013979, 0.3868128, 0.5936796, 0.5953530, 0.6398110,
                 0.5664206, 0.5642906]  # fmt: skip
    assert list(evaluation.summary.values()) == pytest.approx(published, abs=1e-7)


def test_voc_2007_as_coco(shared_data, tmp_path):
    """A real detector on 4,952 images, its VOC results as COCO results."""
    from detbench.data.formats.voc.results import read_voc_results

    path = shared_data / "voc07_test_coco.json"
    truth = json.loads(path.read_text())
    ground_truth = read_coco(path, images=None)
    by_file = replace(
        ground_truth,
        image_ids=tuple(name.removesuffix(".jpg") for name in ground_truth.image_files),
    )
    voc = read_voc_results(shared_data / "dets_voc" / "htt1084_d56c7e49", by_file)
    images = np.repeat(ground_truth.image_ids, np.diff(voc.offsets)).tolist()
    columns = zip(
        images,
        ground_truth.category_ids[voc.class_index].tolist(),
        voc.boxes.tolist(),
        voc.scores.tolist(),
        strict=True,
    )
    results = [
        {
            "image_id": int(image_id),
            "category_id": k,
            "bbox": [x1, y1, x2 - x1, y2 - y1],
            "score": s,
        }
        for image_id, k, (x1, y1, x2, y2), s in columns
    ]
    found = tmp_path / "results.json"
    found.write_text(json.dumps(results))
    evaluation = evaluate(ground_truth, read_coco_results(found, ground_truth), "coco")
    assert_bit_identical(evaluation, pycocotools_eval(truth, results))


def test_coco_tiny_val(shared_data):
    """Two real COCO detectors on 80 images with crowds."""
    path = shared_data / "coco_tiny_val" / "instances_val2017.json"
    truth = json.loads(path.read_text())
    ground_truth = read_coco(path, images=None)
    known = {int(image) for image in ground_truth.image_ids}
    for name in ("yolox_nano", "fastestdet"):
        found = shared_data / "coco_tiny_val" / f"{name}_results.json"
        results = [row for row in json.loads(found.read_text()) if row["image_id"] in known]
        evaluation = evaluate(
            ground_truth, read_coco_results(found, ground_truth, allow_unknown=True), "coco"
        )
        assert_bit_identical(evaluation, pycocotools_eval(truth, results))


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_the_number_of_threads_changes_nothing(threads, tmp_path):
    truth, results = adversarial(11, most_images=8, most_classes=6)
    ground_truth, detections = load(tmp_path, truth, upright(results))
    assert_bit_identical(
        evaluate(ground_truth, detections, "coco", threads=threads),
        pycocotools_eval(truth, upright(results)),
    )
