"""FedExamples: images and boxes as `fit()` is fed with them, by a `tf.data.Dataset`, a `PyDataset` or any collection of batches."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detbench.adapters.counting import counted
from detbench.adapters.detector import Batch, Detector, Found
from detbench.adapters.geometry import Placement
from detbench.adapters.keras.box_format import check_box_format, to_xyxy
from detbench.adapters.preprocessing import Preprocessing
from detbench.adapters.raw_detector import RawDetector
from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchError
from detbench.training.keras.examples import Example, found_in

_EXPECTED = '(images, {"boxes": …, "labels" or "classes": …}), as fit() takes them'
_LABELS = ("labels", "classes")
_ENDLESS = -1
"""What `tf.data.Dataset.cardinality` says of a dataset that repeats for ever."""
_SPOILT_SHARE = 0.5
_BRIGHTEST = 255


class AsFed(Preprocessing):
    """No preprocessing: images go into the model as they are, and boxes in their pixels are boxes in the input's."""

    def apply(self, pictures: Sequence[NDArray[Any]]) -> Batch:
        """Return images of the input's size as a batch; DetbenchError for another size."""
        (width, height), channels = self.size, 3
        shape = (channels, height, width) if self.layout == "nchw" else (height, width, channels)
        for picture in pictures:
            if picture.shape != shape:
                raise DetbenchError(
                    f"the dataset's images have the shape {picture.shape} and the model takes {shape}; resize them"
                )
        inputs = np.stack(pictures) if len(pictures) else np.zeros((0, *shape), np.float32)
        return Batch(inputs, (Placement(self.size, self.size, (0, 0)),) * len(pictures))


@dataclass(frozen=True, eq=False)
class _Seen:
    """What is in an image that has gone through the model."""

    size: tuple[int, int]
    boxes: NDArray[np.float64]
    classes: NDArray[np.int64]


class FedExamples:
    """Images and boxes from a dataset of Keras; it may give them in another order at each pass."""

    def __init__(
        self, data: Any, class_names: Sequence[str] | None, box_format: str | None
    ) -> None:
        """Take the dataset.

        Args:
            data: gives `(images, {"boxes": (B, N, 4), "labels" or "classes": (B, N)})`, or the same without B, again at every pass.
                Rows with a negative label pad. Ragged tensors are understood.
            class_names: what the labels stand for.
            box_format: how the boxes are written, as `to_xyxy` knows it.

        Raises:
            DetbenchError: names or format are not given, or the dataset ends after one pass or never.
        """
        if not class_names:
            raise DetbenchError(
                "the labels of a dataset of Keras are numbers; say what they stand for (class_names=)"
            )
        if box_format is None:
            raise DetbenchError(
                "a dataset of Keras does not say how its boxes are written; say it (box_format=), for example 'xyxy'"
            )
        check_box_format(box_format)
        _check_passes(data)
        self._data, self._box_format = data, box_format
        self.class_names = tuple(class_names)

    def adapted(self, detector: Detector, model: Any) -> Detector:
        """Return the detector without its preprocessing, unless `fit()` too leaves that to the model's preprocessor."""
        if getattr(model, "preprocessor", None) is not None or not isinstance(
            detector, RawDetector
        ):
            return detector
        as_fed = AsFed(size=detector.input_size, fit="stretch", layout=detector.preparation.layout)
        return replace(detector, preparation=as_fed)

    def batch(self, detector: Detector, images: Sequence[NDArray[Any]]) -> Batch:
        """Return images as a batch: as they are, or as 8-bit pictures for a detector that prepares them."""
        if isinstance(detector, RawDetector) and isinstance(detector.preparation, AsFed):
            return detector.preprocess(images)
        return detector.preprocess([as_picture(image) for image in images])

    def sample(self, count: int) -> list[Example]:
        """Return the first ones."""
        return list(islice(self._examples(), count))

    def look(self, detector: Detector, batch_size: int) -> tuple[GroundTruth, list[Found]]:
        """Go through the dataset once; raises DetbenchError for what is no image, box or class."""
        seen: list[_Seen] = []
        with closing(self._batches(detector, batch_size, seen)) as batches:
            found = found_in(detector, batches)
        return self._ground_truth(seen), found

    def _batches(
        self, detector: Detector, size: int, seen: list[_Seen]
    ) -> Generator[Batch, None, None]:
        """Yield the images in batches, and note what is in them."""
        examples = self._examples()
        while chunk := list(islice(examples, size)):
            seen += [
                _Seen(_size(example.image), example.boxes, example.classes) for example in chunk
            ]
            yield self.batch(detector, [example.image for example in chunk])

    def _examples(self) -> Iterator[Example]:
        for element in _pass(self._data):
            images, boxes, labels = _parts(element)
            if images.ndim == 3:
                images, boxes, labels = images[None], boxes[None], labels[None]
            if (
                images.ndim != 4
                or boxes.shape[:2] != labels.shape
                or boxes.shape[2:] != (4,)
                or len(labels) != len(images)
            ):
                found = f"images {images.shape}, boxes {boxes.shape}, labels {labels.shape}"
                raise DetbenchError(
                    f"the dataset gives {found}; expected are (B, H, W, 3), (B, N, 4) and (B, N), N padded with −1"
                )
            for parts in zip(images, boxes, labels, strict=True):
                yield self._example(*parts)

    def _example(self, image: NDArray[Any], boxes: NDArray[Any], labels: NDArray[Any]) -> Example:
        """Return one image with its objects, without padding."""
        real = labels >= 0
        classes = labels[real].astype(np.int64)
        if len(classes) and classes.max() >= len(self.class_names):
            raise DetbenchError(
                f"the dataset has label {classes.max()} and {counted(len(self.class_names), 'class')} in class_names="
            )
        xyxy = to_xyxy(boxes[real], self._box_format, _size(image))
        if not np.isfinite(xyxy).all():
            raise DetbenchError("boxes of the dataset are NaN or infinite")
        return Example(image, xyxy, classes)

    def _ground_truth(self, seen: Sequence[_Seen]) -> GroundTruth:
        """Return what is in the images of one pass; DetbenchError for no objects, and for boxes that must be in another format."""
        boxes = np.concatenate([each.boxes for each in seen] or [np.zeros((0, 4))])
        if not len(boxes):
            raise DetbenchError(
                f"there are no objects in the {counted(len(seen), 'image')} of the dataset, so that nothing can be scored"
            )
        images = np.repeat(np.arange(len(seen)), [len(each.classes) for each in seen])
        sizes = np.array([each.size for each in seen], np.float64)
        _check_boxes(boxes, sizes[images], self._box_format)
        return GroundTruth.from_rows(
            image_ids=[str(number) for number in range(len(seen))],
            class_names=self.class_names,
            image_index=images,
            class_index=np.concatenate([each.classes for each in seen]),
            boxes=boxes,
            image_sizes=sizes,
            name="dataset",
            source=f"a dataset of Keras, boxes as {self._box_format}",
        )


