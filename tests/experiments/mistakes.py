"""Mistakes: every way in which the doctor's experiment spoils a COCO file pair, and the finding that must name it."""

from __future__ import annotations

import copy
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np


@dataclass
class Pair:
    """COCO annotations and results, as decoded JSON, to be spoilt."""

    truth: dict[str, Any]
    found: list[dict[str, Any]]
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(27))

    def copy(self) -> Pair:
        decoded: tuple[dict[str, Any], list[dict[str, Any]]] = msgspec.json.decode(
            msgspec.json.encode((self.truth, self.found))
        )
        return Pair(*decoded)

    @property
    def sizes(self) -> dict[Any, tuple[float, float]]:
        return {image["id"]: (image["width"], image["height"]) for image in self.truth["images"]}

    def some(self, share: float) -> list[dict[str, Any]]:
        chosen = self.rng.choice(
            len(self.found), max(1, int(share * len(self.found))), replace=False
        )
        return [self.found[n] for n in chosen]


@dataclass(frozen=True)
class Mistake:
    """A mistake of the list, one way to make it, and the id that names it."""

    name: str
    how: str
    id: str
    plant: Callable[[Pair], None]


def boxes(change: Callable[..., list[float]]) -> Callable[[Pair], None]:
    def plant(pair: Pair) -> None:
        sizes = pair.sizes
        for row in pair.found:
            row["bbox"] = change(*row["bbox"], *sizes[row["image_id"]])

    return plant


def letterboxed(side: float) -> Callable[..., list[float]]:
    def change(x: float, y: float, w: float, h: float, width: float, height: float) -> list[float]:
        scale = side / max(width, height)
        return [
            x * scale + (side - width * scale) / 2,
            y * scale + (side - height * scale) / 2,
            w * scale,
            h * scale,
        ]

    return change


def border_left(x: float, y: float, w: float, h: float, width: float, height: float) -> list[float]:
    longer = max(width, height)
    return [x + (longer - width) / 2, y + (longer - height) / 2, w, h]


def moved(first: int, last: int) -> Callable[..., list[float]]:
    return lambda x, y, w, h, *_: [x + first, y + first, w + last - first, h + last - first]


def scores(change: Callable[[float], float]) -> Callable[[Pair], None]:
    def plant(pair: Pair) -> None:
        for row in pair.found:
            row["score"] = change(row["score"])

    return plant


def logit(score: float) -> float:
    inside = min(max(score, 1e-6), 1 - 1e-6)
    return math.log(inside / (1 - inside))


def every(key: str, value: Any) -> Callable[[Pair], None]:
    def plant(pair: Pair) -> None:
        for row in pair.some(0.01):
            if key == "bbox":
                row["bbox"][2] = value
            else:
                row[key] = value

    return plant


def swap_classes(pair: Pair) -> None:
    (first, _), (second, _) = Counter(
        row["category_id"] for row in pair.truth["annotations"]
    ).most_common(2)
    exchanged = {first: second, second: first}
    for row in pair.found:
        row["category_id"] = exchanged.get(row["category_id"], row["category_id"])


def shift_classes(pair: Pair) -> None:
    ids = sorted(category["id"] for category in pair.truth["categories"])
    following = dict(zip(ids, ids[1:] + ids[:1], strict=True))
    for row in pair.found:
        row["category_id"] = following[row["category_id"]]


