import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("detbench", deadline=None)
settings.load_profile("detbench")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real datasets and results: $DETBENCH_DATA, else ../shared/data beside the checkout; skips where there is none."""
    folder = Path(os.environ.get("DETBENCH_DATA") or Path(__file__).parents[2] / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no real data: {folder} does not exist; set DETBENCH_DATA to its folder")
    return folder


def heeding_ctrl_c(command: Sequence[object]) -> list[str]:
    """The command, started so that it hears SIGINT even where the tests run as a shell's background job, which ignores it."""
    start = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])"
    return [sys.executable, "-c", start, *map(str, command)]


@dataclass(frozen=True)
class Outcome:
    """What a command left: its exit code and what it wrote."""

    code: int
    out: str
    err: str


@pytest.fixture
def command(monkeypatch, capfd) -> Callable[..., Outcome]:
    """Run `detbench ARGUMENTS` in this process."""
    from detbench.cli import main

    def run(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["detbench", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        return Outcome(int(ended.value.code or 0), *capfd.readouterr())

    return run


@dataclass(frozen=True)
class Files:
    """One small dataset and one detector's results on it, in every format."""

    folder: Path

    def truth(self, format_name: str) -> Path:
        return (
            self.folder
            / {
                "voc": "VOCdevkit/VOC2007",
                "coco": "truth.json",
                "yolo": "yolo",
                "parquet": "truth.parquet",
            }[format_name]
        )

    def found(self, format_name: str) -> Path:
        return (
            self.folder
            / {"voc": "comp4", "coco": "found.json", "yolo": "labels", "parquet": "found.parquet"}[
                format_name
            ]
        )


@pytest.fixture(scope="session")
def files(tmp_path_factory) -> Files:
    """Eight pictures of the shapes dataset (and three of its split `val`) with simulated detections; tests only read them."""
    from detbench.data.load import load_ground_truth, save_detections, save_ground_truth
    from detbench.data.shapes import make_shapes, shapes_detections
    from detbench.errors import DetbenchWarning

    made = Files(tmp_path_factory.mktemp("files") / "shapes")
    make_shapes(made.folder, train=0, val=3, test=8)
    truth = load_ground_truth(made.truth("voc"), split="test")
    found = shapes_detections(truth, 0.7)
    for name in ("coco", "parquet"):
        save_ground_truth(truth, made.truth(name), name)
    with pytest.warns(DetbenchWarning, match="difficult or crowd objects become ordinary ones"):
        save_ground_truth(truth, made.truth("yolo"), "yolo")
    for name in ("voc", "coco", "yolo", "parquet"):
        save_detections(found, truth, made.found(name), name)
    return made
