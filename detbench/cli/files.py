"""`detbench convert` and `detbench fetch`: convert files, and download public datasets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from detbench.cli.shared.app import Columns, Images, Split, app, fetch_app
from detbench.cli.shared.console import log


@app.command()
def convert(
    source: Annotated[
        Path,
        typer.Argument(
            help="Ground truth or detections in any supported format.", show_default=False
        ),
    ],
    target: Annotated[
        Path,
        typer.Argument(
            help="File or folder to write. Its name decides the format, unless --to is given.",
            show_default=False,
        ),
    ],
    ground_truth: Annotated[
        Path | None,
        typer.Option(
            help="Ground truth of the detections. Without it, SOURCE is read as ground truth.",
            show_default=False,
        ),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(help="Format to write: voc, coco, yolo or parquet.", show_default=False),
    ] = None,
    split: Split = None,
    images: Images = None,
    columns: Columns = None,
) -> None:
    """Convert ground truth or detections to another format."""
    from detbench.data.load import convert as convert_file

    convert_file(
        source,
        target,
        ground_truth=ground_truth,
        to=to,
        split=split,
        images=images,
        columns=columns or (),
    )
    log(f"wrote {target}")


@fetch_app.command("voc2007")
def fetch_voc2007_command(
    folder: Annotated[
        Path, typer.Argument(help="Folder in which VOCdevkit/VOC2007 is created.")
    ] = Path(),
    archives: Annotated[
        list[Path] | None,
        typer.Option(
            "--from",
            metavar="FILE",
            help="Use this archive instead of downloading it.",
            show_default=False,
        ),
    ] = None,
    trainval: Annotated[
        bool, typer.Option("--trainval", help="Also get the training and validation images.")
    ] = False,
) -> None:
    """Download PASCAL VOC 2007 from its official host, verify it, and unpack it.

    An interrupted download resumes. The result is ready for `detbench eval`.
    """
    from detbench.data.fetch import fetch_voc2007

    parts = ("test", "trainval") if trainval else ("test",)
    dataset = fetch_voc2007(folder, from_files=archives or (), parts=parts)
    log(f"dataset: {dataset}")
