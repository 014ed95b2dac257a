"""Train a small KerasHub RetinaNet from scratch, with COCO and VOC numbers in the logs after each epoch, and save it as a preset.

    python -c "from pathlib import Path; from detbench.data.shapes import make_shapes; make_shapes(Path('shapes'))"
    python examples/train_retinanet.py shapes/VOCdevkit/VOC2007 -o retinanet

Scores are those of the split `val`; checkpoint, early stopping and CSV log see them like any metric of Keras' own.
"""

import argparse
from pathlib import Path

import h5py
import keras
import keras_hub
import numpy as np
import tensorflow as tf
from keras_hub.src.models.retinanet.retinanet_label_encoder import (
    RetinaNetLabelEncoder,  # KerasHub gives it no public name
)

from detbench import load_ground_truth
from detbench.adapters.images import read_picture
from detbench.adapters.keras.preset import write_class_names
from detbench.adapters.preprocessing import Preprocessing
from detbench.training.keras import DetectionMetrics, PredictionGallery

SIDE, BATCH, LEARNING_RATE, MOST_OBJECTS = 160, 16, 1e-3, 8
LETTERBOX = Preprocessing(
    (SIDE, SIDE), "letterbox", pad_value=0, layout="nhwc", dtype="uint8", scale=1.0
)


def build(class_count: int, dtype: str) -> keras.Model:
    """Return a RetinaNet of two levels and one hidden layer in each head; `dtype` is that of its layers, anchors are always float32."""
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
    anchors = keras_hub.layers.AnchorGenerator(
        "xyxy", num_scales=3, aspect_ratios=[0.5, 1.0], anchor_size=1.25, **levels
    )
    encode = {
        "positive_threshold": 0.4,
        "negative_threshold": 0.3,
        "encoding_format": "center_xywh",
    }
    converter = keras_hub.layers.RetinaNetImageConverter(
        image_size=(SIDE, SIDE),
        scale=1 / 255,
        crop_to_aspect_ratio=False,
        pad_to_aspect_ratio=True,
        bounding_box_format="xyxy",
    )
    model = keras_hub.models.RetinaNetObjectDetector(
        keras_hub.models.RetinaNetBackbone(
            encoder, use_p5=False, use_fpn_batch_norm=True, image_shape=shape, dtype=dtype, **levels
        ),
        num_classes=class_count,
        bounding_box_format="xyxy",
        anchor_generator=anchors,
        label_encoder=RetinaNetLabelEncoder(anchors, bounding_box_format="xyxy", **encode),
        pre_logits_num_conv_layers=1,
        use_prediction_head_norm=True,
        dtype=dtype,
        preprocessor=keras_hub.models.RetinaNetObjectDetectorPreprocessor(
            image_converter=converter
        ),
    )
    for head, rare in ((model.box_head, 0.0), (model.classification_head, -4.6)):
        last = head.prediction_layer
        last.kernel.assign(keras.initializers.RandomNormal(stddev=0.01)(last.kernel.shape))
        last.bias.assign(keras.ops.full(last.bias.shape, rare))
        head.conv_layers[0].kernel.assign(
            keras.initializers.HeNormal()(head.conv_layers[0].kernel.shape)
        )
    return model


def training_data(truth, seed: int) -> tf.data.Dataset:
    """Return letterboxed pictures and their boxes, padded with −1, differently augmented in every epoch."""
    pictures = LETTERBOX.apply(
        [read_picture(truth.image_folder / name).picture for name in truth.picture_names]
    )
    boxes = np.full((len(pictures.placements), MOST_OBJECTS, 4), -1, np.float32)
    labels = np.full(boxes.shape[:2], -1, np.int32)
    for image, placement in enumerate(pictures.placements):
        rows = slice(truth.offsets[image], truth.offsets[image + 1])
        boxes[image, : rows.stop - rows.start] = placement.to_input(truth.boxes[rows])
        labels[image, : rows.stop - rows.start] = truth.class_index[rows]
    data = tf.data.Dataset.from_tensor_slices((pictures.inputs, {"boxes": boxes, "labels": labels}))
    return (
        data.shuffle(len(labels), seed=seed)
        .map(augment)
        .batch(BATCH, drop_remainder=True)
        .prefetch(1)
    )


