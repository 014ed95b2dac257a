"""Small Keras detectors: a KerasHub RetinaNet of random weights, and one with fixed detections."""

import numpy as np

SIDE = 64
NAMES = ("circle", "square", "triangle", "word")


def small_retinanet(seed=1, preprocessor=True):
    """Return a RetinaNet for four classes on 64×64 pixels."""
    import keras
    import keras_hub

    keras.utils.set_random_seed(seed)
    shape = (SIDE, SIDE, 3)
    encoder = keras_hub.models.ResNetBackbone(
        input_conv_filters=[64],
        input_conv_kernel_sizes=[3],
        stackwise_num_filters=[64, 64, 64],
        stackwise_num_blocks=[1, 1, 1],
        stackwise_num_strides=[1, 2, 2],
        block_type="basic_block",
        image_shape=shape,
    )
    backbone = keras_hub.models.RetinaNetBackbone(
        image_encoder=encoder, min_level=4, max_level=4, use_p5=False, image_shape=shape
    )
    converter = keras_hub.layers.RetinaNetImageConverter(
        image_size=(SIDE, SIDE),
        scale=1 / 255,
        crop_to_aspect_ratio=False,
        pad_to_aspect_ratio=True,
        bounding_box_format="xyxy",
    )
    return keras_hub.models.RetinaNetObjectDetector(
        backbone,
        num_classes=len(NAMES),
        bounding_box_format="xyxy",
        pre_logits_num_conv_layers=0,
        preprocessor=keras_hub.models.RetinaNetObjectDetectorPreprocessor(image_converter=converter)
        if preprocessor
        else None,
    )


def noise_examples(count=8, seed=3):
    """Return images of noise with one to three objects each.

    Images are (B, 64, 64, 3) uint8, boxes (B, 3, 4) xyxy and labels (B, 3), padded with −1.
    """
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (count, SIDE, SIDE, 3), dtype=np.uint8)
    corners = rng.integers(0, 32, (count, 3, 2))
    ends = corners + rng.integers(16, 32, (count, 3, 2))
    boxes = np.concatenate([corners, ends], -1).astype(np.float32)
    labels = rng.integers(0, len(NAMES), (count, 3)).astype(np.int32)
    is_padding = np.arange(3) > rng.integers(0, 3, (count, 1))
    boxes = np.where(is_padding[..., None], np.float32(-1), boxes)
    return images, boxes, np.where(is_padding, np.int32(-1), labels)


def fixed_detections_model(boxes, labels, scores=None):
    """Return a model that finds, in every image, the boxes (n, 4) xyxy that it holds as weights.

    It returns KerasCV's dict of boxes, confidence and classes.
    """
    import keras

    scores = np.ones(len(boxes)) if scores is None else scores

    class FixedDetections(keras.layers.Layer):
        def build(self, _):
            self.boxes = self.add_weight(shape=(len(boxes), 4), name="boxes")
            self.boxes.assign(np.float32(boxes))

        def call(self, images):
            count = keras.ops.shape(images)[0]
            confidence = keras.ops.convert_to_tensor(np.float32(scores))
            classes = keras.ops.convert_to_tensor(np.int32(labels))
            return {
                "boxes": keras.ops.tile(self.boxes[None], (count, 1, 1)),
                "confidence": keras.ops.tile(confidence[None], (count, 1)),
                "classes": keras.ops.tile(classes[None], (count, 1)),
            }

    inputs = keras.Input((SIDE, SIDE, 3))
    return keras.Model(inputs, FixedDetections(name="fixed")(inputs))
