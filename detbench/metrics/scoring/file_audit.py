"""File audit: the user's COCO files as they are, scored by pycocotools, and why it differs.

The boxes of an evaluation come from a reader that accepts more than pycocotools does. Where the two
read a file differently, their scores differ although they score alike. Such a cause is named only
if it is proven: pycocotools gives the same arrays once the file is written otherwise.
"""

from __future__ import annotations

import contextlib
import io
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from detbench.data.formats.coco import format as coco_format
from detbench.data.formats.coco.result_ids import images_of_files
from detbench.data.formats.parsing.image_ids import match_images
from detbench.data.formats.parsing.lenient_values import id_text
from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchError
from detbench.metrics.scoring.cocoeval import (
    Summary,
    annotation_index,
    is_identical,
    run_cocoeval,
    summary_difference,
    summary_of,
)
from detbench.metrics.scoring.evaluation import Evaluation
from detbench.wording import plural

Entry = dict[str, Any]
"""An image, category, annotation or result, as decoded from JSON."""


class CocoFiles(NamedTuple):
    """Paths of COCO annotations and COCO results."""

    annotations: Path
    results: Path


def coco_files(annotations: Path, results: Path, ground_truth: GroundTruth) -> CocoFiles | None:
    """Return the paths if both are read as COCO files, else None."""
    is_coco = coco_format.GROUND_TRUTH.recognizes(annotations)
    if is_coco and coco_format.DETECTIONS.recognizes(results, ground_truth):
        return CocoFiles(annotations, results)
    return None


@dataclass(frozen=True)
class FileAudit:
    """The COCO protocol by pycocotools on the user's files, as it reads them."""

    pycocotools: Summary | None
    """None if pycocotools fails."""
    summary_difference: float | None
    """Largest absolute difference of the 12 numbers; None if pycocotools fails."""
    identical: bool
    """Whether the arrays of precision, recall and scores are equal bit for bit."""
    error: str | None
    """What pycocotools raised."""
    causes: tuple[str, ...]
    """Clauses on what pycocotools reads otherwise: without it, there is no difference."""


def audit_files(files: CocoFiles, ours: Evaluation) -> tuple[FileAudit, Any]:
    """Score files with pycocotools and compare with an evaluation under the COCO protocol.

    Returns:
        The audit, and pycocotools' `COCOeval` if its arrays are those of the evaluation, else None.
    """
    try:
        evaluator = _run_on_files(files, ours.ground_truth)
    except Exception as error:  # noqa: BLE001 - whatever pycocotools raises on a file is the result
        reason = f"{type(error).__name__}: {error}"
        return FileAudit(None, None, False, reason, _causes(files, ours)), None
    summary, identical = summary_of(evaluator), is_identical(evaluator, ours)
    outcome = FileAudit(
        pycocotools=summary,
        summary_difference=summary_difference(ours.summary, summary),
        identical=identical,
        error=None,
        causes=() if identical else _causes(files, ours),
    )
    return outcome, evaluator if identical else None


def _run_on_files(files: CocoFiles, ground_truth: GroundTruth) -> Any:
    from pycocotools import coco

    with contextlib.redirect_stdout(io.StringIO()):
        annotations = coco.COCO(str(files.annotations))
        results = annotations.loadRes(str(files.results))
    image_ids = _scored_ids(annotations.getImgIds(), ground_truth)
    return run_cocoeval(annotations, results, image_ids)


def _scored_ids(image_ids: list[Any], ground_truth: GroundTruth) -> list[Any]:
    """Return those of a file's image IDs that were scored: not all of them if some have no file."""
    return [
        image_id
        for image_id in image_ids
        if ground_truth.image_position(id_text(image_id)) is not None
    ]