def augment(image, targets):
    """Flip, zoom and shift a picture with its boxes, drop those that are cut off by half, and vary the colours."""
    boxes, image = targets["boxes"], tf.cast(image, "float32") / 255
    if tf.random.uniform(()) < 0.5:
        image, boxes = (
            image[:, ::-1],
            tf.stack([SIDE - boxes[:, 2], boxes[:, 1], SIDE - boxes[:, 0], boxes[:, 3]], -1),
        )
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
    inside = tf.clip_by_value(boxes, 0.0, float(SIDE))
    shown, whole = (tf.reduce_prod(each[:, 2:] - each[:, :2], -1) for each in (inside, boxes))
    kept = (targets["labels"] >= 0) & (shown > 0.5 * whole)
    image = tf.image.random_hue(
        tf.image.random_saturation(tf.image.random_brightness(image, 0.1), 0.7, 1.3), 0.04
    )
    image = tf.clip_by_value(image, 0.0, 1.0) * 255
    return image, {
        "boxes": tf.where(kept[:, None], inside, -1.0),
        "labels": tf.where(kept, targets["labels"], -1),
    }


def save(model: keras.Model, folder: Path, class_names) -> None:
    """Save as a preset that computes in 32 bits, its weights rounded to 16 and compressed."""
    plain = build(len(class_names), "float32")
    plain.set_weights([weight.astype(np.float16) for weight in model.get_weights()])
    plain.save_to_preset(str(folder))
    write_class_names(folder, class_names)
    for path in folder.glob("*.weights.h5"):
        compress(path)


def compress(path: Path) -> None:
    """Write an HDF5 file again, compressed: of numbers rounded to 16 bits not much more than these 16 bits are left."""
    temporary = path.with_suffix(".compressed")
    with h5py.File(path) as loose, h5py.File(temporary, "w") as tight:

        def copy(name, item):
            if not isinstance(item, h5py.Dataset):
                made = tight.require_group(name)
            else:
                made = tight.create_dataset(
                    name,
                    data=item,
                    **({"compression": "gzip", "shuffle": True} if item.ndim else {}),
                )
            made.attrs.update(item.attrs)

        loose.visititems(copy)
    temporary.replace(path)


def main() -> None:
    """Train, keep the weights of the best epoch, and save them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dataset", help="with splits train and val")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    keras.utils.set_random_seed(options.seed)
    train, val = (
        load_ground_truth(options.dataset, split="train"),
        load_ground_truth(options.dataset, split="val"),
    )
    model, data = (
        build(len(train.class_names), "mixed_bfloat16"),
        training_data(train, options.seed),
    )
    log = options.output.with_name(f"{options.output.name}-training")
    log.mkdir(parents=True, exist_ok=True)
    warm_up = {"warmup_target": LEARNING_RATE, "warmup_steps": 2 * len(data)}
    falling = max((options.epochs - 2) * len(data), 1)
    rate = keras.optimizers.schedules.CosineDecay(
        LEARNING_RATE / 20, falling, alpha=0.01, **warm_up
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
    callbacks = [
        DetectionMetrics(val, class_names=train.class_names, every=2),
        keras.callbacks.EarlyStopping(
            "val_voc2007_mAP", mode="max", patience=options.epochs, restore_best_weights=True
        ),
        keras.callbacks.CSVLogger(str(log / "epochs.csv")),
        PredictionGallery(val, log, class_names=train.class_names, every=2),
    ]
    model.fit(data, epochs=options.epochs, shuffle=False, verbose=2, callbacks=callbacks)
    save(model, options.output, train.class_names)


if __name__ == "__main__":
    main()
