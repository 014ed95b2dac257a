"""Sets of the doctor's experiment: base sets to plant mistakes in, and clean sets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np

from detbench.data.columns import groups_from_offsets
from detbench.data.detections import Detections
from detbench.data.ground_truth import GroundTruth
from detbench.data.load import (
    load_detections,
    load_ground_truth,
    save_detections,
    save_ground_truth,
)
from detbench.data.shapes import make_shapes
from tests.data.simulated_detections import simulated_detections
from tests.doctor.scenes import annotated_images, scattered
from tests.doctor.simulated_detectors import KINDS, annotated, detected
from tests.experiments.coco_pair import CocoPair

VOC = "VOCtest_06-Nov-2007.annotations.tar.gz"
VOC_DETECTORS = ("htt1084_d56c7e49", "robinyen_darknet", "hli2020_darknet")
N_SHAPES = 200
"""Images of the shapes dataset."""
COCO_DETECTORS = ("yolox_nano", "fastestdet")

NamedSet = tuple[str, Path, Path]
"""Name, ground truth and detections."""


def shapes(folder: Path) -> GroundTruth:
    """Return the test split of a new shapes dataset in `folder`."""
    return load_ground_truth(make_shapes(folder, train=0, val=0, test=N_SHAPES), split="test")


def save_pair(ground_truth: GroundTruth, detections: Detections, folder: Path) -> tuple[Path, Path]:
    """Write both as COCO files and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = folder / "truth.json", folder / "found.json"
    save_ground_truth(ground_truth, paths[0])
    save_detections(detections, ground_truth, paths[1])
    return paths


def load_pair(ground_truth: Path, detections: Path) -> CocoPair:
    return CocoPair(
        *(msgspec.json.decode(path.read_bytes()) for path in (ground_truth, detections))
    )


def base_sets(data: Path, folder: Path) -> Iterator[tuple[str, CocoPair]]:
    """Yield name and files of every base set; those of real data only if `data` exists."""
    yield "shapes", shapes_pair(shapes(folder / "shapes"), folder / "synthetic")
    if data.is_dir():
        yield "COCO, YOLOX-nano", coco_pair(data)
        yield "VOC 2007, YOLOv2", voc_pair(data, folder / "voc")


def shapes_pair(ground_truth: GroundTruth, folder: Path) -> CocoPair:
    """Return the shapes dataset with simulated detections."""
    detections = simulated_detections(ground_truth, 0.7)
    return load_pair(*save_pair(ground_truth, detections, folder))


def coco_pair(data: Path) -> CocoPair:
    """Return 80 images of COCO with the results of a real detector."""
    tiny = data / "coco_tiny_val"
    return load_pair(tiny / "instances_val2017.json", tiny / "yolox_nano_results.json")


def voc_pair(data: Path, folder: Path) -> CocoPair:
    """Return VOC 2007 with the results of a real detector."""
    ground_truth = load_ground_truth(data / VOC)
    detections = load_detections(data / "dets_voc" / VOC_DETECTORS[0], ground_truth)
    _, results = save_pair(ground_truth, detections, folder)
    return load_pair(data / "voc07_test_coco.json", results)


def file_base(seed: int) -> tuple[GroundTruth, Detections]:
    """Return 150 photographs of five classes with simulated detections, for the second family."""
    rng = np.random.default_rng(seed)
    sizes = [tuple(rng.integers(300, 700, 2).tolist()) for _ in range(150)]
    objects = [scattered(rng, rng.integers(1, 7), size, (25, 250), 5) for size in sizes]
    ground_truth = annotated_images(sizes, objects, 5)
    return ground_truth, simulated_detections(ground_truth, 0.8, seed)


def clean_sets(data: Path, folder: Path) -> Iterator[NamedSet]:
    """Yield sets without mistakes, as files of all formats."""
    year = make_shapes(folder / "clean", train=0, val=0, test=N_SHAPES)
    yield from shapes_sets(year, folder)
    if data.is_dir():
        yield from real_sets(data, folder)


def shapes_sets(year: Path, folder: Path) -> Iterator[NamedSet]:
    """Yield the shapes dataset with detectors of several qualities and in several formats.

    Args:
        year: The dataset, as one year of a VOC devkit.
        folder: Folder for the other formats.
    """
    ground_truth = load_ground_truth(year, split="test")
    for quality, seed in ((0.4, 1), (0.6, 2), (0.75, 3), (0.9, 4), (1.0, 5)):
        detections = simulated_detections(ground_truth, quality, seed)
        paths = save_pair(ground_truth, detections, folder / f"q{quality}")
        yield f"shapes, quality {quality}", *paths

    detections = simulated_detections(ground_truth, 0.7, 6)
    save_detections(detections, ground_truth, folder / "comp4", "voc")
    yield "shapes, VOC files", year, folder / "comp4"
    save_ground_truth(ground_truth, folder / "truth.parquet")
    save_detections(detections, ground_truth, folder / "found.parquet")
    yield "shapes, Parquet", folder / "truth.parquet", folder / "found.parquet"
    save_ground_truth(ground_truth, folder / "yolo", "yolo")
    save_detections(detections, ground_truth, folder / "labels", "yolo")
    yield "shapes, YOLO files", folder / "yolo", folder / "labels"

    few = selected(ground_truth, detections, np.arange(5))
    yield "shapes, five images", *save_pair(*few, folder / "few")
    one_class = with_one_class(ground_truth, detections)
    yield "shapes, one class", *save_pair(*one_class, folder / "one")
    mostly_empty = with_empty_images(ground_truth, detections)
    yield "shapes, most images without objects", *save_pair(*mostly_empty, folder / "empty")


