"""Targets: every kind of file that detbench reads, and what is done with a mutated one."""

from __future__ import annotations

import math
import shutil
import sys
import tarfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path
from typing import Any
from unittest.mock import patch

from PIL import Image

from detbench.adapters import shipped
from detbench.data.detections import Detections
from detbench.data.ground_truth import GroundTruth
from tests.data.formats.samples import SAMPLES, truth

Run = Callable[[Path], Any]


class BrokenPromiseError(AssertionError):
    """A result or an outcome that must never occur."""


@dataclass(frozen=True)
class Target:
    """A kind of input: how a valid one is written into a folder, and who reads it there.

    `write` returns the files to mutate. `read` and the commands are given the folder, in which
    `{}` of the arguments lies.
    """

    name: str
    write: Callable[[Path], Sequence[Path]]
    read: Run
    commands: tuple[str, ...] = ()


def run_command(arguments: Sequence[str]) -> int:
    """Return the exit code of a command; raises BrokenPromiseError if it breaks its rules."""
    from detbench.cli import main

    out, err = TextIOWrapper(BytesIO(), "utf-8"), StringIO()
    with ExitStack() as stack:
        stack.enter_context(patch.object(sys, "argv", ["detbench", *arguments]))
        stack.enter_context(redirect_stdout(out))
        stack.enter_context(redirect_stderr(err))
        try:
            main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
    messages = err.getvalue()
    if "Traceback" in messages:
        lines = messages.rstrip().splitlines()
        own = [line.strip() for line in lines if "/detbench/" in line and line.startswith("  File")]
        raise BrokenPromiseError(f"traceback: {lines[-1][:200]} {own[-1]}")
    if code not in (0, 1, 2, 3):
        raise BrokenPromiseError(f"exit code {code}: {messages}")
    if code == 2 and not messages.strip():
        raise BrokenPromiseError("exit code 2 without a message")
    if any(ord(c) < 32 and c not in "\t\n" for c in messages):
        raise BrokenPromiseError(f"control characters on stderr: {messages!r}")
    return code


def check_scores(ground_truth: GroundTruth, detections: Detections) -> None:
    """Score; raises BrokenPromiseError if an AP is neither absent nor in 0..1."""
    from detbench.metrics.scoring.evaluate import evaluate

    for measure, value in evaluate(ground_truth, detections).summary.items():
        if value is not None and not math.isnan(value) and not 0 <= value <= 1:
            raise BrokenPromiseError(f"{measure} is {value}")


def _ground_truth_target(sample: Any) -> Target:
    def write(folder: Path) -> list[Path]:
        sample.ground_truth(folder / "truth")
        return _files(folder)

    def read(folder: Path) -> None:
        from detbench.data.formats.table import recognize_ground_truth
        from detbench.data.load import load_ground_truth

        path = _place(sample.ground_truth, folder / "truth")
        ground_truth = load_ground_truth(path)
        check_scores(ground_truth, _perfect(ground_truth))
        recognize_ground_truth(path)[1].read_leniently(path, None, None)

    path = _place(sample.ground_truth, Path("{}") / "truth")
    commands = (f"data stats {path}", f"convert {path} {{}}/out.json --to coco")
    return Target(f"ground truth, {sample.format_name}", write, read, commands)


def _detections_target(sample: Any) -> Target:
    def write(folder: Path) -> list[Path]:
        from detbench.data.load import save_ground_truth

        sample.detections(folder / "results")
        mutable = _files(folder)
        save_ground_truth(truth(sample.classes), folder / "truth.parquet", "parquet")
        return mutable

    def read(folder: Path) -> None:
        from detbench.data.formats.table import recognize_detections
        from detbench.data.load import load_detections

        path = _place(sample.detections, folder / "results")
        ground_truth = truth(sample.classes)
        check_scores(ground_truth, load_detections(path, ground_truth))
        recognize_detections(path, ground_truth)[1].read_leniently(path, ground_truth)

    path = _place(sample.detections, Path("{}") / "results")
    commands = (
        f"eval {{}}/truth.parquet {path} --no-intervals",
        f"doctor {{}}/truth.parquet {path}",
        f"convert {path} {{}}/out.parquet --ground-truth {{}}/truth.parquet",
    )
    return Target(f"detections, {sample.format_name}", write, read, commands)


_PLACES: dict[Any, str] = {}
"""Where each writer of a sample puts its result, relative to the folder that it is given."""


def _place(writer: Callable[[Path], Path], folder: Path) -> Path:
    """Return the path that a writer returns for a folder, without writing anything there."""
    if writer not in _PLACES:
        from tempfile import TemporaryDirectory

        with TemporaryDirectory() as temporary:
            base = Path(temporary) / "base"
            _PLACES[writer] = str(writer(base).relative_to(base))
    return folder / _PLACES[writer]


def _perfect(ground_truth: GroundTruth) -> Detections:
    """Return detections that are the objects."""
    from detbench.data.columns import groups_from_offsets

    return Detections.from_rows(
        ground_truth,
        image_index=groups_from_offsets(ground_truth.offsets),
        class_index=ground_truth.class_index,
        boxes=ground_truth.boxes,
        scores=[1.0] * len(ground_truth.boxes),
    )