@dataclass
class _Documents:
    """Both files as decoded. Each repair changes them in place."""

    images: list[Entry]
    categories: list[Entry]
    annotations: list[Entry]
    results: list[Entry]
    results_are_list: bool
    results_path: Path
    ground_truth: GroundTruth
    """What detbench read from the annotations."""

    @classmethod
    def load(cls, files: CocoFiles, ground_truth: GroundTruth) -> _Documents:
        annotations, results = (json.loads(path.read_bytes()) for path in files)
        is_list = isinstance(results, list)
        return cls(
            images=annotations["images"],
            categories=annotations["categories"],
            annotations=annotations["annotations"],
            results=results if is_list else results["annotations"],
            results_are_list=is_list,
            results_path=files.results,
            ground_truth=ground_truth,
        )

    def is_alike(self, ours: Evaluation) -> bool:
        """Tell whether pycocotools gives the same arrays for them."""
        try:
            # These are what `loadRes` adds to results.
            results = [
                {**entry, "id": n, "iscrowd": 0, "area": entry["bbox"][2] * entry["bbox"][3]}
                for n, entry in enumerate(self.results, 1)
            ]
            truth, detector = (
                annotation_index(self.images, self.categories, rows)
                for rows in (self.annotations, results)
            )
            image_ids = _scored_ids([entry["id"] for entry in self.images], self.ground_truth)
            return is_identical(run_cocoeval(truth, detector, image_ids), ours)
        except Exception:  # noqa: BLE001 - the repairs made so far are not enough for pycocotools
            return False


class _Deviation(NamedTuple):
    """Something that pycocotools reads otherwise than detbench."""

    clauses: Callable[[_Documents], list[str]]
    """Says where it is; nothing if the files do not have it."""
    repair: Callable[[_Documents], None]


def _causes(files: CocoFiles, ours: Evaluation) -> tuple[str, ...]:
    """Return the deviations without which there is no difference; empty if there are others."""
    malformed = (ValueError, KeyError, TypeError, AttributeError, IndexError, DetbenchError)
    with contextlib.suppress(*malformed):
        return tuple(_proven_causes(files, ours))
    return ()  # a file of another structure, such as one that is no JSON as a whole


def _proven_causes(files: CocoFiles, ours: Evaluation) -> list[str]:
    def load() -> _Documents:
        return _Documents.load(files, ours.ground_truth)

    clauses = [(deviation, deviation.clauses(load())) for deviation in _DEVIATIONS]
    present = {deviation: texts for deviation, texts in clauses if texts}

    def is_alike_with(repaired: list[_Deviation]) -> bool:
        documents = load()
        for deviation in repaired:
            deviation.repair(documents)
        return documents.is_alike(ours)

    deviations = list(present)
    if not deviations or not is_alike_with(deviations):
        return []
    # With all of them repaired there is no difference. One that need not be repaired is no cause.
    for deviation in present:
        others = [other for other in deviations if other is not deviation]
        if others and is_alike_with(others):
            deviations = others
    return [text for deviation in deviations for text in present[deviation]]


def _id_clauses(documents: _Documents) -> list[str]:
    ids = [entry.get("id") for entry in documents.annotations]
    clauses = []
    zeros = [row for row, number in enumerate(ids) if _is_zero(number)]
    if zeros:
        clauses.append(
            f"annotations[{zeros[0]}] has ID 0, which pycocotools takes for “not matched”"
        )
    n_shared = sum(count for number, count in Counter(map(str, ids)).items() if count > 1)
    n_missing = sum(number is None for number in ids)
    if n_missing:
        clauses.append(f"{plural(n_missing, 'annotation')} without ID, and pycocotools needs one")
    elif n_shared:
        clauses.append(f"{n_shared:,} annotations share an ID, and pycocotools keeps one of each")
    return clauses


def _is_zero(number: Any) -> bool:
    """Tell whether pycocotools stores an ID as 0; it stores texts as the numbers they spell."""
    try:
        return float(number) == 0
    except (TypeError, ValueError):
        return False


def _renumber(documents: _Documents) -> None:
    for number, entry in enumerate(documents.annotations, 1):
        entry["id"] = number


def _without(key: str, documents: _Documents) -> Iterator[Entry]:
    return (entry for entry in documents.annotations if entry.get(key) is None)


def _area_clauses(documents: _Documents) -> list[str]:
    count = sum(1 for _ in _without("area", documents))
    if not count:
        return []
    return [f"{plural(count, 'annotation')} without area, where width · height is used here"]


