"""KerasDatasetExamples: images and boxes from a dataset that `fit()` takes.

That is a `tf.data.Dataset`, a `PyDataset`, or any collection of batches.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detbench.adapters.box_formats import check_box_format, to_xyxy
from detbench.adapters.detector import Batch, Detector, ImageDetections
from detbench.adapters.geometry import Placement
from detbench.adapters.preprocessing import Preprocessing
from detbench.adapters.raw_detector import RawDetector
from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchError
from detbench.training.keras.examples import Example, detect_in_batches
from detbench.wording import plural

_EXPECTED = '(images, {"boxes": …, "labels" or "classes": …}) as fit() takes them'
_LABEL_KEYS = ("labels", "classes")
_INFINITE = -1
"""What `tf.data.Dataset.cardinality` returns for a dataset that repeats forever."""
_MAX_SUSPICIOUS_SHARE = 0.5
_MAX_VALUE = 255


class UnchangedImages(Preprocessing):
    """No preprocessing: images go into the model as they are.

    Pixels of an image are pixels of the input.
    """

    def apply(self, images: Sequence[NDArray[Any]]) -> Batch:
        """Return images of the input's size as a batch; DetbenchError for another size."""
        width, height = self.size
        shape = (3, height, width) if self.layout == "nchw" else (height, width, 3)
        for image in images:
            if image.shape != shape:
                raise DetbenchError(
                    f"the dataset's images have the shape {image.shape}, "
                    f"but the model takes {shape}; resize them"
                )
        inputs = np.stack(images) if len(images) else np.zeros((0, *shape), np.float32)
        return Batch(inputs, (Placement(self.size, self.size, (0, 0)),) * len(images))


@dataclass(frozen=True, eq=False)
class _ImageTruth:
    """The ground truth of an image that has gone through the model."""

    size: tuple[int, int]
    boxes: NDArray[np.float64]
    classes: NDArray[np.int64]


