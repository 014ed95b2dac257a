"""VOC results: reads and writes the folder of comp3/comp4 text files, one per class, in which detectors hand in detections.

A line is `image_id score xmin ymin xmax ymax`, the box 1-based and inclusive as in the annotations; see `detbench.data.formats.voc.annotations`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from detbench.data.columns import Floats, Ints
from detbench.data.detections import Detections
from detbench.data.files import atomic_folder
from detbench.data.formats.parsing.json_text import read_bytes
from detbench.data.formats.parsing.plain_text import parse_number
from detbench.data.formats.parsing.row_rules import check_inverted, check_unknown, warn_empty
from detbench.data.formats.voc.writer import check_file_name, decimals, voc_numbers
from detbench.data.ground_truth import GroundTruth
from detbench.errors import InputError

_LINE = "`image_id score xmin ymin xmax ymax`"


@dataclass(frozen=True)
class _Table:
    """The lines of all files, one file after the other."""

    files: list[Path]
    counts: Ints
    """(files,) lines of each file."""
    codes: Ints
    """(N,) which of `ids` a line names."""
    ids: list[str]
    values: Floats
    """(N, 5) score xmin ymin xmax ymax."""

    def place(self, row: int) -> tuple[Path, str]:
        """Return the file of a row and where in it the row stands."""
        starts = np.cumsum(np.concatenate([[0], self.counts]))
        file = int(np.searchsorted(starts, row, side="right")) - 1
        filled = [
            number
            for number, text in enumerate(read_bytes(self.files[file]).splitlines(), 1)
            if text.strip()
        ]
        return self.files[file], f"line {filled[row - starts[file]]}"


def read_voc_results(
    folder: Path, ground_truth: GroundTruth, *, allow_unknown: bool = False
) -> Detections:
    """Read the detections of every class of `ground_truth`, class after class, each in the order of its file.

    Files are called `comp3_det_{split}_{class}.txt` or `comp4_…`; any other beginning they all share will do, also none.
    A class without a file is an error, as the devkit has it; an empty file is a class in which nothing was found.
    `allow_unknown` drops files of unknown classes and detections on unknown images, and warns how many.

    Raises InputError, naming file and line, for lines that are no detections and for unknown names; for more than half the boxes inverted.
    """
    files, unknown_files = _class_files(folder, ground_truth.class_names)
    table = _read(files)
    _check_classes(folder, unknown_files, len(table.values), allow_unknown=allow_unknown)
    position = [ground_truth.image_position(name) for name in table.ids]
    image = np.array([-1 if index is None else index for index in position], np.int64)[table.codes]
    _check_images(folder, table, image, allow_unknown=allow_unknown)
    known = np.flatnonzero(image >= 0)
    corners = table.values[known, 1:]
    boxes = corners - [1, 1, 0, 0]
    check_inverted(folder, boxes, corners)
    if not len(corners):
        warn_empty(folder)
    return Detections.from_rows(
        ground_truth,
        image_index=image[known],
        class_index=np.repeat(np.arange(len(files)), table.counts)[known],
        scores=table.values[known, 0],
        boxes=boxes,
        name=folder.resolve().name,
        source=f"voc results {folder}",
    )


def write_voc_results(detections: Detections, folder: Path, *, split: str = "test") -> None:
    """Write `folder` (new or empty) with a `comp4_det_{split}_{class}.txt` for every class, the exact inverse of reading.

    Lines keep the order of the detections' source, by which score ties are broken.
    Raises DetbenchError for a class or split that cannot name a file and for image ids with spaces.
    """
    for name in (*detections.class_names, *detections.image_ids, split):
        check_file_name(name)
    if spaced := [name for name in detections.image_ids if len(name.split()) > 1]:
        raise InputError(
            folder,
            f"image id {spaced[0]!r} has a space, which separates the values of a line",
            fix="rename the image",
        )
    order = np.argsort(
        detections.class_index if detections.source_rows is None else detections.source_rows,
        kind="stable",
    )
    order = order[np.argsort(detections.class_index[order], kind="stable")]
    image = np.repeat(np.arange(len(detections.image_ids)), np.diff(detections.offsets))[
        order
    ].tolist()
    ids = [detections.image_ids[index] for index in image]
    columns = (
        ids,
        decimals(detections.scores[order].tolist()),
        *voc_numbers(detections.boxes[order]),
    )
    lines = list(map("{} {} {} {} {} {}\n".format, *columns))
    ends = np.cumsum(
        np.bincount(detections.class_index, minlength=len(detections.class_names))
    ).tolist()
    with atomic_folder(folder) as hidden:
        for name, start, end in zip(detections.class_names, [0, *ends], ends, strict=False):
            (hidden / f"comp4_det_{split}_{name}.txt").write_text(
                "".join(lines[start:end]), encoding="utf-8"
            )


def is_voc_results(folder: Path, ground_truth: GroundTruth) -> bool:
    """Tell whether a folder holds a text file that ends with the name of a class."""
    return any(_beginnings(file.stem, ground_truth.class_names) for file in folder.glob("*.txt"))


def _class_files(
    folder: Path, class_names: tuple[str, ...]
) -> tuple[list[Path], list[tuple[str, Path]]]:
    """Return the file of every class, and name and file of every class not asked for.

    Of all beginnings of names, the one that serves most classes is taken. So `comp4_det_test_sports_car.txt` belongs to
    `sports_car` and not, as `comp4_det_test_sports_` + `car`, to `car`.
    """
    if not folder.is_dir():
        raise InputError(folder, "no such folder", fix="name the folder with the comp3/comp4 files")
    stems = {file.stem: file for file in sorted(folder.glob("*.txt"))}
    served: dict[str, int] = {}
    for stem in stems:
        for beginning in _beginnings(stem, class_names):
            served[beginning] = served.get(beginning, 0) + 1
    if not served:
        raise InputError(
            folder,
            "holds no results of any class of the ground truth",
            fix=f"expected files like comp4_det_test_{class_names[0]}.txt",
        )
    beginning = max(served, key=lambda text: (served[text], -len(text)))
    rivals = sorted(
        {
            text
            for stem in stems
            if not stem.startswith(beginning)
            for text in _beginnings(stem, class_names)
        }
    )
    if rivals:
        raise InputError(
            folder,
            f"holds two sets of results: {beginning}* and {rivals[0]}*",
            fix="leave one of them in the folder",
        )
    missing = [name for name in class_names if beginning + name not in stems]
    if missing:
        rest = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise InputError(
            folder,
            f"{beginning}{missing[0]}.txt is missing{rest}",
            fix="create an empty one if the detector found nothing of its class",
        )
    known = {beginning + name for name in class_names}
    unknown = [
        (stem.removeprefix(beginning), file)
        for stem, file in stems.items()
        if stem.startswith(beginning) and stem not in known
    ]
    return [stems[beginning + name] for name in class_names], unknown


def _check_classes(
    folder: Path, files: list[tuple[str, Path]], total: int, *, allow_unknown: bool
) -> None:
    """Apply the rule for unknown classes to the files that are not read; `total` detections are in those that are."""
    if files:
        name, first = files[0]
        dropped = sum(len(read_bytes(file).splitlines()) for _, file in files)
        check_unknown(
            folder,
            "class",
            name,
            dropped,
            total + dropped,
            where=first.name,
            allow_unknown=allow_unknown,
        )


def _check_images(folder: Path, table: _Table, image: Ints, *, allow_unknown: bool) -> None:
    """Apply the rule for unknown images to all rows; `image` (N,) is negative where the ground truth does not know the image."""
    unknown = np.flatnonzero(image < 0)
    if len(unknown):
        name = table.ids[table.codes[unknown[0]]]
        file, line = table.place(int(unknown[0]))
        path, where = (folder, f"{file.name}, {line}") if allow_unknown else (file, line)
        check_unknown(
            path, "image", name, len(unknown), len(image), where=where, allow_unknown=allow_unknown
        )


def _beginnings(stem: str, class_names: tuple[str, ...]) -> list[str]:
    return [
        head
        for name in class_names
        if stem.endswith(name)
        and ((head := stem[: len(stem) - len(name)]) == "" or head.endswith("_"))
    ]


def _read(files: list[Path]) -> _Table:
    contents = [read_bytes(file) for file in files]
    table = (
        _parse(files, contents) if all(map(_is_regular, contents)) else None
    ) or _parse_plainly(files, contents)
    bad = np.flatnonzero(~np.isfinite(table.values).all(axis=1))
    if len(bad):
        file, line = table.place(int(bad[0]))
        raise InputError(
            file,
            f"a score or coordinate is not finite: {table.values[bad[0]].tolist()}",
            where=line,
        )
    with np.errstate(over="ignore"):
        endless = np.flatnonzero(
            ~np.isfinite(
                (table.values[:, 3] - table.values[:, 1])
                * (table.values[:, 4] - table.values[:, 2])
            )
        )
    if len(endless):
        file, line = table.place(int(endless[0]))
        raise InputError(
            file,
            f"width · height of the box is not finite: {table.values[endless[0], 1:].tolist()}",
            where=line,
        )
    return table


def _is_regular(content: bytes) -> bool:
    """Tell whether every line ends in a line feed and has something in it, so that counting line feeds counts pyarrow's rows."""
    plain = content.replace(b"\r\n", b"\n") if b"\r" in content else content
    return b"\r" not in plain and b"\n\n" not in plain and not plain.startswith(b"\n")


