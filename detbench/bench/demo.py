"""The demo's input: the shapes dataset and the results of three simulated detectors, as files of the ordinary formats."""

from __future__ import annotations

from pathlib import Path

SIMULATED = {"simulated-good": 0.9, "simulated-fair": 0.7, "simulated-poor": 0.5}
"""Name and quality of the demo's detectors."""
_PICTURES = {"train": 40, "val": 20, "test": 200}


def demo_files(folder: Path) -> tuple[Path, list[Path]]:
    """Make what is not there yet of `folder/shapes` and `folder/detections`, and return the devkit and one results folder per detector.

    Both are the same in every run, so those of an earlier run are used again.
    """
    from detbench.data.shapes import make_shapes, shapes_detections
    from detbench.data.voc import read_voc
    from detbench.data.voc_results import write_voc_results

    dataset = folder / "shapes" / "VOCdevkit" / "VOC2007"
    if not dataset.exists():
        make_shapes(folder / "shapes", **_PICTURES)
    truth = read_voc(dataset, split="test")
    results = [folder / "detections" / name for name in SIMULATED]
    for path, quality in zip(results, SIMULATED.values(), strict=True):
        if not path.exists():
            write_voc_results(shapes_detections(truth, quality), path, split="test")
    return dataset, results
