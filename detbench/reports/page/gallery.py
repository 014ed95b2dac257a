"""Gallery: the most telling images of detectors, with what there is to see in a sentence, ready to be drawn over their thumbnails."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from detbench.errors import DetbenchError
from detbench.reports.frames import Frames
from detbench.reports.page.claims import isolated, listed
from detbench.reports.page.content import DrawnBox, Picture

if TYPE_CHECKING:
    from detbench.reports.example_images import Box, Reason, TellingImage
    from detbench.reports.thumbnails import Thumbnails

MOST_BYTES = 1_900_000
"""Of all thumbnails of one part together."""
_REASONS = 4
"""Told of one image in words, those of different kinds first."""
_KINDS = {
    "missed": "missed",
    "false": "false",
    "misplaced": "badly placed",
    "disagreement": "disagreement",
}
_WRONG = {
    "duplicate": "a second time",
    "confused": "on an object of another class",
    "background": "on nothing",
}


def gallery(frames: Frames, size: int) -> tuple[tuple[Picture, ...], str]:
    """Return at most `size` pictures of detectors of one group, and a sentence on what is not shown; empty if that is nothing."""
    from detbench.reports.example_images import telling_images
    from detbench.reports.thumbnails import thumbnails

    if size == 0:
        return (), "No pictures were asked for."
    truth = frames.detectors[0].evaluation.ground_truth
    names = [scored.name for scored in frames.detectors]
    try:
        present = truth.images_with_files()
    except DetbenchError:
        where = (
            f"not in {truth.image_folder}"
            if truth.image_folder
            else "it is not known in which folder"
        )
        return (
            (),
            f"The pictures are not at hand ({where}). Built again with --images DIR, the page shows the most telling ones.",
        )
    telling = telling_images(
        [scored.evaluation for scored in frames.detectors], names=names, most=size, among=present
    )
    if not telling:
        return (
            (),
            "There is no image with a mistake or a disagreement at the detectors' best thresholds.",
        )
    small = thumbnails(truth, [each.image for each in telling], most_bytes=MOST_BYTES)
    classes = {name: place for place, name in enumerate(truth.class_names)}
    looks = {name: place for place, name in enumerate(names)}
    pictures = tuple(
        _picture(each, small, looks, classes) for each in telling if each.image in small.uris
    )
    return pictures, _note(len(present), len(truth.image_ids), small)


def _note(present: int, images: int, small: Thumbnails) -> str:
    sentences = ["Boxes are those from the score of the best F1 of their class."]
    if present < images:
        sentences.append(
            f"{present:,} of {images:,} images have their picture here; the others were not looked at."
        )
    if small.left_out:
        sentences.append(f"{len(small.left_out)} more were left out to keep the page small.")
    if small.unreadable:
        sentences.append(f"{len(small.unreadable)} could not be read.")
    return " ".join(sentences)


def _picture(
    telling: TellingImage, small: Thumbnails, looks: Mapping[str, int], classes: Mapping[str, int]
) -> Picture:
    reasons = _told(telling.reasons)
    sentences = [
        _sentence(reason, telling.boxes[reason.box], list(looks)) for reason in reasons[:_REASONS]
    ]
    more = len(reasons) - len(sentences)
    width, height = small.sizes[telling.image]
    return Picture(
        image_id=telling.image_id,
        kinds=tuple(dict.fromkeys(_KINDS[reason.kind] for reason in (*reasons, *telling.reasons))),
        sentence="; ".join(sentences) + (f"; and {more} more" if more else ""),
        alt=f"Image {isolated(telling.image_id)} with boxes: {'; '.join(sentences)}",
        thumbnail=small.uris[telling.image],
        width=width,
        height=height,
        boxes=tuple(_drawn(box, looks) for box in telling.boxes),
        detectors=tuple(
            sorted({looks[name] for reason in telling.reasons for name in reason.detectors})
        ),
        classes=tuple(sorted({classes[reason.class_name] for reason in telling.reasons})),
    )


def _told(reasons: Sequence[Reason]) -> list[Reason]:
    """Return reasons without what is said twice (a disputed object is a missed one), the first of every kind first."""
    disputed = {reason.box for reason in reasons if reason.kind == "disagreement"}
    told = [reason for reason in reasons if reason.kind != "missed" or reason.box not in disputed]
    firsts = {reason.kind: reason for reason in reversed(told)}
    return sorted(told, key=lambda reason: reason is not firsts[reason.kind])


def _sentence(reason: Reason, box: Box, names: Sequence[str]) -> str:
    what = isolated(reason.class_name)
    if reason.kind == "missed":
        return f"{what} missed by {listed(reason.detectors)}"
    if reason.kind == "disagreement":
        return f"{what} found by {listed([name for name in names if name not in reason.detectors])}, not by {listed(reason.detectors)}"
    score = f"with score {box.score:.2f}" if box.score is not None else ""
    if reason.kind == "misplaced":
        return f"{what} badly placed by {listed(reason.detectors)} {score}"
    return (
        f"{what} seen by {listed(reason.detectors)} {score} {_WRONG.get(box.outcome, '')}".rstrip()
    )


def _drawn(box: Box, looks: Mapping[str, int]) -> DrawnBox:
    x1, y1, x2, y2 = (round(edge, 1) for edge in box.xyxy)
    if box.detector is None:
        label = f"{box.class_name}" + (", does not count" if box.outcome == "ignored" else "")
        return DrawnBox(x1, y1, round(x2 - x1, 1), round(y2 - y1, 1), box.outcome, None, label)
    label = f"{box.detector}: {box.class_name} {box.score:.2f}, {box.outcome}"
    return DrawnBox(
        x1,
        y1,
        round(max(x2 - x1, 0.0), 1),
        round(max(y2 - y1, 0.0), 1),
        box.outcome,
        looks[box.detector],
        label,
    )
