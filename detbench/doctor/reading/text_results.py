"""VOC and YOLO result folders read leniently: every line becomes a row."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from detbench.data.columns import Flags, Floats, Ints
from detbench.data.formats.parsing.json_text import read_bytes
from detbench.data.formats.yolo.dataset import file_stems
from detbench.data.ground_truth import GroundTruth
from detbench.data.image_headers import known_sizes
from detbench.doctor.case import Labels, Source
from detbench.doctor.reading.numbers import id_text, shown, spelt_numbers
from detbench.doctor.reading.rows import Rows

_WIDTH = 6
_Lines = list[tuple[Path, int, list[str]]]


def read_voc(folder: Path, truth: GroundTruth) -> tuple[Rows, Source]:
    """Read comp3/comp4 files; a file belongs to the class whose name its name ends with, the longest there is."""
    files = {path: _class_of(path.stem, truth.class_names) for path in sorted(folder.glob("*.txt"))}
    lines = [line for path in files for line in lines_of(path)]
    table, texts = _table([words[1:] for _, _, words in lines])
    images = _labels([words[0] for _, _, words in lines])
    names = {path: truth.class_names[k] if k >= 0 else path.stem for path, k in files.items()}
    classes = _labels([names[path] for path, _, _ in lines])
    positions = [truth.image_position(name) for name in images.names]
    rows = Rows(
        np.array([-1 if place is None else place for place in positions], np.int64)[images.codes],
        np.array([files[path] for path, _, _ in lines], np.int64),
        table[:, 1:] - [1, 1, 0, 0],
        table[:, 0],
    )
    missing = tuple(name for k, name in enumerate(truth.class_names) if k not in files.values())
    first, nameless = _place(lines, texts), _nameless(table)
    return rows, Source(
        folder, "voc", images, classes, table[:, 1:], texts, nameless, first, files_missing=missing
    )


def read_yolo(folder: Path, truth: GroundTruth) -> tuple[Rows, Source]:
    """Read `class cx cy w h score` lines; fractions become pixels where the image is known."""
    lines = [line for path in sorted(folder.glob("*.txt")) for line in lines_of(path)]
    numbers, texts = _table([words[1:] for _, _, words in lines])
    positions = {image_id: place for place, image_id in enumerate(truth.image_ids)}
    positions |= {stem: place for place, stem in enumerate(file_stems(truth))}
    images, classes = (
        _labels([path.stem for path, _, _ in lines]),
        _labels([_class_text(words[0]) for _, _, words in lines]),
    )
    image = np.array([positions.get(name, -1) for name in images.names], np.int64)[images.codes]
    sizes = np.vstack([known_sizes(truth) if len(lines) else truth.image_sizes, [(1.0, 1.0)]])[
        image
    ]
    written = numbers[:, :4] * np.tile(sizes, 2)
    half = written[:, 2:] / 2
    kinds = [
        int(name) if name.isdigit() and int(name) < len(truth.class_names) else -1
        for name in classes.names
    ]
    rows = Rows(
        image,
        np.array(kinds, np.int64)[classes.codes],
        np.hstack([written[:, :2] - half, written[:, :2] + half]),
        numbers[:, 4],
    )
    return rows, Source(
        folder,
        "yolo",
        images,
        classes,
        numbers[:, :4],
        texts,
        np.zeros(len(lines), np.bool_),
        _place(lines, texts, unsure="the confidence"),
    )


def lines_of(path: Path) -> _Lines:
    """Return file, number and words of each line that is not blank; what is not UTF-8 is replaced."""
    split = enumerate(read_bytes(path).splitlines(), 1)
    return [
        (path, number, words)
        for number, line in split
        if (words := line.decode(errors="replace").split())
    ]


def _table(lines: list[list[str]]) -> tuple[Floats, Flags]:
    """Return five numbers of each line (N, 5), and which lines (N,) hold something else."""
    odd = np.array([len(words) != _WIDTH - 1 for words in lines], np.bool_)
    even = lines if not odd.any() else [(words + ["nan"] * _WIDTH)[: _WIDTH - 1] for words in lines]
    numbers, none = spelt_numbers([word for words in even for word in words])
    return numbers.reshape(-1, _WIDTH - 1), odd | none.reshape(-1, _WIDTH - 1).any(axis=1)


def _nameless(table: Floats) -> Flags:
    """Tell which lines have not one number where five are due: a header, or other separators than blanks."""
    return np.asarray(np.isnan(table).all(axis=1))


def _class_of(stem: str, class_names: tuple[str, ...]) -> int:
    ends = [k for k, name in enumerate(class_names) if stem == name or stem.endswith(f"_{name}")]
    return max(ends, key=lambda k: len(class_names[k]), default=-1)


def _labels(values: list[str]) -> Labels:
    known: dict[str, int] = {}
    codes: Ints = np.array([known.setdefault(value, len(known)) for value in values], np.int64)
    return Labels(tuple(known), codes)


def _class_text(word: str) -> str:
    """Return the class of a YOLO line, whole numbers without a point, as `detbench eval` reads them."""
    if word.isdigit():
        return word
    try:
        return id_text(float(word))
    except ValueError:
        return word


def _place(lines: _Lines, wrong: Flags, *, unsure: str = "") -> str:
    """Say which line is the first wrong one; `unsure` is what a line of one value less lacks, probably."""
    if not wrong.any():
        return ""
    path, number, words = lines[int(wrong.argmax())]
    where = f"{path.name}, line {number}, {shown(' '.join(words))}"
    if len(words) == _WIDTH:
        return where
    missing = f", {unsure} seems to be missing" if unsure and len(words) == _WIDTH - 1 else ""
    return f"{where}: {len(words)} values, {_WIDTH} belong there{missing}"
