"""The model: a small fully convolutional detector whose every cell predicts a box per anchor.

Importing this module makes the class known to Keras, so that `keras.saving.load_model` reads its files.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras

from detbench.adapters.yolo.loss import WEIGHTS, loss_parts
from detbench.adapters.yolo.targets import Grid

_SLOPE = 0.1
_WIDEST = 8
_MOMENTUM = 0.9
"""Of the running mean and variance: Keras' .99 still remembers its first values after a hundred steps."""


@keras.saving.register_keras_serializable("detbench")
class Yolo(keras.Model):  # type: ignore[misc]
    """A YOLOv2-like detector: stages of 3×3 convolutions, batch normalisation and LeakyReLU with halving between, then a 1×1 head.

    Input `(B, height, width, 3)`; output `(B, height / stride, width / stride, A, 5 + C)`: x, y, w, h, objectness and class logits, as
    decoder `yolov2` reads them. `compile(optimizer)` is enough to train: the loss is the model's own, and its parts are metrics.
    """

    def __init__(
        self,
        *,
        class_names: Sequence[str],
        anchors: Sequence[Sequence[float]],
        input_size: Sequence[int] = (128, 128),
        stride: int = 16,
        width: int = 16,
        depth: int = 2,
        preprocessing: dict[str, Any] | None = None,
        stored: str = "float32",
        name: str = "yolo",
        **others: Any,
    ) -> None:
        """Build the layers.

        Args:
            class_names: C names.
            anchors: A widths and heights in cells.
            input_size: width and height in pixels, multiples of `stride`.
            stride: pixels per cell, a power of two.
            width: channels of the first stage; each next stage has twice as many, up to eight times.
            depth: 3×3 convolutions behind the last halving.
            preprocessing: how pictures become the input, as `Preprocessing.as_dict` gives it; for whoever runs the model.
            stored: the type in which the file holds the weights; computing is in 32 bits.
            name: of the model.
            others: what `keras.Model` takes.
        """
        self._check(input_size, stride)
        inputs = keras.Input((input_size[1], input_size[0], 3), name="pictures")
        x = inputs
        for stage in range(round(math.log2(stride))):
            x = _block(x, width * min(2**stage, _WIDEST), f"stage_{stage}", halved=True)
        for layer in range(depth):
            x = _block(x, width * _WIDEST, f"deep_{layer}")
        cells = (input_size[1] // stride, input_size[0] // stride)
        x = keras.layers.Conv2D(len(anchors) * (5 + len(class_names)), 1, name="head")(x)
        outputs = keras.layers.Reshape((*cells, len(anchors), 5 + len(class_names)), name="output")(
            x
        )
        super().__init__(inputs=inputs, outputs=outputs, name=name, **others)
        self.class_names = tuple(class_names)
        self.anchors = tuple((float(w), float(h)) for w, h in anchors)
        self.input_size = (int(input_size[0]), int(input_size[1]))
        self.stride, self.width, self.depth = stride, width, depth
        self.preprocessing, self.stored = preprocessing, stored

    @property
    def grid(self) -> Grid:
        """The cells and anchors of the output."""
        return Grid(
            self.input_size[0] // self.stride,
            self.input_size[1] // self.stride,
            self.stride,
            self.anchors,
        )

    def compile(self, *arguments: Any, **options: Any) -> None:
        """As `keras.Model.compile`; needs an optimizer only."""
        super().compile(*arguments, **options)
        self.part_means = [keras.metrics.Mean(name=part) for part in WEIGHTS]

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Return the loss of a batch and keep its parts as metrics; `y` as `batch_targets` gives it."""
        parts, count = loss_parts(y_pred, y, self.anchors), keras.ops.shape(y_pred)[0]
        for mean in self.part_means:
            mean.update_state(parts[mean.name], sample_weight=count)
        return sum(parts.values())

    def get_config(self) -> dict[str, Any]:
        """Return what the model is made of; `from_config` makes it again."""
        return {
            "class_names": list(self.class_names),
            "anchors": [list(anchor) for anchor in self.anchors],
            "input_size": list(self.input_size),
            "stride": self.stride,
            "width": self.width,
            "depth": self.depth,
            "preprocessing": self.preprocessing,
            "stored": self.stored,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Yolo:  # noqa: ARG003  as Keras calls it
        """Make a model as `get_config` describes it."""
        return cls(**config)

    @staticmethod
    def _check(input_size: Sequence[int], stride: int) -> None:
        if stride < 2 or stride & (stride - 1):
            raise ValueError(f"stride must be a power of two from 2, not {stride}")
        if any(side < stride or side % stride for side in input_size):
            raise ValueError(
                f"input_size must be multiples of the stride {stride}, not {tuple(input_size)}"
            )


def _block(x: Any, channels: int, name: str, *, halved: bool = False) -> Any:
    """Return convolution, halving where asked for, normalisation and LeakyReLU.

    Halving comes first because the rest then works on a quarter of the values; the order of pooling and a rising function does not matter.
    """
    x = keras.layers.Conv2D(channels, 3, padding="same", use_bias=False, name=f"{name}_conv")(x)
    x = keras.layers.MaxPooling2D(name=f"{name}_halve")(x) if halved else x
    x = keras.layers.BatchNormalization(momentum=_MOMENTUM, name=f"{name}_norm")(x)
    return keras.layers.LeakyReLU(_SLOPE, name=f"{name}_leaky")(x)
