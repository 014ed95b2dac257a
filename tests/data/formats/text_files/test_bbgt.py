"""bbGt: Caltech's and KAIST's annotations, with regions in which persons do not count."""

import json
import tarfile

import pytest

from detbench.data.load import load_detections, load_ground_truth
from detbench.errors import InputError
from detbench.metrics.scoring.evaluate import evaluate
from tests.data.formats.labeled import load, load_scored, objects, write

HEAD = "% bbGt version=3\n"


def test_lines_are_read_with_their_flag_and_unclear_persons_do_not_count(tmp_path):
    write(
        tmp_path / "annotations/set06/V003/I00019.txt",
        f"{HEAD}person 10 20 30 40 0 0 0 0 0 0 0\nperson 1 2 3 4 0 0 0 0 0 1 0\n"
        "people 5 5 10 10 0 0 0 0 0 0 0\nperson? 6 6 10 10 0 0 0 0 0 0 0\n"
        "cyclist 7 7 10 10 0 0 0 0 0 0 0\n",
    )
    write(tmp_path / "annotations/set06/V003/I00039.txt", HEAD)
    ground_truth, warnings = load(tmp_path)
    image = "set06/V003/I00019"
    assert objects(ground_truth) == [
        (image, "person", [10, 20, 40, 60], ""),
        (image, "person", [1, 2, 4, 6], "iscrowd"),
        (image, "person", [5, 5, 15, 15], "iscrowd"),
        (image, "person", [6, 6, 16, 16], "iscrowd"),
        (image, "cyclist", [7, 7, 17, 17], ""),
    ]
    assert ground_truth.image_ids == (image, "set06/V003/I00039")
    assert ground_truth.class_names == ("person", "cyclist")
    assert "1 people box, 1 person? box ignored: persons there do not count" in warnings[0]


def test_classes_without_persons_are_kept_as_they_are(tmp_path):
    write(tmp_path / "a.txt", f"{HEAD}People 1 2 3 4 0 0 0 0 0 0 0\nCat 1 2 3 4 0 0 0 0 0 0 0\n")
    assert load(tmp_path)[0].class_names == ("Cat", "People")


def test_annotations_are_no_detections(tmp_path):
    write(tmp_path / "a.txt", f"{HEAD}person 1 2 3 4 0 0 0 0 0 0 0\n")
    with pytest.raises(InputError, match="these are labels and not detections"):
        load_scored(tmp_path, load(tmp_path)[0])


def test_a_malformed_line_is_named(tmp_path):
    write(tmp_path / "a.txt", f"{HEAD}person 1 2 3\n")
    with pytest.raises(InputError, match=r"a\.txt, line 2: 4 values, expected 12"):
        load(tmp_path)


@pytest.mark.filterwarnings("ignore::detbench.errors.DetbenchWarning")
def test_kaist_is_scored_as_pycocotools_scores_the_same_boxes(shared_data, tmp_path):
    """The reference reads the annotations with a few lines of its own."""
    with tarfile.open(shared_data / "kaist/annotations.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    results = json.loads((shared_data / "kaist/results/MSDS.json").read_text())
    ground_truth = load_ground_truth(tmp_path)
    detections = load_detections(shared_data / "kaist/results/MSDS.json", ground_truth)
    ours = evaluate(ground_truth, detections).per_class()

    images, annotations = [], []
    for file in sorted((tmp_path / "annotations").rglob("*.txt")):
        images.append(
            {"id": len(images) + 1, "name": file.relative_to(tmp_path / "annotations").as_posix()}
        )
        for line in file.read_text().splitlines()[1:]:
            label, *numbers = line.split()
            x, y, w, h = map(float, numbers[:4])
            if label != "cyclist":
                annotations.append(
                    {
                        "id": len(annotations) + 1,
                        "image_id": images[-1]["id"],
                        "category_id": 1,
                        "bbox": [x, y, w, h],
                        "area": w * h,
                        "iscrowd": int(label != "person"),
                    }
                )
    expected = pycocotools_ap(images, annotations, results)
    assert ours.loc["person", "AP"] == pytest.approx(expected, abs=1e-12)


def pycocotools_ap(images, annotations, results):
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    truth = COCO()
    categories = [{"id": 1, "name": "person"}]
    truth.dataset = {"images": images, "annotations": annotations, "categories": categories}
    truth.createIndex()
    ids = {image["name"].removesuffix(".txt"): image["id"] for image in images}
    rows = [row | {"image_id": ids[row["image_id"]]} for row in results]
    evaluation = COCOeval(truth, truth.loadRes(rows), "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    precision = evaluation.eval["precision"][:, :, 0, 0, -1]
    return precision[precision > -1].mean()


def test_a_malformed_flag_is_refused(tmp_path):
    write(tmp_path / "a.txt", f"{HEAD}person 10 20 30 40 0 0 0 0 0 x 0\n")
    with pytest.raises(InputError, match=r"a\.txt, line 2: its flag to ignore is 'x', expected 0"):
        load(tmp_path)
