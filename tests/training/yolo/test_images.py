"""Pictures as the model sees them: boxes where their objects are, through letterbox and augmentation; what is refused."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

from detbench.adapters.preprocessing import Preprocessing
from detbench.adapters.yolo.targets import NONE, Grid, Objects
from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchError, InputError
from detbench.training.yolo.images import prepare
from detbench.training.yolo.training_plan import Plan

pytest.importorskip("keras")
from detbench.training.yolo.augmentation import Augmentation
from detbench.training.yolo.batches import Batches

PREPARATION = Preprocessing((64, 48), "letterbox", pad_value=127, layout="nhwc")


def red(image):
    """The edges x1, y1, x2, y2 of what is red."""
    rows, columns = np.nonzero(
        (image[..., 0] > 1.5 * image[..., 1]) & (image[..., 0] > 1.5 * image[..., 2])
    )
    return np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])


@pytest.fixture
def truth(tmp_path):
    """Two pictures of different shapes, one object each and a difficult one; and one without any."""
    sizes, boxes = [(80, 120), (200, 60), (30, 30)], [(20, 30, 60, 90), (50, 10, 150, 50)]
    for number, (width, height) in enumerate(sizes):
        pixels = np.full((height, width, 3), 90, np.uint8)
        if number < 2:
            x1, y1, x2, y2 = boxes[number]
            pixels[y1:y2, x1:x2] = (250, 20, 20)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    return GroundTruth.from_rows(
        image_ids=["0", "1", "2"],
        class_names=("red", "other"),
        image_index=[0, 1, 1],
        class_index=[0, 0, 1],
        boxes=[*boxes, (0, 0, 20, 20)],
        difficult=[False, False, True],
        image_sizes=sizes,
        image_files=["0.png", "1.png", "2.png"],
        image_folder=tmp_path,
        name="reds",
    )


def test_boxes_lie_where_their_objects_are(truth):
    counted = []
    prepared = prepare(truth, PREPARATION, counted.append)
    assert prepared.images.shape == (3, 48, 64, 3)
    assert counted == [1, 2, 3]
    for image, objects in zip(prepared.images[:2], prepared.objects, strict=False):
        np.testing.assert_allclose(objects.boxes[0], red(image.astype(int)), atol=0.6)
    assert [each.labels.tolist() for each in prepared.objects] == [[0], [0, NONE], []]
    assert (len(prepared.sizes), prepared.room) == (2, 2)


def test_batches_are_what_the_model_sees_when_it_runs(truth):
    prepared = prepare(truth, PREPARATION)
    batches = Batches(prepared, PREPARATION, Grid(4, 3, 16, ((1.0, 1.0),)), 2)
    pictures = [np.asarray(Image.open(truth.image_folder / f"{n}.png")) for n in range(3)]
    assert len(batches) == 2
    images = np.concatenate([batches[n][0] for n in range(2)])
    np.testing.assert_array_equal(images, PREPARATION.apply(pictures).inputs)
    assert [len(batches[n][1]["labels"]) for n in range(2)] == [2, 1]


def test_order_and_changes_are_those_of_seed_and_epoch(truth):
    prepared = prepare(truth, PREPARATION)
    grid, augment = Grid(4, 3, 16, ((1.0, 1.0),)), Augmentation(0.5)

    def seen(seed, epoch):
        batches = Batches(prepared, PREPARATION, grid, 3, seed=seed, augment=augment)
        for _ in range(epoch):
            batches.on_epoch_end()
        return batches[0]

    for one, same in zip(
        seen(1, 2),
        (Batches(prepared, PREPARATION, grid, 3, seed=1, augment=augment, epoch=2)[0]),
        strict=True,
    ):
        np.testing.assert_equal(one, same)
    assert np.abs(seen(1, 0)[0] - seen(1, 1)[0]).max() > 0.05
    assert np.abs(seen(1, 0)[0] - seen(2, 0)[0]).max() > 0.05


def test_changed_pictures_have_their_boxes_where_the_objects_went():
    images = np.full((40, 48, 64, 3), 0.4, np.float32)
    images[:, 12:36, 20:44] = (0.9, 0.1, 0.1)
    pictures = [Objects(np.array([[20.0, 12, 44, 36]]), np.array([0])) for _ in images]
    changed, objects = Augmentation(0.5)(images, pictures, seed=5)
    moved = [np.abs(each.boxes[0] - [20, 12, 44, 36]).max() for each in objects]
    assert max(moved) > 8
    for image, each in zip(changed, objects, strict=True):
        assert each.labels.tolist() == [0]
        np.testing.assert_allclose(each.boxes[0], red(image), atol=1.3)
    assert images[0, 0, 0, 0] == np.float32(0.4)
    assert pictures[0].boxes.tolist() == [[20, 12, 44, 36]]


def test_what_leaves_the_picture_is_no_longer_looked_for():
    images = np.full((60, 48, 64, 3), 0.4, np.float32)
    pictures = [
        Objects(np.array([[0.0, 0, 6, 6], [24, 16, 40, 32]]), np.array([1, 0])) for _ in images
    ]
    _, objects = Augmentation(0.5)(images, pictures, seed=1)
    corner = [each.labels[0] for each in objects]
    assert 0 < corner.count(NONE) < len(corner)
    assert {each.labels[1] for each in objects} == {0}
    assert all(len(each.boxes) == 2 for each in objects)


def test_what_comes_into_view_shows_no_second_object():
    images = np.full((40, 48, 64, 3), 0.4, np.float32)
    images[:, 0:8, 0:8] = (0.9, 0.1, 0.1)
    changed, _ = Augmentation(0.5)(
        images, [Objects(np.array([[0.0, 0, 8, 8]]), np.array([0]))] * 40, seed=2
    )
    reds = [(image[..., 0] > 1.5 * image[..., 1]).sum() for image in changed]
    assert max(reds) <= 64 * 1.6
    assert min(reds) == 0


def test_pictures_without_objects_are_changed_too():
    nothing = Objects(np.zeros((0, 4)), np.zeros(0, int))
    _, objects = Augmentation(0.5)(np.zeros((3, 16, 16, 3), np.float32), [nothing] * 3, seed=0)
    assert [len(each.labels) for each in objects] == [0, 0, 0]


def test_no_object_anywhere_is_refused(truth):
    with pytest.raises(InputError, match="has no object to learn from in any picture"):
        prepare(truth.select_images(np.array([2])), PREPARATION)


def test_missing_pictures_are_counted_and_the_first_is_named(truth):
    lacking = dataclasses.replace(truth, image_files=("0.png", "x.png", "y.png"))
    with pytest.raises(InputError, match=r"x\.png: this picture is missing, as is 1 other of 3"):
        prepare(lacking, PREPARATION)
    with pytest.raises(DetbenchError, match="not known where the pictures are"):
        prepare(dataclasses.replace(truth, image_folder=None), PREPARATION)


def test_a_picture_of_another_size_is_refused(truth):
    other = dataclasses.replace(
        truth, image_sizes=truth.image_sizes + np.array([[0, 0], [1, 0], [0, 0]])
    )
    with pytest.raises(
        InputError, match=r"1\.png: has 200 × 60 pixels, its annotations say 201 × 60"
    ):
        prepare(other, PREPARATION)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"size": (100, 128)}, "size must be a multiple of 16, not 100×128; take 96×128"),
        ({"stride": 12}, "stride must be a power of two"),
        ({"learning_rate": 0.0}, "learning_rate must be a positive number"),
        ({"learning_rate": float("nan")}, "learning_rate must be a positive number"),
        ({"epochs": 0}, "epochs must be at least 1"),
        ({"seed": -1}, "must not be negative"),
    ],
)
def test_plans_that_cannot_be(wrong, message):
    with pytest.raises(DetbenchError, match=message):
        Plan(**{"size": (128, 128), **wrong})
