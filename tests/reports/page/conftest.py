"""Run folders of three detectors, and their page."""

import pytest

from detbench.bench.runs import read_run
from detbench.reports.frames import frames
from detbench.reports.page.page import write_page
from tests.reports.page.sample_pages import read, shapes_runs


@pytest.fixture(scope="session")
def runs(tmp_path_factory):
    """Run folders of three simulated detectors on the shapes dataset, under the COCO protocol."""
    return shapes_runs(tmp_path_factory.mktemp("page"))


@pytest.fixture(scope="session")
def page_file(runs, tmp_path_factory):
    """The page of these runs."""
    return write_page(
        tmp_path_factory.mktemp("report") / "report.html",
        frames([read_run(run) for run in runs]),
        command="detbench report x",
    )


@pytest.fixture(scope="session")
def page(page_file):
    """The page of these runs as elements."""
    return read(page_file.read_text())
