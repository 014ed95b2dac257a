"""COCO files as other programs write them: the same boxes, classes and scores from each.

All but the last hold these boxes (x1, y1, x2, y2), with scores of .5 where they have scores.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from detbench.data.formats.coco.annotations import read_coco
from detbench.data.formats.coco.lenient_annotations import read_coco_leniently
from detbench.data.load import load_detections
from detbench.errors import DetbenchWarning, InputError
from tests.data.formats.coco.annotation_files import write

BOXES = [
    ("a", "cat", [4, 6, 24, 36]),
    ("a", "dog", [30, 10, 60.5, 40.25]),
    ("b", "dog", [1, 2, 79, 58]),
]

# globox 2.9.0: AnnotationSet(Annotation(file, (width, height), [BoundingBox(label=, xmin=, …,
# confidence=0.5)])).save_coco("a.json", auto_ids=True), annotations shown without `segmentation`.
GLOBOX = """{"images": [{"id": 0, "file_name": "a.jpg", "width": 64, "height": 48}, {"id": 1,
"file_name": "b.jpg", "width": 80, "height": 60}], "annotations": [{"iscrowd": 0, "ignore": 0,
"image_id": 0, "bbox": [4, 6, 20, 30], "area": 600, "category_id": 0, "id": 0, "score": 0.5},
{"iscrowd": 0, "ignore": 0, "image_id": 0, "bbox": [30, 10, 30.5, 30.25], "area": 922.625,
"category_id": 1, "id": 1, "score": 0.5}, {"iscrowd": 0, "ignore": 0, "image_id": 1, "bbox": [1,
2, 78, 56], "area": 4368, "category_id": 1, "id": 2, "score": 0.5}],
"categories": [{"supercategory": "none", "id": 0, "name": "cat"}, {"supercategory": "none",
"id": 1, "name": "dog"}]}"""

# supervision 0.31.2: DetectionDataset(classes=["cat", "dog"], images=…, annotations=…).as_coco(
# annotations_path="a.json").
SUPERVISION = """{"info": {},
"licenses": [{"id": 1, "url": "https://creativecommons.org/licenses/by/4.0/",
"name": "CC BY 4.0"}], "categories": [{"id": 1, "name": "cat",
"supercategory": "common-objects"}, {"id": 2, "name": "dog", "supercategory": "common-objects"}],
"images": [{"id": 1, "license": 1, "file_name": "a.jpg", "height": 48, "width": 64,
"date_captured": "11/30/2026,20:36:35"}, {"id": 2, "license": 1, "file_name": "b.jpg",
"height": 60, "width": 80, "date_captured": "11/30/2026,20:36:35"}], "annotations": [{"id": 1,
"image_id": 1, "category_id": 1, "bbox": [4.0, 6.0, 20.0, 30.0], "area": 600.0,
"segmentation": [], "iscrowd": 0}, {"id": 2, "image_id": 1, "category_id": 2, "bbox": [30.0,
10.0, 30.5, 30.25], "area": 922.625, "segmentation": [], "iscrowd": 0}, {"id": 3, "image_id": 2,
"category_id": 2, "bbox": [1.0, 2.0, 78.0, 56.0], "area": 4368.0, "segmentation": [],
"iscrowd": 0}]}"""

# datumaro 1.13.12: Dataset.from_iterable([DatasetItem(id, subset="val", media=…, annotations=[
# Bbox(…, attributes={"score": 0.5, "occluded": True})])]).export("a", "coco_instances").
DATUMARO = """{"licenses": [{"name": "", "id": 0, "url": ""}],
"info": {"contributor": "", "year": ""},
"categories": [{"id": 1, "name": "cat", "supercategory": ""}, {"id": 2, "name": "dog",
"supercategory": ""}], "images": [{"id": 1, "width": 64, "height": 48, "file_name": "a.jpg",
"license": 0, "flickr_url": "", "coco_url": "", "date_captured": 0}, {"id": 2, "width": 80,
"height": 60, "file_name": "b.jpg", "license": 0, "flickr_url": "", "coco_url": "",
"date_captured": 0}], "annotations": [{"id": 1, "image_id": 1, "category_id": 1,
"segmentation": [], "area": 600.0, "bbox": [4.0, 6.0, 20.0, 30.0], "iscrowd": 0, "score": 0.5,
"attributes": {"occluded": true}}, {"id": 2, "image_id": 1, "category_id": 2, "segmentation": [],
"area": 922.625, "bbox": [30.0, 10.0, 30.5, 30.25], "iscrowd": 0, "score": 0.5,
"attributes": {"occluded": true}}, {"id": 3, "image_id": 2, "category_id": 2, "segmentation": [],
"area": 4368.0, "bbox": [1.0, 2.0, 78.0, 56.0], "iscrowd": 0, "score": 0.5,
"attributes": {"occluded": true}}]}"""

GROUND_TRUTHS = {"globox": GLOBOX, "supervision": SUPERVISION, "datumaro": DATUMARO}
DETECTIONS = {"globox": GLOBOX, "datumaro": DATUMARO}

pytestmark = pytest.mark.filterwarnings("ignore:.* has ID 0, which pycocotools:")


def rows_of(columns, ground_truth):
    """Return the stem of the image, the class and the box of each row, in order."""
    images = [
        Path(ground_truth.image_files[image]).stem
        for image, (first, last) in enumerate(
            zip(columns.offsets, columns.offsets[1:], strict=False)
        )
        for _ in range(first, last)
    ]
    classes = [ground_truth.class_names[k] for k in columns.class_index]
    return list(zip(images, classes, columns.boxes.tolist(), strict=True))


@pytest.mark.parametrize("writer", GROUND_TRUTHS)
def test_ground_truth(writer, tmp_path):
    path = write(tmp_path, GROUND_TRUTHS[writer])
    for ground_truth in (read_coco(path), read_coco_leniently(path, None)[0]):
        assert rows_of(ground_truth, ground_truth) == BOXES
        assert ground_truth.areas.tolist() == [600, 922.625, 4368]
        assert ground_truth.image_sizes.tolist() == [[64, 48], [80, 60]]
        assert not ground_truth.iscrowd.any()


@pytest.mark.parametrize("truth_writer", GROUND_TRUTHS)
@pytest.mark.parametrize("writer", DETECTIONS)
def test_detections_with_ids_of_their_own(writer, truth_writer, tmp_path):
    """In globox, numbers of images and categories start from 0, in the others from 1."""
    ground_truth = read_coco(write(tmp_path, GROUND_TRUTHS[truth_writer]))
    path = write(tmp_path, DETECTIONS[writer], "detections.json")
    detections = load_detections(path, ground_truth)
    assert rows_of(detections, ground_truth) == BOXES
    assert detections.scores.tolist() == [0.5] * 3


def test_annotation_ids_that_datumaro_repeats(tmp_path):
    """From VOC, it numbers the objects of each image from 1."""
    content = json.loads(DATUMARO)
    content["annotations"][1]["id"] = 1
    with pytest.raises(InputError, match="make the ids unique; detbench doctor can number them"):
        read_coco(write(tmp_path, content))


# Objects365 v2, made after https://www.objects365.org/download.html: `zhiyuan_objv2_val.json` has
# the keys of COCO and `isfake` and `isreflected` for each annotation, and files in folders.
OBJECTS365 = {
    "images": [
        {
            "height": 720,
            "id": 420917,
            "license": 5,
            "width": 1280,
            "file_name": "images/v1/patch8/objects365_v1_00420917.jpg",
            "url": "",
        }
    ],
    "annotations": [
        {
            "id": 50,
            "iscrowd": iscrowd,
            "isfake": 0,
            "area": 4000.5,
            "isreflected": 0,
            "bbox": [10.25, 20, 80.01, 50],
            "image_id": 420917,
            "category_id": 2,
        }
        | {"id": number}
        for number, iscrowd in ((50, 0), (51, 1))
    ],
    "categories": [{"name": "Person", "id": 1}, {"name": "Sneakers", "id": 2}],
    "licenses": [],
}


@pytest.mark.parametrize(
    "image_id",
    [
        420917,
        "420917",
        "objects365_v1_00420917",
        "images\\v1\\patch8\\objects365_v1_00420917.jpg",
        "patch8/objects365_v1_00420917",
    ],
)
def test_objects365(image_id, tmp_path):
    ground_truth = read_coco(write(tmp_path, OBJECTS365))
    assert ground_truth.iscrowd.tolist() == [False, True]
    assert ground_truth.areas.tolist() == [4000.5] * 2
    result = {"image_id": image_id, "category_id": 2, "bbox": [10, 20, 30, 40], "score": 0.75}
    path = write(tmp_path, [result], "detections.json")
    assert load_detections(path, ground_truth).boxes.tolist() == [[10, 20, 40, 60]]


def test_a_byte_order_mark(tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(b"\xef\xbb\xbf" + SUPERVISION.encode())
    assert len(read_coco(path)) == len(read_coco_leniently(path, None)[0]) == 3


def test_a_warning_for_annotations_without_area(tmp_path):
    content = json.loads(SUPERVISION)
    for row in content["annotations"]:
        del row["area"]
    with pytest.warns(DetbenchWarning, match="no area; width"):
        assert read_coco(write(tmp_path, content)).areas.tolist() == [600, 922.625, 4368]
