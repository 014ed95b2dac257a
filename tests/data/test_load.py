"""Loading recognizes every format; saving and converting follow the same table."""

from __future__ import annotations

import errno
import json
import os
import sys
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from detbench.data.detections import Detections
from detbench.data.formats.table import DETECTIONS_FORMATS, GROUND_TRUTH_FORMATS
from detbench.data.ground_truth import GroundTruth
from detbench.data.load import (
    convert,
    load_detections,
    load_ground_truth,
    save_detections,
    save_ground_truth,
)
from detbench.errors import DetbenchError, InputError

TARGETS = {"parquet": "x.parquet", "coco": "x.json", "voc": "x", "yolo": "x"}


@pytest.fixture
def ground_truth(tmp_path: Path) -> GroundTruth:
    """Return three images of two classes, with numbers that every format can hold exactly."""
    folder = tmp_path / "images"
    folder.mkdir()
    names = [f"00000{number}.jpg" for number in (1, 2, 3)]
    for name in names:
        Image.new("RGB", (128, 64)).save(folder / name)
    return GroundTruth.from_rows(
        image_ids=["000001", "000002", "000003"],
        class_names=["car", "dog"],
        image_index=[0, 0, 2],
        class_index=[0, 1, 1],
        boxes=[[0, 0, 64, 32], [16, 16, 32, 24], [64, 32, 96, 48]],
        image_sizes=[(128, 64)] * 3,
        image_files=names,
        image_folder=folder,
        name="three",
    )


@pytest.fixture
def detections(ground_truth: GroundTruth) -> Detections:
    return Detections.from_rows(
        ground_truth,
        image_index=[0, 1, 2],
        class_index=[0, 1, 1],
        scores=[0.5, 0.25, 0.75],
        boxes=[[0, 0, 64, 32]] * 3,
        name="detector",
    )


def assert_same_boxes(one: GroundTruth | Detections, other: GroundTruth | Detections) -> None:
    for column in ("offsets", "class_index", "boxes", "box_areas"):
        np.testing.assert_array_equal(getattr(one, column), getattr(other, column), err_msg=column)
    assert one.class_names == other.class_names


@pytest.mark.parametrize("name", GROUND_TRUTH_FORMATS)
def test_every_format_of_ground_truth_is_saved_recognized_and_loaded(
    tmp_path: Path, ground_truth: GroundTruth, name: str
) -> None:
    target = tmp_path / TARGETS[name]
    save_ground_truth(ground_truth, target, name)
    again = load_ground_truth(target)
    assert_same_boxes(again, ground_truth)
    assert [int(image_id) for image_id in again.image_ids] == [1, 2, 3]
    images = tmp_path / ("x/images/val" if name == "yolo" else "images")
    assert load_ground_truth(target, images=images).image_folder is not None


@pytest.mark.parametrize("name", DETECTIONS_FORMATS)
def test_every_format_of_detections_is_saved_recognized_and_loaded(
    tmp_path: Path, ground_truth: GroundTruth, detections: Detections, name: str
) -> None:
    target = tmp_path / TARGETS[name]
    save_detections(detections, ground_truth, target, name)
    again = load_detections(target, ground_truth)
    assert_same_boxes(again, detections)
    assert again.scores.tolist() == detections.scores.tolist()
    assert again.name == ("detector" if name == "parquet" else "x")
    assert load_detections(target, ground_truth, name="other").name == "other"


def test_the_suffix_decides_the_format(
    tmp_path: Path, ground_truth: GroundTruth, detections: Detections
) -> None:
    save_ground_truth(ground_truth, tmp_path / "a.json")
    keys = json.loads((tmp_path / "a.json").read_text()).keys()
    assert set(keys) == {"images", "categories", "annotations"}
    save_detections(detections, ground_truth, tmp_path / "d.parquet")
    assert (tmp_path / "d.parquet").read_bytes()[:4] == b"PAR1"
    message = (
        r"folder: cannot infer the output format from its name; use one of \.parquet, \.json, "
        "or choose the format with --to: parquet, coco, voc, yolo"
    )
    with pytest.raises(InputError, match=message):
        save_ground_truth(ground_truth, tmp_path / "folder")
    message = "unknown format 'csv'; choose one of: parquet, coco, voc, yolo"
    with pytest.raises(DetbenchError, match=message):
        save_ground_truth(ground_truth, tmp_path / "a.csv", "csv")


def test_a_run_folder_holds_both(
    tmp_path: Path, ground_truth: GroundTruth, detections: Detections
) -> None:
    save_ground_truth(ground_truth, tmp_path / "run" / "ground_truth.parquet")
    save_detections(detections, ground_truth, tmp_path / "run" / "detections.parquet")
    again = load_ground_truth(tmp_path / "run")
    assert again.digest == ground_truth.digest
    assert load_detections(tmp_path / "run", again).digest == detections.digest


