"""Seconds of CPU time for reading 500,000 detections as CSV and as text per image.

    python tests/benchmarks/row_formats.py [FOLDER]

FOLDER is where the files are made; default: a temporary folder. Each is read three times.
"""

import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np

from detbench.data.ground_truth import GroundTruth
from detbench.data.load import load_detections

N_IMAGES, N_PER_IMAGE, N_CLASSES = 5000, 100, 20
ROUNDS = 3


def ground_truth():
    """Return a ground truth with an object of every class on the first image."""
    return GroundTruth.from_rows(
        image_ids=[f"image{k:05}" for k in range(N_IMAGES)],
        class_names=[f"class{k:02}" for k in range(N_CLASSES)],
        image_index=[0] * N_CLASSES,
        class_index=range(N_CLASSES),
        boxes=[[0, 0, 10, 10]] * N_CLASSES,
        image_sizes=[(640, 480)] * N_IMAGES,
    )


def write_files(folder):
    """Write the same detections as CSV and as text per image; return both paths."""
    rng = np.random.default_rng(0)
    csv, texts = folder / "detections.csv", folder / "texts"
    texts.mkdir()
    with csv.open("w", encoding="utf-8") as file:
        file.write("filename,class,score,xmin,ymin,xmax,ymax\n")
        for image in range(N_IMAGES):
            classes = rng.integers(0, N_CLASSES, N_PER_IMAGE)
            first = rng.uniform(0, 400, (N_PER_IMAGE, 2))
            boxes = np.hstack([first, first + rng.uniform(5, 200, (N_PER_IMAGE, 2))])
            rows = [
                (f"class{number:02}", f"{score:.6f}", *(f"{side:.2f}" for side in box))
                for number, score, box in zip(classes, rng.random(N_PER_IMAGE), boxes, strict=True)
            ]
            file.writelines(f"image{image:05}.jpg,{','.join(row)}\n" for row in rows)
            text = "".join(f"{' '.join(row)}\n" for row in rows)
            (texts / f"image{image:05}.txt").write_text(text, encoding="utf-8")
    return csv, texts


def seconds(path, truth):
    """Return the median CPU time of loading."""
    times = []
    for _ in range(ROUNDS):
        start = time.process_time()
        detections = load_detections(path, truth)
        times.append(time.process_time() - start)
        assert len(detections) == N_IMAGES * N_PER_IMAGE
    return median(times)


def main():
    """Print a line for each format."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(sys.argv[1] if len(sys.argv) > 1 else temporary)
        truth = ground_truth()
        for name, path in zip(("CSV", "text per image"), write_files(folder), strict=True):
            print(f"{name}: {seconds(path, truth):.1f} s of CPU time")


if __name__ == "__main__":
    main()
