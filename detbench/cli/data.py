"""`detbench data`: what is in a dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from detbench.cli.shared.app import DatasetPath, Images, OnlyPresent, Split, data_app
from detbench.cli.shared.steps import check_targets, load_dataset, present_positions
from detbench.cli.shared.talk import show, show_json, status, talk


@data_app.callback()
def _data() -> None:
    """Look at datasets."""


@data_app.command()
def stats(
    dataset: DatasetPath,
    split: Split = None,
    images: Images = None,
    only_present: OnlyPresent = False,
    plots: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Draw classes, objects per image, areas and shapes.",
            show_default=False,
        ),
    ] = None,
    dark: Annotated[bool, typer.Option("--dark", help="Draw on dark paper.")] = False,
    json: Annotated[
        str | None,
        typer.Option(
            metavar="PATH|-",
            help="Write the statistics as JSON; - prints them and nothing else.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Count the objects of a dataset: by class, by image, by size and by shape."""
    from detbench.bench.runs import write_json
    from detbench.reports.dataset_frames import DatasetFrames
    from detbench.reports.terminal.dataset import class_table, headline, quantile_table

    file = None if json in (None, "-") else Path(json)
    check_targets([file] if file else [], [plots] if plots else [], [dataset])
    truth = load_dataset(dataset, split=split, images=images)
    frames = DatasetFrames(truth.select_images(present_positions(truth)) if only_present else truth)
    document = frames.as_dict()
    if file:
        write_json(file, document)
        talk(f"statistics: {file}")
    if plots:
        from detbench.reports.plots.dataset import save_dataset_plots

        with status("drawing"):
            drawn = save_dataset_plots(frames, plots, theme="dark" if dark else "light")
        talk(f"plots: {len(drawn)} files in {plots}")
    if json == "-":
        show_json(document)
    else:
        show(headline(document), quantile_table(document), class_table(frames))