def simulated_sets(folder: Path) -> Iterator[NamedSet]:
    """Yield simulated detectors of many kinds, weak and strange ones among them."""
    for number, (kind, (scene, detector)) in enumerate(KINDS.items()):
        rng = np.random.default_rng([0, number])
        ground_truth = annotated(rng, **scene)
        detections = detected(rng, ground_truth, **detector)
        yield f"simulated: {kind}", *save_pair(ground_truth, detections, folder / f"kind{number}")


def selected(
    ground_truth: GroundTruth, detections: Detections, images: np.ndarray
) -> tuple[GroundTruth, Detections]:
    """Return the images at these positions."""
    smaller = ground_truth.select_images(images)
    return smaller, detections.select_images(smaller, images)


def with_one_class(
    ground_truth: GroundTruth, detections: Detections
) -> tuple[GroundTruth, Detections]:
    """Return ground truth and detections with all classes joined."""
    joined = GroundTruth.from_rows(
        image_ids=ground_truth.image_ids,
        class_names=["shape"],
        image_index=groups_from_offsets(ground_truth.offsets),
        class_index=np.zeros(len(ground_truth)),
        boxes=ground_truth.boxes,
        image_sizes=ground_truth.image_sizes,
    )
    return joined, Detections.from_rows(
        joined,
        image_index=groups_from_offsets(detections.offsets),
        class_index=np.zeros(len(detections)),
        scores=detections.scores,
        boxes=detections.boxes,
    )


def with_empty_images(
    ground_truth: GroundTruth, detections: Detections
) -> tuple[GroundTruth, Detections]:
    """Return the set with four times as many images that have no objects and no detections."""
    n_added = 4 * len(ground_truth.image_ids)
    larger = GroundTruth.from_rows(
        image_ids=[*ground_truth.image_ids, *(f"{900_000 + n}" for n in range(n_added))],
        class_names=ground_truth.class_names,
        image_index=groups_from_offsets(ground_truth.offsets),
        class_index=ground_truth.class_index,
        boxes=ground_truth.boxes,
        difficult=ground_truth.difficult,
        image_sizes=np.tile(ground_truth.image_sizes, (5, 1)),
    )
    return larger, Detections.from_rows(
        larger,
        image_index=groups_from_offsets(detections.offsets),
        class_index=detections.class_index,
        scores=detections.scores,
        boxes=detections.boxes,
    )


def real_sets(data: Path, folder: Path) -> Iterator[NamedSet]:
    """Yield public detectors' results, on all images and on some."""
    ground_truth = load_ground_truth(data / VOC)
    random = np.random.default_rng(5)
    images = np.sort(random.choice(len(ground_truth.image_ids), 120, replace=False))
    for name in VOC_DETECTORS:
        results = data / "dets_voc" / name
        yield f"VOC 2007, {name}", data / VOC, results
        some = selected(ground_truth, load_detections(results, ground_truth), images)
        yield f"120 images of VOC 2007, {name}", *save_pair(*some, folder / name)

    tiny = data / "coco_tiny_val"
    for name in COCO_DETECTORS:
        yield f"COCO, {name}", tiny / "instances_val2017.json", tiny / f"{name}_results.json"
    ground_truth = load_ground_truth(tiny / "instances_val2017.json")
    detections = load_detections(tiny / "yolox_nano_results.json", ground_truth)
    some = selected(ground_truth, detections, np.arange(0, 80, 4))
    yield "20 images of COCO, yolox_nano", *save_pair(*some, folder / "t")

    coco = data / "coco"
    yield (
        "100 images of COCO, fake boxes",
        coco / "instances_val2014_100.json",
        coco / "instances_val2014_fakebbox100_results.json",
    )
    seven = seven_images(coco / "rafaelpadilla_review" / "test_case_1")
    yield "rafaelpadilla's seven images", *save_pair(*seven, folder / "seven")


def seven_images(folder: Path) -> tuple[GroundTruth, Detections]:
    """Return rafaelpadilla's case: `object x y w h` and `object score x y w h` lines."""
    (object_images, xywh), (images, rows) = (
        numbers_of_lines(folder / part) for part in ("gts", "dets")
    )
    ground_truth = GroundTruth.from_rows(
        image_ids=[f"{n}" for n in range(1, 8)],
        class_names=["object"],
        image_index=object_images,
        class_index=np.zeros(len(xywh)),
        boxes=np.hstack([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]]),
    )
    return ground_truth, Detections.from_rows(
        ground_truth,
        image_index=images,
        class_index=np.zeros(len(rows)),
        scores=rows[:, 0],
        boxes=np.hstack([rows[:, 1:3], rows[:, 1:3] + rows[:, 3:]]),
    )


def numbers_of_lines(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the image of every line of seven files, and the numbers after its first word."""
    lines = [
        (image, [float(word) for word in line.split()[1:]])
        for image in range(7)
        for line in (folder / f"0000{image + 1}.txt").read_text().splitlines()
    ]
    return np.array([image for image, _ in lines]), np.array([numbers for _, numbers in lines])
