"""Plant every mistake of `mistakes.py` on three base sets, look at clean sets, and print the tables of `docs/doctor.md`.

    python tests/experiments/doctor.py [--data ../shared/data]

Sets from the folder of real data are left out where it is not there.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np

from detbench.data.detections import Detections
from detbench.data.ground_truth import GroundTruth
from detbench.data.load import (
    load_detections,
    load_ground_truth,
    save_detections,
    save_ground_truth,
)
from detbench.data.shapes import make_shapes, shapes_detections
from detbench.doctor.doctor import examine
from detbench.doctor.findings import Finding
from detbench.errors import DetbenchWarning
from tests.doctor.simulated import KINDS, annotated, detected
from tests.experiments.mistakes import MISTAKES, Mistake, Pair

VOC = "VOCtest_06-Nov-2007.annotations.tar.gz"


def shapes(folder: Path, images: int = 200) -> GroundTruth:
    """Return the test split of a new shapes dataset in `folder`."""
    return load_ground_truth(make_shapes(folder, train=0, val=0, test=images), split="test")


def written(truth: GroundTruth, found: Detections, folder: Path) -> tuple[Path, Path]:
    """Write both as COCO files."""
    folder.mkdir(parents=True, exist_ok=True)
    save_ground_truth(truth, folder / "truth.json")
    save_detections(found, truth, folder / "found.json")
    return folder / "truth.json", folder / "found.json"


def load_pair(truth: Path, found: Path) -> Pair:
    return Pair(msgspec.json.decode(truth.read_bytes()), msgspec.json.decode(found.read_bytes()))


def base_sets(data: Path, folder: Path) -> Iterator[tuple[str, Pair]]:
    """Yield name and files of every base set."""
    truth = shapes(folder / "shapes")
    yield "shapes", load_pair(*written(truth, shapes_detections(truth, 0.7), folder / "made"))
    if data.is_dir():
        tiny = data / "coco_tiny_val"
        yield (
            "COCO, YOLOX-nano",
            load_pair(tiny / "instances_val2017.json", tiny / "yolox_nano_results.json"),
        )
        truth = load_ground_truth(data / VOC)
        found = load_detections(data / "dets_voc" / "htt1084_d56c7e49", truth)
        _, results = written(truth, found, folder / "voc")
        yield "VOC 2007, YOLOv2", load_pair(data / "voc07_test_coco.json", results)


def planted(pair: Pair, mistake: Mistake, folder: Path) -> list[Finding]:
    """Return what the doctor finds in a pair with a mistake."""
    spoilt = pair.copy()
    mistake.plant(spoilt)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "truth.json").write_bytes(msgspec.json.encode(spoilt.truth))
    encode = (
        json.dumps
        if mistake.id == "not-finite"
        else lambda found: msgspec.json.encode(found).decode()
    )
    (folder / "found.json").write_text(encode(spoilt.found))
    return examine(folder / "truth.json", folder / "found.json")


def named(findings: list[Finding], mistake: Mistake, before: list[Finding]) -> bool:
    """Tell whether a finding names the mistake that was not there, in these words, before it was planted."""
    return any(finding.id == mistake.id and finding not in before for finding in findings)


def others(findings: list[Finding], mistake: Mistake) -> list[str]:
    """Return the errors and warnings that do not name the mistake."""
    return [
        finding.id
        for finding in findings
        if finding.severity != "note" and finding.id != mistake.id
    ]


def clean_sets(data: Path, folder: Path) -> Iterator[tuple[str, Path, Path]]:
    """Yield name, ground truth and detections of sets without mistakes, as files of all formats."""
    truth = shapes(folder / "clean")
    for quality, seed in ((0.4, 1), (0.6, 2), (0.75, 3), (0.9, 4), (1.0, 5)):
        found = shapes_detections(truth, quality, seed)
        yield f"shapes, quality {quality}", *written(truth, found, folder / f"q{quality}")
    found = shapes_detections(truth, 0.7, 6)
    save_detections(found, truth, folder / "comp4", "voc")
    yield "shapes, VOC files", folder / "clean" / "VOCdevkit" / "VOC2007", folder / "comp4"
    save_ground_truth(truth, folder / "truth.parquet")
    save_detections(found, truth, folder / "found.parquet")
    yield "shapes, Parquet", folder / "truth.parquet", folder / "found.parquet"
    save_ground_truth(truth, folder / "yolo", "yolo")
    save_detections(found, truth, folder / "labels", "yolo")
    yield "shapes, YOLO files", folder / "yolo", folder / "labels"
    few = np.arange(5)
    yield (
        "shapes, five images",
        *written(
            truth.select_images(few),
            found.select_images(truth.select_images(few), few),
            folder / "few",
        ),
    )
    yield "shapes, one class", *written(*of_one_class(truth, found), folder / "one")
    yield (
        "shapes, most images without objects",
        *written(*mostly_empty(truth, found), folder / "empty"),
    )
    if data.is_dir():
        yield from real_sets(data, folder)


def simulated_sets(folder: Path) -> Iterator[tuple[str, Path, Path]]:
    """Yield simulated detectors of many kinds, weak and strange ones among them."""
    for place, (kind, (scene, detector)) in enumerate(KINDS.items()):
        rng = np.random.default_rng([0, place])
        truth = annotated(rng, **scene)
        yield (
            f"simulated: {kind}",
            *written(truth, detected(rng, truth, **detector), folder / f"kind{place}"),
        )


def of_one_class(truth: GroundTruth, found: Detections) -> tuple[GroundTruth, Detections]:
    """Return ground truth and detections with all classes made one."""
    image = [
        np.repeat(np.arange(len(truth.image_ids)), np.diff(each.offsets)) for each in (truth, found)
    ]
    one = GroundTruth.from_rows(
        image_ids=truth.image_ids,
        class_names=["shape"],
        image_index=image[0],
        class_index=np.zeros(len(truth)),
        boxes=truth.boxes,
        image_sizes=truth.image_sizes,
    )
    return one, Detections.from_rows(
        one,
        image_index=image[1],
        class_index=np.zeros(len(found)),
        scores=found.scores,
        boxes=found.boxes,
    )


def mostly_empty(truth: GroundTruth, found: Detections) -> tuple[GroundTruth, Detections]:
    """Return the set with four times as many images that hold nothing and in which next to nothing was found."""
    images = len(truth.image_ids)
    ids = [*truth.image_ids, *(f"{900_000 + n}" for n in range(4 * images))]
    image = [np.repeat(np.arange(images), np.diff(each.offsets)) for each in (truth, found)]
    more = GroundTruth.from_rows(
        image_ids=ids,
        class_names=truth.class_names,
        image_index=image[0],
        class_index=truth.class_index,
        boxes=truth.boxes,
        difficult=truth.difficult,
        image_sizes=np.tile(truth.image_sizes, (5, 1)),
    )
    return more, Detections.from_rows(
        more,
        image_index=image[1],
        class_index=found.class_index,
        scores=found.scores,
        boxes=found.boxes,
    )


def real_sets(data: Path, folder: Path) -> Iterator[tuple[str, Path, Path]]:
    """Yield the public detectors' results, whole and on parts."""
    truth = load_ground_truth(data / VOC)
    part = np.sort(np.random.default_rng(5).choice(len(truth.image_ids), 120, replace=False))
    for name in ("htt1084_d56c7e49", "robinyen_darknet", "hli2020_darknet"):
        results = data / "dets_voc" / name
        yield f"VOC 2007, {name}", data / VOC, results
        found = load_detections(results, truth)
        smaller = truth.select_images(part)
        yield (
            f"120 images of VOC 2007, {name}",
            *written(smaller, found.select_images(smaller, part), folder / name),
        )
    tiny = data / "coco_tiny_val"
    for name in ("yolox_nano", "fastestdet"):
        yield f"COCO, {name}", tiny / "instances_val2017.json", tiny / f"{name}_results.json"
    truth = load_ground_truth(tiny / "instances_val2017.json")
    found, part = load_detections(tiny / "yolox_nano_results.json", truth), np.arange(0, 80, 4)
    yield (
        "20 images of COCO, yolox_nano",
        *written(
            truth.select_images(part),
            found.select_images(truth.select_images(part), part),
            folder / "t",
        ),
    )
    coco = data / "coco"
    yield (
        "100 images of COCO, fake boxes",
        coco / "instances_val2014_100.json",
        coco / "instances_val2014_fakebbox100_results.json",
    )
    yield (
        "rafaelpadilla's seven images",
        *written(*seven_images(coco / "rafaelpadilla_review" / "test_case_1"), folder / "seven"),
    )


