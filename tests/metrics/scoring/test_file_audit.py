"""File audit: pycocotools on the files as they are, and the causes of a difference, proven."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import warnings

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from detbench.data.load import load_detections, load_ground_truth
from detbench.errors import DetbenchWarning
from detbench.metrics.scoring.audit import audit
from detbench.metrics.scoring.file_audit import CocoFiles, coco_files

N_IMAGES = 12


@pytest.fixture
def documents():
    """Return annotations and results of images with two objects each, one of which is found."""
    rng = np.random.default_rng(3)
    images = [{"id": n + 1, "width": 300, "height": 200} for n in range(N_IMAGES)]
    annotations, results = [], []
    for image in images:
        for category_id, (x, y) in enumerate([(10, 20), (150, 60)], 1):
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image["id"],
                    "category_id": category_id,
                    "bbox": [x, y, 60, 50],
                    "area": 3000,
                    "iscrowd": 0,
                }
            )
            shift, score = rng.uniform(-8, 8, 2), rng.uniform()
            box = [x + shift[0], y + shift[1], 60, 50]
            results.append(
                {
                    "image_id": image["id"],
                    "category_id": category_id,
                    "bbox": box,
                    "score": score,
                }
            )
    categories = [{"id": 1, "name": "cup"}, {"id": 2, "name": "plate"}]
    return {"images": images, "categories": categories, "annotations": annotations}, results


def audit_of(folder, annotations, results):
    """Return the audit of both, written to files."""
    files = CocoFiles(folder / "truth.json", folder / "results.json")
    files.annotations.write_text(json.dumps(annotations))
    files.results.write_text(json.dumps(results))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DetbenchWarning)
        ground_truth = load_ground_truth(files.annotations)
        detections = load_detections(files.results, ground_truth, allow_unknown=True)
    return audit(ground_truth, detections, files)


def by_pycocotools(folder):
    """Return what a user of pycocotools computes from the files of `audit_of`."""
    with contextlib.redirect_stdout(io.StringIO()):
        annotations = COCO(str(folder / "truth.json"))
        evaluator = COCOeval(annotations, annotations.loadRes(str(folder / "results.json")), "bbox")
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()
    return evaluator.stats.tolist()


def with_minus_one(summary):
    return [-1.0 if value is None else value for value in summary.values()]


def test_files_without_deviation_have_no_difference(documents, tmp_path):
    outcome = audit_of(tmp_path, *documents)
    assert with_minus_one(outcome.files.pycocotools) == by_pycocotools(tmp_path)
    assert outcome.files.summary_difference == 0
    assert outcome.files.identical
    assert (outcome.files.error, outcome.files.causes) == (None, ())
    assert outcome.identical


@pytest.mark.parametrize("zero", [0, 0.0, "0"])
def test_an_annotation_with_id_0_is_the_cause(documents, tmp_path, zero):
    annotations, results = documents
    for number, annotation in enumerate(annotations["annotations"]):
        # Ids of one kind: pycocotools stores texts as the numbers they spell.
        annotation["id"] = type(zero)(number)
    outcome = audit_of(tmp_path, annotations, results)
    theirs = by_pycocotools(tmp_path)
    assert outcome.identical, "the same boxes score the same"
    assert with_minus_one(outcome.files.pycocotools) == theirs
    ours = with_minus_one(outcome.ours)
    largest = max(abs(a - b) for a, b in zip(ours, theirs, strict=True))
    assert outcome.files.summary_difference == largest > 0
    [cause] = outcome.files.causes
    assert cause == "annotations[0] has ID 0, which pycocotools takes for “not matched”"


def test_file_names_of_other_images_are_the_cause(documents, tmp_path):
    annotations, results = documents
    for n, image in enumerate(annotations["images"]):
        image["file_name"] = f"{N_IMAGES - n:04}.png"
    for result in results:
        result["file_name"] = f"{N_IMAGES + 1 - result['image_id']:04}.png"
    by_id = audit_of(tmp_path, annotations, results)
    for result in results:
        result["image_id"] = 1
    by_file = audit_of(tmp_path, annotations, results)
    assert by_id.files.identical
    assert not by_file.files.identical
    (cause,) = by_file.files.causes
    assert f"{len(results) - 2} results with a file_name of another image than image_id" in cause


def test_id_0_of_a_crowd_is_no_cause(documents, tmp_path):
    """A crowd is never counted, matched or not."""
    annotations, results = documents
    annotations["annotations"][0] |= {"id": 0, "iscrowd": 1}
    outcome = audit_of(tmp_path, annotations, results)
    assert outcome.files.identical
    assert outcome.files.causes == ()


def test_only_what_makes_a_difference_is_a_cause(documents, tmp_path):
    """The object without iscrowd is of an image that pycocotools scores, so that it stops."""
    annotations, results = documents
    annotations["annotations"][0] |= {"id": 0, "iscrowd": 1}
    annotations["annotations"][5].pop("iscrowd")
    outcome = audit_of(tmp_path, annotations, results)
    assert outcome.files.error == "KeyError: 'iscrowd'"
    assert outcome.files.causes == ("1 annotation without iscrowd, which is 0 here",)


@pytest.mark.parametrize(
    ("change", "error", "cause"),
    [
        (
            lambda annotations, results: annotations["annotations"][3].pop("area"),
            "KeyError: 'area'",
            "1 annotation without area, where width · height is used here",
        ),
        (
            lambda annotations, results: annotations["annotations"][3].pop("id"),
            "KeyError: 'id'",
            "1 annotation without ID, and pycocotools needs one",
        ),
        (
            lambda annotations, results: results[4].update(image_id="0003"),
            "AssertionError: Results do not correspond to current coco set",
            (
                "1 result with image IDs that the annotations do not list (the first: results[4], "
                "image_id '0003'), and pycocotools matches no other spelling"
            ),
        ),
        (
            lambda annotations, results: results[4].update(image_id=77),
            "AssertionError: Results do not correspond to current coco set",
            (
                "1 result with image IDs that the annotations do not list (the first: results[4], "
                "image_id 77), and pycocotools matches no other spelling"
            ),
        ),
        (
            lambda annotations, results: results.clear(),
            "IndexError: list index out of range",
            "there are no results, and pycocotools needs one",
        ),
    ],
    ids=["no area", "no ID", "text ID", "unknown image", "no results"],
)
def test_an_error_of_pycocotools_is_reported_with_its_cause(
    documents, tmp_path, change, error, cause
):
    change(*documents)
    outcome = audit_of(tmp_path, *documents)
    assert outcome.identical, "the same boxes score the same"
    assert (outcome.files.pycocotools, outcome.files.summary_difference) == (None, None)
    assert outcome.files.error == error
    assert outcome.files.causes == (cause,)
    with pytest.raises((KeyError, AssertionError, IndexError)):
        by_pycocotools(tmp_path)


def test_several_causes_are_all_named(documents, tmp_path):
    annotations, results = documents
    annotations["annotations"][0]["id"] = 0
    annotations["annotations"][1].pop("area")
    outcome = audit_of(tmp_path, annotations, results)
    assert outcome.files.error == "KeyError: 'area'"
    assert [cause.split(",")[0] for cause in outcome.files.causes] == [
        "annotations[0] has ID 0",
        "1 annotation without area",
    ]


def test_an_unknown_category_makes_no_difference(documents, tmp_path):
    """Such detections are dropped silently by pycocotools."""
    annotations, results = documents
    results[0]["category_id"] = 9
    outcome = audit_of(tmp_path, annotations, results)
    assert outcome.files.identical


def test_only_the_scored_images_are_compared(documents, tmp_path):
    """As with --only-present."""
    annotations, results = documents
    audit_of(tmp_path, annotations, results)
    files = CocoFiles(tmp_path / "truth.json", tmp_path / "results.json")
    ground_truth = load_ground_truth(files.annotations)
    positions = np.arange(5)
    some = ground_truth.select_images(positions)
    detections = load_detections(files.results, ground_truth).select_images(some, positions)
    outcome = audit(some, detections, files)
    assert outcome.files.identical
    assert (
        outcome.files.pycocotools
        != audit(
            ground_truth, load_detections(files.results, ground_truth), files
        ).files.pycocotools
    )


def test_other_formats_have_no_files_to_audit(files):
    ground_truth = load_ground_truth(files.ground_truth("coco"))
    coco, voc = files.detections("coco"), files.detections("voc")
    assert coco_files(files.ground_truth("coco"), coco, ground_truth) == (
        files.ground_truth("coco"),
        coco,
    )
    assert coco_files(files.ground_truth("coco"), voc, ground_truth) is None
    assert coco_files(files.ground_truth("voc"), coco, ground_truth) is None


DEVIATIONS = {
    "annotations[0] has ID 0": lambda annotations, results: annotations[0].update(id=0),
    "1 annotation without area": lambda annotations, results: annotations[1].pop("area"),
    "1 annotation without iscrowd": lambda annotations, results: annotations[2].pop("iscrowd"),
    "1 result with image IDs": lambda annotations, results: results[9].update(image_id="05"),
}


@pytest.mark.parametrize("pair", [*itertools.combinations(DEVIATIONS, 2)], ids=" and ".join)
def test_two_causes_are_proven_one_by_one(documents, tmp_path, pair):
    annotations, results = documents
    for deviation in pair:
        DEVIATIONS[deviation](annotations["annotations"], results)
    causes = audit_of(tmp_path, annotations, results).files.causes
    assert len(causes) == 2
    assert all(cause.startswith(deviation) for cause, deviation in zip(causes, pair, strict=True))