def test_tar_of_a_devkit(tmp_path: Path, ground_truth: GroundTruth) -> None:
    save_ground_truth(ground_truth, tmp_path / "VOC2007", "voc")
    for suffix, mode in (("tar", "w"), ("tar.gz", "w:gz"), ("tgz", "w:gz")):
        with tarfile.open(tmp_path / f"a.{suffix}", mode) as tar:
            tar.add(tmp_path / "VOC2007", "VOCdevkit/VOC2007")
        assert_same_boxes(load_ground_truth(tmp_path / f"a.{suffix}", split="test"), ground_truth)


def test_folder_of_images_named_like_classes_is_yolo(tmp_path: Path) -> None:
    ground_truth = GroundTruth.from_rows(
        image_ids=["red_car", "dog"],
        class_names=["car", "dog"],
        image_index=[],
        class_index=[],
        boxes=[],
        image_sizes=[(100, 100)] * 2,
    )
    (tmp_path / "red_car.txt").write_text("0 0.5 0.5 0.5 0.5 0.9\n")
    assert load_detections(tmp_path, ground_truth).boxes.tolist() == [[25, 25, 75, 75]]


@pytest.mark.filterwarnings("ignore:.*lost. the protocol")
@pytest.mark.parametrize("target", ["y.json", "y.parquet"])
def test_convert_ground_truth_and_back(
    tmp_path: Path, ground_truth: GroundTruth, target: str
) -> None:
    save_ground_truth(ground_truth, tmp_path / "VOC2007", "voc", split="val")
    convert(tmp_path / "VOC2007", tmp_path / target, split="val")
    assert_same_boxes(load_ground_truth(tmp_path / target), ground_truth)
    convert(tmp_path / target, tmp_path / "again", to="voc")
    assert_same_boxes(load_ground_truth(tmp_path / "again"), ground_truth)


def test_convert_detections(
    tmp_path: Path, ground_truth: GroundTruth, detections: Detections
) -> None:
    save_detections(detections, ground_truth, tmp_path / "d.parquet")
    save_ground_truth(ground_truth, tmp_path / "truth.parquet")
    convert(
        tmp_path / "d.parquet",
        tmp_path / "comp4",
        ground_truth=tmp_path / "truth.parquet",
        to="voc",
    )
    convert(tmp_path / "comp4", tmp_path / "d.json", ground_truth=tmp_path / "truth.parquet")
    assert_same_boxes(load_detections(tmp_path / "d.json", ground_truth), detections)


