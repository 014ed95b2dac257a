"""COCO: scores equal to those of pycocotools, bit for bit."""

import json
from collections import Counter
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


def load(folder, annotations, results):
    """Write both as files and read them."""
    annotation_file, result_file = folder / "annotations.json", folder / "results.json"
    annotation_file.write_text(json.dumps(annotations))
    result_file.write_text(json.dumps(results))
    ground_truth = read_coco(annotation_file, images=None)
    return ground_truth, read_coco_results(result_file, ground_truth)


def upright(results):
    """Return the results, with upright boxes if most are inverted: the reader refuses those."""
    inverted = sum(min(result["bbox"][2:]) < 0 for result in results)
    if 2 * inverted <= len(results):
        return results
    boxes = [[x, y, abs(w), abs(h)] for x, y, w, h in (result["bbox"] for result in results)]
    return [result | {"bbox": box} for result, box in zip(results, boxes, strict=True)]


def assert_equals_pycocotools(folder, annotations, results):
    evaluation = evaluate(*load(folder, annotations, results), "coco")
    assert_bit_identical(evaluation, pycocotools_eval(annotations, results))


@pytest.mark.parametrize("batch", range(CASES // BATCH))
def test_adversarial_cases_are_bit_identical(batch, tmp_path):
    for seed in range(batch * BATCH, (batch + 1) * BATCH):
        annotations, results = adversarial(seed)
        assert_equals_pycocotools(tmp_path, annotations, upright(results))


def test_the_adversarial_cases_contain_what_they_promise():
    cases = [adversarial(seed) for seed in range(CASES)]
    rows = [row for _, results in cases for row in results]
    annotations = [row for dataset, _ in cases for row in dataset["annotations"]]
    boxes = [tuple(row["bbox"]) for row in rows]
    scores = [row["score"] for row in rows]
    areas = [row["area"] for row in annotations]
    per_image = [Counter(row["image_id"] for row in results) for _, results in cases]
    assert max(max(counts.values(), default=0) for counts in per_image) > 100
    assert len(set(boxes)) < len(boxes)
    assert len(set(scores)) < len(scores)
    assert min(scores) < 0
    assert 0.0 in scores
    assert {1024.0, 9216.0, 0.0} <= set(areas)
    assert any(row["iscrowd"] for row in annotations)
    assert any(w * h < 0 for _, _, w, h in boxes)


@pytest.mark.parametrize("absent_in", ["annotations", "results"])
def test_the_adversarial_cases_contain_classes_without_any_row(absent_in):
    for seed in range(CASES):
        dataset, results = adversarial(seed)
        rows = results if absent_in == "results" else dataset["annotations"]
        classes = {category["id"] for category in dataset["categories"]}
        if classes - {row["category_id"] for row in rows}:
            return
    pytest.fail("there is no such case")


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


@settings(max_examples=150)
@given(st.lists(annotation, max_size=8), st.lists(result, max_size=12))
def test_small_cases_are_bit_identical(tmp_path_factory, rows, results):
    annotations = {
        "images": [{"id": i} for i in range(3)],
        "categories": [{"id": k, "name": str(k)} for k in range(2)],
        "annotations": [row | {"id": number} for number, row in enumerate(rows, 1)],
    }
    assert_equals_pycocotools(tmp_path_factory.mktemp("case"), annotations, results)


@pytest.mark.parametrize("seed", range(30))
def test_other_thresholds_limits_and_grids_are_bit_identical(seed, tmp_path):
    annotations, results = adversarial(seed, max_detections=40)
    results = upright(results)
    thresholds, limits, grid = (0.3, 0.5, 0.55, 0.9, 1.0), (2, 7, 20), np.linspace(0, 1, 7)
    changed = COCO.with_thresholds(thresholds).with_max_detections(limits)
    protocol = replace(changed, recall_grid=tuple(grid.tolist()))
    parameters = {"iouThrs": np.array(thresholds), "maxDets": list(limits), "recThrs": grid}
    reference = pycocotools_eval(annotations, results, **parameters)
    evaluation = evaluate(*load(tmp_path, annotations, results), protocol)
    assert_bit_identical(evaluation, reference)


def test_more_than_sixteen_thresholds_are_bit_identical(tmp_path):
    annotations, results = adversarial(3)
    results = upright(results)
    thresholds = np.linspace(0.05, 0.95, 19)
    protocol = COCO.with_thresholds(tuple(thresholds.tolist()))
    evaluation = evaluate(*load(tmp_path, annotations, results), protocol)
    assert evaluation.matches.hits.dtype == np.uint32
    assert_bit_identical(evaluation, pycocotools_eval(annotations, results, iouThrs=thresholds))


def test_an_annotation_with_id_0_counts_here_and_not_in_pycocotools(tmp_path):
    """The one known difference: pycocotools reads id 0 as "not matched" (cocoapi#507)."""
    box = {"image_id": 1, "category_id": 1, "bbox": [0, 0, 50, 50]}
    annotations = {
        "images": [{"id": 1}],
        "categories": [{"id": 1, "name": "a"}],
        "annotations": [box | {"id": 0, "area": 2500, "iscrowd": 0}],
    }
    results = [box | {"score": 0.9}]
    evaluation = evaluate(*load(tmp_path, annotations, results), "coco")
    assert evaluation.summary["AP"] == pytest.approx(1.0, abs=1e-12)
    assert pycocotools_eval(annotations, results).stats[0] == 0
    annotations["annotations"][0]["id"] = 7
    assert_bit_identical(evaluation, pycocotools_eval(annotations, results))


def test_fakebbox100(shared_data):
    """The official fake results: identical arrays, and the 12 published numbers."""
    folder = shared_data / "coco"
    annotation_file = folder / "instances_val2014_100.json"
    result_file = folder / "instances_val2014_fakebbox100_results.json"
    ground_truth = read_coco(annotation_file, images=None)
    evaluation = evaluate(ground_truth, read_coco_results(result_file, ground_truth), "coco")
    files = (json.loads(file.read_text()) for file in (annotation_file, result_file))
    assert_bit_identical(evaluation, pycocotools_eval(*files))
    average_precision = [0.5045806987, 0.6969727247, 0.5729816670, 0.5856257, 0.5193997, 0.5013979]
    average_recall = [0.3868128, 0.5936796, 0.5953530, 0.6398110, 0.5664206, 0.5642906]
    published = [*average_precision, *average_recall]
    assert list(evaluation.summary.values()) == pytest.approx(published, abs=1e-7)


@pytest.mark.slow
def test_voc_2007_as_coco(shared_data, tmp_path):
    """A real detector on 4,952 images, its VOC results as COCO results."""
    from detbench.data.formats.voc.results import read_voc_results

    path = shared_data / "voc07_test_coco.json"
    annotations = json.loads(path.read_text())
    ground_truth = read_coco(path, images=None)
    voc_ids = tuple(name.removesuffix(".jpg") for name in ground_truth.image_files)
    by_file = replace(ground_truth, image_ids=voc_ids)
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
            "score": score,
        }
        for image_id, k, (x1, y1, x2, y2), score in columns
    ]
    result_file = tmp_path / "results.json"
    result_file.write_text(json.dumps(results))
    evaluation = evaluate(ground_truth, read_coco_results(result_file, ground_truth), "coco")
    assert_bit_identical(evaluation, pycocotools_eval(annotations, results))


@pytest.mark.parametrize("name", ["yolox_nano", "fastestdet"])
def test_coco_tiny_val(shared_data, name):
    """Real COCO detectors on 80 images with crowds."""
    path = shared_data / "coco_tiny_val" / "instances_val2017.json"
    annotations = json.loads(path.read_text())
    ground_truth = read_coco(path, images=None)
    image_ids = {int(image) for image in ground_truth.image_ids}
    result_file = shared_data / "coco_tiny_val" / f"{name}_results.json"
    results = json.loads(result_file.read_text())
    detections = read_coco_results(result_file, ground_truth, allow_unknown=True)
    of_these_images = [row for row in results if row["image_id"] in image_ids]
    reference = pycocotools_eval(annotations, of_these_images)
    assert_bit_identical(evaluate(ground_truth, detections, "coco"), reference)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_the_number_of_threads_changes_nothing(threads, tmp_path):
    annotations, results = adversarial(11, max_images=8, max_classes=6)
    results = upright(results)
    evaluation = evaluate(*load(tmp_path, annotations, results), "coco", threads=threads)
    assert_bit_identical(evaluation, pycocotools_eval(annotations, results))