def _add_areas(documents: _Documents) -> None:
    for entry in _without("area", documents):
        entry["area"] = entry["bbox"][2] * entry["bbox"][3]


def _crowd_clauses(documents: _Documents) -> list[str]:
    count = sum(1 for _ in _without("iscrowd", documents))
    return [f"{plural(count, 'annotation')} without iscrowd, which is 0 here"] if count else []


def _add_crowd_flags(documents: _Documents) -> None:
    for entry in _without("iscrowd", documents):
        entry["iscrowd"] = 0


def _list_clauses(documents: _Documents) -> list[str]:
    if not documents.results_are_list:
        return ["the results are an object, and pycocotools needs a list"]
    return [] if documents.results else ["there are no results, and pycocotools needs one"]


def _keep_list(_: _Documents) -> None:
    """Change nothing: the results of `_Documents` are a list, which need not have an entry."""


def _ids_by_file(documents: _Documents) -> list[Any]:
    """Return each result's image ID as its `file_name` has it; its own if no name decides."""
    own = [entry["image_id"] for entry in documents.results]
    files = [entry["file_name"] for entry in documents.results if _states_file(entry)]
    if not files or len(files) < len(own):
        return own
    ground_truth = documents.ground_truth
    images = images_of_files(documents.results_path, ground_truth, files)
    if images is None:
        return own
    id_of = {id_text(entry["id"]): entry["id"] for entry in documents.images}
    return [id_of[ground_truth.image_ids[images[file]]] for file in files]


def _states_file(entry: Entry) -> bool:
    return isinstance(entry.get("file_name"), str)


def _file_clauses(documents: _Documents) -> list[str]:
    pairs = zip(documents.results, _ids_by_file(documents), strict=True)
    rows = [row for row, (entry, image_id) in enumerate(pairs) if entry["image_id"] != image_id]
    if not rows:
        return []
    first = f"results[{rows[0]}], file_name {documents.results[rows[0]]['file_name']!r}"
    clause = (
        f"{plural(len(rows), 'result')} with a file_name of another image than image_id (the "
        f"first: {first}), and pycocotools reads no file_name"
    )
    return [clause]


def _match_files(documents: _Documents) -> None:
    documents.results = [
        {**entry, "image_id": image_id}
        for entry, image_id in zip(documents.results, _ids_by_file(documents), strict=True)
    ]


def _image_clauses(documents: _Documents) -> list[str]:
    listed = {entry["id"] for entry in documents.images}
    unlisted = [
        row for row, entry in enumerate(documents.results) if entry["image_id"] not in listed
    ]
    if not unlisted:
        return []
    first = documents.results[unlisted[0]]["image_id"]
    clause = (
        f"{plural(len(unlisted), 'result')} with image IDs that the annotations do not list (the "
        f"first: results[{unlisted[0]}], image_id {first!r}), and pycocotools matches no other "
        "spelling"
    )
    return [clause]


def _match_images(documents: _Documents) -> None:
    """Give results the image IDs of the annotations; those of unknown images are dropped."""
    ground_truth = documents.ground_truth
    names = list({id_text(entry["image_id"]) for entry in documents.results})
    positions = match_images(documents.results_path, ground_truth, names)
    id_of = {id_text(entry["id"]): entry["id"] for entry in documents.images}
    listed_id = {
        name: id_of[ground_truth.image_ids[position]]
        for name, position in zip(names, positions, strict=True)
        if position >= 0
    }
    documents.results = [
        {**entry, "image_id": listed_id[id_text(entry["image_id"])]}
        for entry in documents.results
        if id_text(entry["image_id"]) in listed_id
    ]


_DEVIATIONS = (
    _Deviation(_id_clauses, _renumber),
    _Deviation(_area_clauses, _add_areas),
    _Deviation(_crowd_clauses, _add_crowd_flags),
    _Deviation(_list_clauses, _keep_list),
    _Deviation(_file_clauses, _match_files),
    _Deviation(_image_clauses, _match_images),
)
"""What the files of a user may have, and how pycocotools would have to find it."""