def seven_images(folder: Path) -> tuple[GroundTruth, Detections]:
    """Return the case of rafaelpadilla's review: `object x y w h` and `object score x y w h` lines."""
    columns = []
    for part in ("gts", "dets"):
        lines = [
            (image, [float(word) for word in line.split()[1:]])
            for image in range(7)
            for line in (folder / part / f"0000{image + 1}.txt").read_text().splitlines()
        ]
        columns.append(
            (np.array([image for image, _ in lines]), np.array([numbers for _, numbers in lines]))
        )
    (truth_image, xywh), (image, rows) = columns
    truth = GroundTruth.from_rows(
        image_ids=[f"{n}" for n in range(1, 8)],
        class_names=["object"],
        image_index=truth_image,
        class_index=np.zeros(len(xywh)),
        boxes=np.hstack([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]]),
    )
    boxes = np.hstack([rows[:, 1:3], rows[:, 1:3] + rows[:, 3:]])
    return truth, Detections.from_rows(
        truth, image_index=image, class_index=np.zeros(len(rows)), scores=rows[:, 0], boxes=boxes
    )


def mistake_table(bases: list[tuple[str, Pair]], folder: Path) -> None:
    """Print which mistakes are named on which set, and what else was said."""
    before = {
        name: planted(pair, Mistake("", "", "", lambda _: None), folder) for name, pair in bases
    }
    print(
        f"| mistake | how | finding | {' | '.join(before)} |\n|---|---|---|{'---|' * len(before)}"
    )
    missed: dict[str, set[str]] = {name: set() for name in before}
    for mistake in MISTAKES:
        cells = []
        for name, pair in bases:
            findings = planted(pair, mistake, folder)
            if not named(findings, mistake, before[name]):
                missed[name].add(mistake.name)
            also = others(findings, mistake)
            cells.append(
                ("named" if named(findings, mistake, before[name]) else "**missed**")
                + (f" (also {', '.join(also)})" if also else "")
            )
        print(
            f"| {mistake.name} | {mistake.how} | `{mistake.id}` | {' | '.join(cells)} |", flush=True
        )
    total = len({mistake.name for mistake in MISTAKES})
    print(
        f"| **named** | | | {' | '.join(f'**{total - len(names)} of {total}**' for names in missed.values())} |\n"
    )


def clean_table(data: Path, folder: Path) -> None:
    """Print what is said about clean sets."""
    print("| clean set | errors and warnings | notes | s |\n|---|---|---|---|")
    for name, truth, found in (*clean_sets(data, folder), *simulated_sets(folder)):
        begin = time.perf_counter()
        findings = examine(truth, found)
        wall = time.perf_counter() - begin
        wrong = [finding.id for finding in findings if finding.severity != "note"]
        notes = [finding.id for finding in findings if finding.severity == "note"]
        print(
            f"| {name} | {', '.join(wrong) or 'none'} | {', '.join(notes)} | {wall:.1f} |",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[3] / "shared" / "data")
    parser.add_argument(
        "--base", help="Only base sets of which this is part of the name, and no clean sets."
    )
    arguments = parser.parse_args()
    data = arguments.data
    warnings.simplefilter("ignore", DetbenchWarning)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if arguments.base is None:
            clean_table(data, folder)
            print()
        chosen = [
            (name, pair) for name, pair in base_sets(data, folder) if (arguments.base or "") in name
        ]
        mistake_table(chosen, folder / "planted")


if __name__ == "__main__":
    main()
