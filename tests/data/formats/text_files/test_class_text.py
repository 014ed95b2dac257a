"""Text per image: the documented lines, and every other reading by evidence, or asked for."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from detbench.data.formats.table import recognize_detections, recognize_ground_truth
from detbench.data.load import load_detections
from detbench.errors import InputError
from detbench.metrics.protocols.table import protocol_named
from detbench.metrics.scoring.evaluate import evaluate
from tests.data.formats.labeled import load, load_scored, objects, write
from tests.data.ground_truths import make_ground_truth

# Cartucho's README has these lines.
LABELS = """tvmonitor 2 10 173 238
book 439 157 556 241
book 437 246 518 351 difficult
pottedplant 272 190 316 259
"""
RESULTS = """tvmonitor 0.471781 0 13 174 244
book 0.460851 429 219 528 247
"""
# globox 2.9.0: `AnnotationSet.save_txt(folder)` of a cat at 10, 20, 40, 60 and a dog at 1, 2, 4.5,
# 6, with a confidence of .9 and .45: as it is, with `conf_last=True`, with `separator=","`.
GLOBOX_LABELS = "cat 10 20 40 60\ndog 1 2 4.5 6"
GLOBOX_RESULTS = [
    "cat 0.9 10 20 40 60\ndog 0.45 1 2 4.5 6",
    "cat 10 20 40 60 0.9\ndog 1 2 4.5 6 0.45",
    "cat,0.9,10,20,40,60\ndog,0.45,1,2,4.5,6",
]


def lines(count, line):
    """Return `count` lines, made of their numbers from 0."""
    return "".join(f"{line(number)}\n" for number in range(count))


def folder(path, text):
    write(path / "a.txt", text)
    return path


def test_cartucho_labels_are_read_with_difficult_objects(tmp_path):
    ground_truth, _ = load(folder(tmp_path / "gt", LABELS))
    assert objects(ground_truth) == [
        ("a", "tvmonitor", [2, 10, 173, 238], ""),
        ("a", "book", [439, 157, 556, 241], ""),
        ("a", "book", [437, 246, 518, 351], "difficult"),
        ("a", "pottedplant", [272, 190, 316, 259], ""),
    ]


def test_cartucho_results_have_the_score_behind_the_class(tmp_path):
    ground_truth, _ = load(folder(tmp_path / "gt", LABELS))
    detections, _ = load_scored(folder(tmp_path / "det", RESULTS), ground_truth)
    assert sorted(detections) == [
        ("a", "book", [429, 219, 528, 247], 0.460851),
        ("a", "tvmonitor", [0, 13, 174, 244], 0.471781),
    ]


@pytest.mark.parametrize("results", GLOBOX_RESULTS)
def test_results_of_globox_are_read_with_the_score_first_or_last(tmp_path, results):
    ground_truth, _ = load(folder(tmp_path / "gt", GLOBOX_LABELS))
    detections, _ = load_scored(folder(tmp_path / "det", results), ground_truth)
    assert detections == [("a", "cat", [10, 20, 40, 60], 0.9), ("a", "dog", [1, 2, 4.5, 6], 0.45)]


def test_results_for_voc_annotations_count_pixels_as_these_do(tmp_path):
    """The same numbers as in a comp4 file: 1-based, inclusive corners."""
    ground_truth = make_ground_truth([(9, 19, 40, 60)])
    path = folder(tmp_path / "det", "")
    write(path / "000.txt", "car 0.9 10 20 40 60\n")
    assert load_scored(path, ground_truth)[0] == [("000", "car", [9, 19, 40, 60], 0.9)]


def test_images_without_objects_and_image_files_beside_are_part_of_the_dataset(tmp_path):
    path = folder(tmp_path / "ground-truth", GLOBOX_LABELS)
    write(path / "b.txt", "")
    write(tmp_path / "images" / "a.jpg", "")
    write(tmp_path / "images" / "c.jpg", "")
    ground_truth, warnings = load(path)
    assert ground_truth.image_ids == ("a", "b", "c")
    assert ground_truth.image_files == ("a.jpg", "", "c.jpg")
    assert "1 of 2 images without a label file" in warnings[0]


def test_class_names_of_several_words_are_read(tmp_path):
    text = "traffic light 1 2 30 40\nsign 2 1 2 30 40\n"
    ground_truth, _ = load(folder(tmp_path / "gt", text))
    assert [row[1] for row in objects(ground_truth)] == ["traffic light", "sign 2"]


# Sizes in place of the second corner.


def test_many_inverted_corners_are_sizes_and_the_warning_says_so(tmp_path):
    path = folder(tmp_path / "gt", lines(30, lambda k: f"cat {5 * k} {3 * k} 20 30"))
    ground_truth, warnings = load(path)
    assert objects(ground_truth)[1][2] == [5, 3, 25, 33]
    assert "read as left top width height: 25 of 30 lines have right < left" in warnings[0]


def test_sizes_that_can_belong_to_centers_are_asked_for(tmp_path):
    path = folder(tmp_path / "gt", lines(30, lambda k: f"cat {50 + k} {60 + k} 20 30"))
    with pytest.raises(InputError, match="left top width height, or the center and the size") as e:
        load(path)
    assert "--columns ground-truth:class,x,y,w,h" in str(e.value)
    ground_truth, _ = load(path, columns="class,x,y,w,h")
    assert objects(ground_truth)[0][2] == [50, 60, 70, 90]
    ground_truth, _ = load(path, columns="class,cx,cy,w,h")
    assert objects(ground_truth)[0][2] == [40, 45, 60, 75]


def test_few_boxes_that_fit_both_readings_are_named(tmp_path):
    _, warnings = load(folder(tmp_path / "gt", GLOBOX_LABELS))
    assert "so few boxes also fit left top width height" in warnings[0]
    _, warnings = load(folder(tmp_path / "gt", lines(30, lambda k: f"cat {k} {k} {40 + k} 95")))
    assert warnings == []


BIG = lines(30, lambda k: f"cat {20 + 7 * k % 11} {30 + 5 * k % 13} {300 + 3 * k % 17} 180")


def test_large_objects_near_the_corner_can_be_corners_or_sizes_and_the_warning_says_so(tmp_path):
    path = folder(tmp_path / "ground-truth", BIG)
    ground_truth, warnings = load(path)
    assert objects(ground_truth)[0][2] == [20, 30, 300, 180]
    assert "left top right bottom, but all boxes also fit left top width height" in warnings[0]
    stated = warnings[0].partition("add --columns ground-truth:")[2].split()[0]
    assert objects(load(path, columns=stated)[0])[0][2] == [20, 30, 320, 210]


@pytest.mark.parametrize(("size", "n_warnings"), [((640, 480), 1), ((318, 480), 0)])
def test_sizes_that_would_leave_their_images_are_corners(tmp_path, size, n_warnings):
    """As sizes, the boxes reach up to 346 pixels to the right; as corners, up to 316."""
    path = folder(tmp_path / "ground-truth", BIG)
    (tmp_path / "images").mkdir()
    Image.new("RGB", size).save(tmp_path / "images" / "a.png")
    ground_truth, warnings = load(path)
    assert len(warnings) == n_warnings
    results = folder(tmp_path / "det", BIG.replace("cat", "cat 0.5"))
    assert len(load_scored(results, ground_truth)[1]) == n_warnings


def test_a_few_inverted_corners_are_refused_with_their_line(tmp_path):
    text = lines(30, lambda k: f"cat {k} {k} 90 95") + "cat 50 50 40 60\n"
    with pytest.raises(InputError, match=r"a\.txt, line 31: is not a box: x1 50"):
        load(folder(tmp_path / "gt", text))


# Fractions of the image.


def test_exchanged_top_and_bottom_are_no_sizes(tmp_path):
    """All lines are inverted along the same axis, which sizes are not."""
    text = lines(30, lambda n: f"cat {10 + n} {50 + n} {60 + n} {20 + n}")
    with pytest.raises(InputError, match=r"is not a box: x1 10, y1 50, x2 60, y2 20"):
        load(folder(tmp_path / "gt", text))


def test_fractions_that_only_centers_fit_are_centers(tmp_path):
    path = folder(tmp_path / "gt", lines(30, lambda k: f"cat 0.9 0.9{k:02} 0.2 0.1"))
    Image.new("RGB", (100, 200)).save(path / "a.jpg")
    ground_truth, warnings = load(path)
    assert objects(ground_truth)[0][2] == [80, 170, 100, 190]
    assert "center x, center y, width, height in fractions of the image" in warnings[0]


def test_fractions_that_fit_several_readings_are_asked_for(tmp_path):
    path = folder(tmp_path / "gt", "cat 0.25 0.5 0.3 0.5\ndog 0.0275 0.05 0.035 0.05\n")
    with pytest.raises(InputError, match="its boxes are fractions of the image, and") as error:
        load(path)
    assert "--columns ground-truth:class,cx,cy,w,h" in str(error.value)


def test_a_score_that_may_be_first_or_last_is_asked_for(tmp_path):
    write(tmp_path / "000.txt", "car 0.9 0.1 0.1 0.2 0.3\n")
    with pytest.raises(InputError, match="first and the last of its five numbers can both be"):
        load_scored(tmp_path, make_ground_truth(images=1))


# Classes.


def test_class_numbers_are_positions_in_the_list_of_classes(tmp_path):
    path = folder(tmp_path / "gt", "1 2 10 173 238\n0 439 157 556 241\n")
    write(tmp_path / "obj.names", "cat\ndog\nzebra\n")
    ground_truth, _ = load(path)
    assert [row[1] for row in objects(ground_truth)] == ["dog", "cat"]
    assert ground_truth.class_names == ("cat", "dog", "zebra")


def test_class_numbers_that_reach_the_number_of_classes_count_from_1(tmp_path):
    path = folder(tmp_path / "gt", "1 2 10 173 238\n2 439 157 556 241\n")
    write(path / "classes.txt", "cat\ndog\n")
    ground_truth, warnings = load(path)
    assert [row[1] for row in objects(ground_truth)] == ["cat", "dog"]
    assert any("counted from 1" in warning for warning in warnings)


def test_class_numbers_without_a_list_are_unknown_to_a_ground_truth_with_names(tmp_path):
    write(tmp_path / "000.txt", "0 0.9 10 20 40 60\n")
    with pytest.raises(InputError, match="class '0' is not in the ground truth") as error:
        load_scored(tmp_path, make_ground_truth(images=1))
    assert "classes.txt" in str(error.value)


def test_other_texts_among_results_are_left_out_and_named(tmp_path):
    write(tmp_path / "000.txt", "car 0.9 10 20 40 60\n")
    write(tmp_path / "run.txt", "yolov4 at commit 1234 5\n")
    detections, warnings = load_scored(tmp_path, make_ground_truth(images=1))
    assert len(detections) == 1
    assert "ignored run.txt: not named after an image" in "".join(warnings)


# What is refused.


def test_results_are_no_ground_truth_and_labels_are_no_detections(tmp_path):
    labels, results = folder(tmp_path / "gt", LABELS), folder(tmp_path / "det", RESULTS)
    with pytest.raises(InputError, match="these are detections and not ground truth"):
        load(results)
    with pytest.raises(InputError, match="these are labels and not detections"):
        load_scored(labels, load(labels)[0])


def test_a_malformed_line_is_named_with_what_was_expected(tmp_path):
    path = folder(tmp_path / "gt", "cat 1 2 30 40\ncat 1 2 30\ncat 1 2 30 40\n")
    with pytest.raises(InputError, match=r"a\.txt, line 2: 3 numbers at the end") as error:
        load(path)
    assert "expected `class left top right bottom`" in str(error.value)


def test_results_named_after_an_image_and_a_class_are_text_per_image(tmp_path):
    """The file `car.txt` can be VOC results of a class; its lines begin with a class."""
    ground_truth = make_ground_truth(images=1)
    write(tmp_path / "my_car.txt", "car 0.9 10 20 40 60\n")
    assert recognize_detections(tmp_path, ground_truth)[0] == "class-text"
    write(tmp_path / "my_car.txt", "000 0.9 10 20 40 60\n")
    assert recognize_detections(tmp_path, ground_truth)[0] == "voc"


@pytest.mark.parametrize("text", ["0 0.5 0.5 0.2 0.2 0.9\n", "0 0.5 0.5 0.2 0.2\n", "1 2 3\n", ""])
def test_lines_of_yolo_and_of_nothing_known_are_not_claimed(tmp_path, text):
    assert recognize_ground_truth(folder(tmp_path, text)) is None


# Real data: 11-point and area AP, as the README of the shared data has them.


@pytest.mark.filterwarnings("ignore:.*left top width height")
def test_review_of_metrics_gives_its_published_numbers(shared_data):
    """The tool adds 1 to widths and heights, which the boxes here do not have."""
    case = shared_data / "coco/rafaelpadilla_review/test_case_1"
    ground_truth, _ = load(case / "gts")
    detections = load_detections(case / "dets", ground_truth)
    ground_truth, detections = one_larger(ground_truth), one_larger(detections)
    expected = {
        "voc2007": [0.3333, 0.2684, 0.0303, 0],
        "voc2012": [0.33720, 0.24569, 0.02222, 0],
    }
    for name, values in expected.items():
        protocol = protocol_named(name)
        scores = [
            evaluate(
                ground_truth, detections, protocol.with_thresholds((threshold,))
            ).average_precision
            for threshold in (0.1, 0.3, 0.5, 0.75)
        ]
        assert scores == pytest.approx(values, abs=5e-5)


def one_larger(data):
    boxes = data.boxes + np.array([0, 0, 1, 1])
    return replace(data, boxes=boxes, box_areas=np.prod(boxes[:, 2:] - boxes[:, :2], axis=1))
