"""Generate a workload of COCO's size: ground truth and detections like those of a real detector.

The statistics resemble COCO val2017. An image has 7.4 ground truths on average. Half of the
detections are jittered boxes of ground truths, some of them of a wrong class; the other half is
background. Scores are rounded to five decimals and boxes to two, as in result files, so that ties
occur.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Workload:
    """Columns of a synthetic dataset; boxes are xywh, image and category numbers start at 1."""

    images: int
    classes: int
    truth_image: NDArray[np.int64]
    truth_class: NDArray[np.int64]
    truth_box: NDArray[np.float64]
    truth_crowd: NDArray[np.int64]
    image: NDArray[np.int64]
    category: NDArray[np.int64]
    box: NDArray[np.float64]
    score: NDArray[np.float64]


def make(
    images: int = 5_000,
    classes: int = 80,
    detections: int = 500_000,
    truths: int = 36_781,
    seed: int = 0,
) -> Workload:
    """Return a workload of exactly these sizes; the same seed gives the same workload."""
    rng = np.random.default_rng(seed)
    popularity = 1.0 / np.arange(1, classes + 1) ** 0.7
    popularity /= popularity.sum()

    truth_image = np.sort(rng.integers(1, images + 1, truths))
    # Most objects of an image have the class of their predecessor: images show few classes each.
    truth_class = rng.choice(classes, truths, p=popularity) + 1
    repeats = (rng.random(truths) < 0.55) & (np.diff(truth_image, prepend=0) == 0)
    for row in np.flatnonzero(repeats):
        truth_class[row] = truth_class[row - 1]
    truth_box = _random_boxes(rng, truths)
    truth_crowd = (rng.random(truths) < 0.012).astype(np.int64)

    hits = rng.choice(truths, min(detections // 2, 3 * truths))
    background = detections - len(hits)
    image = np.concatenate([truth_image[hits], rng.integers(1, images + 1, background)])
    confused = rng.random(len(hits)) < 0.15
    category = np.concatenate(
        [
            np.where(confused, rng.integers(1, classes + 1, len(hits)), truth_class[hits]),
            rng.choice(classes, background, p=popularity) + 1,
        ]
    )
    size = truth_box[hits, 2:]
    spread = rng.choice([0.03, 0.1, 0.3], (len(hits), 1))
    jittered = np.concatenate(
        [
            truth_box[hits, :2] + rng.normal(0, 1, (len(hits), 2)) * spread * size,
            size * np.exp(rng.normal(0, 1, (len(hits), 2)) * spread),
        ],
        axis=1,
    )
    box = np.concatenate([jittered, _random_boxes(rng, background)])
    score = np.concatenate([rng.beta(2, 2.5, len(hits)), rng.beta(0.6, 9, background)])
    order = rng.permutation(detections)
    order = order[np.argsort(image[order], kind="stable")]
    return Workload(
        images=images,
        classes=classes,
        truth_image=truth_image,
        truth_class=truth_class,
        truth_box=truth_box,
        truth_crowd=truth_crowd,
        image=image[order],
        category=category[order],
        box=np.maximum(box[order].round(2), 0.01),
        score=score[order].round(5),
    )


def _random_boxes(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    side = np.exp(rng.normal(4.2, 1.0, (count, 2))).clip(4, 480)
    corner = rng.random((count, 2)) * (np.array([640, 480]) - np.minimum(side, 470))
    return np.concatenate([corner, side], axis=1).round(2)


def write_json(workload: Workload, folder: Path) -> tuple[Path, Path]:
    """Write COCO annotations and COCO results; return their two paths."""
    folder.mkdir(parents=True, exist_ok=True)
    annotations, results = folder / "annotations.json", folder / "results.json"
    truth = zip(
        workload.truth_image.tolist(),
        workload.truth_class.tolist(),
        workload.truth_box.tolist(),
        workload.truth_crowd.tolist(),
        strict=True,
    )
    annotations.write_text(
        json.dumps(
            {
                "images": [
                    {"id": i, "file_name": f"{i:012d}.jpg", "width": 640, "height": 480}
                    for i in range(1, workload.images + 1)
                ],
                "categories": [
                    {"id": k, "name": f"class {k:03d}"} for k in range(1, workload.classes + 1)
                ],
                "annotations": [
                    {
                        "id": n,
                        "image_id": i,
                        "category_id": k,
                        "bbox": b,
                        "area": round(b[2] * b[3] * 0.7, 4),
                        "iscrowd": c,
                    }
                    for n, (i, k, b, c) in enumerate(truth, 1)
                ],
            }
        )
    )
    rows = zip(
        workload.image.tolist(),
        workload.category.tolist(),
        workload.box.tolist(),
        workload.score.tolist(),
        strict=True,
    )
    with results.open("w") as file:
        file.write("[")
        for row, (i, k, b, s) in enumerate(rows):
            file.write(
                ("," if row else "")
                + json.dumps({"image_id": i, "category_id": k, "bbox": b, "score": s})
            )
        file.write("]")
    return annotations, results


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, default=5_000)
    parser.add_argument("--classes", type=int, default=80)
    parser.add_argument("--detections", type=int, default=500_000)
    parser.add_argument("--truths", type=int, default=36_781)
    options = parser.parse_args()
    workload = make(options.images, options.classes, options.detections, options.truths)
    print(*write_json(workload, options.folder), sep="\n")
