"""Augmentation: boxes follow their objects, and hardly visible objects are ignored."""

import numpy as np
import pytest

from detbench.training.yolo.targets import IGNORED, ImageObjects
from tests.training.yolo.red_objects import is_red, red_box

pytestmark = pytest.mark.slow

RED = (0.9, 0.1, 0.1)


@pytest.fixture(scope="module")
def augmentation(keras):
    from detbench.training.yolo.augmentation import Augmentation

    return Augmentation(0.5)


def gray_images(count):
    return np.full((count, 48, 64, 3), 0.4, np.float32)


def test_boxes_follow_their_objects(augmentation):
    images = gray_images(40)
    images[:, 12:36, 20:44] = RED
    box = [20.0, 12, 44, 36]
    before = [ImageObjects(np.array([box]), np.array([0])) for _ in images]
    changed, after = augmentation(images, before, seed=5)
    assert max(np.abs(objects.boxes[0] - box).max() for objects in after) > 8
    for image, objects in zip(changed, after, strict=True):
        assert objects.labels.tolist() == [0]
        np.testing.assert_allclose(objects.boxes[0], red_box(image), atol=1.3)
    # The arguments are not changed.
    assert images[0, 0, 0, 0] == np.float32(0.4)
    assert before[0].boxes.tolist() == [box]


def test_objects_that_leave_the_image_are_ignored(augmentation):
    images = gray_images(60)
    boxes, labels = np.array([[0.0, 0, 6, 6], [24, 16, 40, 32]]), np.array([1, 0])
    _, after = augmentation(images, [ImageObjects(boxes, labels)] * 60, seed=1)
    corner_labels = [objects.labels[0] for objects in after]
    assert 0 < corner_labels.count(IGNORED) < len(corner_labels)
    assert {objects.labels[1] for objects in after} == {0}
    assert all(len(objects.boxes) == 2 for objects in after)


def test_uncovered_areas_show_no_second_object(augmentation):
    images = gray_images(40)
    images[:, 0:8, 0:8] = RED
    objects = ImageObjects(np.array([[0.0, 0, 8, 8]]), np.array([0]))
    changed, _ = augmentation(images, [objects] * 40, seed=2)
    # A zoom of at most 1.25 enlarges the area by 1.6.
    n_red = [is_red(image).sum() for image in changed]
    assert max(n_red) <= 64 * 1.6
    assert min(n_red) == 0


def test_images_without_objects_are_changed_too(augmentation):
    no_objects = ImageObjects(np.zeros((0, 4)), np.zeros(0, int))
    images = np.zeros((3, 16, 16, 3), np.float32)
    _, after = augmentation(images, [no_objects] * 3, seed=0)
    assert [len(objects.labels) for objects in after] == [0, 0, 0]
