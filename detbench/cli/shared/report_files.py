"""Report files: the page, and the plots and tables that a command writes beside it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detbench.cli.shared.console import log, show, status

if TYPE_CHECKING:
    from detbench.bench.runs import Run
    from detbench.reports.frames import Frames

PlotsFolder = Annotated[
    Path | None,
    typer.Option("--plots", metavar="DIR", help="Write plots as PNG files.", show_default=False),
]
CsvFolder = Annotated[
    Path | None,
    typer.Option("--csv", metavar="DIR", help="Write every table as CSV.", show_default=False),
]
MarkdownFile = Annotated[
    Path | None,
    typer.Option(
        "--markdown",
        metavar="FILE",
        help="Write summary and classes as Markdown.",
        show_default=False,
    ),
]
LatexFile = Annotated[
    Path | None,
    typer.Option(
        "--latex",
        metavar="FILE",
        help="Write summary and classes as LaTeX.",
        show_default=False,
    ),
]
ExampleImages = Annotated[
    int,
    typer.Option(
        "--example-images",
        metavar="N",
        min=0,
        help="Maximum number of example images on the page.",
    ),
]
EXAMPLE_IMAGES = 60


@dataclass(frozen=True)
class ReportFiles:
    """Where a page, its plots and its tables are written."""

    page: Path
    plots: Path | None = None
    """Folder of PNG files."""
    csv: Path | None = None
    """Folder of CSV files."""
    markdown: Path | None = None
    latex: Path | None = None

    @property
    def files(self) -> list[Path]:
        """The files among the targets."""
        return [file for file in (self.page, self.markdown, self.latex) if file]

    @property
    def folders(self) -> list[Path]:
        """The folders among the targets."""
        return [folder for folder in (self.csv, self.plots) if folder]

    def write(self, frames: Frames, *, command: str, example_images: int) -> None:
        """Print the latency table, write everything, and print on stderr where it is.

        Args:
            frames: the tables of all runs.
            command: command line that rebuilds the page; printed at its end.
            example_images: maximum number on the page.
        """
        from detbench.reports.page.page import write_page

        _show_latency(frames)
        with status("building the page"):
            write_page(self.page, frames, command=command, gallery_size=example_images)
        self._write_plots(frames)
        self._write_tables(frames)
        log(f"report: {self.page}")

    def _write_plots(self, frames: Frames) -> None:
        if not self.plots:
            return
        from detbench.reports.plots.detector_plots import save_plots

        evaluations = [scored.evaluation for scored in frames.detectors]
        with status("drawing"):
            files = save_plots(evaluations, self.plots, tables=frames)
        log(f"plots: {len(files)} files in {self.plots}")

    def _write_tables(self, frames: Frames) -> None:
        from detbench.data.files import atomic_path
        from detbench.reports import writers

        for path, text_of in ((self.markdown, writers.markdown), (self.latex, writers.latex)):
            if path:
                with atomic_path(path) as temporary:
                    temporary.write_text(text_of(frames), encoding="utf-8")
                log(f"table: {path}")
        if self.csv:
            log(f"tables: {len(writers.save_csv(frames, self.csv))} files in {self.csv}")


def _show_latency(frames: Frames) -> None:
    from detbench.reports.terminal.latency import CAPTION, latency_table

    runs = [scored.run for scored in frames.detectors if scored.run]
    results = [result for run in runs for result in run.latency]
    if results:
        show(latency_table(results), CAPTION)


def rebuild_command(runs: Sequence[Run], page: Path) -> str:
    """Return the command line that rebuilds a page from its run folders."""
    return shlex.join(["detbench", "report", *(str(run.folder) for run in runs), "-o", str(page)])