def _size(image: NDArray[Any]) -> tuple[int, int]:
    """Return width and height of an image whose channels are last, or first."""
    height, width = image.shape[1:] if image.shape[2] != 3 else image.shape[:2]
    return int(width), int(height)


def as_picture(image: NDArray[Any]) -> NDArray[np.uint8]:
    """Return an image of values 0–255 in 8 bits; DetbenchError where they are in another range."""
    if image.dtype == np.uint8:
        return image
    low, high = float(image.min(initial=0)), float(image.max(initial=0))
    if low < 0 or not 1 < high <= _BRIGHTEST:
        raise DetbenchError(
            f"the dataset's images have values from {low:g} to {high:g}, and the model's preprocessor takes 0 to 255"
        )
    return np.asarray(image.round(), np.uint8)


def _check_passes(data: Any) -> None:
    """Refuse a dataset that cannot be gone through again and again."""
    cardinality = getattr(data, "cardinality", None)
    batches = getattr(data, "num_batches", 0)
    if (callable(cardinality) and int(cardinality()) == _ENDLESS) or batches is None:
        raise DetbenchError("the dataset repeats for ever; give it without repeat()")
    if hasattr(data, "__next__"):
        raise DetbenchError(
            "the dataset is a generator and ends after one pass; give a tf.data.Dataset, a PyDataset or a list of batches"
        )
    if not (hasattr(data, "__iter__") or hasattr(data, "__getitem__")):
        raise DetbenchError(
            f"{type(data).__name__} is no dataset; give a GroundTruth, or what gives {_EXPECTED}"
        )


def _pass(data: Any) -> Iterator[Any]:
    """Yield what one pass through the dataset gives."""
    if (batches := getattr(data, "num_batches", None)) is not None:
        return (data[number] for number in range(batches))
    return iter(data)


def _parts(element: Any) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return images, boxes and labels of what the dataset gives, as arrays."""
    if (
        not isinstance(element, tuple | list)
        or len(element) < 2
        or not isinstance(element[1], Mapping)
    ):
        raise DetbenchError(f"the dataset does not give {_EXPECTED}")
    images, targets = element[0], element[1]
    name = next((name for name in _LABELS if name in targets), None)
    if name is None or "boxes" not in targets:
        raise DetbenchError(
            f"the dataset's targets are named {', '.join(map(str, targets))}; expected are {_EXPECTED}"
        )
    return np.asarray(images), _array(targets["boxes"]), _array(targets[name])


def _array(values: Any) -> NDArray[Any]:
    """Return a tensor as an array, a ragged one padded with −1."""
    return np.asarray(
        values.to_tensor(default_value=-1) if hasattr(values, "to_tensor") else values
    )


def _check_boxes(boxes: NDArray[np.float64], sizes: NDArray[np.float64], box_format: str) -> None:
    """Refuse boxes (N, 4) most of which are inverted, outside their images (N, 2), or smaller than a pixel."""
    extent = boxes[:, 2:] - boxes[:, :2]
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    spoilt = (
        (extent <= 0).any(1) | (centre < 0).any(1) | (centre > sizes).any(1) | (boxes <= 1).all(1)
    )
    if spoilt.mean() > _SPOILT_SHARE:
        read = f"read as {box_format!r}, {spoilt.sum():,} of {len(boxes):,} boxes are"
        raise DetbenchError(
            f"{read} inverted, outside their images or smaller than a pixel; state their own format (box_format=)"
        )
