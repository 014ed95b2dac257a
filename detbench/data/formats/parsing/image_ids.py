"""Image ids: how those of detections match those of a ground truth, in every format.

Ids match as text, or as the same number, so that 1 finds "000001". If a file has other ids than
these, all of its ids can be names of image files instead, as Ultralytics writes them: paths with
slashes of either kind, with or without folders and suffix, numbers with or without leading zeros.
Then each must name one image, and no two the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from detbench.data.ground_truth import GroundTruth
from detbench.errors import InputError

WHOLE_NUMBER = re.compile(r"-?[0-9]{1,18}")
_MAX_DIGITS = 18
"""Digits of the longest numbers that fit 64 bits, whatever the digits are."""
_SUFFIX = re.compile(
    r"\.(bmp|gif|heic|jp2|jpe|jpeg|jpg|pgm|png|ppm|tif|tiff|webp|json|txt|xml)\Z", re.IGNORECASE
)
"""Names end in one of these, or in a dot and part of the name itself."""
_FILE_SUFFIX = re.compile(r"\.[^./\\]+\Z")

Key = TypeVar("Key")


def numeric_image_ids(ground_truth: GroundTruth) -> dict[int, int] | None:
    """Return number → position; None if an id is not an integer or two have the same value."""
    if not all(WHOLE_NUMBER.fullmatch(image_id) for image_id in ground_truth.image_ids):
        return None
    numbers = {int(image_id): position for position, image_id in enumerate(ground_truth.image_ids)}
    return numbers if len(numbers) == len(ground_truth.image_ids) else None


def match_images(
    path: Path, ground_truth: GroundTruth, names: Sequence[str], *, are_files: bool = False
) -> list[int]:
    """Return the position in the ground truth of each image that a file names, −1 if unknown.

    Args:
        path: The file of detections, for messages.
        ground_truth: The ground truth.
        names: The N distinct image ids of the file: all of them, since they are read alike.
        are_files: Whether the format names image files rather than ids.

    Raises:
        InputError: A name fits several images, or two names fit the same.
    """
    readings = [_as_ids, _as_files, _as_paths_of_ids]
    if are_files:
        readings = [_as_files, _as_ids, _as_files_or_ids, _as_paths_of_ids]
    matches: list[_Match] = []
    for reading in readings:
        # Names that fit several images in one way must not fit others in a way that is tried last.
        if reading is _as_paths_of_ids and any(not match.n_unknown for match in matches):
            continue
        match = reading(ground_truth, names)
        if not match.conflict and -1 not in match.positions:
            return match.positions
        matches.append(match)
    match = next((match for match in matches if not match.n_unknown), matches[0])
    if match.n_unknown == len(names):
        # Not one id is known in the format's own way, so that another way is the likelier one.
        match = min(matches, key=lambda match: match.n_unknown)
    if match.conflict:
        raise InputError(
            path, match.conflict, fix="write image ids exactly as the ground truth has them"
        )
    return match.positions


def path_matches(
    ground_truth: GroundTruth, names: Sequence[str]
) -> Iterator[tuple[str, list[int]]]:
    """Yield what names of images can be, and the images that they mean then, −1 for none.

    Other than in `match_images`, some of them may be unknown.
    """
    yield "names of files", _as_files(ground_truth, names).positions
    yield "paths that end in image IDs", _as_paths_of_ids(ground_truth, names).positions


def id_positions(ground_truth: GroundTruth, names: Sequence[str]) -> list[int]:
    """Return the image whose id each name is, as a text or a number; −1 for none or several."""
    return _as_ids(ground_truth, names).positions


def file_numbers(ground_truth: GroundTruth) -> dict[int, int] | None:
    """Return the number that the name of a file is → the image's position.

    None if these numbers are the ids of the same images, so that they say nothing new, or if two
    are the same.
    """
    numbers: dict[int, int] = {}
    n_files, is_new = 0, False
    for position, file in enumerate(ground_truth.image_files):
        stem = file.replace("\\", "/").rpartition("/")[2].partition(".")[0]
        if stem.isdecimal() and len(stem) <= _MAX_DIGITS:
            numbers[int(stem)] = position
            n_files += 1
            is_new |= stem.lstrip("0") != ground_truth.image_ids[position].lstrip("0")
    return numbers if is_new and len(numbers) == n_files else None


def refuse_ambiguous_numbers(
    path: Path, ground_truth: GroundTruth, numbers: Sequence[str], positions: Sequence[int]
) -> None:
    """Refuse numbers that several images' ids, or names, spell: 1 can be "1", "01" or "001".

    Args:
        path: The file of detections, for messages.
        ground_truth: The ground truth.
        numbers: The N ids that the file writes as numbers, not as texts.
        positions: The image that each has been found to mean.

    Raises:
        InputError: There is such a number.
    """
    spellings = [
        [_number(_parts(_without_suffix(text))[-1]) for text in texts]
        for texts in (ground_truth.image_ids, ground_truth.image_files)
    ]
    images_by_number = [_positions_by(each) for each in spellings]
    for number, position in zip(numbers, positions, strict=True):
        for each, images in zip(spellings, images_by_number, strict=True):
            if position < 0 or each[position] != int(number):
                continue
            names = [repr(ground_truth.image_names[image]) for image in images[int(number)]]
            if len(names) > 1:
                raise InputError(
                    path,
                    f"image {number} can be {', '.join(names[:-1])} or {names[-1]}",
                    fix="write ids as texts, as the ground truth has them, or file_name in each "
                    "row",
                )
            break


def image_id_example(ground_truth: GroundTruth) -> str:
    """Return the end of a message about an unknown image: what its id should look like."""
    if not ground_truth.image_ids:
        return "the dataset has no images"
    return f"write image ids such as {ground_truth.image_ids[0]!r}"


class _Match(NamedTuple):
    positions: list[int]
    """(N,) the image of each name, −1 for none or several."""
    n_unknown: int
    """Number of names that fit no image."""
    conflict: str
    """The first name that fits several images, or two that fit the same; else empty."""


def _as_ids(ground_truth: GroundTruth, names: Sequence[str]) -> _Match:
    """Match names with ids: as text, else as numbers."""
    images = [ground_truth.image_position(name) for name in names]
    if None not in images:
        return _Match([image for image in images if image is not None], 0, "")
    numbers = _positions_by(_number(image_id) for image_id in ground_truth.image_ids)
    candidates = [
        [image] if image is not None else numbers.get(_number(name), [])
        for name, image in zip(names, images, strict=True)
    ]
    # Different spellings of one number are one id.
    return _match(candidates, names, ground_truth.image_ids, are_distinct=False)


def _as_files(ground_truth: GroundTruth, names: Sequence[str]) -> _Match:
    """Match names with image files; with the id of an image whose file is unknown."""
    stems = [_FILE_SUFFIX.sub("", file) for file in ground_truth.image_files]
    paths = [stem or image_id for stem, image_id in zip(stems, ground_truth.image_ids, strict=True)]
    return _as_paths(ground_truth.image_names, paths, names)


def _as_files_or_ids(ground_truth: GroundTruth, names: Sequence[str]) -> _Match:
    """Match names with image files, and those that fit none with ids."""
    by_file, by_id = _as_files(ground_truth, names), _as_ids(ground_truth, names)
    pairs = zip(by_file.positions, by_id.positions, strict=True)
    positions = [file if file >= 0 else image_id for file, image_id in pairs]
    return _Match(positions, positions.count(-1), by_file.conflict or by_id.conflict)


def _as_paths_of_ids(ground_truth: GroundTruth, names: Sequence[str]) -> _Match:
    ids = ground_truth.image_ids
    return _as_paths(ids, [_without_suffix(image_id) for image_id in ids], names)


def _as_paths(images: Sequence[str], paths: Sequence[str], names: Sequence[str]) -> _Match:
    """Match names with the paths of images.

    The whole path comes first, then that without suffix, then the longest common end. Where both
    have folders, the last of these must be the same.

    Args:
        images: The I paths of images.
        paths: The same without suffix.
        names: The names.
    """
    parts = [_parts(path) for path in paths]
    with_suffix = _positions_by(_parts(image) for image in images)
    without_suffix = _positions_by(parts)
    stems = _positions_by(path[-1] for path in parts)
    numbers = _positions_by(_number(path[-1]) for path in parts)

    def candidates(name: str) -> list[int]:
        if _parts(name) in with_suffix:
            return with_suffix[_parts(name)]
        for spelling in (name, _without_suffix(name)):
            own = _parts(spelling)
            if own in without_suffix:
                return without_suffix[own]
            for same_stem in (stems.get(own[-1]), numbers.get(_number(own[-1]))):
                fitting = _longest_common_end(own, parts, same_stem or [])
                if fitting:
                    return fitting
        return []

    return _match([candidates(name) for name in names], names, images, are_distinct=True)


def _longest_common_end(
    own: tuple[str, ...], parts: Sequence[tuple[str, ...]], positions: list[int]
) -> list[int]:
    """Return the images whose folders have most in common with those of a name, from the end.

    Args:
        own: The parts of the name.
        parts: Those of the I paths.
        positions: Images of the same stem.
    """
    lengths = {}
    for position in positions:
        pairs = zip(own[-2::-1], parts[position][-2::-1], strict=False)
        differing = (depth for depth, (a, b) in enumerate(pairs) if a != b)
        n_folders = min(len(own), len(parts[position])) - 1
        length = next(differing, n_folders)
        if length or not n_folders:
            lengths[position] = length
    longest = max(lengths.values(), default=0)
    return [position for position, length in lengths.items() if length == longest]


def _match(
    candidates: list[list[int]], names: Sequence[str], images: Sequence[str], *, are_distinct: bool
) -> _Match:
    """Return the images of the names that have just one candidate.

    Args:
        candidates: The positions of the images that each of N names fits.
        names: The names.
        images: The I images, for messages.
        are_distinct: Whether two names must not fit the same image.
    """
    positions = [each[0] if len(each) == 1 else -1 for each in candidates]
    conflict = ""
    first_name: dict[int, str] = {}
    for name, fitting in zip(names, candidates, strict=True):
        if len(fitting) > 1:
            first, second = (images[position] for position in fitting[:2])
            conflict = f"image {name!r} can be {first!r} or {second!r} of the ground truth"
        elif fitting and are_distinct and first_name.setdefault(fitting[0], name) != name:
            both = f"{first_name[fitting[0]]!r} and {name!r}"
            conflict = f"images {both} can both be {images[fitting[0]]!r} of the ground truth"
        if conflict:
            break
    return _Match(positions, sum(not each for each in candidates), conflict)


def _positions_by(keys: Iterable[Key]) -> Mapping[Key, list[int]]:
    """Return key → positions of the images that have it."""
    positions: dict[Key, list[int]] = {}
    for position, key in enumerate(keys):
        positions.setdefault(key, []).append(position)
    return positions


def _number(text: str) -> int | str:
    """Return the number that a text spells, else the text."""
    return int(text) if WHOLE_NUMBER.fullmatch(text) else text


def _parts(path: str) -> tuple[str, ...]:
    """Return the folders of a path and its name, whichever slashes it has."""
    parts = [part for part in path.replace("\\", "/").split("/") if part not in ("", ".")]
    return tuple(parts) or ("",)


def _without_suffix(path: str) -> str:
    return _SUFFIX.sub("", path)
