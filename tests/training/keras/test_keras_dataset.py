"""Datasets of Keras as examples; the detector is a fake one, so that no model is needed."""

import numpy as np
import pytest

from detbench.errors import DetbenchError
from detbench.training.keras.keras_dataset import FedExamples, as_picture
from tests.bench.fake_detector import FakeDetector
from tests.training.keras.tiny import NAMES, SIDE, examples

IMAGES, BOXES, LABELS = examples()
REAL = LABELS >= 0


def batches(boxes=BOXES, labels=LABELS, name="labels", size=3):
    return [
        (
            IMAGES[first : first + size],
            {"boxes": boxes[first : first + size], name: labels[first : first + size]},
        )
        for first in range(0, len(IMAGES), size)
    ]


def truth_of(data, box_format="xyxy"):
    truth, found = FedExamples(data, NAMES, box_format).look(FakeDetector(), 4)
    assert len(found) == len(truth.image_ids)
    return truth


def check(truth):
    assert len(truth.image_ids) == len(IMAGES)
    np.testing.assert_allclose(truth.boxes, BOXES[REAL], atol=1e-4)
    np.testing.assert_array_equal(truth.class_index, LABELS[REAL])
    np.testing.assert_array_equal(np.diff(truth.offsets), REAL.sum(1))
    np.testing.assert_array_equal(truth.image_sizes, np.full((len(IMAGES), 2), SIDE))


@pytest.mark.parametrize("name", ["labels", "classes"])
def test_padding_is_no_object(name):
    check(truth_of(batches(name=name)))


@pytest.mark.parametrize(
    "box_format",
    [
        "xyxy",
        "yxyx",
        "xywh",
        "center_xywh",
        "center_yxhw",
        "rel_xyxy",
        "rel_yxyx",
        "rel_xywh",
        "rel_center_xywh",
    ],
)
def test_boxes_in_the_stated_format(box_format):
    keras = pytest.importorskip("keras")
    written = np.array(
        keras.utils.bounding_boxes.convert_format(
            BOXES, "xyxy", box_format, height=SIDE, width=SIDE
        )
    )
    check(truth_of(batches(np.where(REAL[..., None], written, -1)), box_format))


def test_tf_data_in_batches_ragged_and_one_by_one():
    tf = pytest.importorskip("tensorflow")
    single = tf.data.Dataset.from_tensor_slices((IMAGES, {"boxes": BOXES, "labels": LABELS}))
    check(truth_of(single))
    check(truth_of(single.batch(3)))
    ragged = single.map(
        lambda image, y: (image, {name: values[y["labels"] >= 0] for name, values in y.items()})
    )
    check(truth_of(ragged.ragged_batch(3)))


def test_a_pydataset():
    keras = pytest.importorskip("keras")

    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return len(batches())

        def __getitem__(self, number):
            return batches()[number]

    check(truth_of(Batches()))


def test_each_pass_sees_what_the_dataset_gives_then():
    class Turning:
        passes = 0

        def __iter__(self):
            self.passes += 1
            return iter(batches()[:: -1 if self.passes % 2 else 1])

    fed = FedExamples(Turning(), NAMES, "xyxy")
    firsts = [fed.look(FakeDetector(), 4)[0].class_index[0] for _ in range(2)]
    assert firsts == [LABELS[6][0], LABELS[0][0]]


def test_images_without_objects_count():
    labels = LABELS.copy()
    labels[2] = -1
    truth = truth_of(batches(labels=labels))
    assert np.diff(truth.offsets)[2] == 0
    assert len(truth.image_ids) == len(IMAGES)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (batches(labels=np.full_like(LABELS, -1)), "there are no objects in the 8 images"),
        (
            batches(labels=LABELS + REAL * 9),
            "the dataset has label 1[0-2] and 4 classes in class_names=",
        ),
        (batches(name="ids"), r"targets are named boxes, ids; expected are \(images"),
        ([(IMAGES, BOXES)], "the dataset does not give"),
        (batches(np.full_like(BOXES, np.nan)), "NaN or infinite"),
        (batches(BOXES[:, :2]), r"boxes \(3, 2, 4\), labels \(3, 3\); expected are"),
        (
            batches(BOXES / SIDE),
            r"read as 'xyxy', \d+ of \d+ boxes are inverted, outside their images or smaller than a pixel",
        ),
        (batches(BOXES[..., [2, 3, 0, 1]]), "inverted"),
    ],
)
def test_what_cannot_be_scored_is_said(data, problem):
    with pytest.raises(DetbenchError, match=problem):
        truth_of(data)


def test_one_pass_only_and_endless_datasets_are_refused():
    with pytest.raises(DetbenchError, match="is a generator and ends after one pass"):
        FedExamples(iter(batches()), NAMES, "xyxy")
    with pytest.raises(DetbenchError, match="int is no dataset"):
        FedExamples(3, NAMES, "xyxy")
    tf = pytest.importorskip("tensorflow")
    with pytest.raises(DetbenchError, match="repeats for ever"):
        FedExamples(tf.data.Dataset.from_tensors(1).repeat(), NAMES, "xyxy")


def test_names_and_format_must_be_said():
    with pytest.raises(DetbenchError, match="class_names="):
        FedExamples(batches(), None, "xyxy")
    with pytest.raises(DetbenchError, match="box_format="):
        FedExamples(batches(), NAMES, None)
    with pytest.raises(DetbenchError, match="there is no box_format 'xxyy'"):
        FedExamples(batches(), NAMES, "xxyy")


def test_pictures_are_rounded_to_8_bits_and_other_ranges_refused():
    assert (
        as_picture(np.full((2, 2, 3), 200.4, np.float32)).tolist()
        == np.full((2, 2, 3), 200).tolist()
    )
    for image in (np.full((2, 2, 3), 0.5), np.full((2, 2, 3), -3.0), np.full((2, 2, 3), 300.0)):
        with pytest.raises(DetbenchError, match="preprocessor takes 0 to 255"):
            as_picture(image)
