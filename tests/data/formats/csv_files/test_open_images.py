"""Open Images: fractions, flags, names of labels, results, and files of Datumaro and globox."""

import pytest
from PIL import Image

from detbench.errors import DetbenchError, InputError
from tests.data.formats.labeled import load, load_scored, objects, write

HEADER = (
    "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf,"
    "IsDepiction,IsInside\n"
)
OFFICIAL = (
    "a,xclick,/m/01yrx,1,0.1,0.4,0.25,0.75,0,1,0,-1,0\n"
    "a,xclick,/m/0bt9lr,1,0.01,0.05,0.025,0.075,1,0,1,0,0\n"
)
# Datumaro 1.13.12: `dataset.export("open-images", "open_images", save_media=True)`.
DATUMARO = "a,,cat,1,0.1,0.4,0.25,0.75,0,1,0,0,0\na,,dog,1,0.01,0.05,0.025,0.075,1,0,1,-1,-1\n"
# globox 2.9.0: `AnnotationSet.save_openimage("results.csv")` of boxes with a confidence.
GLOBOX = "a,,cat,0.9,0.1,0.4,0.25,0.75,,,,,\na,,dog,0.45,0.01,0.05,0.025,0.075,,,,,\n"
EXPECTED = [
    ("a", "cat", [10, 20, 40, 60], "truncated"),
    ("a", "dog", [1, 2, 5, 6], "iscrowd"),
]


def image(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (100, 80)).save(path)


def describe(folder):
    write(folder / "class-descriptions-boxable.csv", "/m/01yrx,cat\n/m/0bt9lr,dog\n")


def test_annotations_are_read_with_names_flags_and_images(tmp_path):
    image(tmp_path / "images/a.jpg")
    describe(tmp_path / "boxes")
    path = write(tmp_path / "boxes/validation-annotations-bbox.csv", HEADER + OFFICIAL)
    ground_truth, warnings = load(path)
    assert objects(ground_truth) == EXPECTED
    assert warnings == []
    image(tmp_path / "elsewhere/a.jpg")
    (tmp_path / "images/a.jpg").unlink()
    assert objects(load(path, images=tmp_path / "elsewhere")[0]) == EXPECTED


def test_without_images_their_folder_is_asked_for(tmp_path):
    with pytest.raises(DetbenchError, match="give the folder of the images with --images"):
        load(write(tmp_path / "a.csv", HEADER + OFFICIAL))


def test_datumaro_states_sizes_and_images_without_objects(tmp_path):
    folder = tmp_path / "annotations"
    path = write(folder / "train-annotations-bbox.csv", HEADER + DATUMARO)
    write(folder / "images.meta", "# <image name> <height> <width>\n\na 80 100\n")
    write(folder / "class-descriptions.csv", "cat,cat\ndog,dog\n")
    write(folder / "train-images-with-rotation.csv", "ImageID,Subset\na,train\nb,train\n")
    ground_truth, _ = load(path)
    assert objects(ground_truth) == EXPECTED
    assert ground_truth.image_ids == ("a", "b")


@pytest.mark.parametrize(
    "results",
    [
        (
            "ImageID,LabelName,Score,XMin,XMax,YMin,YMax\n"
            "a,/m/01yrx,0.9,0.1,0.4,0.25,0.75\na,/m/0bt9lr,0.45,0.01,0.05,0.025,0.075\n"
        ),
        (
            "ImageId,PredictionString\n"
            "a,/m/01yrx 0.9 0.1 0.25 0.4 0.75 /m/0bt9lr 0.45 0.01 0.025 0.05 0.075\nb,\n"
        ),
        HEADER + GLOBOX,
    ],
)
def test_results_are_read_with_the_names_of_the_ground_truth(tmp_path, results):
    image(tmp_path / "data/a.jpg")
    image(tmp_path / "data/b.jpg")
    describe(tmp_path / "data")
    write(tmp_path / "data/val-images-with-rotation.csv", "ImageID\na\nb\n")
    ground_truth, _ = load(write(tmp_path / "data/val-annotations-bbox.csv", HEADER + OFFICIAL))
    path = write(tmp_path / "results/results.csv", results)
    detections, _ = load_scored(path, ground_truth)
    assert [row[:2] for row in detections] == [("a", "cat"), ("a", "dog")]
    assert [row[3] for row in detections] == [0.9, 0.45]
    assert detections[1][2] == pytest.approx([1, 2, 5, 6])


def test_results_are_no_ground_truth_and_annotations_are_no_detections(tmp_path):
    image(tmp_path / "a.jpg")
    truth = write(tmp_path / "a.csv", HEADER + OFFICIAL)
    results = write(tmp_path / "b.csv", HEADER + GLOBOX)
    with pytest.raises(InputError, match="these are detections of Open Images"):
        load(results)
    with pytest.raises(InputError, match="these are annotations of Open Images"):
        load_scored(truth, load(truth)[0])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (HEADER + "a,x,cat,1,0.1,0.4\n", "line 2: 6 values, expected at least"),
        (HEADER + "a,x,cat,1,0.1,y,0.2,0.3,0,0,0,0,0\n", "line 2: x2 is 'y'"),
        (HEADER + "a,x,cat,1,0.1,0.2,0.2,0.3,0,0,7,0,0\n", "line 2: iscrowd is '7'"),
    ],
)
def test_a_malformed_row_is_named(tmp_path, text, problem):
    image(tmp_path / "a.jpg")
    with pytest.raises(InputError, match=problem):
        load(write(tmp_path / "a.csv", text))


def test_a_prediction_string_of_the_wrong_length_is_named(tmp_path):
    image(tmp_path / "a.jpg")
    ground_truth, _ = load(write(tmp_path / "a.csv", HEADER + OFFICIAL))
    path = write(tmp_path / "b.csv", "ImageId,PredictionString\na,cat 0.9 0.1 0.2\n")
    with pytest.raises(InputError, match="line 2: 4 values, expected six for each box"):
        load_scored(path, ground_truth)
