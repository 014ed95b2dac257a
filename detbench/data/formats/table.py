"""The formats of ground truth and of detections: what each is recognised by, what reads it and what writes it.

The two tables at the end are the one place a format is added to; loading, saving and converting go by them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from detbench.data.detections import Detections
from detbench.data.ground_truth import GroundTruth
from detbench.errors import InputError


@dataclass(frozen=True)
class GroundTruthFormat:
    """A format of ground truth; `split` and `images` are None where the user does not say."""

    looks_like: str
    suffix: str
    """How the name of a file to be written ends; empty for a folder."""
    recognizes: Callable[[Path], bool]
    read: Callable[[Path, str | None, Path | None], GroundTruth]
    write: Callable[[GroundTruth, Path, str | None], None]


@dataclass(frozen=True)
class DetectionsFormat:
    """A format of detections, which are always those for a ground truth."""

    looks_like: str
    suffix: str
    recognizes: Callable[[Path, GroundTruth], bool]
    read: Callable[[Path, GroundTruth, bool], Detections]
    """path, ground truth, allow_unknown"""
    write: Callable[[Detections, Path, GroundTruth], None]


def _is_voc(path: Path) -> bool:
    from detbench.data.formats.voc.devkit import is_devkit

    return is_devkit(path)


def _read_voc(path: Path, split: str | None, images: Path | None) -> GroundTruth:
    from detbench.data.formats.voc.annotations import read_voc

    return read_voc(path, split=split, images=images)


def _write_voc(ground_truth: GroundTruth, path: Path, split: str | None) -> None:
    from detbench.data.formats.voc.writer import write_voc

    write_voc(ground_truth, path, split=split or "test")


def _is_coco(path: Path) -> bool:
    return path.suffix.lower() == ".json"


def _read_coco(path: Path, split: str | None, images: Path | None) -> GroundTruth:
    from detbench.data.formats.coco.annotations import read_coco

    _refuse_split(path, split)
    return read_coco(path, images=images)


def _write_coco(ground_truth: GroundTruth, path: Path, split: str | None) -> None:  # noqa: ARG001
    from detbench.data.formats.coco.annotations import write_coco

    write_coco(ground_truth, path)


def data_yaml(path: Path) -> Path:
    """Return the yaml of a YOLO dataset that is named by it or by its folder."""
    return path / "data.yaml" if path.is_dir() else path


def _is_yolo(path: Path) -> bool:
    return data_yaml(path).suffix.lower() in (".yaml", ".yml") and data_yaml(path).is_file()


def _read_yolo(path: Path, split: str | None, images: Path | None) -> GroundTruth:
    from detbench.data.formats.yolo.dataset import read_yolo

    return read_yolo(data_yaml(path), split=split, images=images)


def _write_yolo(ground_truth: GroundTruth, path: Path, split: str | None) -> None:
    from detbench.data.formats.yolo.dataset import write_yolo

    write_yolo(ground_truth, path, split=split or "val")


def _in_run(path: Path, name: str) -> Path:
    """Return the named file of a run folder, or the path itself where it is a file."""
    return path / name if path.is_dir() else path


def _is_parquet_in(path: Path, name: str) -> bool:
    file = _in_run(path, name)
    return file.suffix.lower() == ".parquet" and file.is_file()


def _read_parquet(path: Path, split: str | None, images: Path | None) -> GroundTruth:
    from detbench.data.formats.parquet.tables import read_parquet_ground_truth

    _refuse_split(path, split)
    ground_truth = read_parquet_ground_truth(_in_run(path, "ground_truth.parquet"))
    return replace(ground_truth, image_folder=images) if images else ground_truth


def _write_parquet(ground_truth: GroundTruth, path: Path, split: str | None) -> None:  # noqa: ARG001
    from detbench.data.formats.parquet.tables import write_parquet_ground_truth

    write_parquet_ground_truth(ground_truth, path)


def _refuse_split(path: Path, split: str | None) -> None:
    if split is not None:
        raise InputError(
            path,
            f"has no splits to choose {split!r} from",
            fix="leave --split out, or name the file of that split",
        )


def _is_voc_results(path: Path, ground_truth: GroundTruth) -> bool:
    """Tell by the devkit's own file names, else by class names; a name like `red_car.txt` may also be that of an image."""
    from detbench.data.formats.voc.results import is_voc_results

    if not path.is_dir() or any(path.glob("comp*_det_*.txt")):
        return path.is_dir()
    return is_voc_results(path, ground_truth) and not _is_yolo_results(path, ground_truth)


