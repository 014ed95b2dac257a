"""`detbench convert` and `detbench fetch`: files into other formats, and public datasets onto this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from detbench.cli.shared.app import Images, Split, app, fetch_app
from detbench.cli.shared.talk import talk


@app.command()
def convert(
    source: Annotated[
        Path,
        typer.Argument(help="Ground truth or detections in any known format.", show_default=False),
    ],
    target: Annotated[
        Path,
        typer.Argument(
            help="What to write; the format follows from the name, or from --to.",
            show_default=False,
        ),
    ],
    ground_truth: Annotated[
        Path | None,
        typer.Option(
            help="The ground truth that the detections belong to; without it, SOURCE is ground truth.",
            show_default=False,
        ),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(help="Format to write: voc, coco, yolo or parquet.", show_default=False),
    ] = None,
    split: Split = None,
    images: Images = None,
) -> None:
    """Convert ground truth or detections into another format."""
    from detbench.data.load import convert as convert_file

    convert_file(source, target, ground_truth=ground_truth, to=to, split=split, images=images)
    talk(f"written: {target}")


@fetch_app.command("voc2007")
def fetch_voc2007_command(
    folder: Annotated[Path, typer.Argument(help="Where VOCdevkit/VOC2007 shall lie.")] = Path(),
    from_: Annotated[
        list[Path] | None,
        typer.Option(
            "--from", metavar="FILE", help="An archive already at hand.", show_default=False
        ),
    ] = None,
    trainval: Annotated[
        bool, typer.Option("--trainval", help="Get the training and validation images, too.")
    ] = False,
) -> None:
    """Get PASCAL VOC 2007 from its official host, checked and resumed, ready for `detbench eval`."""
    from detbench.data.fetch import fetch_voc2007

    dataset = fetch_voc2007(
        folder, from_files=from_ or (), parts=("test", "trainval") if trainval else ("test",)
    )
    talk(f"dataset: {dataset}")
