"""Results of every task of Ultralytics: boxes, polygons, oriented boxes, keypoints, tracks."""

from __future__ import annotations

import numpy as np
import pytest

from detbench.data.formats.yolo.results import read_yolo_results
from detbench.errors import DetbenchWarning, InputError
from tests.data.formats.yolo.yolo_files import in_pixels, write_files
from tests.data.ground_truths import make_ground_truth

RECTANGLE = (0.3, 0.2, 0.7, 0.2, 0.7, 0.8, 0.3, 0.8)
DIAMOND = (0.5, 0.2, 0.7, 0.5, 0.5, 0.8, 0.3, 0.5)
POLYGONS = ((0.1, 0.2, 0.5, 0.2, 0.3, 0.8), (0.1, 0.2, 0.5, 0.2, 0.6, 0.5, 0.5, 0.8, 0.1, 0.8))
SCORES = (0.9, 0.7, 0.4)
N_IMAGES = 12


def written(*values: float) -> str:
    """Return a line as Ultralytics writes it."""
    return " ".join(f"{value:g}" for value in (0, *values)) + "\n"


def ground_truth(**columns):
    return make_ground_truth(images=N_IMAGES, image_sizes=[(100, 50)] * N_IMAGES, **columns)


def read(folder, lines):
    """Read the lines as results of each image, and return boxes and scores of the first."""
    files = {f"{image:03}.txt": "".join(lines(image)) for image in range(N_IMAGES)}
    detections = read_yolo_results(write_files(folder, files), ground_truth())
    start, end = detections.offsets[:2]
    return detections.boxes[start:end], detections.scores[start:end]


def people(
    image: int, n_keypoints: int, n_dimensions: int
) -> list[tuple[list[float], list[float]]]:
    """Return three boxes and their keypoints, with confidences in the third dimension."""
    random = np.random.default_rng(image)
    boxes = [[*random.uniform(0.3, 0.7, 2), *random.uniform(0.1, 0.4, 2)] for _ in range(3)]
    keypoints = [
        np.column_stack(
            [
                box[:2] + random.uniform(-0.5, 0.5, (n_keypoints, 2)) * box[2:],
                random.random((n_keypoints, n_dimensions - 2)),
            ]
        ).ravel()
        for box in boxes
    ]
    return [(box, points.tolist()) for box, points in zip(boxes, keypoints, strict=True)]


def test_upright_rectangles(tmp_path):
    lines = [written(*RECTANGLE, score) for score in SCORES]
    boxes, scores = read(tmp_path, lambda _: lines)
    np.testing.assert_allclose(boxes, [[30, 10, 70, 40]] * 3)
    assert scores.tolist() == list(SCORES)


def test_oriented_boxes_are_scored_as_their_bounding_boxes_and_this_is_said(tmp_path):
    with pytest.warns(DetbenchWarning, match="detections with four corners are scored as their"):
        boxes, scores = read(tmp_path, lambda _: [written(*DIAMOND, 0.9)])
    np.testing.assert_allclose(boxes, [[30, 10, 70, 40]])
    assert scores.tolist() == [0.9]


def test_segments(tmp_path):
    """Older versions of Ultralytics also write polygons of two points and of one."""
    shapes = (*POLYGONS, (0.2, 0.2, 0.4, 0.6), (0.5, 0.5))
    scores = (0.9, 0.8, 0.5, 0.1)
    lines = [written(*shape, score) for shape, score in zip(shapes, scores, strict=True)]
    boxes, read_scores = read(tmp_path, lambda _: lines)
    expected = [[10, 10, 50, 40], [10, 10, 60, 40], [20, 10, 40, 30], [50, 25, 50, 25]]
    np.testing.assert_allclose(boxes, expected)
    assert read_scores.tolist() == list(scores)


@pytest.mark.parametrize("track", [False, True])
@pytest.mark.parametrize("shape", [(2, 2), (4, 2), (17, 2), (5, 3), (17, 3)])
def test_poses(tmp_path, shape, track):
    def lines(image):
        return [
            written(*box, *points, score, *[image + row + 1] * track)
            for row, ((box, points), score) in enumerate(
                zip(people(image, *shape), SCORES, strict=True)
            )
        ]

    with pytest.warns(DetbenchWarning, match="read as boxes with keypoints, which lie in their"):
        boxes, scores = read(tmp_path, lines)
    expected = [in_pixels(*box) for box, _ in people(0, *shape)]
    np.testing.assert_allclose(boxes, expected, atol=1e-3)
    assert scores.tolist() == list(SCORES)


