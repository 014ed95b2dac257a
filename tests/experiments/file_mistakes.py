"""File mistakes: a second family, planted in rows and files of every format.

Each is what a converter, an exporter or a loader does wrong. The doctor must name it, or `detbench
eval` must read the files right all the same.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.doctor.written_pairs import WrittenPair
from tests.experiments.row_changes import (
    ChangeRows,
    EditFiles,
    add_keypoints,
    as_sizes,
    beside_images,
    collapse,
    drop_low_scores,
    each_box,
    each_image,
    each_score,
    exchange_top_and_bottom,
    exchange_x_and_y,
    flag_half_as_crowds,
    horizontal_then_vertical,
    in_other_unit,
    in_parts_of_the_image,
    measure_from_the_bottom,
    move_score,
    name_files,
    name_some_by_words,
    one_class,
    remove_some_labels,
    repeat_boxes,
    some_files,
    write_polygons,
    write_polygons_without_score,
)

FormatPair = tuple[str, str]

EVERY_FORMAT = (
    ("coco", "coco"),
    ("voc", "voc"),
    ("yolo", "yolo"),
    ("parquet", "parquet"),
    ("class text", "class text"),
    ("csv", "csv"),
    ("kitti", "kitti"),
    ("bdd100k", "bdd100k"),
)
IN_PIXELS = tuple(pair for pair in EVERY_FORMAT if pair[1] != "yolo")
OF_CORNERS = tuple(pair for pair in IN_PIXELS if pair[1] != "coco")
IN_TEXT = (("voc", "voc"), ("yolo", "yolo"), ("class text", "class text"))
WITH_OWN_IDS = tuple(pair for pair in EVERY_FORMAT if pair[1] != "parquet")
"""Parquet of detbench has only images of its ground truth."""
TRUTH_IN_PIXELS = (
    ("coco", "coco"),
    ("voc", "voc"),
    ("class text", "class text"),
    ("csv", "csv"),
    ("kitti", "kitti"),
    ("cvat", "coco"),
    ("labelme", "coco"),
)
TRUTH_OF_CORNERS = TRUTH_IN_PIXELS[1:-1]
"""LabelMe has two corners in any order."""


@dataclass(frozen=True)
class FileMistake:
    """One mistake of the second family."""

    name: str
    ids: tuple[str, ...]
    """Findings of which one must name it."""
    formats: tuple[FormatPair, ...]
    """Formats of ground truth and detections in which it can be made."""
    rows: ChangeRows | None = None
    """Spoils the rows of one side before they are written."""
    side: str = "detections"
    files: EditFiles | None = None
    """Spoils the files: takes the pair and both paths."""
    fixable: bool = True
    """Whether the right boxes are still there, so that a fix can restore the score."""

    def plant(self, pair: WrittenPair) -> None:
        if self.rows is not None:
            self.rows(pair, pair.sides[self.side])


MIXED = ("box-format-mixed", "box-normalized")
IDS = ("image-ids-shifted", "image-ids-unknown")
FILE_MISTAKES = (
    FileMistake(
        "top and bottom exchanged",
        ("box-y-flipped", "negative-size"),
        OF_CORNERS,
        each_box(exchange_top_and_bottom),
    ),
    FileMistake(
        "top and bottom exchanged in the ground truth",
        ("box-y-flipped", "negative-size"),
        TRUTH_OF_CORNERS,
        each_box(exchange_top_and_bottom),
        side="ground truth",
    ),
    FileMistake(
        "y from the bottom",
        ("box-y-flipped",),
        EVERY_FORMAT,
        each_box(measure_from_the_bottom),
    ),
    FileMistake("percent", ("box-normalized",), EVERY_FORMAT, each_box(in_parts_of_the_image(100))),
    FileMistake(
        "percent in the ground truth",
        ("box-normalized",),
        (*TRUTH_IN_PIXELS, ("yolo", "yolo")),
        each_box(in_parts_of_the_image(100)),
        side="ground truth",
    ),
    FileMistake(
        "thousandths", ("box-normalized",), EVERY_FORMAT, each_box(in_parts_of_the_image(1000))
    ),
    FileMistake("some files in another unit", MIXED, EVERY_FORMAT, some_files(in_other_unit, 0.3)),
    FileMistake(
        "some files of the ground truth in another unit",
        MIXED,
        (*TRUTH_IN_PIXELS, ("yolo", "yolo")),
        some_files(in_other_unit, 0.3),
        side="ground truth",
    ),
    FileMistake("one class in another unit", MIXED, EVERY_FORMAT, one_class(in_other_unit)),
    FileMistake(
        "x and y exchanged in one class",
        ("box-format-mixed",),
        EVERY_FORMAT,
        one_class(exchange_x_and_y),
    ),
    FileMistake(
        "left and right, then top and bottom",
        ("box-format-xxyy",),
        OF_CORNERS,
        each_box(horizontal_then_vertical),
    ),
    FileMistake(
        "width and height for corners", ("box-format-xyxy",), OF_CORNERS, each_box(as_sizes)
    ),
    FileMistake(
        "width and height for corners in the ground truth",
        ("box-format-xyxy",),
        TRUTH_OF_CORNERS,
        each_box(as_sizes),
        side="ground truth",
    ),
    FileMistake(
        "boxes collapse",
        ("boxes-collapsed", "zero-area"),
        EVERY_FORMAT,
        each_box(collapse),
        fixable=False,
    ),
    FileMistake("score at the other end", ("score-column",), IN_TEXT, files=move_score),
    FileMistake(
        "IDs plus 123,457", IDS, WITH_OWN_IDS, each_image(lambda image: str(int(image) + 123_457))
    ),
    FileMistake("IDs padded with zeros", IDS, WITH_OWN_IDS, each_image(lambda i: i.zfill(12))),
    FileMistake("IDs with a prefix", IDS, WITH_OWN_IDS, each_image(lambda i: f"img_{i}")),
    FileMistake("IDs with a suffix", IDS, WITH_OWN_IDS, each_image(lambda i: f"{i}_rgb")),
    FileMistake(
        "IDs with an extension",
        IDS,
        (("coco", "coco"), ("voc", "voc"), ("yolo", "coco")),
        each_image(lambda image: f"{image}.jpg"),
    ),
    FileMistake(
        "IDs with folders",
        IDS,
        (("coco", "coco"), ("voc", "voc"), ("yolo", "coco"), ("csv", "csv")),
        each_image(lambda image: f"data/val/{image}.png"),
    ),
    FileMistake(
        "IDs with folders of Windows",
        IDS,
        (("coco", "coco"), ("voc", "voc"), ("yolo", "coco"), ("csv", "csv")),
        each_image(lambda image: rf"C:\data\val\{image}.png"),
    ),
    FileMistake("names for numbers", IDS, (("coco", "coco"), ("coco", "yolo")), name_files),
    FileMistake(
        "Ultralytics IDs of mixed names",
        IDS,
        (("yolo", "coco"), ("voc", "coco")),
        name_some_by_words,
    ),
    FileMistake("keypoint labels", (), (("yolo", "yolo"), ("yolo", "coco")), files=add_keypoints),
    FileMistake("labels beside the images", (), (("yolo", "yolo"),), files=beside_images),
    FileMistake("polygons with a score", (), (("yolo", "yolo"),), files=write_polygons),
    FileMistake(
        "polygons whose score is cut off",
        ("not-a-number",),
        (("yolo", "yolo"),),
        files=write_polygons_without_score,
        fixable=False,
    ),
    FileMistake(
        "half of the objects crowds",
        ("many-crowds",),
        (("coco", "coco"), ("parquet", "parquet")),
        flag_half_as_crowds,
        side="ground truth",
        fixable=False,
    ),
    FileMistake(
        "some label files missing",
        ("labels-missing",),
        (("yolo", "yolo"), ("voc", "voc"), ("class text", "class text")),
        files=remove_some_labels,
        fixable=False,
    ),
    FileMistake(
        "scores of eleven steps",
        ("score-ties", "score-range"),
        EVERY_FORMAT,
        each_score(lambda score: float(round(10 * score))),
        fixable=False,
    ),
    FileMistake(
        "threshold of .25",
        ("scores-thresholded",),
        EVERY_FORMAT,
        drop_low_scores,
        fixable=False,
    ),
    FileMistake(
        "more boxes than are scored",
        ("too-many-detections",),
        EVERY_FORMAT,
        repeat_boxes,
        fixable=False,
    ),
)
"""The findings that name a mistake are empty if `detbench eval` must read the files right."""