class KerasDatasetExamples:
    """Images and boxes from a dataset of Keras.

    The dataset may return them in another order at each pass.
    """

    def __init__(
        self, data: Any, class_names: Sequence[str] | None, box_format: str | None
    ) -> None:
        """Take a dataset.

        Args:
            data: yields `(images, {"boxes": (B, N, 4), "labels" or "classes": (B, N)})`, or the
                same without B, at every pass. Rows with a negative label are padding. Ragged
                tensors are allowed.
            class_names: the names of the labels.
            box_format: the format of the boxes, as `to_xyxy` takes it.

        Raises:
            DetbenchError: if names or format are missing, or if the dataset ends after one pass or
                never.
        """
        if not class_names:
            raise DetbenchError(
                "the labels of a Keras dataset are numbers; give their names with class_names="
            )
        if box_format is None:
            raise DetbenchError(
                "the format of the boxes in a Keras dataset is unknown; "
                "set box_format=, for example 'xyxy'"
            )
        check_box_format(box_format)
        _check_repeatable(data)
        self._data, self._box_format = data, box_format
        self.class_names = tuple(class_names)

    def adapt(self, detector: Detector, model: Any) -> Detector:
        """Return the detector without its preprocessing.

        A model with a KerasHub preprocessor keeps it, because `fit()` applies it, too.
        """
        has_preprocessor = getattr(model, "preprocessor", None) is not None
        if has_preprocessor or not isinstance(detector, RawDetector):
            return detector
        layout = detector.preprocessing.layout
        unchanged = UnchangedImages(size=detector.input_size, fit="stretch", layout=layout)
        return replace(detector, preprocessing=unchanged)

    def batch(self, detector: Detector, images: Sequence[NDArray[Any]]) -> Batch:
        """Return images as a batch: unchanged, or as 8-bit images if the detector prepares them."""
        if isinstance(detector, RawDetector) and isinstance(
            detector.preprocessing, UnchangedImages
        ):
            return detector.preprocess(images)
        return detector.preprocess([to_8_bit(image) for image in images])

    def sample(self, count: int) -> list[Example]:
        """Return the first examples."""
        return list(islice(self._examples(), count))

    def detect(
        self, detector: Detector, batch_size: int
    ) -> tuple[GroundTruth, list[ImageDetections]]:
        """Run the detector over one pass of the dataset.

        Raises DetbenchError if images, boxes or classes are invalid.
        """
        truths: list[_ImageTruth] = []
        with closing(self._batches(detector, batch_size, truths)) as batches:
            detections = detect_in_batches(detector, batches)
        return self._ground_truth(truths), detections

    def _batches(
        self, detector: Detector, size: int, truths: list[_ImageTruth]
    ) -> Generator[Batch, None, None]:
        """Yield the images in batches, and append their ground truth to `truths`."""
        examples = self._examples()
        while chunk := list(islice(examples, size)):
            truths += [
                _ImageTruth(_image_size(example.image), example.boxes, example.classes)
                for example in chunk
            ]
            yield self.batch(detector, [example.image for example in chunk])

    def _examples(self) -> Iterator[Example]:
        for element in _one_pass(self._data):
            images, boxes, labels = _split_element(element)
            if images.ndim == 3:
                images, boxes, labels = images[None], boxes[None], labels[None]
            _check_shapes(images, boxes, labels)
            for image, image_boxes, image_labels in zip(images, boxes, labels, strict=True):
                yield self._example(image, image_boxes, image_labels)

    def _example(self, image: NDArray[Any], boxes: NDArray[Any], labels: NDArray[Any]) -> Example:
        """Return one image with its objects, without padding."""
        is_object = labels >= 0
        classes = labels[is_object].astype(np.int64)
        if len(classes) and classes.max() >= len(self.class_names):
            raise DetbenchError(
                f"the dataset has label {classes.max()}, "
                f"but class_names= has {plural(len(self.class_names), 'name')}"
            )
        xyxy = to_xyxy(boxes[is_object], self._box_format, _image_size(image))
        if not np.isfinite(xyxy).all():
            raise DetbenchError("boxes of the dataset are NaN or infinite")
        return Example(image, xyxy, classes)

    def _ground_truth(self, truths: Sequence[_ImageTruth]) -> GroundTruth:
        """Return the ground truth of one pass.

        Raises DetbenchError if there are no objects, or if boxes must be in another format.
        """
        boxes = np.concatenate([truth.boxes for truth in truths] or [np.zeros((0, 4))])
        if not len(boxes):
            raise DetbenchError(
                f"the dataset has no objects in {plural(len(truths), 'image')}, "
                "so nothing can be scored"
            )
        image_index = np.repeat(np.arange(len(truths)), [len(truth.classes) for truth in truths])
        sizes = np.array([truth.size for truth in truths], np.float64)
        _check_boxes(boxes, sizes[image_index], self._box_format)
        return GroundTruth.from_rows(
            image_ids=[str(number) for number in range(len(truths))],
            class_names=self.class_names,
            image_index=image_index,
            class_index=np.concatenate([truth.classes for truth in truths]),
            boxes=boxes,
            image_sizes=sizes,
            name="dataset",
            source=f"a dataset of Keras, boxes as {self._box_format}",
        )


def to_8_bit(image: NDArray[Any]) -> NDArray[np.uint8]:
    """Return an image with values 0–255 in 8 bits.

    Raises DetbenchError if its values are in another range.
    """
    if image.dtype == np.uint8:
        return image
    low, high = float(image.min(initial=0)), float(image.max(initial=0))
    # A maximum of 1 or less means that the values were scaled to 0–1.
    if low < 0 or not 1 < high <= _MAX_VALUE:
        raise DetbenchError(
            f"the dataset's images have values from {low:g} to {high:g}, "
            "but the model's preprocessor takes 0 to 255"
        )
    return np.asarray(image.round(), np.uint8)