def _files(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and path.suffix not in {".jpg", ".png"} and path.stat().st_size
    )


def _run_target(mutable: Sequence[str], name: str, read: Run, commands: Sequence[str]) -> Target:
    """Return a target that mutates files of a run folder, `{}/runs/results`."""

    def write(folder: Path) -> list[Path]:
        from detbench.data.load import save_detections, save_ground_truth

        save_ground_truth(truth(), folder / "truth.parquet", "parquet")
        rows = _perfect(truth())
        save_detections(rows, truth(), folder / "results.parquet", "parquet")
        for run in ("runs", "base"):
            inputs = [f"{folder}/truth.parquet", f"{folder}/results.parquet"]
            run_command(["eval", *inputs, "-o", f"{folder}/{run}"])
        run_command(["history", "add", f"{folder}/history.jsonl", f"{folder}/base/results"])
        (folder / "rules.toml").write_text(_default_rules())
        (folder / "slices.csv").write_text('image_id,light\na,day\nb,"night, late"\n')
        (folder / "groups.csv").write_text("image,group\na,one\nb,two\n")
        return [folder / path for path in mutable]

    return Target(name, write, read, tuple(commands))


def _default_rules() -> str:
    from detbench.bench.gate.rules import default_text

    return default_text()


def _read_run(folder: Path) -> None:
    from detbench.bench.runs import read_run

    read_run(folder / "runs" / "results").evaluation()


def _read_history(folder: Path) -> None:
    from detbench.bench.history.history_file import read_history

    read_history(folder / "history.jsonl")


def _read_rules(folder: Path) -> None:
    from detbench.bench.gate.rules import read_rules

    read_rules(folder / "rules.toml")


def _read_attributes(folder: Path) -> None:
    from detbench.data.attributes import read_attributes

    read_attributes(folder / "slices.csv", truth())


def _read_groups(folder: Path) -> None:
    from detbench.data.groups import read_groups

    read_groups(folder / "groups.csv", truth())


def _write_images(folder: Path) -> list[Path]:
    image = Image.effect_noise((40, 30), 50)
    paths = []
    for name in ("a.jpg", "b.png", "c.bmp", "d.webp", "e.tif", "f.gif"):
        paths.append(folder / name)
        image.save(paths[-1])
    return paths


def _read_images(folder: Path) -> None:
    from detbench.adapters.images import read_image
    from detbench.data.image_headers import read_image_size
    from detbench.errors import DetbenchError

    for path in folder.iterdir():
        for read in (read_image_size, read_image):
            try:
                read(path)
            except DetbenchError:
                continue


def _write_archive(folder: Path) -> list[Path]:
    voc = next(sample for sample in SAMPLES if sample.format_name == "voc")
    voc.ground_truth(folder / "source")
    archive = folder / "voc.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(folder / "source", "VOCdevkit/VOC2007")
    shutil.rmtree(folder / "source")
    return [archive]


def _fetch(folder: Path) -> None:
    from detbench.data.fetch import fetch_voc2007

    fetch_voc2007(folder / "out" / "data", from_files=[folder / "voc.tar"])


def _model_target(name: str, adapter: str, model: Path) -> Target:
    def write(folder: Path) -> list[Path]:
        return [Path(shutil.copy(model, folder / f"model{model.suffix}"))]

    def read(folder: Path) -> None:
        from detbench.adapters.catalogue import load_detector

        load_detector(f"{adapter}:{folder}/model{model.suffix}").close()

    return Target(name, write, read)


_RUN = "{}/runs/results"
TARGETS = [
    *(_ground_truth_target(sample) for sample in SAMPLES if sample.ground_truth),
    *(_detections_target(sample) for sample in SAMPLES if sample.detections),
    _run_target(
        ["runs/results/record.json"],
        "record of a run",
        _read_run,
        (f"gate {{}}/base/results {_RUN}", f"report {_RUN} -o {{}}/page.html"),
    ),
    _run_target(
        ["runs/results/detections.parquet", "runs/results/ground_truth.parquet"],
        "tables of a run",
        _read_run,
        (f"gate {{}}/base/results {_RUN}",),
    ),
    _run_target(["history.jsonl"], "history", _read_history, ("history show {}/history.jsonl",)),
    _run_target(
        ["rules.toml"],
        "rules",
        _read_rules,
        (f"gate {{}}/base/results {_RUN} --rules {{}}/rules.toml",),
    ),
    _run_target(
        ["slices.csv"],
        "slices",
        _read_attributes,
        ("analyze {}/truth.parquet {}/results.parquet --slices {}/slices.csv --resamples 0",),
    ),
    _run_target(
        ["groups.csv"],
        "groups",
        _read_groups,
        ("eval {}/truth.parquet {}/results.parquet --groups {}/groups.csv",),
    ),
    Target("images", _write_images, _read_images),
    Target("archive", _write_archive, _fetch, ("fetch voc2007 {}/out/data --from {}/voc.tar",)),
    _model_target("ONNX model", "onnx", shipped.YOLO_ONNX),
    _model_target("Keras model", "yolo", shipped.YOLO),
]
"""All targets."""
