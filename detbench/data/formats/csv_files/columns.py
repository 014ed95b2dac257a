"""Columns: what each column of a CSV file is, by its header or as the user states it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from detbench.data.formats.lenient_files import BoxFormat, Unit
from detbench.data.formats.parsing.plain_text import is_number, parse_number
from detbench.data.image_headers import IMAGE_SUFFIXES
from detbench.errors import DetbenchError, InputError
from detbench.wording import first_few

_BOXES: Mapping[BoxFormat, tuple[str, str, str, str]] = {
    "xyxy": ("xmin", "ymin", "xmax", "ymax"),
    "xywh": ("x", "y", "w", "h"),
    "cxcywh": ("cx", "cy", "w", "h"),
}
_FLAGS = ("iscrowd", "difficult", "truncated")
_SIDES = dict.fromkeys(role for roles in _BOXES.values() for role in roles)
ROLES = ("image", "class", "score", *_SIDES, "width", "height", *_FLAGS)
"""What a column can be."""
_UNITS = "units"
_UNUSED = ("_", "")
_UNKNOWN = "COLUMN"
_MAX_LISTED = 20

# Header names in lower case without blanks, dashes, dots and underscores.
# fmt: off
_SYNONYMS = {
    "image": "image filename file imagename imagepath imagefile img imgname imgpath filepath path",
    "class": "class label classname labelname category categoryname cls classlabel",
    "score": "score confidence conf probability prob",
    "xmin": "xmin x1 left xtl bboxxmin bboxx1 boxxmin boxx1",
    "ymin": "ymin y1 top ytl bboxymin bboxy1 boxymin boxy1",
    "xmax": "xmax x2 right xbr bboxxmax bboxx2 boxxmax boxx2",
    "ymax": "ymax y2 bottom ybr bboxymax bboxy2 boxymax boxy2",
    "x": "x bboxx boxx", "y": "y bboxy boxy",
    "cx": "cx xc xcenter centerx bboxcx", "cy": "cy yc ycenter centery bboxcy",
    "w": "w bboxw bboxwidth boxw boxwidth", "h": "h bboxh bboxheight boxh boxheight",
    "width": "width imagewidth imgwidth imagew imgw",
    "height": "height imageheight imgheight imageh imgh",
    "iscrowd": "iscrowd crowd isgroupof", "difficult": "difficult isdifficult",
    "truncated": "truncated istruncated",
}
# These count only if no column has a name of the list above.
_SECOND_CHOICES = {
    "image": "imageid imgid",
    "class": "classid labelid categoryid classnumber classindex",
}
# fmt: on


@dataclass(frozen=True)
class Columns:
    """The position of each column that is read."""

    image: int | None
    """None where each file is an image."""
    class_name: int
    box: tuple[int, int, int, int]
    box_format: BoxFormat
    score: int | None = None
    size: tuple[int, int] | None = None
    """Width and height of the image."""
    flags: tuple[tuple[str, int], ...] = ()
    """The name of a flag and its column."""
    unit: Unit | None = None
    """None if the numbers decide."""
    may_be_center: bool = False
    """Whether x and y can be the center of the box as well as its upper left corner."""

    @property
    def positions(self) -> dict[str, int]:
        """The position of each role except those of the box."""
        places = {"image": self.image, "class": self.class_name, "score": self.score}
        sizes = dict(zip(("width", "height"), self.size or (), strict=False))
        single = {role: place for role, place in places.items() if place is not None}
        return {**single, **sizes, **dict(self.flags)}

    @property
    def last(self) -> int:
        """The highest position of a column that is read."""
        others = [place for place in (self.image, self.score) if place is not None]
        flags = [place for _, place in self.flags]
        return max(self.class_name, *self.box, *others, *(self.size or ()), *flags)


def columns_of_header(header: Sequence[str]) -> Columns | None:
    """Return the columns by the names in a header; None if they do not show in just one way."""
    positions = positions_in_header(header)
    if any(len(places) > 1 for places in positions.values()):
        return None
    columns = _assemble({role: places[0] for role, places in positions.items()}, None)
    if columns is None or columns.image is None:
        return None
    return columns


def positions_in_header(header: Sequence[str]) -> dict[str, list[int]]:
    """Return the positions of the columns whose names say that they are of a role."""
    words = [_simplified(cell) for cell in header]
    positions: dict[str, list[int]] = {}
    for names in (_SYNONYMS, _SECOND_CHOICES):
        roles = {name: role for role, text in names.items() for name in text.split()}
        if _are_of_boxes(words):
            # Width and height behind x and y are those of the box, and not of the image.
            roles |= {"width": "w", "height": "h"}
        additions: dict[str, list[int]] = {}
        for position, word in enumerate(words):
            role = roles.get(word)
            if role is not None and role not in positions:
                additions.setdefault(role, []).append(position)
        positions |= additions
    return positions


def _are_of_boxes(words: Sequence[str]) -> bool:
    """Tell whether `width` and `height` in a header are those of boxes."""
    roles = {name: role for role, text in _SYNONYMS.items() for name in text.split()}
    roles_in_header = {roles.get(word) for word in words}
    has_point = {"x", "y"} <= roles_in_header or {"cx", "cy"} <= roles_in_header
    has_size = bool({"w", "h"} & roles_in_header)
    return has_point and not has_size and not set(_BOXES["xyxy"]) <= roles_in_header


def _simplified(name: str) -> str:
    return re.sub(r"[\s_.\-]", "", name.lower())


def stated_columns(
    stated: str, header: Sequence[str] | None, path: Path, *, has_image: bool, scored: bool
) -> Columns:
    """Return the columns that the user states.

    Args:
        stated: `ROLE=HEADER,…` or `ROLE=POSITION,…` with positions from 1, or the roles of all
            columns in their order, `_` for one that is not read; `units=fractions` may be among
            them.
        header: The first row of the file; None for a file without rows.
        path: The file, for messages.
        has_image: Whether a column names the image.
        scored: Whether a score is needed; without, a column of scores may be missing.

    Raises:
        InputError: A column is missing, twice there, or unknown.
    """
    roles, unit = _parse_stated(stated)
    if isinstance(roles, list):
        positions = {role: k for k, role in enumerate(roles) if role not in _UNUSED}
    else:
        positions = _find(roles, header or [], path, scored=scored)
    columns = _assemble(positions, unit)
    missing = None
    if columns is None:
        missing = "the class" if "class" not in positions else "four columns of a box"
    elif has_image and columns.image is None:
        missing = "the image"
    elif scored and columns.score is None:
        missing = "the score"
    if columns is None or missing:
        raise InputError(
            path, f"--columns {stated} does not state {missing}", fix=_fix(header, scored=scored)
        )
    return columns


def unclear_columns(
    path: Path, header: Sequence[str], *, scored: bool, first_of_box: int | None = None
) -> InputError:
    """Return the error for a file whose columns must be stated."""
    listed = first_few([repr(cell) for cell in header], _MAX_LISTED)
    return InputError(
        path,
        f"its columns are not clear: {listed}",
        where="line 1",
        fix=_fix(header, scored=scored, first_of_box=first_of_box),
    )


def columns_option(
    header: Sequence[str], positions: Mapping[str, int], box_format: BoxFormat, *, scored: bool
) -> str:
    """Return the option that states the columns at these positions, and what else is needed.

    Args:
        header: The names of all columns.
        positions: The position of each role that is known.
        box_format: The format of the box to state.
        scored: Whether these are detections.
    """
    others = [role for role in ("width", "height", *_FLAGS) if role in positions]
    roles = ["image", "class", *["score"] * scored, *_BOXES[box_format], *others]
    names = [cell.lower() for cell in header]

    def name(role: str) -> str:
        position = positions.get(role)
        if position is None:
            return _UNKNOWN
        cell = header[position]
        is_plain = names.count(cell.lower()) == 1 and re.fullmatch(r"[\w .:/()\[\]-]+", cell)
        return cell if is_plain else str(position + 1)

    pairs = ",".join(f"{role}={name(role)}" for role in roles)
    return f'--columns "{_side(scored=scored)}:{pairs}"'


def box_positions(box_format: BoxFormat, box: Sequence[int]) -> dict[str, int]:
    """Return the position of each role of a box, given those of its four columns."""
    return dict(zip(_BOXES[box_format], box, strict=True))


def _side(*, scored: bool) -> str:
    return "detections" if scored else "ground-truth"


def _fix(header: Sequence[str] | None, *, scored: bool, first_of_box: int | None = None) -> str:
    if not header or any(map(is_number, header)):
        roles = _roles_of_cells(header or (), scored=scored)
        return f"state all columns in their order, as in --columns {_side(scored=scored)}:{roles}"
    positions = {role: places[0] for role, places in positions_in_header(header).items()}
    if first_of_box is not None:
        positions |= box_positions("xywh", range(first_of_box, first_of_box + 4))
    box_format = max(_BOXES, key=lambda name: sum(role in positions for role in _BOXES[name]))
    option = columns_option(header, positions, box_format, scored=scored)
    where = f", with the name or number of a column for each {_UNKNOWN}"
    return f"state them: {option}{where if _UNKNOWN in option else ''}"


def _roles_of_cells(row: Sequence[str], *, scored: bool) -> str:
    """Return what the columns of a row without names seem to be, in their order."""
    example = f"image,class,{'score,' * scored}xmin,ymin,xmax,ymax"
    roles = ["_"] * len(row)
    suffixes = [Path(cell.replace("\\", "/")).suffix.lower() for cell in row]
    image = next((k for k, suffix in enumerate(suffixes) if suffix in IMAGE_SUFFIXES), None)
    texts = [k for k, cell in enumerate(row) if not is_number(cell) and k != image]
    numbers = [k for k, cell in enumerate(row) if is_number(cell)]
    fractions = [k for k in numbers if 0 <= parse_number(row[k]) <= 1 and "." in row[k]]
    box = [k for k in numbers if k not in fractions]
    if image is None or len(texts) != 1 or len(box) != 4 or len(fractions) != scored:
        return example
    for role, k in zip(
        ("image", "class", *["score"] * scored), (image, *texts, *fractions), strict=True
    ):
        roles[k] = role
    x, y, right, bottom = (parse_number(row[k]) for k in box)
    box_format: BoxFormat = "xyxy" if right > x and bottom > y else "xywh"
    for role, k in box_positions(box_format, box).items():
        roles[k] = role
    return ",".join(roles)


def _parse_stated(stated: str) -> tuple[dict[str, str] | list[str], Unit | None]:
    """Return role → header or position, or all roles in order; and the unit, if it is stated."""
    entries = [entry.strip() for entry in stated.split(",")]
    unit: Unit | None = None
    for entry in [entry for entry in entries if entry.startswith(f"{_UNITS}=")]:
        value = entry.partition("=")[2]
        if value not in get_args(Unit):
            choices = ", ".join(get_args(Unit))
            raise DetbenchError(f"--columns: unknown units {value!r}; choose one of: {choices}")
        unit = next(choice for choice in get_args(Unit) if choice == value)
        entries.remove(entry)
    are_pairs = ["=" in entry for entry in entries]
    if any(are_pairs) and not all(are_pairs):
        raise DetbenchError(
            f"--columns {stated}: write ROLE=COLUMN for every column, or all roles in their order"
        )
    pairs = [entry.partition("=") for entry in entries]
    roles = [_role(first.strip()) for first, _, _ in pairs]
    used = [role for role in roles if role not in _UNUSED]
    repeated = next((role for role in used if used.count(role) > 1), None)
    if repeated:
        raise DetbenchError(f"--columns {stated}: {repeated} is stated twice")
    if not any(are_pairs):
        return roles, unit
    return {role: pair[2].strip() for role, pair in zip(roles, pairs, strict=True)}, unit


def _role(name: str) -> str:
    if name in ROLES or name in _UNUSED:
        return name
    synonyms = {word: role for role, words in _SYNONYMS.items() for word in words.split()}
    role = synonyms.get(_simplified(name))
    if role is None:
        raise DetbenchError(
            f"--columns: unknown role {name!r}; choose from: {', '.join(ROLES)}, {_UNITS}"
        )
    return role


def _find(
    roles: Mapping[str, str], header: Sequence[str], path: Path, *, scored: bool
) -> dict[str, int]:
    """Return the position of each role, from the name or the number of its column."""
    names = [cell.lower() for cell in header]
    positions: dict[str, int] = {}
    for role, column in roles.items():
        if names.count(column.lower()) == 1:
            positions[role] = names.index(column.lower())
        elif column.isascii() and column.isdigit() and 1 <= int(column) <= max(len(header), 1):
            positions[role] = int(column) - 1
        elif role != "score" or scored:
            listed = first_few([repr(cell) for cell in header], _MAX_LISTED)
            raise InputError(
                path,
                f"has no column {column!r} for {role}; its columns are {listed}",
                where="line 1",
                fix="correct --columns",
            )
    return positions


def _assemble(positions: Mapping[str, int], unit: Unit | None) -> Columns | None:
    """Return the columns at these positions; None if there is no class, or not just one box."""
    formats = [name for name, roles in _BOXES.items() if all(role in positions for role in roles)]
    if len(formats) != 1 or "class" not in positions:
        return None
    first, second, third, fourth = (positions[role] for role in _BOXES[formats[0]])
    has_size = {"width", "height"} <= positions.keys()
    return Columns(
        image=positions.get("image"),
        class_name=positions["class"],
        box=(first, second, third, fourth),
        box_format=formats[0],
        score=positions.get("score"),
        size=(positions["width"], positions["height"]) if has_size else None,
        flags=tuple((flag, positions[flag]) for flag in _FLAGS if flag in positions),
        unit=unit,
    )
