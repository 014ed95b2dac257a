import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real datasets and results: $DETBENCH_DATA, else ../shared/data beside the checkout; skips where there is none."""
    folder = Path(os.environ.get("DETBENCH_DATA") or Path(__file__).parents[2] / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no real data: {folder} does not exist; set DETBENCH_DATA to its folder")
    return folder
