"""Gallery: example images with a sentence on their mistakes, ready to draw over thumbnails."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchError
from detbench.reports.frames import Frames
from detbench.reports.page.content import DrawnBox, ExampleCard
from detbench.reports.page.names import isolated, listed

if TYPE_CHECKING:
    from detbench.reports.example_images import Box, ExampleImage, Reason
    from detbench.reports.thumbnails import Thumbnails

MAX_BYTES = 1_900_000
"""Maximum size of all thumbnails of one comparison together."""
_MAX_REASONS = 4
"""Maximum number of mistakes that the sentence on an image names, different kinds first."""
_WHERE = {
    "duplicate": "on an object already found",
    "confused": "on an object of another class",
    "confused and misplaced": "near an object of another class",
    "background": "on nothing",
}
"""Outcome of a false detection → where its box lies."""


def gallery(frames: Frames, max_cards: int) -> tuple[tuple[ExampleCard, ...], str]:
    """Return the example images of detectors of one group, and a note on what is not shown."""
    from detbench.reports.example_images import example_images
    from detbench.reports.thumbnails import thumbnails

    if max_cards == 0:
        return (), "Example images are switched off."
    ground_truth = frames.detectors[0].evaluation.ground_truth
    names = [scored.name for scored in frames.detectors]
    try:
        present = ground_truth.images_with_files()
    except DetbenchError:
        return (), _missing_files_note(ground_truth)
    examples = example_images(
        [scored.evaluation for scored in frames.detectors],
        names=names,
        max_images=max_cards,
        among=present,
    )
    if not examples:
        return (), "No image shows a mistake or a disagreement at the best score thresholds."
    small = thumbnails(ground_truth, [example.image for example in examples], max_bytes=MAX_BYTES)
    classes = {name: place for place, name in enumerate(ground_truth.class_names)}
    series = {name: place for place, name in enumerate(names)}
    cards = tuple(
        _card(example, small, series, classes)
        for example in examples
        if example.image in small.uris
    )
    return cards, _note(len(present), len(ground_truth.image_ids), small)


def _missing_files_note(ground_truth: GroundTruth) -> str:
    where = f"not in {ground_truth.image_folder}" if ground_truth.image_folder else "folder unknown"
    return (
        f"The image files were not found ({where}). "
        "To see example images, rebuild the page with --images DIR."
    )


def _note(n_present: int, n_images: int, small: Thumbnails) -> str:
    sentences = ["Boxes are shown from the score of the best F1 of their class."]
    if n_present < n_images:
        sentences.append(f"Only {n_present:,} of {n_images:,} images have a file here.")
    if small.left_out:
        sentences.append(f"{len(small.left_out)} more were left out to limit the page's size.")
    if small.unreadable:
        sentences.append(f"{len(small.unreadable)} could not be read.")
    return " ".join(sentences)


def _card(
    example: ExampleImage,
    small: Thumbnails,
    series: Mapping[str, int],
    classes: Mapping[str, int],
) -> ExampleCard:
    reasons = _distinct_reasons(example.reasons)
    clauses = [
        _clause(reason, example.boxes[reason.box], list(series))
        for reason in reasons[:_MAX_REASONS]
    ]
    n_more = len(reasons) - len(clauses)
    text = "; ".join(clauses)
    width, height = small.sizes[example.image]
    return ExampleCard(
        image_id=example.image_id,
        kinds=tuple(dict.fromkeys(reason.kind for reason in (*reasons, *example.reasons))),
        sentence=f"{text}; and {n_more} more" if n_more else text,
        alt=f"Image {isolated(example.image_id)} with boxes: {text}",
        thumbnail=small.uris[example.image],
        width=width,
        height=height,
        boxes=tuple(_drawn_box(box, series) for box in example.boxes),
        detectors=tuple(
            sorted({series[name] for reason in example.reasons for name in reason.detectors})
        ),
        classes=tuple(sorted({classes[reason.class_name] for reason in example.reasons})),
    )


def _distinct_reasons(reasons: Sequence[Reason]) -> list[Reason]:
    """Return the reasons with the first of each kind in front.

    A missed object that is also a disagreement is left out: the disagreement says it all.
    """
    disputed = {reason.box for reason in reasons if reason.kind == "disagreement"}
    distinct = [
        reason for reason in reasons if reason.kind != "missed" or reason.box not in disputed
    ]
    first_of_kind = {reason.kind: reason for reason in reversed(distinct)}
    return sorted(distinct, key=lambda reason: reason is not first_of_kind[reason.kind])


def _clause(reason: Reason, box: Box, names: Sequence[str]) -> str:
    class_name = isolated(reason.class_name)
    detectors = listed(reason.detectors)
    if reason.kind == "missed":
        return f"{class_name} missed by {detectors}"
    if reason.kind == "disagreement":
        finders = listed([name for name in names if name not in reason.detectors])
        return f"{class_name} found by {finders}, not by {detectors}"
    score = f" (score {box.score:.2f})" if box.score is not None else ""
    if reason.kind == "misplaced":
        return f"{class_name} misplaced by {detectors}{score}"
    where = _WHERE.get(box.outcome, "")
    return f"{class_name} detected by {detectors}{score} {where}".rstrip()


def _drawn_box(box: Box, series: Mapping[str, int]) -> DrawnBox:
    x1, y1, x2, y2 = (round(edge, 1) for edge in box.xyxy)
    if box.detector is None:
        label = box.class_name + (", does not count" if box.outcome == "ignored" else "")
    else:
        label = f"{box.detector}: {box.class_name} {box.score:.2f}, {box.outcome}"
    return DrawnBox(
        x=x1,
        y=y1,
        width=round(max(x2 - x1, 0.0), 1),
        height=round(max(y2 - y1, 0.0), 1),
        outcome=box.outcome,
        series=None if box.detector is None else series[box.detector],
        label=label,
    )