def test_tracks_follow_the_confidence(tmp_path):
    lines = [written(0.5, 0.5, 0.2, 0.4, score, row + 1) for row, score in enumerate(SCORES)]
    boxes, scores = read(tmp_path / "boxes", lambda _: lines)
    np.testing.assert_allclose(boxes, [[40, 15, 60, 35]] * 3)
    assert scores.tolist() == list(SCORES)
    lines = [written(*POLYGONS[row % 2], score, row + 1) for row, score in enumerate(SCORES)]
    assert read(tmp_path / "segments", lambda _: lines)[1].tolist() == list(SCORES)


CONFIDENCE_IS_MISSING = r"predict again with save_txt=True and save_conf=True"


@pytest.mark.parametrize(
    "lines",
    [
        lambda _: [written(0.5, 0.5, 0.2, 0.4)],
        lambda _: [written(*RECTANGLE)],
        lambda _: [written(*shape) for shape in POLYGONS],
        lambda image: [written(*box, *points) for box, points in people(image, 4, 2)],
        lambda image: [written(0.5, 0.5, 0.2, 0.4, track) for track in (image + 3, 1, 2)],
    ],
    ids=["boxes", "rectangles", "segments", "poses", "tracks"],
)
@pytest.mark.filterwarnings("ignore:.*read as boxes with keypoints")
def test_a_missing_confidence_is_named(tmp_path, lines):
    with pytest.raises(InputError, match=rf"000\.txt, line 1: .*{CONFIDENCE_IS_MISSING}"):
        read(tmp_path, lines)


def test_confidences_in_percent_are_no_tracks(tmp_path):
    lines = [written(0.5, 0.5, 0.2, 0.4, percent) for percent in (91, 74, 3)]
    assert read(tmp_path, lambda _: lines)[1].tolist() == [91, 74, 3]


def test_what_fits_two_readings_is_refused(tmp_path):
    """A box with two keypoints and a confidence, or a polygon with its corners in order."""
    line = written(0.5, 0.5, 0.5, 0.5, 0.6, 0.6, 0.4, 0.6, 0.9)
    message = "lines of 10 values can be polygons or boxes with keypoints; write `class cx cy w h"
    with pytest.raises(InputError, match=message):
        read(tmp_path, lambda _: [line])


def test_a_keypoint_whose_last_number_may_be_the_confidence(tmp_path):
    """A keypoint and a confidence of the box, or a keypoint with its own confidence."""

    def lines(image):
        rows = zip(people(image, 1, 2), (0.4, 0.9, 0.7), strict=True)
        return [written(*box, *points, score) for (box, points), score in rows]

    message = "if the last number is the confidence, sort the lines of each file by it, highest"
    with pytest.raises(InputError, match=message):
        read(tmp_path / "unsorted", lines)
    with pytest.warns(DetbenchWarning, match="read as boxes with keypoints"):
        scores = read(tmp_path / "sorted", lambda image: sorted(lines(image), key=_descending))[1]
    assert scores.tolist() == [0.9, 0.7, 0.4]


def _descending(line: str) -> float:
    return -float(line.split()[-1])


def test_a_confidence_before_the_box_is_refused(tmp_path):
    lines = [written(score, 0.2, 0.7, 0.1, 0.2) for score in SCORES]
    message = (
        "the confidence seems to be second, before the box; write `class cx cy w h confidence`"
    )
    with pytest.raises(InputError, match=message):
        read(tmp_path, lambda _: lines)


def test_one_polygon_among_boxes_is_malformed(tmp_path):
    box = written(0.5, 0.5, 0.2, 0.4, 0.9)
    with pytest.raises(InputError, match=r"000\.txt, line 2: 10 values, expected 6: `class cx cy"):
        read(tmp_path, lambda image: [box] if image else [box, written(*RECTANGLE, 0.5)])
