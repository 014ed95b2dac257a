"""The model: a small fully convolutional detector that predicts a box per anchor in every cell.

Importing this module registers the class with Keras, so that `keras.saving.load_model` reads its
files.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import keras

from detbench.adapters.yolo.grid import Grid
from detbench.adapters.yolo.loss import WEIGHTS, loss_parts
from detbench.data.schema_version import preprocessing_in_current_spelling

_LEAKY_SLOPE = 0.1
_MAX_WIDTH_FACTOR = 8
_MOMENTUM = 0.9
"""Of running mean and variance. Keras' 0.99 still contains its initial values after 100 steps."""


@keras.saving.register_keras_serializable("detbench")
class Yolo(keras.Model):  # type: ignore[misc]
    """A YOLOv2-like detector.

    Each stage is a 3×3 convolution, pooling to half the size, batch normalization and LeakyReLU;
    after more convolutions at the last size follows a 1×1 head.

    Input `(B, height, width, 3)`; output `(B, height / stride, width / stride, A, 5 + C)`: x, y,
    w, h, objectness and class logits, as the decoder `yolov2` reads them. `compile(optimizer)` is
    enough to train: the model brings its own loss, whose parts are metrics.
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
        stored_dtype: str = "float32",
        name: str = "yolo",
        **options: Any,
    ) -> None:
        """Build the layers.

        Args:
            class_names: C names.
            anchors: A widths and heights in cells.
            input_size: width and height in pixels, multiples of `stride`.
            stride: pixels per cell, a power of two.
            width: channels of the first stage; each next stage doubles them, up to eight times.
            depth: 3×3 convolutions after the last pooling.
            preprocessing: how images become the input, as `Preprocessing.as_dict` returns it. The
                model only carries it.
            stored_dtype: type of the weights in the model file; computation is in float32.
            name: of the model.
            options: of `keras.Model`.

        Raises:
            ValueError: if the stride is no power of two, or the size no multiple of the stride.
        """
        self._check(input_size, stride)
        inputs = keras.Input((input_size[1], input_size[0], 3), name="images")
        x = inputs
        for stage in range(round(math.log2(stride))):
            channels = width * min(2**stage, _MAX_WIDTH_FACTOR)
            x = _block(x, channels, f"stage_{stage}", pooled=True)
        for layer in range(depth):
            x = _block(x, width * _MAX_WIDTH_FACTOR, f"deep_{layer}")
        rows, columns = input_size[1] // stride, input_size[0] // stride
        n_anchors, n_values = len(anchors), 5 + len(class_names)
        x = keras.layers.Conv2D(n_anchors * n_values, 1, name="head")(x)
        output_shape = (rows, columns, n_anchors, n_values)
        outputs = keras.layers.Reshape(output_shape, name="output")(x)
        super().__init__(inputs=inputs, outputs=outputs, name=name, **options)
        self.class_names = tuple(class_names)
        self.anchors = tuple((float(w), float(h)) for w, h in anchors)
        self.input_size = (int(input_size[0]), int(input_size[1]))
        self.stride = stride
        self.width = width
        self.depth = depth
        self.preprocessing = preprocessing
        self.stored_dtype = stored_dtype

    @property
    def grid(self) -> Grid:
        """The cells and anchors of the output."""
        columns, rows = (side // self.stride for side in self.input_size)
        return Grid(columns, rows, self.stride, self.anchors)

    def compile(self, *arguments: Any, **options: Any) -> None:
        """Do what `keras.Model.compile` does; only an optimizer is needed."""
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
        """Return the loss of a batch and update its parts as metrics.

        `y` holds the targets as `detbench.training.yolo.targets.batch_targets` returns them.
        """
        parts, count = loss_parts(y_pred, y, self.anchors), keras.ops.shape(y_pred)[0]
        for mean in self.part_means:
            mean.update_state(parts[mean.name], sample_weight=count)
        return sum(parts.values())

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor, as Keras writes them into a file."""
        return {
            "class_names": list(self.class_names),
            "anchors": [list(anchor) for anchor in self.anchors],
            "input_size": list(self.input_size),
            "stride": self.stride,
            "width": self.width,
            "depth": self.depth,
            "preprocessing": self.preprocessing,
            "stored_dtype": self.stored_dtype,
            "name": self.name,
        }

    @classmethod
    def from_config(
        cls,
        config: dict[str, Any],
        custom_objects: Any = None,  # noqa: ARG003  Keras passes it
    ) -> Yolo:
        """Build a model from what `get_config` returned."""
        return cls(**_upgrade(config))

    @staticmethod
    def _check(input_size: Sequence[int], stride: int) -> None:
        if stride < 2 or stride & (stride - 1):
            raise ValueError(f"stride must be a power of two, 2 or more, not {stride}")
        if any(side < stride or side % stride for side in input_size):
            raise ValueError(
                f"input_size must be multiples of the stride {stride}, not {tuple(input_size)}"
            )


def _upgrade(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration of any model file with the keys of today.

    Files of detbench 0.1.0 (the shipped model is one) have the key `stored` and preprocessing
    settings in the spelling of version 1.
    """
    config = dict(config)
    if "stored" in config:
        config["stored_dtype"] = config.pop("stored")
    if config.get("preprocessing"):
        config["preprocessing"] = preprocessing_in_current_spelling(config["preprocessing"])
    return config


def _block(x: Any, channels: int, name: str, *, pooled: bool = False) -> Any:
    """Return convolution, pooling if requested, normalization and LeakyReLU.

    Pooling comes first because the rest then works on a quarter of the values. The order makes no
    difference to the result as long as the functions after it increase.
    """
    x = keras.layers.Conv2D(channels, 3, padding="same", use_bias=False, name=f"{name}_conv")(x)
    x = keras.layers.MaxPooling2D(name=f"{name}_halve")(x) if pooled else x
    x = keras.layers.BatchNormalization(momentum=_MOMENTUM, name=f"{name}_norm")(x)
    return keras.layers.LeakyReLU(_LEAKY_SLOPE, name=f"{name}_leaky")(x)