def _image_size(image: NDArray[Any]) -> tuple[int, int]:
    """Return width and height of an image with its channels last or first."""
    height, width = image.shape[1:] if image.shape[2] != 3 else image.shape[:2]
    return int(width), int(height)


def _check_repeatable(data: Any) -> None:
    """Refuse what is no dataset, and datasets that end after one pass or never."""
    cardinality = getattr(data, "cardinality", None)
    # A PyDataset without `__len__` has None.
    n_batches = getattr(data, "num_batches", 0)
    if (callable(cardinality) and int(cardinality()) == _INFINITE) or n_batches is None:
        raise DetbenchError("the dataset repeats forever; remove repeat()")
    if hasattr(data, "__next__"):
        raise DetbenchError(
            "the dataset is a generator, which ends after one pass; "
            "use a tf.data.Dataset, a PyDataset or a list of batches"
        )
    if not (hasattr(data, "__iter__") or hasattr(data, "__getitem__")):
        raise DetbenchError(
            f"{type(data).__name__} is not a dataset; "
            f"use a GroundTruth, or a dataset that yields {_EXPECTED}"
        )


def _one_pass(data: Any) -> Iterator[Any]:
    """Yield the elements of one pass through the dataset."""
    if (n_batches := getattr(data, "num_batches", None)) is not None:
        return (data[number] for number in range(n_batches))
    return iter(data)


def _split_element(element: Any) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return images, boxes and labels of a dataset's element as arrays."""
    is_pair = isinstance(element, tuple | list) and len(element) >= 2
    if not is_pair or not isinstance(element[1], Mapping):
        raise DetbenchError(f"the dataset must yield {_EXPECTED}")
    images, targets = element[0], element[1]
    label_key = next((key for key in _LABEL_KEYS if key in targets), None)
    if label_key is None or "boxes" not in targets:
        raise DetbenchError(
            f"the dataset's targets are named {', '.join(map(str, targets))}; "
            f"the dataset must yield {_EXPECTED}"
        )
    return np.asarray(images), _to_array(targets["boxes"]), _to_array(targets[label_key])


def _to_array(values: Any) -> NDArray[Any]:
    """Return a tensor as an array, a ragged one padded with −1."""
    if hasattr(values, "to_tensor"):
        values = values.to_tensor(default_value=-1)
    return np.asarray(values)


def _check_shapes(images: NDArray[Any], boxes: NDArray[Any], labels: NDArray[Any]) -> None:
    """Refuse a batch of other shapes than (B, H, W, 3), (B, N, 4) and (B, N)."""
    if (
        images.ndim == 4
        and boxes.shape[:2] == labels.shape
        and boxes.shape[2:] == (4,)
        and len(labels) == len(images)
    ):
        return
    raise DetbenchError(
        f"the dataset yields images {images.shape}, boxes {boxes.shape}, labels {labels.shape}; "
        "expected (B, H, W, 3), (B, N, 4) and (B, N), N padded with −1"
    )


def _check_boxes(boxes: NDArray[np.float64], sizes: NDArray[np.float64], box_format: str) -> None:
    """Refuse boxes (N, 4) if most of them cannot be right in images of sizes (N, 2)."""
    extent = boxes[:, 2:] - boxes[:, :2]
    center = (boxes[:, :2] + boxes[:, 2:]) / 2
    is_inverted = (extent <= 0).any(1)
    is_outside = (center < 0).any(1) | (center > sizes).any(1)
    is_below_a_pixel = (boxes <= 1).all(1)
    suspicious = is_inverted | is_outside | is_below_a_pixel
    if suspicious.mean() > _MAX_SUSPICIOUS_SHARE:
        raise DetbenchError(
            f"read as {box_format!r}, {suspicious.sum():,} of {len(boxes):,} boxes are inverted, "
            "outside their images or smaller than a pixel; "
            "set the format of the dataset with box_format="
        )
