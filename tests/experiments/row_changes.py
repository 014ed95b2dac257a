"""Row changes: what converters, exporters and loaders do wrong with boxes, images and scores.

Each changes the rows of one side before they are written, or the files afterwards.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from tests.doctor.file_parts import class_number, number_or_text
from tests.doctor.written_pairs import BOX_FORMATS, CORNERS, ENCODERS, Numbers, Row, WrittenPair

ChangeRows = Callable[[WrittenPair, list[Row]], None]
ChangeBox = Callable[[WrittenPair, Row, str], Numbers]
"""Takes the pair, a row and the format of its file."""
EditFiles = Callable[[WrittenPair, Path, Path], None]
"""Takes the pair and the paths of ground truth and detections."""


def each_box(change: ChangeBox) -> ChangeRows:
    """Return a change of the boxes of one side, which is given the format of their files."""

    def spoil(pair: WrittenPair, rows: list[Row]) -> None:
        side = "detections" if rows is pair.detections else "ground truth"
        for row in rows:
            row.box = change(pair, row, pair.format_of(side))

    return spoil


def corners_of(row: Row, file_format: str) -> tuple[float, float, float, float]:
    return CORNERS[BOX_FORMATS[file_format]](*row.box, row.size)


def encoded(corners: tuple[float, ...], row: Row, file_format: str) -> Numbers:
    return ENCODERS[BOX_FORMATS[file_format]](*corners, row.size)


def exchange_top_and_bottom(pair: WrittenPair, row: Row, file_format: str) -> Numbers:
    first, top, second, bottom = row.box
    return [first, bottom, second, top]


def measure_from_the_bottom(pair: WrittenPair, row: Row, file_format: str) -> Numbers:
    x1, y1, x2, y2 = corners_of(row, file_format)
    height = row.size[1]
    return encoded((x1, height - y2, x2, height - y1), row, file_format)


def in_parts_of_the_image(scale: float) -> ChangeBox:
    """Return a change to fractions, percent or thousandths of the image, in the format's order."""

    def change(pair: WrittenPair, row: Row, file_format: str) -> Numbers:
        if file_format == "yolo":
            return [scale * number for number in row.box]
        width, height = row.size
        x1, y1, x2, y2 = corners_of(row, file_format)
        a, b, c, d = (x1, y1, x2 - x1, y2 - y1) if file_format == "coco" else (x1, y1, x2, y2)
        return [scale * a / width, scale * b / height, scale * c / width, scale * d / height]

    return change


def exchange_x_and_y(pair: WrittenPair, row: Row, file_format: str) -> Numbers:
    a, b, c, d = row.box
    return [b, a, d, c]


def horizontal_then_vertical(pair: WrittenPair, row: Row, file_format: str) -> Numbers:
    a, b, c, d = row.box
    return [a, c, b, d]


def as_sizes(pair: WrittenPair, row: Row, file_format: str) -> Numbers:
    x1, y1, x2, y2 = row.box
    return [x1, y1, x2 - x1, y2 - y1]


def collapse(pair: WrittenPair, row: Row, file_format: str) -> Numbers:
    return [float(int(number)) for number in in_parts_of_the_image(1)(pair, row, file_format)]


def in_other_unit(pair: WrittenPair, row: Row, file_format: str) -> Numbers:
    """Return fractions in place of pixels, or in YOLO files pixels in place of fractions."""
    if file_format != "yolo":
        return in_parts_of_the_image(1)(pair, row, file_format)
    width, height = row.size
    a, b, c, d = row.box
    return [a * width, b * height, c * width, d * height]


def some_files(change: ChangeBox, share: float) -> ChangeRows:
    """Return a change of the boxes of some images only."""

    def spoil(pair: WrittenPair, rows: list[Row]) -> None:
        images = pair.some_images(share)
        side = "detections" if rows is pair.detections else "ground truth"
        for row in rows:
            if row.image in images:
                row.box = change(pair, row, pair.format_of(side))

    return spoil


def one_class(change: ChangeBox) -> ChangeRows:
    """Return a change of the boxes of the second class only."""

    def spoil(pair: WrittenPair, rows: list[Row]) -> None:
        for row in rows:
            if row.category == pair.class_names[1]:
                row.box = change(pair, row, pair.detections_format)

    return spoil


def each_image(change: Callable[[str], str]) -> ChangeRows:
    def spoil(pair: WrittenPair, rows: list[Row]) -> None:
        for row in rows:
            row.image = change(row.image)

    return spoil


def each_score(change: Callable[[float], float]) -> ChangeRows:
    def spoil(pair: WrittenPair, rows: list[Row]) -> None:
        for row in rows:
            row.score = change(row.score)

    return spoil


