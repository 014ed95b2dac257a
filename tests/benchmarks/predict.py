"""Measure the time of each step of a detector; prints a table of docs/performance.md.

    python tests/benchmarks/predict.py onnx:MODEL.onnx GROUND_TRUTH IMAGES

First each step alone, one image after another. Then `predict`, which reads images ahead, and the
share of its time in which the model runs. Medians of several rounds.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings

from detbench import load_detector, load_ground_truth
from detbench.adapters.classes import map_classes
from detbench.adapters.images import read_image
from detbench.bench.predict import predict

ROUNDS = 5
STEPS = ("read", "preprocess", "to_device", "infer", "to_host", "postprocess")


def one_by_one(detector, paths) -> dict[str, float]:
    """Return the mean milliseconds of each step per image."""
    spent = dict.fromkeys(STEPS, 0.0)

    def timed(step, function, *arguments):
        started = time.perf_counter()
        result = function(*arguments)
        spent[step] += time.perf_counter() - started
        return result

    for path in paths:
        image = timed("read", read_image, path).pixels
        batch = timed("preprocess", detector.preprocess, [image])
        inputs = timed("to_device", detector.to_device, batch)
        outputs = timed("infer", detector.infer, inputs)
        values = timed("to_host", detector.to_host, outputs)
        timed("postprocess", detector.postprocess, values, batch)
    return {step: seconds / len(paths) * 1e3 for step, seconds in spent.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model")
    parser.add_argument("ground_truth")
    parser.add_argument("images")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    truth = load_ground_truth(options.ground_truth, images=options.images)
    detector = load_detector(options.model)
    paths = [truth.image_folder / name for name in truth.image_files]
    one_by_one(detector, paths[:3])
    rounds = [one_by_one(detector, paths) for _ in range(ROUNDS)]
    steps = {step: statistics.median(each[step] for each in rounds) for step in STEPS}
    outside = sum(
        milliseconds for step, milliseconds in steps.items() if step not in ("read", "infer")
    )
    mapping = map_classes(detector.class_names, truth.class_names, allow_unmapped=True)
    runs = [predict(detector, truth, mapping)[1] for _ in range(ROUNDS)]
    print(f"| ms per image | {' | '.join(STEPS)} | outside infer |")
    print("|---" * (len(STEPS) + 2) + "|")
    times = " | ".join(f"{steps[step]:.2f}" for step in STEPS)
    print(f"| {detector.name} | {times} | {outside / (outside + steps['infer']):.1%} |")
    rate = statistics.median(run.done / run.elapsed_s for run in runs)
    share = statistics.median(run.infer_share for run in runs)
    print(f"\n`predict`: {rate:.1f} images/s, the model is busy {share:.1%} of the time")


if __name__ == "__main__":
    main()
