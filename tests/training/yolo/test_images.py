"""Prepared images: boxes lie on their objects; missing and wrong images are refused."""

import dataclasses

import numpy as np
import pytest

from detbench.errors import DetbenchError, InputError
from detbench.training.yolo.images import prepare
from detbench.training.yolo.targets import IGNORED
from tests.training.yolo.red_objects import PREPROCESSING, red_box


def test_boxes_lie_on_their_objects(red_objects):
    counts = []
    prepared = prepare(red_objects, PREPROCESSING, counts.append)
    assert prepared.images.shape == (3, 48, 64, 3)
    assert counts == [1, 2, 3]
    for image, objects in zip(prepared.images[:2], prepared.objects, strict=False):
        np.testing.assert_allclose(objects.boxes[0], red_box(image.astype(int)), atol=0.6)
    assert [objects.labels.tolist() for objects in prepared.objects] == [[0], [0, IGNORED], []]
    assert len(prepared.object_sizes) == 2
    assert prepared.max_objects == 2


def test_a_dataset_without_objects_is_refused(red_objects):
    with pytest.raises(InputError, match="has no objects to learn from"):
        prepare(red_objects.select_images(np.array([2])), PREPROCESSING)


def test_missing_images_are_counted_and_the_first_is_named(red_objects):
    incomplete = dataclasses.replace(red_objects, image_files=("0.png", "x.png", "y.png"))
    message = r"x\.png: image not found; 2 of 3 images are missing"
    with pytest.raises(InputError, match=message):
        prepare(incomplete, PREPROCESSING)
    with pytest.raises(DetbenchError, match="the folder of its images is unknown"):
        prepare(dataclasses.replace(red_objects, image_folder=None), PREPROCESSING)


def test_an_image_of_another_size_is_refused(red_objects):
    sizes = red_objects.image_sizes + np.array([[0, 0], [1, 0], [0, 0]])
    message = r"1\.png: has 200 × 60 pixels, but its annotations state 201 × 60"
    with pytest.raises(InputError, match=message):
        prepare(dataclasses.replace(red_objects, image_sizes=sizes), PREPROCESSING)
