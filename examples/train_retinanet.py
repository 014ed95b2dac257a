"""Train a small KerasHub RetinaNet from scratch and save it as a preset.

    python examples/train_retinanet.py shapes/VOCdevkit/VOC2007 -o retinanet

docs/training.md shows how to write the shapes dataset. COCO and VOC scores of the split `val` are
in the logs after each epoch, so that early stopping and the CSV log use them like any other metric
of Keras.
"""

import argparse
from pathlib import Path

import h5py
import keras
import keras_hub
import numpy as np
import tensorflow as tf
from keras_hub.src.models.retinanet.retinanet_label_encoder import (
    RetinaNetLabelEncoder,  # KerasHub has no public name for it
)

from detbench import load_ground_truth
from detbench.adapters.images import read_image
from detbench.adapters.keras.preset import write_class_names
from detbench.adapters.preprocessing import Preprocessing
from detbench.training.keras import DetectionMetrics, PredictionGallery

SIDE, BATCH_SIZE, LEARNING_RATE, MAX_OBJECTS = 160, 16, 1e-3, 8
LETTERBOX = Preprocessing(
    (SIDE, SIDE), "letterbox", pad_value=0, layout="nhwc", dtype="uint8", scale=1.0
)
CLASS_PRIOR_LOGIT = -4.6
"""Logit of 0.01: before training, almost no anchor is an object."""


def build_model(n_classes: int, dtype: str) -> keras.Model:
    """Return a RetinaNet of two levels with one hidden layer in each head.

    `dtype` is the type of the layers; anchors are always float32.
    """
    shape, levels = (SIDE, SIDE, 3), {"min_level": 4, "max_level": 5}
    encoder = keras_hub.models.ResNetBackbone(
        input_conv_filters=[16],
        input_conv_kernel_sizes=[3],
        stackwise_num_filters=[64, 96, 128, 160],
        stackwise_num_blocks=[1, 1, 2, 1],
        stackwise_num_strides=[1, 2, 2, 2],
        block_type="basic_block_vd",
        image_shape=shape,
        dtype=dtype,
    )
    backbone = keras_hub.models.RetinaNetBackbone(
        encoder, use_p5=False, use_fpn_batch_norm=True, image_shape=shape, dtype=dtype, **levels
    )
    anchors = keras_hub.layers.AnchorGenerator(
        "xyxy", num_scales=3, aspect_ratios=[0.5, 1.0], anchor_size=1.25, **levels
    )
    label_encoder = RetinaNetLabelEncoder(
        anchors,
        bounding_box_format="xyxy",
        positive_threshold=0.4,
        negative_threshold=0.3,
        encoding_format="center_xywh",
    )
    converter = keras_hub.layers.RetinaNetImageConverter(
        image_size=(SIDE, SIDE),
        scale=1 / 255,
        crop_to_aspect_ratio=False,
        pad_to_aspect_ratio=True,
        bounding_box_format="xyxy",
    )
    model = keras_hub.models.RetinaNetObjectDetector(
        backbone,
        num_classes=n_classes,
        bounding_box_format="xyxy",
        anchor_generator=anchors,
        label_encoder=label_encoder,
        pre_logits_num_conv_layers=1,
        use_prediction_head_norm=True,
        dtype=dtype,
        preprocessor=keras_hub.models.RetinaNetObjectDetectorPreprocessor(
            image_converter=converter
        ),
    )
    initialize_head(model.box_head, 0.0)
    initialize_head(model.classification_head, CLASS_PRIOR_LOGIT)
    return model


def initialize_head(head, bias: float) -> None:
    """Set the initial weights of a head, and the bias of its last layer.

    KerasHub puts the bias of rare objects on the box head.
    """
    last, hidden = head.prediction_layer, head.conv_layers[0]
    last.kernel.assign(keras.initializers.RandomNormal(stddev=0.01)(last.kernel.shape))
    last.bias.assign(keras.ops.full(last.bias.shape, bias))
    hidden.kernel.assign(keras.initializers.HeNormal()(hidden.kernel.shape))


def training_data(ground_truth, seed: int) -> tf.data.Dataset:
    """Return letterboxed images with their boxes, padded with −1.

    Every epoch has another order and other augmentations.
    """
    folder = ground_truth.image_folder
    batch = LETTERBOX.apply([read_image(folder / name).pixels for name in ground_truth.image_names])
    boxes = np.full((len(batch.placements), MAX_OBJECTS, 4), -1, np.float32)
    labels = np.full(boxes.shape[:2], -1, np.int32)
    for image, placement in enumerate(batch.placements):
        rows = slice(ground_truth.offsets[image], ground_truth.offsets[image + 1])
        n_objects = rows.stop - rows.start
        boxes[image, :n_objects] = placement.to_input(ground_truth.boxes[rows])
        labels[image, :n_objects] = ground_truth.class_index[rows]
    targets = {"boxes": boxes, "labels": labels}
    data = tf.data.Dataset.from_tensor_slices((batch.inputs, targets))
    shuffled = data.shuffle(len(labels), seed=seed)
    return shuffled.map(augment).batch(BATCH_SIZE, drop_remainder=True).prefetch(1)


