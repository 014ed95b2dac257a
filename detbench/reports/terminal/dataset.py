"""Dataset tables: what is in a dataset, for the terminal, with rich."""

from __future__ import annotations

import math
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from detbench.reports.dataset_frames import QUANTILES, SIZES, DatasetFrames
from detbench.reports.terminal.evaluation import ABSENT

_QUANTITIES = {
    "objects_per_image": "objects per image",
    "box_width": "box width",
    "box_height": "box height",
    "box_area": "box area",
    "box_share_of_image": "share of image",
    "box_aspect": "box width / height",
    "image_width": "image width",
    "image_height": "image height",
    "image_aspect": "image width / height",
}


def headline(document: dict[str, Any]) -> str:
    """Return in a line how much there is."""
    sizes = ", ".join(f"{document['sizes'][size]:,} {size}" for size in SIZES)
    extra = "".join(
        f", {document[kind]:,} {kind}" for kind in ("difficult", "crowd") if document[kind]
    )
    empty = (
        f", {document['images_without_objects']:,} without objects"
        if document["images_without_objects"]
        else ""
    )
    return f"{document['dataset']}: {document['images']:,} images{empty}; {document['objects']:,} objects ({sizes}{extra})"


def quantile_table(document: dict[str, Any]) -> Table:
    """Return the distribution of each quantity in a row."""
    table = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False)
    table.add_column("pixels, or a ratio")
    for heading in (*QUANTILES, "mean"):
        table.add_column(heading, justify="right")
    for key, words in _QUANTITIES.items():
        table.add_row(words, *(_number(document[key][name]) for name in (*QUANTILES, "mean")))
    return table


def class_table(frames: DatasetFrames) -> Table:
    """Return the classes, how many objects each has of which size, and in how many images."""
    table = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False)
    flags = [flag for flag in ("difficult", "crowd") if frames.classes[flag].any()]
    columns = ["objects", "images", *SIZES, *flags]
    table.add_column("class", overflow="fold")
    for column in (*columns, "median area"):
        table.add_column(column, justify="right")
    for row in frames.classes.to_dict(orient="records"):
        table.add_row(
            Text(row["class"]),
            *(f"{row[column]:,}" for column in columns),
            _number(row["median_area"]),
        )
    return table


def _number(value: float | None) -> str:
    if value is None or math.isnan(value):
        return ABSENT
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"
