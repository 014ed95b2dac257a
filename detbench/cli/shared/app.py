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
data_app = typer.Typer(help="Look at datasets.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(data_app, name="data")

Difficult = Literal["ignore", "count", "drop"]
DatasetPath = Annotated[
    Path,
    typer.Argument(
        help="VOC devkit folder or tar, COCO annotations .json, YOLO data.yaml, or our .parquet.",
        show_default=False,
    ),
]
Split = Annotated[
    str | None,
    typer.Option(
        help="Image set of a VOC or YOLO dataset. Default: test for VOC, val for YOLO.",
        show_default=False,
    ),
]
Images = Annotated[
    Path | None,
    typer.Option(
        help="Folder of the pictures, where the annotation file does not say.", show_default=False
    ),
]
OnlyPresent = Annotated[
    bool, typer.Option("--only-present", help="Use only the images whose picture is there.")
]
AllowUnknown = Annotated[
    bool,
    typer.Option(
        "--allow-unknown",
        help="Drop detections on unknown images or of unknown classes, with a warning.",
    ),
]
Groups = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="CSV of image,group: images of one group, such as a video, are drawn together.",
        show_default=False,
    ),
]
AllowUnmapped = Annotated[
    bool,
    typer.Option(
        "--allow-unmapped",
        help="Allow classes of model or dataset that have no partner in the other.",
    ),
]
AllowBroken = Annotated[
    bool,
    typer.Option(
        "--allow-broken", help="Go on over pictures that cannot be read; they have no detections."
    ),
]
Batch = Annotated[
    int | None,
    typer.Option(
        min=1, help="Pictures per batch. Default: the model's own, else 1.", show_default=False
    ),
]
Readers = Annotated[int, typer.Option(min=1, help="Threads that read and prepare pictures.")]
NoCache = Annotated[
    bool, typer.Option("--no-cache", help="Run every picture, and keep nothing for a later run.")
]
ProtocolName = Annotated[
    str | None,
    typer.Option(help="coco, voc2007 or voc2012. Default: the dataset's own.", show_default=False),
]
Names = Annotated[
    list[str] | None,
    typer.Option(
        help="Name of a detector, in the order of the files. Default: file or folder name.",
        show_default=False,
    ),
]
DifficultRule = Annotated[
    Difficult | None,
    typer.Option(
        help="What difficult objects do. Default: the protocol's rule.", show_default=False
    ),
]
StrictOverlap = Annotated[
    bool, typer.Option("--strict-overlap", help="A match needs IoU > threshold instead of >=.")
]
NoPlusOne = Annotated[
    bool,
    typer.Option(
        "--no-plus-one",
        help="Measure VOC boxes as xmax − xmin, one pixel too small (the common slip).",
    ),
]
IouThresholds = Annotated[
    str | None,
    typer.Option(
        metavar="T[,T...]", help="IoU thresholds instead of the protocol's.", show_default=False
    ),
]
MaxDetections = Annotated[
    str | None,
    typer.Option(
        metavar="N[,N...]",
        help="Detections per image and class instead of the protocol's.",
        show_default=False,
    ),
]
Threads = Annotated[
    int | None, typer.Option(min=1, help="Threads for scoring. Default: all.", show_default=False)
]
NoIntervals = Annotated[
    bool,
    typer.Option(
        "--no-intervals", help="Leave out the 95 % intervals, which take as long as the rest."
    ),
]
