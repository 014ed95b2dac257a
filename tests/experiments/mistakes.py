"""Mistakes: every way in which the doctor's experiment spoils a pair of COCO files.

Each mistake has the ID of the finding that must name it.
"""

from __future__ import annotations

import copy
import math
from collections import Counter
from collections.abc import Callable

from tests.experiments.coco_pair import CocoPair, Mistake, Plant

Box = list[float]
ChangeBox = Callable[..., Box]
"""Takes x, y, width and height of a box, then width and height of its image."""


def every_box(change: ChangeBox) -> Plant:
    def plant(pair: CocoPair) -> None:
        sizes = pair.sizes
        for row in pair.detections:
            row["bbox"] = change(*row["bbox"], *sizes[row["image_id"]])

    return plant


def letterboxed(side: float) -> ChangeBox:
    def change(x: float, y: float, w: float, h: float, width: float, height: float) -> Box:
        scale = side / max(width, height)
        return [
            x * scale + (side - width * scale) / 2,
            y * scale + (side - height * scale) / 2,
            w * scale,
            h * scale,
        ]

    return change


def with_border(x: float, y: float, w: float, h: float, width: float, height: float) -> Box:
    longer = max(width, height)
    return [x + (longer - width) / 2, y + (longer - height) / 2, w, h]


def shifted(first: int, last: int) -> ChangeBox:
    return lambda x, y, w, h, *_: [x + first, y + first, w + last - first, h + last - first]


def every_score(change: Callable[[float], float]) -> Plant:
    def plant(pair: CocoPair) -> None:
        for row in pair.detections:
            row["score"] = change(row["score"])

    return plant


def logit(score: float) -> float:
    inside = min(max(score, 1e-6), 1 - 1e-6)
    return math.log(inside / (1 - inside))


def some_scores(value: float) -> Plant:
    def plant(pair: CocoPair) -> None:
        for row in pair.sample(0.01):
            row["score"] = value

    return plant


def some_widths(value: float) -> Plant:
    def plant(pair: CocoPair) -> None:
        for row in pair.sample(0.01):
            row["bbox"][2] = value

    return plant


def swap_classes(pair: CocoPair) -> None:
    counts = Counter(row["category_id"] for row in pair.annotations)
    (first, _), (second, _) = counts.most_common(2)
    exchanged = {first: second, second: first}
    for row in pair.detections:
        row["category_id"] = exchanged.get(row["category_id"], row["category_id"])


def shift_classes(pair: CocoPair) -> None:
    ids = sorted(category["id"] for category in pair.ground_truth["categories"])
    following = dict(zip(ids, ids[1:] + ids[:1], strict=True))
    for row in pair.detections:
        row["category_id"] = following[row["category_id"]]


