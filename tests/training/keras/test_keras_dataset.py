"""Datasets of Keras as examples; the detector is a fake, so no model is needed."""

import numpy as np
import pytest

from detbench.errors import DetbenchError
from detbench.training.keras.keras_dataset import KerasDatasetExamples, to_8_bit
from tests.bench.fake_detector import FakeDetector
from tests.training.keras.small_models import NAMES, SIDE, noise_examples

IMAGES, BOXES, LABELS = noise_examples()
IS_OBJECT = LABELS >= 0


def batches(boxes=BOXES, labels=LABELS, key="labels", size=3):
    return [
        (
            IMAGES[first : first + size],
            {"boxes": boxes[first : first + size], key: labels[first : first + size]},
        )
        for first in range(0, len(IMAGES), size)
    ]


def ground_truth_of(data, box_format="xyxy"):
    examples = KerasDatasetExamples(data, NAMES, box_format)
    ground_truth, detections = examples.detect(FakeDetector(), 4)
    assert len(detections) == len(ground_truth.image_ids)
    return ground_truth


def check(ground_truth):
    assert len(ground_truth.image_ids) == len(IMAGES)
    np.testing.assert_allclose(ground_truth.boxes, BOXES[IS_OBJECT], atol=1e-4)
    np.testing.assert_array_equal(ground_truth.class_index, LABELS[IS_OBJECT])
    np.testing.assert_array_equal(np.diff(ground_truth.offsets), IS_OBJECT.sum(1))
    np.testing.assert_array_equal(ground_truth.image_sizes, np.full((len(IMAGES), 2), SIDE))


@pytest.mark.parametrize("key", ["labels", "classes"])
def test_padding_is_no_object(key):
    check(ground_truth_of(batches(key=key)))


@pytest.mark.slow
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
def test_boxes_are_read_in_their_format(keras, box_format):
    converted = np.array(
        keras.utils.bounding_boxes.convert_format(
            BOXES, "xyxy", box_format, height=SIDE, width=SIDE
        )
    )
    check(ground_truth_of(batches(np.where(IS_OBJECT[..., None], converted, -1)), box_format))


@pytest.mark.slow
def test_tf_data_may_be_batched_ragged_or_single():
    tf = pytest.importorskip("tensorflow")
    single = tf.data.Dataset.from_tensor_slices((IMAGES, {"boxes": BOXES, "labels": LABELS}))
    check(ground_truth_of(single))
    check(ground_truth_of(single.batch(3)))
    ragged = single.map(
        lambda image, y: (image, {name: values[y["labels"] >= 0] for name, values in y.items()})
    )
    check(ground_truth_of(ragged.ragged_batch(3)))


@pytest.mark.slow
def test_a_pydataset(keras):
    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return len(batches())

        def __getitem__(self, number):
            return batches()[number]

    check(ground_truth_of(Batches()))


def test_each_pass_reads_the_dataset_again():
    class Reversing:
        passes = 0

        def __iter__(self):
            self.passes += 1
            return iter(batches()[:: -1 if self.passes % 2 else 1])

    examples = KerasDatasetExamples(Reversing(), NAMES, "xyxy")
    first_classes = [examples.detect(FakeDetector(), 4)[0].class_index[0] for _ in range(2)]
    assert first_classes == [LABELS[6][0], LABELS[0][0]]


def test_images_without_objects_count():
    labels = LABELS.copy()
    labels[2] = -1
    ground_truth = ground_truth_of(batches(labels=labels))
    assert np.diff(ground_truth.offsets)[2] == 0
    assert len(ground_truth.image_ids) == len(IMAGES)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (batches(labels=np.full_like(LABELS, -1)), "the dataset has no objects in 8 images"),
        (
            batches(labels=LABELS + IS_OBJECT * 9),
            "the dataset has label 1[0-2], but class_names= has 4 names",
        ),
        (batches(key="ids"), r"targets are named boxes, ids; the dataset must yield \(images"),
        ([(IMAGES, BOXES)], "the dataset must yield"),
        (batches(np.full_like(BOXES, np.nan)), "NaN or infinite"),
        (batches(BOXES[:, :2]), r"boxes \(3, 2, 4\), labels \(3, 3\); expected"),
        (
            batches(BOXES / SIDE),
            r"read as 'xyxy', \d+ of \d+ boxes are inverted, outside their images or smaller than",
        ),
        (batches(BOXES[..., [2, 3, 0, 1]]), "inverted"),
    ],
)
def test_invalid_data_is_refused(data, problem):
    with pytest.raises(DetbenchError, match=problem):
        ground_truth_of(data)


def test_datasets_must_be_repeatable():
    with pytest.raises(DetbenchError, match="is a generator, which ends after one pass"):
        KerasDatasetExamples(iter(batches()), NAMES, "xyxy")
    with pytest.raises(DetbenchError, match="int is not a dataset"):
        KerasDatasetExamples(3, NAMES, "xyxy")


@pytest.mark.slow
def test_a_dataset_that_repeats_forever_is_refused():
    tf = pytest.importorskip("tensorflow")
    with pytest.raises(DetbenchError, match="repeats forever"):
        KerasDatasetExamples(tf.data.Dataset.from_tensors(1).repeat(), NAMES, "xyxy")


def test_names_and_format_are_required():
    with pytest.raises(DetbenchError, match="class_names="):
        KerasDatasetExamples(batches(), None, "xyxy")
    with pytest.raises(DetbenchError, match="box_format="):
        KerasDatasetExamples(batches(), NAMES, None)
    with pytest.raises(DetbenchError, match="unknown box_format 'xxyy'"):
        KerasDatasetExamples(batches(), NAMES, "xxyy")


def test_images_are_rounded_to_8_bits_and_other_ranges_are_refused():
    image = np.full((2, 2, 3), 200.4, np.float32)
    assert to_8_bit(image).tolist() == np.full((2, 2, 3), 200).tolist()
    for value in (0.5, -3.0, 300.0):
        with pytest.raises(DetbenchError, match="preprocessor takes 0 to 255"):
            to_8_bit(np.full((2, 2, 3), value))
