"""Adversarial cases: random COCO dictionaries that are meant to break an evaluator.

They contain what real files rarely combine: score ties (also between images), equal boxes, several
objects at the same overlap, crowds, more than 100 detections in an image, classes without ground
truth or without detections, images without either, negative and zero scores, boxes without area,
inverted boxes, and areas exactly on the edges of the ranges (1024 and 9216). Annotation ids start
at 1, because id 0 is a known defect of pycocotools and has a test of its own.
"""

import numpy as np

SIDES = np.array([1, 4, 8, 16, 31, 32, 33, 48, 95, 96, 97, 140], float)
SCORES = np.array(
    [
        -1.5,
        -0.0,
        0.0,
        0.1,
        0.1 + 1e-17,
        0.25,
        0.3,
        0.30000000000000004,
        0.5,
        0.75,
        0.999999999,
        1.0,
        3.0,
    ]
)


def adversarial(seed, *, max_images=6, max_classes=4, max_objects=7, max_detections=25):
    """Return COCO annotations and results of one random case."""
    rng = np.random.default_rng(seed)
    images, classes = int(rng.integers(1, max_images + 1)), int(rng.integers(1, max_classes + 1))
    image_ids = rng.choice(1000, images, replace=False).tolist()
    category_ids = rng.choice(90, classes, replace=False).tolist()
    whole_pixels = rng.random() < 0.6
    crowds = rng.random() < 0.5
    few_scores = rng.random() < 0.7
    annotations, results = [], []
    for image_id in image_ids:
        for _ in range(int(rng.integers(0, max_objects + 1))):
            repeated = annotations and rng.random() < 0.3
            box = list(annotations[-1]["bbox"]) if repeated else _box(rng, whole_pixels)
            area = box[2] * box[3]
            annotations.append(
                {
                    "image_id": image_id,
                    "category_id": int(rng.choice(category_ids)),
                    "bbox": box,
                    "area": float(rng.choice([area, area, area * 0.7, 1024.0, 9216.0, 0.0])),
                    "iscrowd": int(crowds and rng.random() < 0.3),
                }
            )
        count = (
            int(rng.integers(0, max_detections + 1))
            if rng.random() < 0.93
            else int(rng.integers(101, 130))
        )
        one_class = count > 100 and rng.random() < 0.8
        near = [a["bbox"] for a in annotations if a["image_id"] == image_id]
        for _ in range(count):
            results.append(
                {
                    "image_id": image_id,
                    "category_id": int(category_ids[0] if one_class else rng.choice(category_ids)),
                    "bbox": _detection(rng, near, whole_pixels),
                    "score": float(rng.choice(SCORES)) if few_scores else float(rng.random()),
                }
            )
    ids = rng.permutation(len(annotations)) + 1
    for annotation, number in zip(annotations, ids.tolist(), strict=True):
        annotation["id"] = number
    order = rng.permutation(len(results)) if rng.random() < 0.5 else range(len(results))
    dataset = {
        "images": [
            {"id": i, "width": 200, "height": 200, "file_name": f"{i}.jpg"} for i in image_ids
        ],
        "categories": [{"id": k, "name": f"class {k}"} for k in category_ids],
        "annotations": annotations,
    }
    return dataset, [results[n] for n in order]


def _box(rng, whole_pixels):
    width, height = rng.choice(SIDES, 2)
    x, y = rng.integers(0, 120, 2) if whole_pixels else rng.random(2) * 120
    return [float(x), float(y), float(width), float(height)]


def _detection(rng, near, whole_pixels):
    kind = rng.random()
    if near and kind < 0.25:
        return list(near[rng.integers(len(near))])
    if near and kind < 0.75:
        box = np.array(near[rng.integers(len(near))])
        shift = rng.integers(-6, 7, 4) if whole_pixels else rng.normal(0, 5, 4)
        return (box + shift).tolist()
    if kind < 0.8:
        return [
            float(rng.integers(0, 100)),
            5.0,
            float(rng.choice([0.0, -8.0])),
            float(rng.choice([10.0, -3.0])),
        ]
    return _box(rng, whole_pixels)