def test_convert_checks_the_target_before_it_reads(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot infer the output format from its name"):
        convert(tmp_path / "missing.json", tmp_path / "folder")
    with pytest.raises(InputError, match=r"missing\.json: no such file or folder"):
        convert(tmp_path / "missing.json", tmp_path / "y.json")
    assert not any(tmp_path.iterdir())


def test_wrong_paths_are_refused(tmp_path: Path, ground_truth: GroundTruth) -> None:
    with pytest.raises(InputError, match="none: no such file or folder"):
        load_ground_truth(tmp_path / "none")
    with pytest.raises(InputError, match="none: no such file or folder"):
        load_detections(tmp_path / "none", ground_truth)
    (tmp_path / "a.csv").touch()
    (tmp_path / "empty").mkdir()
    message = (
        r"a\.csv: this file is not recognized as ground truth: it is empty; "
        r"`detbench data formats` lists what is read"
    )
    with pytest.raises(InputError, match=message):
        load_ground_truth(tmp_path / "a.csv")
    with pytest.raises(InputError, match="empty: this folder is not recognized as ground truth"):
        load_ground_truth(tmp_path / "empty")
    message = "empty: this folder is not recognized as detections: it is empty; `detbench data"
    with pytest.raises(InputError, match=message):
        load_detections(tmp_path / "empty", ground_truth)
    save_ground_truth(ground_truth, tmp_path / "a.json")
    for name in ("a.json", "a.parquet"):
        save_ground_truth(ground_truth, tmp_path / name)
        with pytest.raises(
            InputError, match=rf"{name}: has no splits to choose 'val' from; leave --split out"
        ):
            load_ground_truth(tmp_path / name, split="val")
    with pytest.raises(InputError, match="nowhere: is not a folder"):
        load_ground_truth(tmp_path / "a.json", images=tmp_path / "nowhere")


def test_detections_as_ground_truth_and_the_reverse_are_refused(
    tmp_path: Path, ground_truth: GroundTruth, detections: Detections
) -> None:
    for name, message in (
        ("x.json", "like COCO results|like COCO annotations"),
        ("x.parquet", "holds "),
    ):
        save_ground_truth(ground_truth, tmp_path / name)
        with pytest.raises(InputError, match=message):
            load_detections(tmp_path / name, ground_truth)
        save_detections(detections, ground_truth, tmp_path / name)
        with pytest.raises(InputError, match=message):
            load_ground_truth(tmp_path / name)


def test_real_data(shared_data: Path, tmp_path: Path) -> None:
    ground_truth = load_ground_truth(shared_data / "VOCtest_06-Nov-2007.annotations.tar.gz")
    assert (len(ground_truth), len(ground_truth.image_ids)) == (14_976, 4_952)
    coco = load_ground_truth(shared_data / "voc07_test_coco.json")
    np.testing.assert_array_equal(ground_truth.boxes, coco.boxes)
    loaded = load_detections(shared_data / "dets_voc" / "htt1084_d56c7e49", ground_truth)
    assert len(loaded) == 98_023
    save_detections(loaded, ground_truth, tmp_path / "d.parquet")
    assert load_detections(tmp_path / "d.parquet", ground_truth).digest == loaded.digest


@pytest.mark.parametrize("name", ["a.json", "a.parquet", "voc"])
def test_the_target_must_not_be_the_source(
    tmp_path: Path, ground_truth: GroundTruth, detections: Detections, name: str
) -> None:
    save_ground_truth(ground_truth, tmp_path / name, "voc" if name == "voc" else None)
    save_detections(detections, ground_truth, tmp_path / "d.json")
    (tmp_path / "link").symlink_to(tmp_path / name)
    for target in (tmp_path / name, tmp_path / "images" / ".." / name, tmp_path / "link"):
        with pytest.raises(
            InputError, match="is the source itself, which would be replaced; name another target"
        ):
            convert(tmp_path / name, target, to="coco")
        with pytest.raises(InputError, match="is the ground truth itself, which would be replaced"):
            convert(tmp_path / "d.json", target, ground_truth=tmp_path / name, to="coco")
    assert_same_boxes(load_ground_truth(tmp_path / name), ground_truth)


def test_convert_into_the_current_folder_is_refused(
    tmp_path: Path, ground_truth: GroundTruth, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_ground_truth(ground_truth, tmp_path / "a.json")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    with pytest.raises(InputError, match="is the current folder"):
        convert("../a.json", ".", to="voc")
    assert not any(Path.cwd().iterdir())


def test_paths_that_the_system_refuses_are_input_errors(
    tmp_path: Path, ground_truth: GroundTruth, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("x" * 300 + ".json")
    for load in (
        load_ground_truth,
        lambda path: load_detections(path, ground_truth),
        lambda path: load_ground_truth(tmp_path, images=path),
    ):
        with pytest.raises(InputError, match=r"xxx\.json: cannot be read: File name too long"):
            load(long)
    with pytest.raises(InputError, match="File name too long"):
        convert(tmp_path / "a.json", long)
    stat = Path.stat

    def stat_or_refuse(path: Path, **options: bool) -> os.stat_result:
        if "locked" in path.parts:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return stat(path, **options)

    monkeypatch.setattr(Path, "stat", stat_or_refuse)
    with pytest.raises(InputError, match=r"locked/a\.json: cannot be read: Permission denied"):
        load_ground_truth(tmp_path / "locked" / "a.json")


@pytest.mark.skipif(sys.platform != "linux", reason="names of other systems are text")
@pytest.mark.parametrize("name", ["coco", "voc", "yolo"])
def test_names_that_are_not_utf_8_can_be_written(
    tmp_path: Path, ground_truth: GroundTruth, detections: Detections, name: str
) -> None:
    folder = tmp_path / os.fsdecode(b"fold\xffer")
    path = folder / TARGETS[name].replace("x", os.fsdecode(b"d\xe4"))
    annotations = folder / os.fsdecode(b"g\xe4.json")
    save_ground_truth(ground_truth, annotations)
    save_detections(replace(detections, name=""), ground_truth, path, name)
    again = load_ground_truth(annotations, images=folder)
    assert again.name == "g\ufffd"
    loaded = load_detections(path, ground_truth)
    assert loaded.name == "d\ufffd"
    assert load_detections(path, ground_truth, name="\udce4").name == "\ufffd"
    for file in ("again.json", "again.parquet"):
        save_detections(loaded, ground_truth, tmp_path / file)
        save_ground_truth(again, tmp_path / f"gt {file}")
    json.dumps([again.name, again.source, loaded.name, loaded.source], ensure_ascii=False).encode()
    for target in (path.with_suffix(".parquet"), folder / "a.parquet"):
        with pytest.raises(InputError, match="not UTF-8"):
            save_detections(loaded, ground_truth, target)
