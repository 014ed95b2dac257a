"""Doctor: all checks in the order in which one mistake hides another.

Image ids come first, then the reading of boxes, then classes: each is mended, in memory, before what follows is looked at, so that one
mistake is one finding. What remains is counted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from detbench.bench.doctor.annotations import check_annotations
from detbench.bench.doctor.boxes import check_boxes
from detbench.bench.doctor.case import Case
from detbench.bench.doctor.classes import check_absent, check_classes
from detbench.bench.doctor.counts import check_crowded, check_cut, check_doubled, check_empty
from detbench.bench.doctor.extents import check_numbers, check_outside, check_sizes
from detbench.bench.doctor.findings import SEVERITIES, Finding
from detbench.bench.doctor.images import check_image_ids, check_missing
from detbench.bench.doctor.offsets import check_offset
from detbench.bench.doctor.pairing import check_pairing
from detbench.bench.doctor.reading import read_case
from detbench.bench.doctor.rows import detections_of
from detbench.bench.doctor.scores import check_class_as_score, check_constant, check_range, check_threshold, check_ties
from detbench.data.load import save_detections
from detbench.errors import DetbenchError

Check = Callable[[Case], Finding | list[Finding] | None]

_HIDING: tuple[Check, ...] = (check_image_ids, check_boxes, check_classes, check_offset)
"""Checks whose mistakes hide others, which are looked for after mending."""
_REST: tuple[Check, ...] = (
    check_sizes, check_outside, check_missing, check_doubled, check_class_as_score, check_constant, check_ties, check_range,
    check_threshold, check_absent, check_cut, check_crowded,
)  # fmt: skip


def examine(
    ground_truth: str | Path,
    detections: str | Path,
    *,
    split: str | None = None,
    images: str | Path | None = None,
    protocol: str | None = None,
) -> list[Finding]:
    """Return everything that is wrong or peculiar with detections and their ground truth, most severe first; the files stay as they are.

    `split`, `images` and `protocol` are those of `detbench eval`. Reads what `eval` refuses: texts for numbers, NaN, unknown ids.
    Raises InputError where a file is not recognised or not readable at all.
    """
    return diagnose(
        read_case(Path(ground_truth), Path(detections), split=split, images=None if images is None else Path(images), protocol=protocol)
    )


def diagnose(case: Case) -> list[Finding]:
    """Return all findings of a case, most severe first."""
    found = [*check_annotations(case), *_listed(check_empty(case)), *check_numbers(case)]
    if len(case.rows):
        found += _looked_behind(case)
    unique = {(finding.id, finding.evidence): finding for finding in found}
    return sorted(unique.values(), key=lambda finding: SEVERITIES.index(finding.severity))


def _looked_behind(case: Case) -> list[Finding]:
    """Mend in memory what hides other mistakes, then look for these."""
    found = []
    for check in _HIDING:
        for finding in _listed(check(case)):
            found.append(finding)
            mended = finding.mend(case.rows) if finding.mend else case.rows
            if len(mended) == len(case.rows):
                case = replace(case, rows=mended)
    if not found or all(finding.id in ("image-ids-unknown", "pixel-offset") for finding in found):
        found += _listed(check_pairing(case))
    of_others = any(finding.id in ("wrong-split", "image-ids-shifted") and finding.mend is None for finding in found)
    if not len(case.scored) or of_others:
        return [*found, *_listed(check_sizes(case))]
    return found + [finding for check in _REST for finding in _listed(check(case))]


def _listed(found: Finding | list[Finding] | None) -> list[Finding]:
    if found is None:
        return []
    return found if isinstance(found, list) else [found]


def mend(
    ground_truth: str | Path,
    detections: str | Path,
    finding_id: str,
    target: str | Path,
    *,
    split: str | None = None,
    images: str | Path | None = None,
) -> int:
    """Write the detections without the fault of this id to `target`, in the format of its name or of the source; return how many.

    What still cannot be scored (NaN, unknown images and classes) is left out. Raises DetbenchError where the fault is not there or where
    only a new run of the detector mends it.
    """
    case = read_case(Path(ground_truth), Path(detections), split=split, images=None if images is None else Path(images), protocol=None)
    known = [finding for finding in diagnose(case) if finding.id == finding_id and finding.mend]
    if not known or known[0].mend is None or case.source is None:
        raise DetbenchError(f"{detections}: there is no {finding_id} that can be mended here; run `detbench doctor` without --mend")
    repaired = detections_of(known[0].mend(case.rows), case.truth)
    form = None if Path(target).suffix in (".json", ".parquet") else case.source.form
    save_detections(repaired, case.truth, target, form)
    return len(repaired)
