"""The demo's input: the shapes dataset, and the shipped models that can run here."""

from __future__ import annotations

from pathlib import Path

_IMAGES_PER_SPLIT = {"train": 40, "val": 20, "test": 200}


def demo_dataset(folder: Path) -> Path:
    """Return the devkit of the shapes dataset, which is generated in `folder/shapes` if missing.

    It is the same in every run.
    """
    from detbench.data.shapes import make_shapes

    dataset = folder / "shapes" / "VOCdevkit" / "VOC2007"
    return dataset if dataset.exists() else make_shapes(folder / "shapes", **_IMAGES_PER_SPLIT)


def demo_models() -> tuple[dict[str, str], dict[str, str]]:
    """Return the specs of the shipped models that can run, and how to install the others.

    Both are by name of the model; the second has the command that installs what is missing.
    """
    from detbench.adapters.catalogue import ADAPTERS, parse_spec
    from detbench.adapters.shipped import SPECS

    missing = {
        name: adapter.install
        for name, spec in SPECS.items()
        if not (adapter := ADAPTERS[parse_spec(spec).name]).installed
    }
    return {name: spec for name, spec in SPECS.items() if name not in missing}, missing
