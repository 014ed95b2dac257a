"""`detbench data`: statistics of a dataset, and the formats that are read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from detbench.cli.shared.app import Columns, DatasetPath, Images, OnlyPresent, Split, data_app
from detbench.cli.shared.console import log, show, status
from detbench.cli.shared.json_output import JsonTarget, json_files, save_json, show_results
from detbench.cli.shared.loading import load_dataset, present_positions
from detbench.cli.shared.output_paths import check_output_paths


@data_app.callback()
def _data() -> None:
    """Look at datasets."""


@data_app.command()
def stats(
    dataset: DatasetPath,
    split: Split = None,
    images: Images = None,
    columns: Columns = None,
    only_present: OnlyPresent = False,
    plots: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Plot classes, objects per image, box areas and box shapes.",
            show_default=False,
        ),
    ] = None,
    dark: Annotated[bool, typer.Option("--dark", help="Plot on a dark background.")] = False,
    json: JsonTarget = None,
) -> None:
    """Count the objects of a dataset by class, image, size and shape."""
    from detbench.data.load import columns_of_inputs
    from detbench.reports.dataset_frames import DatasetFrames
    from detbench.reports.terminal.dataset import class_table, headline, quantile_table

    check_output_paths(json_files(json), [plots] if plots else [], [dataset])
    (stated,) = columns_of_inputs(columns or (), [dataset])
    ground_truth = load_dataset(dataset, split=split, images=images, columns=stated)
    if only_present:
        ground_truth = ground_truth.select_images(present_positions(ground_truth))
    frames = DatasetFrames(ground_truth)
    document = frames.as_dict()
    save_json(json, document, "statistics")
    if plots:
        from detbench.reports.plots.dataset import save_dataset_plots

        with status("drawing"):
            files = save_dataset_plots(frames, plots, theme="dark" if dark else "light")
        log(f"plots: {len(files)} files in {plots}")
    show_results(
        json,
        document,
        lambda: [headline(document), quantile_table(document), class_table(frames)],
    )


@data_app.command()
def formats() -> None:
    """List the file formats that are read, and those that `convert` writes."""
    from detbench.reports.terminal.formats import format_table

    show(format_table())
