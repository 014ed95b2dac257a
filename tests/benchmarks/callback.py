"""Compare DetectionMetrics at the end of an epoch with plain prediction of the same images.

    python tests/benchmarks/callback.py PRESET_FOLDER GROUND_TRUTH [--split test]

Both run the same KerasHub model in batches of 16, in turn, so that other load affects both. The
callback also maps classes and scores by COCO and VOC 2007. Prints medians of the rounds without the
first, which compiles and loads kernels.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from pathlib import Path

from detbench import load_ground_truth
from detbench.adapters.classes import map_classes
from detbench.adapters.keras import in_memory_detector
from detbench.adapters.keras.preset import load_preset, read_class_names
from detbench.bench.predict import predict
from detbench.training.keras import DetectionMetrics

BATCH = 16


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("preset", type=Path)
    parser.add_argument("ground_truth")
    parser.add_argument("--split", default="test")
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    ground_truth = load_ground_truth(options.ground_truth, split=options.split)
    model, names = load_preset(str(options.preset)), read_class_names(options.preset)
    detector = in_memory_detector(model, class_names=names)
    mapping = map_classes(detector.class_names, ground_truth.class_names)
    metrics = DetectionMetrics(
        ground_truth, class_names=names, batch_size=BATCH, detector=lambda _: detector
    )
    metrics.set_params({"epochs": options.rounds})
    metrics.set_model(model)
    spent: dict[str, list[float]] = {"predict": [], "callback": []}
    for epoch in range(options.rounds + 1):
        for name, work in (
            ("predict", lambda: predict(detector, ground_truth, mapping, batch_size=BATCH)),
            ("callback", lambda epoch=epoch: metrics.on_epoch_end(epoch, {})),
        ):
            started = time.perf_counter()
            work()
            spent[name].append(time.perf_counter() - started)
    seconds = {name: statistics.median(values[1:]) for name, values in spent.items()}
    for name, value in seconds.items():
        print(f"{name:10} {value * 1e3:8.1f} ms for {len(ground_truth.image_ids)} images")
    ratios = [
        callback / alone
        for alone, callback in zip(spent["predict"][1:], spent["callback"][1:], strict=True)
    ]
    print(
        f"ratio      {seconds['callback'] / seconds['predict']:8.3f} of the medians, "
        f"{statistics.median(ratios):.3f} median of the rounds"
    )


if __name__ == "__main__":
    main()
