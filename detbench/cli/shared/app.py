"""The application that all commands are registered with, and the options that several share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

INVALID = 3
"""Exit code if a result is invalid or a comparison is inconclusive."""
INTERRUPTED = 130
"""Exit code after Ctrl-C, as in shells."""
_MAX_THREADS = 1024
_MAX_BATCH = 65_536

app = typer.Typer(
    name="detbench",
    help="Compare object detectors by exact PASCAL VOC and COCO scores.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
fetch_app = typer.Typer(
    help="Download public datasets.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(fetch_app, name="fetch")
data_app = typer.Typer(help="Inspect datasets.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(data_app, name="data")

Difficult = Literal["ignore", "count", "drop"]
DatasetPath = Annotated[
    Path,
    typer.Argument(
        help="Ground truth: VOC, COCO, YOLO, .parquet, or another of `detbench data formats`.",
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
    typer.Option(help="Image folder, if the annotation file does not name it.", show_default=False),
]
Columns = Annotated[
    list[str] | None,
    typer.Option(
        "--columns",
        metavar="[SIDE:]ROLE=COLUMN,...",
        help="Columns of CSV files: image, class, score, xmin …, or x, y, w, h, by name or "
        "position; or all roles in order. SIDE is ground-truth or detections.",
        show_default=False,
    ),
]
OnlyPresent = Annotated[
    bool, typer.Option("--only-present", help="Use only the images whose files exist.")
]
AllowUnknown = Annotated[
    bool,
    typer.Option(
        "--allow-unknown",
        help="Drop detections of unknown images or classes, with a warning.",
    ),
]
Groups = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="CSV of image,group; images of a group, such as a video, are resampled together.",
        show_default=False,
    ),
]
AllowUnmapped = Annotated[
    bool,
    typer.Option(
        "--allow-unmapped",
        help="Accept classes that only the model or only the dataset has.",
    ),
]
AllowBroken = Annotated[
    bool,
    typer.Option("--allow-broken", help="Skip unreadable images; they have no detections."),
]
Batch = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=_MAX_BATCH,
        help="Images per batch. Default: the batch size of the model, else 1.",
        show_default=False,
    ),
]
Readers = Annotated[
    int,
    typer.Option(
        min=1, max=_MAX_THREADS, help="Number of threads that read and preprocess images."
    ),
]
NoCache = Annotated[
    bool, typer.Option("--no-cache", help="Do not read or write the cache of predictions.")
]
ProtocolName = Annotated[
    str | None,
    typer.Option(
        help="coco, voc2007 or voc2012. Default: the protocol of the dataset.", show_default=False
    ),
]
Names = Annotated[
    list[str] | None,
    typer.Option(
        help="Name of a detector; repeat in the order of the files. Default: file or folder name.",
        show_default=False,
    ),
]
DifficultRule = Annotated[
    Difficult | None,
    typer.Option(
        help="Ignore, count or drop difficult objects. Default: the rule of the protocol.",
        show_default=False,
    ),
]
StrictOverlap = Annotated[
    bool, typer.Option("--strict-overlap", help="Match if IoU > threshold instead of >=.")
]
NoPlusOne = Annotated[
    bool,
    typer.Option(
        "--no-plus-one",
        help="Compute VOC widths as xmax − xmin, without the + 1 of the devkit.",
    ),
]
MatlabRecalls = Annotated[
    bool,
    typer.Option(
        "--matlab-recalls",
        help="Sample VOC 2007's 11 recalls as MATLAB rounds them, not as NumPy does.",
    ),
]
IouThresholds = Annotated[
    str | None,
    typer.Option(
        metavar="T[,T...]",
        help="IoU thresholds. Default: those of the protocol.",
        show_default=False,
    ),
]
MaxDetections = Annotated[
    str | None,
    typer.Option(
        metavar="N[,N...]",
        help="Maximum number of detections per image and class. Default: that of the protocol.",
        show_default=False,
    ),
]
Threads = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=_MAX_THREADS,
        help="Number of threads for scoring. Default: all cores.",
        show_default=False,
    ),
]
NoIntervals = Annotated[
    bool,
    typer.Option(
        "--no-intervals", help="Do not compute 95% confidence intervals; they double the run time."
    ),
]