def ids_without_gaps(first: int) -> Plant:
    """Number the detections' classes from `first`.

    A ground truth whose IDs have no gaps gets some, as COCO's 80 classes have.
    """

    def plant(pair: CocoPair) -> None:
        categories = pair.ground_truth["categories"]
        ids = sorted(category["id"] for category in categories)
        if ids == list(range(1, len(ids) + 1)):
            with_gaps = {number: number + number // 2 for number in ids}
            for row in (*categories, *pair.annotations, *pair.detections):
                key = "category_id" if "category_id" in row else "id"
                row[key] = with_gaps[row[key]]
            ids = [with_gaps[number] for number in ids]
        numbers = {category_id: number for number, category_id in enumerate(ids, first)}
        for row in pair.detections:
            row["category_id"] = numbers[row["category_id"]]

    return plant


def shift_images(pair: CocoPair) -> None:
    for row in pair.detections:
        row["image_id"] += 1


def number_images(pair: CocoPair) -> None:
    positions = {image_id: position for position, image_id in enumerate(sorted(pair.sizes))}
    for row in pair.detections:
        row["image_id"] = positions[row["image_id"]]


def shuffle_images(pair: CocoPair) -> None:
    ids = sorted(pair.sizes)
    shuffled = dict(zip(ids, pair.rng.permutation(ids).tolist(), strict=True))
    for row in pair.detections:
        row["image_id"] = shuffled[row["image_id"]]


def unknown_images(pair: CocoPair) -> None:
    for row in pair.sample(0.1):
        row["image_id"] += 10_000_000


def other_split(pair: CocoPair) -> None:
    for row in pair.detections:
        row["image_id"] = row["image_id"] * 7 + 50_000_000


def drop_last_images(pair: CocoPair) -> None:
    ids = sorted(pair.sizes)
    dropped = set(ids[int(0.8 * len(ids)) :])
    pair.detections = [row for row in pair.detections if row["image_id"] not in dropped]


def drop_some_images(pair: CocoPair) -> None:
    ids = sorted(pair.sizes)
    dropped = set(pair.rng.choice(ids, len(ids) // 4, replace=False).tolist())
    pair.detections = [row for row in pair.detections if row["image_id"] not in dropped]


def double(pair: CocoPair) -> None:
    pair.detections += copy.deepcopy(pair.detections)


def threshold(lowest: float) -> Plant:
    def plant(pair: CocoPair) -> None:
        pair.detections = [row for row in pair.detections if row["score"] >= lowest]

    return plant


def class_as_score(pair: CocoPair) -> None:
    for row in pair.detections:
        row["score"] = float(row["category_id"])


def negative_width(pair: CocoPair) -> None:
    for row in pair.sample(0.02):
        row["bbox"][2] *= -1


def zero_height(pair: CocoPair) -> None:
    for row in pair.sample(0.02):
        row["bbox"][3] = 0


def outside(pair: CocoPair) -> None:
    sizes = pair.sizes
    for row in pair.sample(0.05):
        row["bbox"][0] += 2 * sizes[row["image_id"]][0]


def crowd_image(pair: CocoPair) -> None:
    image_id, (width, height) = next(iter(pair.sizes.items()))
    category_id = pair.ground_truth["categories"][0]["id"]
    for n in range(150):
        corner = (pair.rng.uniform(0, 0.5, 2) * (width, height)).tolist()
        pair.detections.append(
            {
                "image_id": image_id,
                "category_id": category_id,
                "bbox": [*corner, width / 3, height / 3 + n / 50],
                "score": 0.01 + n / 1e5,
            }
        )


def drop_areas(pair: CocoPair) -> None:
    for row in pair.annotations:
        row.pop("area", None)


def zero_areas(pair: CocoPair) -> None:
    for row in pair.annotations:
        row["area"] = 0


def duplicate_ids(pair: CocoPair) -> None:
    rows = pair.annotations
    for row in rows[1 : len(rows) // 10]:
        row["id"] = rows[0]["id"]


def zero_id(pair: CocoPair) -> None:
    pair.annotations[0]["id"] = 0


def lose_class(pair: CocoPair) -> None:
    [(lost, _)] = Counter(row["category_id"] for row in pair.annotations).most_common(1)
    kept = [row for row in pair.annotations if row["category_id"] != lost]
    pair.ground_truth["annotations"] = kept


def lose_flags(pair: CocoPair) -> None:
    """Turn crowds into ordinary objects, and drop the key `difficult` if there is one."""
    for row in pair.annotations:
        row["iscrowd"] = 0
        row.pop("difficult", None)
        row.pop("ignore", None)


def drop_all(pair: CocoPair) -> None:
    pair.detections = []


def scores_as_text(pair: CocoPair) -> None:
    for row in pair.detections:
        row["score"] = str(row["score"])


BOX_MISTAKES = (
    Mistake(
        "xyxy for xywh",
        "x1 y1 x2 y2",
        "box-format-xyxy",
        every_box(lambda x, y, w, h, *_: [x, y, x + w, y + h]),
    ),
    Mistake(
        "cxcywh for xywh",
        "cx cy w h",
        "box-format-cxcywh",
        every_box(lambda x, y, w, h, *_: [x + w / 2, y + h / 2, w, h]),
    ),
    Mistake(
        "yxyx for xywh",
        "y1 x1 y2 x2",
        "box-format-yxyx",
        every_box(lambda x, y, w, h, *_: [y, x, y + h, x + w]),
    ),
    Mistake(
        "normalized",
        "xywh",
        "box-normalized",
        every_box(lambda x, y, w, h, a, b: [x / a, y / b, w / a, h / b]),
    ),
    Mistake(
        "normalized",
        "xyxy",
        "box-normalized",
        every_box(lambda x, y, w, h, a, b: [x / a, y / b, (x + w) / a, (y + h) / b]),
    ),
    Mistake("letterbox left in", "border only", "letterbox-offset", every_box(with_border)),
    Mistake("letterbox left in", "416 × 416", "letterbox-offset", every_box(letterboxed(416))),
    Mistake(
        "wrong scale",
        "half",
        "box-scale",
        every_box(lambda x, y, w, h, *_: [x / 2, y / 2, w / 2, h / 2]),
    ),
    Mistake(
        "wrong scale",
        "640 × 640",
        "box-scale",
        every_box(lambda x, y, w, h, a, b: [x * 640 / a, y * 640 / b, w * 640 / a, h * 640 / b]),
    ),
    Mistake("a pixel off", "+1", "pixel-offset", every_box(shifted(1, 1))),
    Mistake("a pixel off", "−1", "pixel-offset", every_box(shifted(-1, -1))),
)
MISTAKES = (
    *BOX_MISTAKES,
    Mistake("classes mixed up", "two swapped", "classes-permuted", swap_classes),
    Mistake("classes mixed up", "all shifted", "classes-permuted", shift_classes),
    Mistake("80/91 IDs", "from 0", "class-ids-80-91", ids_without_gaps(0)),
    Mistake("80/91 IDs", "from 1", "class-ids-80-91", ids_without_gaps(1)),
    Mistake("wrong image IDs", "+1", "image-ids-shifted", shift_images),
    Mistake("wrong image IDs", "positions", "image-ids-shifted", number_images),
    Mistake("wrong image IDs", "shuffled", "image-ids-shifted", shuffle_images),
    Mistake("unknown images", "a tenth", "image-ids-unknown", unknown_images),
    Mistake("images missing", "the last fifth", "images-missing", drop_last_images),
    Mistake("images missing", "any quarter", "images-missing", drop_some_images),
    Mistake("detections doubled", "whole file", "detections-doubled", double),
    Mistake("thresholded before", "at .3", "scores-thresholded", threshold(0.3)),
    Mistake("scores out of range", "percent", "score-range", every_score(lambda s: 100 * s)),
    Mistake("scores out of range", "logits", "score-range", every_score(logit)),
    Mistake("class as score", "its ID", "score-is-class", class_as_score),
    Mistake("scores tied", "constant", "score-ties", every_score(lambda _: 1.0)),
    Mistake("scores tied", "one digit", "score-ties", every_score(lambda s: round(s, 1))),
    Mistake("not numbers", "NaN score", "not-finite", some_scores(math.nan)),
    Mistake("not numbers", "infinite width", "not-finite", some_widths(math.inf)),
    Mistake("not numbers", "scores as text", "not-a-number", scores_as_text),
    Mistake("impossible sizes", "negative", "negative-size", negative_width),
    Mistake("impossible sizes", "zero", "zero-area", zero_height),
    Mistake("outside the image", "a twentieth", "outside-image", outside),
    Mistake("over 100 per image", "150 more of a class", "too-many-detections", crowd_image),
    Mistake("no areas", "missing", "area-missing", drop_areas),
    Mistake("no areas", "0", "area-zero", zero_areas),
    Mistake("annotation IDs", "duplicate", "annotation-ids-duplicate", duplicate_ids),
    Mistake("annotation IDs", "0", "annotation-id-zero", zero_id),
    Mistake("class not annotated", "the commonest", "class-without-ground-truth", lose_class),
    Mistake("flags lost", "difficult and crowd", "flags-lost", lose_flags),
    Mistake("no detections", "empty list", "detections-empty", drop_all),
    Mistake("wrong split", "other IDs", "wrong-split", other_split),
)
"""27 mistakes, some of them in several ways. A mistake counts as named if every way is."""
