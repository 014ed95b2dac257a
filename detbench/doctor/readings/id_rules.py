"""Rules of image IDs: what maps the IDs of a file one to one to images, by names alone.

No box is needed to find such a rule. Whether it is the right one, the boxes have to prove.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence

import numpy as np

from detbench.data.columns import Flags, Ints
from detbench.data.formats.parsing.image_ids import path_matches
from detbench.doctor.case import Case
from detbench.doctor.readings.image_ids import IdReading

MIN_KNOWN = 0.5
"""Share of the unknown IDs that a rule must know, and of all IDs."""
N_COMPARED = 30
"""IDs that are compared with those of all images to find offsets, prefixes and suffixes."""
N_TRIED = 20
"""Offsets, and pairs of prefix and suffix, that are tried on all IDs: the most frequent ones."""
N_RULES = 12
"""Rules that the boxes have to choose from."""
ALMOST = 0.02
"""Rules that know so much smaller a share of the IDs than the best one are left out."""
_DIGITS = re.compile(r"[0-9]{1,18}")
_SEPARATORS = re.compile(r"[\s/\\_.-]+")
_SEED = 7

Positions = list[int]
"""Position in the ground truth of the image that each name means, −1 for none."""


def id_rules(case: Case) -> list[IdReading]:
    """Return the rules that know more of a file's IDs than these mean as they are, best first."""
    own, is_used = _own_positions(case)
    names = [case.file.images.names[code] for code in np.flatnonzero(is_used)]
    own = own[is_used]
    if (own >= 0).all():
        return []
    rules: dict[bytes, tuple[float, str]] = {}
    for name, positions in _rules(case, names):
        for each in (np.array(positions, np.int64), np.where(own >= 0, own, positions)):
            share, share_of_unknown = float((each >= 0).mean()), (each[own < 0] >= 0).mean()
            if min(share, share_of_unknown) >= MIN_KNOWN and _are_distinct(each):
                rules.setdefault(each.tobytes(), (share, name))
    best = max((share for share, _ in rules.values()), default=0.0)
    ranked = sorted(rules.items(), key=lambda rule: -rule[1][0])
    return [
        IdReading(name, _of_all_names(np.frombuffer(positions, np.int64), is_used))
        for positions, (share, name) in ranked[:N_RULES]
        if share >= best - ALMOST
    ]


def _own_positions(case: Case) -> tuple[Ints, Flags]:
    """Return the image that each name means as it is, −1 for none, and which names rows have."""
    images, rows = case.file.images, case.rows
    named = rows.select(~case.file.unnamed[rows.source_rows])
    codes = images.codes[named.source_rows]
    positions, is_used = np.full(len(images.names), -1, np.int64), np.zeros(len(images.names), bool)
    positions[codes], is_used[codes] = named.image_index, True
    return positions, is_used


def _of_all_names(positions: Ints, is_used: Flags) -> Ints:
    of_all = np.full(len(is_used), -1, np.int64)
    of_all[is_used] = positions
    return of_all


def _are_distinct(positions: Ints) -> bool:
    images = positions[positions >= 0]
    return len(np.unique(images)) == len(images)


def _rules(case: Case, names: list[str]) -> Iterator[tuple[str, Positions]]:
    """Yield every rule: what the names are, and the images that they mean then."""
    ground_truth = case.ground_truth
    yield from path_matches(ground_truth, names)
    files = tuple(re.sub(r"\.[^./\\]+\Z", "", file) for file in ground_truth.image_files)
    ids_and_files = dict.fromkeys([ground_truth.image_ids, files])
    texts_of_images = [texts for texts in ids_and_files if all(texts)]
    for texts in texts_of_images:
        yield from _affixes(names, texts)
        yield from _by_key(names, texts, _spelling, "in another case or with other separators")
        yield from _by_key(names, texts, _all_numbers, "by the numbers in them")
        yield from _by_key(names, texts, _last_number, "by the last number in them")
    # A few numbers fit at many offsets.
    for texts in texts_of_images:
        yield from _offsets(names, texts)


def _by_key(
    names: list[str], texts: Sequence[str], key: Callable[[str], Hashable], how: str
) -> Iterator[tuple[str, Positions]]:
    """Yield the rule that a name means the image with the same key, if images have their own."""
    positions = {key(text): position for position, text in enumerate(texts)}
    if len(positions) == len(texts) and None not in positions:
        yield f"those of the images {how}", [positions.get(key(name), -1) for name in names]


def _spelling(text: str) -> str:
    return _SEPARATORS.sub("_", text.casefold())


def _all_numbers(text: str) -> tuple[int, ...] | None:
    return tuple(map(int, _DIGITS.findall(text))) or None


def _last_number(text: str) -> int | None:
    numbers = _all_numbers(text)
    return numbers[-1] if numbers else None


def _offsets(names: list[str], texts: Sequence[str]) -> Iterator[tuple[str, Positions]]:
    """Yield the differences between the numbers of names and of images that occur most often."""
    own = [_last_number(name) for name in names]
    positions = {_last_number(text): position for position, text in enumerate(texts)}
    if None in own or None in positions or len(positions) < len(texts):
        return
    numbers = np.array([number for number in own if number is not None], np.int64)
    of_images = np.array([number for number in positions if number is not None], np.int64)
    compared = np.random.default_rng(_SEED).permutation(numbers)[:N_COMPARED]
    offsets, counts = np.unique(compared[:, None] - of_images, return_counts=True)
    likeliest = np.lexsort((np.abs(offsets), -counts))[:N_TRIED]
    for offset in offsets[likeliest].tolist():
        if offset:
            shifted = [positions.get(number - offset, -1) for number in numbers.tolist()]
            yield f"numbers {offset:+,} away from the true ones", shifted


def _affixes(names: list[str], texts: Sequence[str]) -> Iterator[tuple[str, Positions]]:
    """Yield the prefixes and suffixes that names, or the images, have and the others lack."""
    positions = {text: position for position, text in enumerate(texts)}
    compared = np.random.default_rng(_SEED).permutation(len(names))[:N_COMPARED]
    longer, shorter = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for name in (names[position] for position in compared):
        longer.update(text for text in (_affixes_of(name, text) for text in texts) if text)
        shorter.update(text for text in (_affixes_of(text, name) for text in texts) if text)
    for (first, last), _ in longer.most_common(N_TRIED):
        cut = [
            name[len(first) : len(name) - len(last)]
            if name.startswith(first) and name.endswith(last)
            else ""
            for name in names
        ]
        how = f"those of the images with {_spoken(first, last)}"
        yield how, [positions.get(name, -1) for name in cut]
    for (first, last), _ in shorter.most_common(N_TRIED):
        how = f"those of the images without {_spoken(first, last)}"
        yield how, [positions.get(f"{first}{name}{last}", -1) for name in names]


def _affixes_of(longer: str, shorter: str) -> tuple[str, str] | None:
    """Return what stands before and after a text in a longer one; None if it is not in there."""
    if not shorter or len(shorter) >= len(longer) or shorter not in longer:
        return None
    first, _, last = longer.rpartition(shorter)
    return first, last


def _spoken(first: str, last: str) -> str:
    parts = [f"{first!r} before them"] * bool(first) + [f"{last!r} after them"] * bool(last)
    return " and ".join(parts)
