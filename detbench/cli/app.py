"""The application: what all commands hang on, and the options they share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""

app = typer.Typer(
    name="detbench",
    help="Compare object detectors: exact VOC and COCO scores, faster than every peer.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
fetch_app = typer.Typer(help="Get public datasets.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(fetch_app, name="fetch")

Difficult = Literal["ignore", "count", "drop"]
DatasetPath = Annotated[
    Path, typer.Argument(help="VOC devkit folder or tar, COCO annotations .json, YOLO data.yaml, or our .parquet.", show_default=False)
]
Split = Annotated[
    str | None, typer.Option(help="Image set of a VOC or YOLO dataset. Default: test for VOC, val for YOLO.", show_default=False)
]
Images = Annotated[Path | None, typer.Option(help="Folder of the pictures, where the annotation file does not say.", show_default=False)]
OnlyPresent = Annotated[bool, typer.Option("--only-present", help="Use only the images whose picture is there.")]
AllowUnknown = Annotated[
    bool, typer.Option("--allow-unknown", help="Drop detections on unknown images or of unknown classes, with a warning.")
]
