"""COCO results read leniently: whatever is an entry becomes a row, so that the checks can say what is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from detbench.data.columns import Flags
from detbench.data.formats.parsing.image_ids import WHOLE_NUMBER, numbers_of_images, place_of_image
from detbench.data.formats.parsing.json_text import decode, read_bytes
from detbench.data.ground_truth import GroundTruth
from detbench.doctor.case import Labels, Source
from detbench.doctor.reading.numbers import id_text, is_id, lenient_boxes, lenient_numbers, shown
from detbench.doctor.reading.rows import Rows
from detbench.errors import InputError


def read_results(path: Path, truth: GroundTruth) -> tuple[Rows, Source]:
    """Read COCO results; entries without an image, class, box or score become rows of −1 and NaN."""
    file = read_json(path, "results")
    if isinstance(file, dict) and isinstance(file.get("annotations"), list):
        file = file["annotations"]
    if not isinstance(file, list):
        raise InputError(path, "is no list, as COCO results are", fix="name the detections second")
    entries = [entry if isinstance(entry, dict) else {} for entry in file]
    columns = {
        key: [entry.get(key) for entry in entries]
        for key in ("image_id", "category_id", "bbox", "score")
    }
    written, odd_boxes = lenient_boxes(columns["bbox"])
    scores, odd_scores = lenient_numbers(columns["score"])
    odd = {
        "image_id": np.array([not is_id(value) for value in columns["image_id"]], np.bool_),
        "category_id": np.array(
            [not is_id(value) or isinstance(value, str) for value in columns["category_id"]],
            np.bool_,
        ),
        "bbox": odd_boxes,
        "score": odd_scores,
    }
    numbers = numbers_of_images(truth)
    images, classes = labels(columns["image_id"]), labels(columns["category_id"])
    kinds = {name: place for place, name in enumerate(truth.class_names)}
    kinds |= {str(number): place for place, number in enumerate(truth.category_ids.tolist())}
    rows = Rows(
        np.array([place_of_image(truth, numbers, name) for name in images.names], np.int64)[
            images.codes
        ],
        np.array([kinds.get(name, -1) for name in classes.names], np.int64)[classes.codes],
        np.concatenate([written[:, :2], written[:, :2] + written[:, 2:]], axis=1),
        scores,
    )
    texts = [
        place
        for place, value in enumerate(columns["image_id"])
        if isinstance(value, str) and WHOLE_NUMBER.fullmatch(value)
    ]
    source = Source(
        path,
        "coco",
        images,
        classes,
        written,
        texts=np.any(list(odd.values()), axis=0),
        nameless=odd["image_id"]
        | np.array([not is_id(value) for value in columns["category_id"]], np.bool_),
        first_text=first_odd("results", file, odd),
        text_ids=len(texts),
        first_text_id=f"results[{texts[0]}], {shown(columns['image_id'][texts[0]])}"
        if texts
        else "",
    )
    return rows, source


def first_odd(part: str, entries: list[Any], odd: dict[str, Flags]) -> str:
    """Name the first entry of which a column is odd, and what stands there."""
    wrong = np.any(list(odd.values()), axis=0)
    if not wrong.any():
        return ""
    row = int(wrong.argmax())
    entry, key = entries[row], next(key for key in odd if odd[key][row])
    if not isinstance(entry, dict):
        return f"{part}[{row}] is {shown(entry)}, no object"
    return (
        f"{part}[{row}].{key} is {shown(entry[key])}"
        if key in entry
        else f"{part}[{row}] has no {key}"
    )


def read_json(path: Path, root: str) -> Any:
    """Decode JSON; bare NaN and Infinity, which JSON does not have, become the numbers they mean."""
    text = read_bytes(path)
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        try:
            return json.loads(text.replace(b"-nan", b"NaN"))
        except (ValueError, RecursionError):
            return decode(path, text, msgspec.json.Decoder(Any), root=root)


def labels(values: Sequence[Any]) -> Labels:
    """Return the different ids among values, as texts, and which of them each one is."""
    known: dict[Any, int] = {}
    texts = [value if type(value) in (int, str) else id_text(value) for value in values]
    codes = np.array([known.setdefault(text, len(known)) for text in texts], np.int64)
    return Labels(tuple(map(str, known)), codes)