def drop_low_scores(pair: WrittenPair, rows: list[Row]) -> None:
    rows[:] = [row for row in rows if row.score >= 0.25]


def flag_half_as_crowds(pair: WrittenPair, rows: list[Row]) -> None:
    for row in rows:
        row.is_crowd = bool(pair.rng.random() < 0.5)


def name_files(pair: WrittenPair, rows: list[Row]) -> None:
    """Call detections by the names of the image files, whose ground truth has numbers as IDs."""
    pair.files = {image: f"street {int(image):05}.png" for image in pair.sizes}
    for row in rows:
        row.image = pair.files[row.image].removesuffix(".png")


def repeat_boxes(pair: WrittenPair, rows: list[Row]) -> None:
    """Add 150 low-scoring boxes of one class to some images."""
    for image in sorted(pair.some_images(0.05)):
        width, height = pair.sizes[image]
        for n in range(150):
            x, y = pair.rng.uniform(0, width / 2), pair.rng.uniform(0, height / 2)
            corners = (x, y, x + width / 3, y + height / 4 + n / 50)
            row = Row(image, pair.class_names[0], [], (width, height), 0.001 + n / 1e5)
            row.box = encoded(corners, row, pair.detections_format)
            rows.append(row)


def name_some_by_words(pair: WrittenPair, rows: list[Row]) -> None:
    """Rename the images of both sides: half are numbers with zeros, half are words."""
    names = {
        image: f"{n:06}" if n % 2 else f"frame_{n}x" for n, image in enumerate(list(pair.sizes))
    }
    pair.sizes = {names[image]: size for image, size in pair.sizes.items()}
    for row in (*pair.truth, *pair.detections):
        row.image = names[row.image]
    # Ultralytics writes int(stem) where the stem is a number.
    for row in rows:
        row.image = str(number_or_text(row.image))


def move_score(pair: WrittenPair, _: Path, detections: Path) -> None:
    """Move the score to the other end of the box in each line."""
    for file in detections.glob("*.txt"):
        lines = [line.split() for line in file.read_text().splitlines()]
        moved = [
            [w[0], w[5], *w[1:5]] if pair.detections_format == "yolo" else [w[0], *w[2:], w[1]]
            for w in lines
        ]
        file.write_text("".join(" ".join(words) + "\n" for words in moved))


def add_keypoints(pair: WrittenPair, truth: Path, _: Path) -> None:
    """Add two keypoints with visibilities to each label and say so in data.yaml."""
    with (truth / "data.yaml").open("a") as file:
        file.write("kpt_shape: [2, 3]\n")
    for path in (truth / "labels").rglob("*.txt"):
        lines = path.read_text().splitlines()
        path.write_text("".join(f"{line} 0.31 0.42 2 0.5 0.61 1\n" for line in lines))


def write_polygons(pair: WrittenPair, _: Path, detections: Path) -> None:
    _write_polygons(pair, detections, with_score=True)


def write_polygons_without_score(pair: WrittenPair, _: Path, detections: Path) -> None:
    _write_polygons(pair, detections, with_score=False)


def _write_polygons(pair: WrittenPair, folder: Path, *, with_score: bool) -> None:
    """Write the four corners of each box, as Ultralytics writes OBB results."""
    lines: dict[str, list[str]] = {}
    for row in pair.detections:
        x1, y1, x2, y2 = corners_of(row, "yolo")
        width, height = row.size
        left, top, right, bottom = x1 / width, y1 / height, x2 / width, y2 / height
        corners = [left, top, right, top, right, bottom, left, bottom]
        words = [class_number(pair, row), *corners, *([row.score] if with_score else [])]
        lines.setdefault(row.image, []).append(" ".join(map(str, words)) + "\n")
    for image, texts in lines.items():
        (folder / f"{image}.txt").write_text("".join(texts))


def remove_some_labels(pair: WrittenPair, truth: Path, _: Path) -> None:
    """Remove a third of the files of labels or annotations."""
    folder = {"yolo": "labels/val", "voc": "Annotations", "class text": "ground-truth"}
    for image in pair.some_images(0.33):
        [file] = (truth / folder[pair.truth_format]).glob(f"{image}.*")
        file.unlink()


def beside_images(pair: WrittenPair, truth: Path, _: Path) -> None:
    """Put labels beside the images, as Darknet has them."""
    for file in (truth / "labels" / "val").iterdir():
        shutil.move(file, truth / "images" / "val" / file.name)
    shutil.rmtree(truth / "labels")