def ids_without_gaps(first: int) -> Callable[[Pair], None]:
    """Number the detections' classes from `first`; a ground truth without gaps gets some, as COCO's 80 classes have."""

    def plant(pair: Pair) -> None:
        ids = sorted(category["id"] for category in pair.truth["categories"])
        if ids == list(range(1, len(ids) + 1)):
            spread = {number: number + number // 2 for number in ids}
            for row in (*pair.truth["categories"], *pair.truth["annotations"], *pair.found):
                key = "category_id" if "category_id" in row else "id"
                row[key] = spread[row[key]]
            ids = [spread[number] for number in ids]
        places = {number: place + first for place, number in enumerate(ids)}
        for row in pair.found:
            row["category_id"] = places[row["category_id"]]

    return plant


def shift_images(pair: Pair) -> None:
    for row in pair.found:
        row["image_id"] += 1


def number_images(pair: Pair) -> None:
    places = {number: place for place, number in enumerate(sorted(pair.sizes))}
    for row in pair.found:
        row["image_id"] = places[row["image_id"]]


def shuffle_images(pair: Pair) -> None:
    ids = sorted(pair.sizes)
    mixed = dict(zip(ids, pair.rng.permutation(ids).tolist(), strict=True))
    for row in pair.found:
        row["image_id"] = mixed[row["image_id"]]


def unknown_images(pair: Pair) -> None:
    for row in pair.some(0.1):
        row["image_id"] += 10_000_000


def other_split(pair: Pair) -> None:
    for row in pair.found:
        row["image_id"] = row["image_id"] * 7 + 50_000_000


def drop_last_images(pair: Pair) -> None:
    ids = sorted(pair.sizes)
    gone = set(ids[int(0.8 * len(ids)) :])
    pair.found = [row for row in pair.found if row["image_id"] not in gone]


def drop_some_images(pair: Pair) -> None:
    ids = sorted(pair.sizes)
    gone = set(pair.rng.choice(ids, len(ids) // 4, replace=False).tolist())
    pair.found = [row for row in pair.found if row["image_id"] not in gone]


def double(pair: Pair) -> None:
    pair.found += copy.deepcopy(pair.found)


def threshold(least: float) -> Callable[[Pair], None]:
    def plant(pair: Pair) -> None:
        pair.found = [row for row in pair.found if row["score"] >= least]

    return plant


def class_as_score(pair: Pair) -> None:
    for row in pair.found:
        row["score"] = float(row["category_id"])


def negative(pair: Pair) -> None:
    for row in pair.some(0.02):
        row["bbox"][2] *= -1


def zero_size(pair: Pair) -> None:
    for row in pair.some(0.02):
        row["bbox"][3] = 0


def outside(pair: Pair) -> None:
    sizes = pair.sizes
    for row in pair.some(0.05):
        row["bbox"][0] += 2 * sizes[row["image_id"]][0]


def many(pair: Pair) -> None:
    image, (width, height) = next(iter(pair.sizes.items()))
    kind = pair.truth["categories"][0]["id"]
    for n in range(150):
        corner = (pair.rng.uniform(0, 0.5, 2) * (width, height)).tolist()
        pair.found.append(
            {
                "image_id": image,
                "category_id": kind,
                "bbox": [*corner, width / 3, height / 3 + n / 50],
                "score": 0.01 + n / 1e5,
            }
        )


def without(key: str) -> Callable[[Pair], None]:
    def plant(pair: Pair) -> None:
        for row in pair.truth["annotations"]:
            row.pop(key, None)

    return plant


def annotated(**values: Any) -> Callable[[Pair], None]:
    def plant(pair: Pair) -> None:
        for row in pair.truth["annotations"]:
            row.update(values)

    return plant


def duplicate_ids(pair: Pair) -> None:
    rows = pair.truth["annotations"]
    for row in rows[1 : len(rows) // 10]:
        row["id"] = rows[0]["id"]


def zero_id(pair: Pair) -> None:
    pair.truth["annotations"][0]["id"] = 0


def lose_class(pair: Pair) -> None:
    kind = Counter(row["category_id"] for row in pair.truth["annotations"]).most_common(1)[0][0]
    pair.truth["annotations"] = [
        row for row in pair.truth["annotations"] if row["category_id"] != kind
    ]


def lose_flags(pair: Pair) -> None:
    """Forget the flags: crowds become ordinary, and the key `difficult` is not written, where a set has it."""
    for row in pair.truth["annotations"]:
        row["iscrowd"] = 0
        row.pop("difficult", None)
        row.pop("ignore", None)


def empty(pair: Pair) -> None:
    pair.found = []


def as_text(pair: Pair) -> None:
    for row in pair.found:
        row["score"] = str(row["score"])


MISTAKES = (
    Mistake(
        "xyxy for xywh",
        "x1 y1 x2 y2",
        "box-format-xyxy",
        boxes(lambda x, y, w, h, *_: [x, y, x + w, y + h]),
    ),
    Mistake(
        "cxcywh for xywh",
        "cx cy w h",
        "box-format-cxcywh",
        boxes(lambda x, y, w, h, *_: [x + w / 2, y + h / 2, w, h]),
    ),
    Mistake(
        "yxyx for xywh",
        "y1 x1 y2 x2",
        "box-format-yxyx",
        boxes(lambda x, y, w, h, *_: [y, x, y + h, x + w]),
    ),
    Mistake(
        "normalised",
        "xywh",
        "box-normalised",
        boxes(lambda x, y, w, h, a, b: [x / a, y / b, w / a, h / b]),
    ),
    Mistake(
        "normalised",
        "xyxy",
        "box-normalised",
        boxes(lambda x, y, w, h, a, b: [x / a, y / b, (x + w) / a, (y + h) / b]),
    ),
    Mistake("letterbox left in", "border only", "letterbox-offset", boxes(border_left)),
    Mistake("letterbox left in", "416 × 416", "letterbox-offset", boxes(letterboxed(416))),
    Mistake(
        "wrong scale",
        "half",
        "box-scale",
        boxes(lambda x, y, w, h, *_: [x / 2, y / 2, w / 2, h / 2]),
    ),
    Mistake(
        "wrong scale",
        "640 × 640",
        "box-scale",
        boxes(lambda x, y, w, h, a, b: [x * 640 / a, y * 640 / b, w * 640 / a, h * 640 / b]),
    ),
    Mistake("a pixel off", "+1", "pixel-offset", boxes(moved(1, 1))),
    Mistake("a pixel off", "−1", "pixel-offset", boxes(moved(-1, -1))),
    Mistake("classes mixed up", "two swapped", "classes-permuted", swap_classes),
    Mistake("classes mixed up", "all shifted", "classes-permuted", shift_classes),
    Mistake("80/91 ids", "from 0", "class-ids-80-91", ids_without_gaps(0)),
    Mistake("80/91 ids", "from 1", "class-ids-80-91", ids_without_gaps(1)),
    Mistake("wrong image ids", "+1", "image-ids-shifted", shift_images),
    Mistake("wrong image ids", "positions", "image-ids-shifted", number_images),
    Mistake("wrong image ids", "shuffled", "image-ids-shifted", shuffle_images),
    Mistake("unknown images", "a tenth", "image-ids-unknown", unknown_images),
    Mistake("images missing", "the last fifth", "images-missing", drop_last_images),
    Mistake("images missing", "any quarter", "images-missing", drop_some_images),
    Mistake("detections doubled", "whole file", "detections-doubled", double),
    Mistake("pre-thresholded", "at .3", "scores-thresholded", threshold(0.3)),
    Mistake("scores out of range", "percent", "score-range", scores(lambda score: 100 * score)),
    Mistake("scores out of range", "logits", "score-range", scores(logit)),
    Mistake("class as score", "its id", "score-is-class", class_as_score),
    Mistake("scores tied", "constant", "score-ties", scores(lambda _: 1.0)),
    Mistake("scores tied", "one digit", "score-ties", scores(lambda score: round(score, 1))),
    Mistake("not numbers", "NaN score", "not-finite", every("score", math.nan)),
    Mistake("not numbers", "infinite width", "not-finite", every("bbox", math.inf)),
    Mistake("not numbers", "scores as text", "not-a-number", as_text),
    Mistake("impossible sizes", "negative", "negative-size", negative),
    Mistake("impossible sizes", "zero", "zero-area", zero_size),
    Mistake("outside the image", "a twentieth", "outside-image", outside),
    Mistake("over 100 per image", "150 more of a class", "too-many-detections", many),
    Mistake("no areas", "missing", "area-missing", without("area")),
    Mistake("no areas", "0", "area-zero", annotated(area=0)),
    Mistake("annotation ids", "duplicate", "annotation-ids-duplicate", duplicate_ids),
    Mistake("annotation ids", "0", "annotation-id-zero", zero_id),
    Mistake("class not annotated", "the commonest", "class-without-ground-truth", lose_class),
    Mistake("flags lost", "difficult and crowd", "flags-lost", lose_flags),
    Mistake("no detections", "empty list", "detections-empty", empty),
    Mistake("wrong split", "other ids", "wrong-split", other_split),
)
"""27 mistakes, some of them in several ways; a mistake counts as named when every way is."""