def _parse(files: list[Path], contents: list[bytes]) -> _Table | None:
    """Read lines whose values are separated by exactly one space; None for anything else, be it fine or faulty.

    Columns leave pyarrow by DLPack: its `to_numpy` would import pandas.
    """
    import pyarrow as pa
    from pyarrow import csv

    ended = [
        content if content.endswith(b"\n") or not content else content + b"\n"
        for content in contents
    ]
    counts = np.array([content.count(b"\n") for content in ended], np.int64)
    if not counts.sum():
        return None
    numbers = ["score", "xmin", "ymin", "xmax", "ymax"]
    try:
        table = csv.read_csv(
            pa.BufferReader(b"".join(ended)),
            read_options=csv.ReadOptions(column_names=["id", *numbers]),
            parse_options=csv.ParseOptions(delimiter=" ", quote_char=False),
            convert_options=csv.ConvertOptions(
                column_types={
                    "id": pa.dictionary(pa.int32(), pa.string()),
                    **dict.fromkeys(numbers, pa.float64()),
                },
                null_values=[],
            ),
        )
    except pa.ArrowInvalid:
        return None
    if len(table) != counts.sum():
        return None
    ids = table["id"].unify_dictionaries().combine_chunks()
    values = np.column_stack([np.from_dlpack(table[name].combine_chunks()) for name in numbers])
    return _Table(
        files,
        counts,
        np.from_dlpack(ids.indices).astype(np.int64),
        ids.dictionary.to_pylist(),
        values,
    )


def _parse_plainly(files: list[Path], contents: list[bytes]) -> _Table:
    """Read lines separated by any white space, one by one, and name the first that is no detection."""
    ids: dict[str, int] = {}
    codes, values, counts = [], [], []
    for file, content in zip(files, contents, strict=True):
        lines = [
            (number, line.decode(errors="replace").split())
            for number, line in enumerate(content.splitlines(), 1)
        ]
        filled = [(number, words) for number, words in lines if words]
        for number, words in filled:
            codes.append(ids.setdefault(words[0], len(ids)))
            values.append(_numbers(file, number, words))
        counts.append(len(filled))
    return _Table(
        files,
        np.array(counts, np.int64),
        np.array(codes, np.int64),
        list(ids),
        np.array(values, np.float64).reshape(-1, 5),
    )


def _numbers(file: Path, number: int, words: list[str]) -> list[float]:
    where = f"line {number}"
    if len(words) != 6:
        raise InputError(file, f"{len(words)} values, expected 6: {_LINE}", where=where)
    try:
        return [parse_number(word) for word in words[1:]]
    except ValueError as error:
        raise InputError(file, f"{error}, expected {_LINE}", where=where) from None