def augment(image, targets):
    """Flip, zoom and shift an image with its boxes, and vary its colors.

    Objects of which less than half stays visible become padding.
    """
    boxes, image = targets["boxes"], tf.cast(image, "float32") / 255
    if tf.random.uniform(()) < 0.5:
        image = image[:, ::-1]
        boxes = tf.stack([SIDE - boxes[:, 2], boxes[:, 1], SIDE - boxes[:, 0], boxes[:, 3]], -1)
    zoom, shift = tf.random.uniform((), 0.9, 1.15), tf.random.uniform((2,), -0.1 * SIDE, 0.1 * SIDE)
    corner = shift + (SIDE - SIDE / zoom) / 2
    matrix = [[1 / zoom, 0.0, corner[0], 0.0, 1 / zoom, corner[1], 0.0, 0.0]]
    image = tf.raw_ops.ImageProjectiveTransformV3(
        images=image[None],
        transforms=matrix,
        output_shape=(SIDE, SIDE),
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
        fill_value=0.0,
    )[0]
    boxes = (boxes - tf.tile(corner, [2])) * zoom
    clipped = tf.clip_by_value(boxes, 0.0, float(SIDE))
    is_kept = (targets["labels"] >= 0) & (areas(clipped) > 0.5 * areas(boxes))
    image = tf.image.random_saturation(tf.image.random_brightness(image, 0.1), 0.7, 1.3)
    image = tf.clip_by_value(tf.image.random_hue(image, 0.04), 0.0, 1.0) * 255
    return image, {
        "boxes": tf.where(is_kept[:, None], clipped, -1.0),
        "labels": tf.where(is_kept, targets["labels"], -1),
    }


def areas(boxes):
    """Return the areas of boxes (…, 4) x1, y1, x2, y2."""
    return tf.reduce_prod(boxes[:, 2:] - boxes[:, :2], -1)


def save(model: keras.Model, folder: Path, class_names) -> None:
    """Save as a preset that computes in float32, with weights rounded to float16 and compressed."""
    plain = build_model(len(class_names), "float32")
    plain.set_weights([weight.astype(np.float16) for weight in model.get_weights()])
    plain.save_to_preset(str(folder))
    write_class_names(folder, class_names)
    for path in folder.glob("*.weights.h5"):
        compress(path)


def compress(path: Path) -> None:
    """Rewrite an HDF5 file with compression, which shrinks rounded float32 to about 16 bits."""
    temporary = path.with_suffix(".compressed")
    with h5py.File(path) as source, h5py.File(temporary, "w") as target:

        def copy(name, member):
            if isinstance(member, h5py.Dataset):
                options = {"compression": "gzip", "shuffle": True} if member.ndim else {}
                copied = target.create_dataset(name, data=member, **options)
            else:
                copied = target.require_group(name)
            copied.attrs.update(member.attrs)

        source.visititems(copy)
    temporary.replace(path)


def compile_model(model: keras.Model, epochs: int, steps_per_epoch: int) -> None:
    """Compile with two epochs of warm-up and a cosine decay of the learning rate."""
    rate = keras.optimizers.schedules.CosineDecay(
        LEARNING_RATE / 20,
        max((epochs - 2) * steps_per_epoch, 1),
        alpha=0.01,
        warmup_target=LEARNING_RATE,
        warmup_steps=2 * steps_per_epoch,
    )
    model.compile(
        optimizer=keras.optimizers.AdamW(rate, weight_decay=1e-4, clipnorm=1),
        box_loss=keras.losses.Huber(delta=0.1, reduction="sum"),
        classification_loss=keras.losses.BinaryFocalCrossentropy(
            from_logits=True, apply_class_balancing=True, reduction="sum"
        ),
        loss_weights={"bbox_regression": 40.0, "cls_logits": 1.0},
        jit_compile=False,
    )


def main() -> None:
    """Train, keep the weights of the best epoch, and save them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dataset", help="dataset with the splits train and val")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    keras.utils.set_random_seed(options.seed)
    train = load_ground_truth(options.dataset, split="train")
    val = load_ground_truth(options.dataset, split="val")
    model = build_model(len(train.class_names), "mixed_bfloat16")
    data = training_data(train, options.seed)
    compile_model(model, options.epochs, len(data))
    log_folder = options.output.with_name(f"{options.output.name}-training")
    log_folder.mkdir(parents=True, exist_ok=True)
    # DetectionMetrics comes first, because the others read its numbers.
    callbacks = [
        DetectionMetrics(val, class_names=train.class_names, every=2),
        keras.callbacks.EarlyStopping(
            "val_voc2007_mAP", mode="max", patience=options.epochs, restore_best_weights=True
        ),
        keras.callbacks.CSVLogger(str(log_folder / "epochs.csv")),
        PredictionGallery(val, log_folder, class_names=train.class_names, every=2),
    ]
    model.fit(data, epochs=options.epochs, shuffle=False, verbose=2, callbacks=callbacks)
    save(model, options.output, train.class_names)


if __name__ == "__main__":
    main()