def _read_voc_results(path: Path, ground_truth: GroundTruth, allow_unknown: bool) -> Detections:
    from detbench.data.formats.voc.results import read_voc_results

    return read_voc_results(path, ground_truth, allow_unknown=allow_unknown)


def _write_voc_results(detections: Detections, path: Path, ground_truth: GroundTruth) -> None:  # noqa: ARG001
    from detbench.data.formats.voc.results import write_voc_results

    write_voc_results(detections, path)


def _is_coco_results(path: Path, ground_truth: GroundTruth) -> bool:  # noqa: ARG001
    return _is_coco(path)


def _read_coco_results(path: Path, ground_truth: GroundTruth, allow_unknown: bool) -> Detections:
    from detbench.data.formats.coco.results import read_coco_results

    return read_coco_results(path, ground_truth, allow_unknown=allow_unknown)


def _write_coco_results(detections: Detections, path: Path, ground_truth: GroundTruth) -> None:
    from detbench.data.formats.coco.results import write_coco_results

    write_coco_results(detections, ground_truth, path)


def _is_yolo_results(path: Path, ground_truth: GroundTruth) -> bool:
    from detbench.data.formats.yolo.results import is_yolo_results

    return path.is_dir() and is_yolo_results(path, ground_truth)


def _read_yolo_results(path: Path, ground_truth: GroundTruth, allow_unknown: bool) -> Detections:
    from detbench.data.formats.yolo.results import read_yolo_results

    return read_yolo_results(path, ground_truth, allow_unknown=allow_unknown)


def _write_yolo_results(detections: Detections, path: Path, ground_truth: GroundTruth) -> None:
    from detbench.data.formats.yolo.results import write_yolo_results

    write_yolo_results(detections, path, ground_truth)


def _is_parquet_detections(path: Path, ground_truth: GroundTruth) -> bool:  # noqa: ARG001
    return _is_parquet_in(path, "detections.parquet")


def _read_parquet_detections(
    path: Path, ground_truth: GroundTruth, allow_unknown: bool
) -> Detections:
    from detbench.data.formats.parquet.tables import read_parquet_detections

    return read_parquet_detections(
        _in_run(path, "detections.parquet"), ground_truth, allow_unknown=allow_unknown
    )


def _write_parquet_detections(
    detections: Detections, path: Path, ground_truth: GroundTruth
) -> None:
    from detbench.data.formats.parquet.tables import write_parquet_detections

    detections.check_same_images(ground_truth)
    write_parquet_detections(detections, path)


GROUND_TRUTH_FORMATS = {
    "parquet": GroundTruthFormat(
        "a .parquet file of detbench, or a run folder with ground_truth.parquet",
        ".parquet",
        lambda path: _is_parquet_in(path, "ground_truth.parquet"),
        _read_parquet,
        _write_parquet,
    ),
    "coco": GroundTruthFormat(
        "a .json file of COCO annotations", ".json", _is_coco, _read_coco, _write_coco
    ),
    "voc": GroundTruthFormat(
        "a VOC devkit: a folder with Annotations and ImageSets/Main, the folder above it, or the official .tar",
        "",
        _is_voc,
        _read_voc,
        _write_voc,
    ),
    "yolo": GroundTruthFormat(
        "a YOLO dataset: its data.yaml, or the folder with it",
        "",
        _is_yolo,
        _read_yolo,
        _write_yolo,
    ),
}

DETECTIONS_FORMATS = {
    "parquet": DetectionsFormat(
        "a .parquet file of detbench, or a run folder with detections.parquet",
        ".parquet",
        _is_parquet_detections,
        _read_parquet_detections,
        _write_parquet_detections,
    ),
    "coco": DetectionsFormat(
        "a .json file of COCO results",
        ".json",
        _is_coco_results,
        _read_coco_results,
        _write_coco_results,
    ),
    "voc": DetectionsFormat(
        "a folder of VOC results: one comp3_det_… or comp4_det_….txt per class of the ground truth",
        "",
        _is_voc_results,
        _read_voc_results,
        _write_voc_results,
    ),
    "yolo": DetectionsFormat(
        "a folder of YOLO results: one .txt per image, named as the pictures of the ground truth",
        "",
        _is_yolo_results,
        _read_yolo_results,
        _write_yolo_results,
    ),
}
