"""Fixtures and settings that tests of several rooms share."""

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples in every run, so that CI fails on a change and not by chance. A developer who
# wants new examples runs `pytest --hypothesis-profile=random`.
settings.register_profile("fixed", deadline=None, derandomize=True)
settings.register_profile("random", deadline=None)
settings.load_profile("fixed")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real data, $DETBENCH_DATA or ../shared/data; skip without it."""
    default = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("DETBENCH_DATA") or default)
    if not folder.is_dir():
        pytest.skip(f"no real data: {folder} does not exist; set DETBENCH_DATA to its folder")
    return folder


@pytest.fixture(scope="session", autouse=True)
def cache_folder(tmp_path_factory):
    """Keep predictions and the machine's best speed out of the user's cache folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DETBENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def with_sigint_enabled(command: Sequence[object]) -> list[str]:
    """Return a command that receives SIGINT even if the tests run as a background job of a shell.

    A shell starts its background jobs with SIGINT ignored, and child processes inherit that.
    """
    start = (
        "import os, signal, sys; "
        "signal.signal(signal.SIGINT, signal.SIG_DFL); "
        "os.execv(sys.argv[1], sys.argv[1:])"
    )
    return [sys.executable, "-c", start, *map(str, command)]


@pytest.fixture
def machine_at_full_speed(monkeypatch):
    """No turn of a latency measurement is set aside or disturbed, whatever this machine does."""
    monkeypatch.setattr("detbench.bench.latency.assembly.disturbance", lambda *_, **__: None)
    monkeypatch.setattr(
        "detbench.bench.latency.speed_judge.SpeedJudge.is_slow", lambda *_, **__: False
    )


@dataclass(frozen=True)
class Outcome:
    """The exit code and the output of a command."""

    code: int
    out: str
    err: str


@pytest.fixture
def command(monkeypatch, capfd) -> Callable[..., Outcome]:
    """Return a function that runs `detbench ARGUMENTS` in this process."""
    from detbench.cli import main

    def run(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["detbench", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        return Outcome(int(ended.value.code or 0), *capfd.readouterr())

    return run


_GROUND_TRUTH_FILES = {
    "voc": "VOCdevkit/VOC2007",
    "coco": "annotations.json",
    "yolo": "yolo",
    "parquet": "ground_truth.parquet",
}
_DETECTION_FILES = {
    "voc": "comp4",
    "coco": "detections.json",
    "yolo": "labels",
    "parquet": "detections.parquet",
}


@dataclass(frozen=True)
class Files:
    """One small dataset and the results of one detector on it, in every format."""

    folder: Path

    def ground_truth(self, format_name: str) -> Path:
        return self.folder / _GROUND_TRUTH_FILES[format_name]

    def detections(self, format_name: str) -> Path:
        return self.folder / _DETECTION_FILES[format_name]


@pytest.fixture(scope="session")
def files(tmp_path_factory) -> Files:
    """Eight images of the shapes dataset (three more in `val`) and simulated detections.

    Tests only read them.
    """
    from detbench.data.load import load_ground_truth, save_detections, save_ground_truth
    from detbench.data.shapes import make_shapes
    from detbench.errors import DetbenchWarning
    from tests.data.simulated_detections import simulated_detections

    files = Files(tmp_path_factory.mktemp("files") / "shapes")
    make_shapes(files.folder, train=0, val=3, test=8)
    ground_truth = load_ground_truth(files.ground_truth("voc"), split="test")
    detections = simulated_detections(ground_truth, 0.7)
    for name in ("coco", "parquet"):
        save_ground_truth(ground_truth, files.ground_truth(name), name)
    with pytest.warns(DetbenchWarning, match="difficult or crowd objects? written as ordinary"):
        save_ground_truth(ground_truth, files.ground_truth("yolo"), "yolo")
    for name in ("voc", "coco", "yolo", "parquet"):
        save_detections(detections, ground_truth, files.detections(name), name)
    return files
