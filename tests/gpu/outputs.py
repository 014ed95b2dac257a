"""Write raw outputs and boxes of the shipped models on JAX's default device.

    JAX_PLATFORMS=cpu python tests/gpu/outputs.py FILE.npz

`default` is JAX's default precision, which is TF32 on recent GPUs; `highest` is float32. The keys
of the file are MODEL/PRECISION/BATCH/raw/OUTPUT, and MODEL/PRECISION/BATCH/boxes/IMAGE with scores
and classes beside the boxes.
"""

import sys

import jax
import numpy as np

from detbench.adapters.catalogue import load_detector
from detbench.adapters.shipped import RETINANET, YOLO
from detbench.data.shapes_image import draw_image

SPECS = {"yolo": f"yolo:{YOLO}", "retinanet": f"kerashub:{RETINANET}"}
RUNS = (("default", 1), ("default", 8), ("highest", 8))
"""Precision and batch size. Each compiles a program, which takes most of the time."""
JAX_PRECISION = {"default": None, "highest": "highest"}
MIN_SCORE = 0.05
"""Of the boxes that are compared; among lower scores, rounding decides which box is suppressed."""
N_IMAGES = 8


def drawn_images():
    """Return the same images in every run, (height, width, 3) uint8."""
    rng = np.random.default_rng(2007)
    return [draw_image(rng).pixels for _ in range(N_IMAGES)]


def run(detector, images, precision):
    """Return raw outputs by name, and the detections in each image."""
    batch = detector.preprocess(images)
    # The compiled call is traced again for each precision.
    with jax.default_matmul_precision(precision):
        outputs = detector.to_host(detector.infer(detector.to_device(batch)))
    named = dict(zip(detector.runtime.output_names, outputs, strict=True))
    return named, detector.postprocess(outputs, batch)


def main():
    images, arrays = drawn_images(), {}
    for model, spec in SPECS.items():
        detector = load_detector(spec, backend="jax", score=MIN_SCORE)
        for precision, batch_size in RUNS:
            outputs, detections = run(detector, images[:batch_size], JAX_PRECISION[precision])
            prefix = f"{model}/{precision}/{batch_size}"
            for name, output in outputs.items():
                arrays[f"{prefix}/raw/{name}"] = output
            for number, image_detections in enumerate(detections):
                arrays[f"{prefix}/boxes/{number}"] = image_detections.boxes
                arrays[f"{prefix}/scores/{number}"] = image_detections.scores
                arrays[f"{prefix}/classes/{number}"] = image_detections.classes
    device = jax.devices()[0]
    arrays["device"] = f"{device.platform}: {device.device_kind}"
    np.savez(sys.argv[1], **arrays)


if __name__ == "__main__":
    main()
