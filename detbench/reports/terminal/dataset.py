"""Datasets: sizes, quantiles and classes of a dataset, as a heading and tables."""

from __future__ import annotations

import math
from typing import Any

from rich.table import Table
from rich.text import Text

from detbench.reports.dataset_frames import QUANTILES, SIZES, DatasetFrames
from detbench.reports.terminal.table import ABSENT, plain_table

_QUANTITIES = {
    "objects_per_image": "objects per image",
    "box_width": "box width",
    "box_height": "box height",
    "box_area": "box area",
    "box_share_of_image": "box area / image area",
    "box_aspect": "box width / height",
    "image_width": "image width",
    "image_height": "image height",
    "image_aspect": "image width / height",
}
"""Key of the statistics document → row of the table."""


def headline(document: dict[str, Any]) -> str:
    """Return the numbers of images and objects in one line."""
    empty = document["images_without_objects"]
    images = f"{document['images']:,} images"
    if empty:
        images += f", {empty:,} without objects"
    counts = [f"{document['sizes'][size]:,} {size}" for size in SIZES]
    counts += [f"{document[kind]:,} {kind}" for kind in ("difficult", "crowd") if document[kind]]
    return f"{document['dataset']}: {images}; {document['objects']:,} objects ({', '.join(counts)})"


def quantile_table(document: dict[str, Any]) -> Table:
    """Return quantiles and mean of each quantity, one per row."""
    columns = (*QUANTILES, "mean")
    table = plain_table("pixels or ratio", *columns)
    for key, quantity in _QUANTITIES.items():
        table.add_row(quantity, *(_short_number(document[key][column]) for column in columns))
    return table


def class_table(frames: DatasetFrames) -> Table:
    """Return the objects of each class by size, and the images that have any."""
    flags = [flag for flag in ("difficult", "crowd") if frames.classes[flag].any()]
    columns = ["objects", "images", *SIZES, *flags]
    table = plain_table("class", *columns, "median area")
    for row in frames.classes.to_dict(orient="records"):
        counts = (f"{row[column]:,}" for column in columns)
        table.add_row(Text(row["class"]), *counts, _short_number(row["median_area"]))
    return table


def _short_number(value: float | None) -> str:
    """Return a whole number as it is, any other with three significant digits."""
    if value is None or math.isnan(value):
        return ABSENT
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"
