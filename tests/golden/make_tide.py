"""Write `tide.json`: the numbers of tidecv 1.0.1 on random cases of `tests/metrics`.

    python -m tests.golden.make_tide > tests/golden/tide.json

tidecv needs a mask of every box and crashes without one for crowd regions, so the boxes serve as
masks.
"""

from __future__ import annotations

import json
from typing import Any

from tests.metrics.random_evaluations import plain_rows, random_evaluation

CASES = (*((seed, 12) for seed in (0, 1, 2, 3, 5, 8, 13, 21)), (4, 2), (6, 2), (7, 2))
"""Seeds and numbers of images; with few images some classes have detections but no objects."""
NAMES = {"FalsePos": "FP", "FalseNeg": "FN"}


def by_tidecv(
    objects: list[Any], detections: list[Any], images: int, classes: int, max_detections: int = 100
) -> dict[str, Any]:
    """Return tidecv's base AP and gains in points, for up to `max_detections` per image."""
    from tidecv import TIDE, Data

    truth = Data("ground truth", max_dets=max_detections)
    results = Data("detections", max_dets=max_detections)
    for data in (truth, results):
        for k in range(classes):
            data.add_class(k, str(k))
        for i in range(images):
            data.add_image(i, str(i))
    for image, label, box, kind in objects:
        if kind == "regular":
            truth.add_ground_truth(image, label, _xywh(box))
        else:
            truth.add_ignore_region(image, label, _xywh(box), None)
    for image, label, score, box in detections:
        results.add_detection(image, label, score, _xywh(box))
    run = TIDE().evaluate(truth, results, mode=TIDE.BOX)
    gains = run.fix_main_errors() | run.fix_special_errors()
    return {
        "base": run.ap,
        "costs": {
            NAMES.get(kind.short_name, kind.short_name): gain for kind, gain in gains.items()
        },
    }


def _xywh(box: list[float]) -> list[float]:
    return [box[0], box[1], box[2] - box[0], box[3] - box[1]]


def main() -> None:
    """Print the golden numbers as JSON."""
    cases = []
    for seed, images in CASES:
        evaluation = random_evaluation(seed, images=images)
        shape = len(evaluation.ground_truth.image_ids), len(evaluation.ground_truth.class_names)
        cases.append({"seed": seed, "images": images} | by_tidecv(*plain_rows(evaluation), *shape))
    print(json.dumps({"tidecv": "1.0.1", "cases": cases}, indent=1))


if __name__ == "__main__":
    main()
