"""COCO results read leniently: every entry becomes a row, so that checks can say what is wrong."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from detbench.data.columns import Flags, Ints
from detbench.data.detection_rows import DetectionRows
from detbench.data.formats.coco.result_ids import class_count, images_of_files
from detbench.data.formats.coco.result_layouts import decode_results_leniently
from detbench.data.formats.lenient_files import DetectionsFile, Labels
from detbench.data.formats.parsing.image_ids import (
    WHOLE_NUMBER,
    match_images,
    refuse_ambiguous_numbers,
)
from detbench.data.formats.parsing.lenient_values import (
    id_text,
    is_id,
    lenient_boxes,
    lenient_numbers,
    shortened,
)
from detbench.data.ground_truth import GroundTruth

_KEYS = ("image_id", "category_id", "bbox", "score")


def read_coco_results_leniently(
    path: Path, ground_truth: GroundTruth
) -> tuple[DetectionRows, DetectionsFile]:
    """Read COCO results; an entry without image, class, box or score becomes a row of −1 and NaN.

    Raises:
        InputError: The file is not JSON, or has no list of results.
    """
    entries, root, names = decode_results_leniently(path)
    objects = [entry if isinstance(entry, dict) else {} for entry in entries]
    image_ids, category_ids, bboxes, scores = (
        [entry.get(key) for entry in objects] for key in _KEYS
    )
    xywh, malformed_boxes = lenient_boxes(bboxes)
    score_numbers, malformed_scores = lenient_numbers(scores)
    without_category = np.array([not is_id(value) for value in category_ids], np.bool_)
    malformed = {
        "image_id": np.array([not is_id(value) for value in image_ids], np.bool_),
        "category_id": without_category
        | np.array([isinstance(value, str) for value in category_ids], np.bool_),
        "bbox": malformed_boxes,
        "score": malformed_scores,
    }
    ids, category_labels = id_labels(image_ids), id_labels(category_ids)
    images = Labels(tuple(names.image_labels(ground_truth, ids.names)), ids.codes)
    numbers = {str(value) for value in image_ids if type(value) is int}
    files = [entry["file_name"] for entry in objects if isinstance(entry.get("file_name"), str)]
    image_of_file = None
    if files and len(files) == len(objects):
        image_of_file = images_of_files(path, ground_truth, files)
    class_names = names.class_labels(ground_truth, category_labels.names)
    classes = Labels(tuple(class_names or category_labels.names), category_labels.codes)
    first_class = 1 if class_names else _first_class(ground_truth, category_labels.names)
    if image_of_file is None:
        image_index = _image_index(
            path,
            ground_truth,
            images,
            ~malformed["image_id"],
            () if images.names != ids.names else numbers,
            are_files=images.names != ids.names,
        )
    else:
        images = Labels.of(files)
        image_index = np.array([image_of_file[file] for file in files], np.int64)
    rows = DetectionRows.from_source(
        image_index,
        _class_index(ground_truth, classes, first_class, are_names=class_names is not None),
        np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], axis=1),
        score_numbers,
    )
    n_text_ids, first_text_id = _text_ids(image_ids, root)
    return rows, DetectionsFile(
        path,
        "coco",
        images,
        classes,
        xywh,
        malformed=np.any(list(malformed.values()), axis=0),
        unnamed=malformed["image_id"] | without_category,
        first_malformed=first_malformed_entry(root, entries, malformed),
        n_text_ids=n_text_ids,
        first_text_id=first_text_id,
        wrong_length=np.array([_is_list_of_other_length(box) for box in bboxes], np.bool_),
        box_format="xywh",
        has_class_numbers=class_names is None,
        has_category_ids=class_names is None and first_class == 1,
    )


def _is_list_of_other_length(box: Any) -> bool:
    return isinstance(box, list) and len(box) != 4


def _image_index(
    path: Path,
    ground_truth: GroundTruth,
    images: Labels,
    with_image: Flags,
    numbers: Collection[str],
    *,
    are_files: bool,
) -> Ints:
    """Return the image of each row, −1 if it is unknown; only rows `with_image` (N,) name one.

    `numbers` are the ids that are numbers in the file, not texts.
    """
    codes = np.unique(images.codes[with_image])
    names = [images.names[code] for code in codes]
    positions = np.full(len(images.names), -1, np.int64)
    positions[codes] = match_images(path, ground_truth, names, are_files=are_files)
    own = [code for code in codes if images.names[code] in numbers]
    refuse_ambiguous_numbers(
        path, ground_truth, [images.names[code] for code in own], positions[own].tolist()
    )
    return positions[images.codes]


def _first_class(ground_truth: GroundTruth, category_ids: Sequence[str]) -> int:
    """Return the id of the first class: 0 if ids count from 0 in a ground truth without its own."""
    numbers = [int(text) for text in category_ids if WHOLE_NUMBER.fullmatch(text)]
    return class_count(ground_truth, min(numbers), max(numbers)).first if numbers else 1


def _class_index(
    ground_truth: GroundTruth, classes: Labels, first_class: int, *, are_names: bool
) -> Ints:
    """Return the class of each row by its category ID, or by its name where it states a name."""
    index = {name: number for number, name in enumerate(ground_truth.class_names)}
    if not are_names:
        category_ids = (ground_truth.category_ids - (1 - first_class)).tolist()
        index |= {str(category_id): number for number, category_id in enumerate(category_ids)}
    return np.array([index.get(name, -1) for name in classes.names], np.int64)[classes.codes]


def _text_ids(image_ids: list[Any], root: str) -> tuple[int, str]:
    """Return how many image IDs are texts that spell a number, and which is the first of them."""
    rows = [
        row
        for row, value in enumerate(image_ids)
        if isinstance(value, str) and WHOLE_NUMBER.fullmatch(value)
    ]
    if not rows:
        return 0, ""
    return len(rows), f"{root}[{rows[0]}], {shortened(image_ids[rows[0]])}"


def first_malformed_entry(list_name: str, entries: list[Any], malformed: dict[str, Flags]) -> str:
    """Return position and value of the first entry that is malformed, empty if there is none.

    Args:
        list_name: What messages call the list: `results` as in `results[3].score`.
        entries: The N entries of the list.
        malformed: For each key, which entries (N,) have a malformed value for it.
    """
    any_malformed = np.any(list(malformed.values()), axis=0)
    if not any_malformed.any():
        return ""
    row = int(any_malformed.argmax())
    entry = entries[row]
    if not isinstance(entry, dict):
        return f"{list_name}[{row}] is {shortened(entry)}, expected an object"
    key = next(key for key in malformed if malformed[key][row])
    if key == "score" and key not in entry and "confidence" in entry:
        return f"{list_name}[{row}] has no score but 'confidence': rename it"
    if key not in entry:
        return f"{list_name}[{row}] has no {key}"
    return f"{list_name}[{row}].{key} is {shortened(entry[key])}"


def id_labels(values: Sequence[Any]) -> Labels:
    """Return the distinct IDs among JSON values, as texts, and the one of each row."""
    return Labels.of([value if type(value) in (int, str) else id_text(value) for value in values])
