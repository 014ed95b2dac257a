"""The command line: `detbench COMMAND`. Results go to stdout, talk to stderr; exit codes are 0, 1, 2 and 3 as documented.

Libraries are imported inside the commands that need them, so that `detbench --help` is quick.
"""

from __future__ import annotations

import os
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from detbench.errors import DetbenchError, DetbenchWarning, InputError

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from detbench.data.detections import Detections
    from detbench.data.ground_truth import GroundTruth
    from detbench.metrics.evaluation import Evaluation
    from detbench.metrics.protocol import Protocol

app = typer.Typer(
    name="detbench",
    help="Compare object detectors: exact VOC and COCO scores, faster than every peer.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
fetch_app = typer.Typer(help="Get public datasets.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(fetch_app, name="fetch")

_NOTICE_AFTER_S = 1.5

Difficult = Literal["ignore", "count", "drop"]
DatasetPath = Annotated[
    Path, typer.Argument(help="VOC devkit folder or tar, COCO annotations .json, YOLO data.yaml, or our .parquet.", show_default=False)
]
Split = Annotated[
    str | None, typer.Option(help="Image set of a VOC or YOLO dataset. Default: test for VOC, val for YOLO.", show_default=False)
]
Images = Annotated[Path | None, typer.Option(help="Folder of the pictures, where the annotation file does not say.", show_default=False)]
AllowUnknown = Annotated[
    bool, typer.Option("--allow-unknown", help="Drop detections on unknown images or of unknown classes, with a warning.")
]


def main() -> None:
    """Run the command line; users' mistakes become one sentence on stderr and an exit code, bugs keep their traceback."""
    warnings.simplefilter("always", DetbenchWarning)
    warnings.showwarning = _show_warning
    try:
        app()
    except DetbenchError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(error.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _show_warning(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
    kind = "warning" if issubclass(category, DetbenchWarning) else category.__name__
    print(f"{kind}: {message}", file=sys.stderr)  # noqa: T201


def _show_version(asked: bool) -> None:
    if asked:
        from detbench import __version__

        typer.echo(f"detbench {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")] = False,
) -> None:
    """Compare object detectors: exact VOC and COCO scores, faster than every peer."""


@app.command("eval")
def evaluate_command(
    context: typer.Context,
    ground_truth: DatasetPath,
    detections: Annotated[
        list[Path],
        typer.Argument(
            help="comp3/comp4 folder, COCO results .json, YOLO text folder, or our .parquet; one for each detector.", show_default=False
        ),
    ],
    protocol: Annotated[str | None, typer.Option(help="coco, voc2007 or voc2012. Default: the dataset's own.", show_default=False)] = None,
    split: Split = None,
    images: Images = None,
    name: Annotated[
        list[str] | None,
        typer.Option(help="Name of a detector, in the order of the files. Default: file or folder name.", show_default=False),
    ] = None,
    difficult: Annotated[
        Difficult | None, typer.Option(help="What difficult objects do. Default: the protocol's rule.", show_default=False)
    ] = None,
    strict_overlap: Annotated[bool, typer.Option("--strict-overlap", help="A match needs IoU > threshold instead of >=.")] = False,
    no_plus_one: Annotated[
        bool, typer.Option("--no-plus-one", help="Measure VOC boxes as xmax − xmin, one pixel too small (the common slip).")
    ] = False,
    iou: Annotated[
        str | None, typer.Option(metavar="T[,T...]", help="IoU thresholds instead of the protocol's.", show_default=False)
    ] = None,
    max_detections: Annotated[
        str | None, typer.Option(metavar="N[,N...]", help="Detections per image and class instead of the protocol's.", show_default=False)
    ] = None,
    only_present: Annotated[bool, typer.Option("--only-present", help="Score only the images whose picture is there.")] = False,
    allow_unknown: AllowUnknown = False,
    json: Annotated[
        str | None, typer.Option(metavar="PATH|-", help="Write the results as JSON; - prints them and nothing else.", show_default=False)
    ] = None,
    plots: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Draw precision-recall curves, one file per class.", show_default=False)
    ] = None,
    audit: Annotated[
        bool, typer.Option("--audit", help="Score the same boxes with pycocotools too and print the largest difference.")
    ] = False,
    conventions: Annotated[bool, typer.Option("--conventions", help="Show the score under every convention in use.")] = False,
    runs: Annotated[
        Path | None, typer.Option("-o", "--runs", metavar="DIR", help="Write a run folder for each detector.", show_default=False)
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads for scoring. Default: all.", show_default=False)] = None,
) -> None:
    """Score detections against ground truth and compare detectors."""
    from detbench.bench.results import convention_records, results_document
    from detbench.bench.runs import json_bytes, write_json, write_run
    from detbench.data.files import check_place

    names = _given_names(detections, name)
    for target in (plots, runs):
        if target:
            check_place(target, folder=True)
    if json not in (None, "-"):
        check_place(Path(json), folder=False)
    truth, found = _load(
        ground_truth, detections, names, split=split, images=images, only_present=only_present, allow_unknown=allow_unknown
    )
    if runs:
        _check_run_folders(runs, [detector.name for detector in found])
    rules = _protocol(
        truth, protocol, difficult=difficult, strict_overlap=strict_overlap, no_plus_one=no_plus_one, iou=iou, max_detections=max_detections
    )
    evaluations = _evaluate(truth, found, rules, threads)
    shown: list[RenderableType] = [*_tables(evaluations)]
    extra: list[dict[str, Any]] = [{} for _ in evaluations]
    if conventions:
        from detbench.metrics.conventions import coco_numbers, convention_table
        from detbench.reports.terminal import convention_grid, convention_lines

        for detector, more in zip(found, extra, strict=True):
            rows, coco = convention_table(truth, detector), coco_numbers(truth, detector)
            above, below = convention_lines(detector.name, coco)
            shown += [above, convention_grid(rows), below]
            more.update(convention_records(rows, coco))
    if audit:
        from dataclasses import asdict

        from detbench.metrics.audit import audit as audited
        from detbench.reports.terminal import audit_lines

        for detector, more in zip(found, extra, strict=True):
            with _status(f"scoring {detector.name} with pycocotools"):
                outcome = audited(truth, detector)
            shown.append("\n".join(audit_lines(detector.name, outcome)))
            more["audit"] = asdict(outcome)

    document = results_document(evaluations, extra)
    if json == "-":
        sys.stdout.buffer.write(json_bytes(document))
    else:
        _print(*shown)
    _warn_of_suspicions(evaluations)
    if json not in (None, "-"):
        write_json(Path(json), document)
        _talk(f"results: {json}")
    if plots:
        from detbench.reports.plots import save_plots

        with _status("drawing"):
            drawn = save_plots(evaluations, plots)
        _talk(f"plots: {len(drawn)} files in {plots}")
    if runs:
        passed = {option: _plain(value) for option, value in context.params.items()}
        for evaluation in evaluations:
            _talk(f"run: {write_run(runs / evaluation.detections.name, evaluation, options=passed)}")


@app.command()
def convert(
    source: Annotated[Path, typer.Argument(help="Ground truth or detections in any known format.", show_default=False)],
    target: Annotated[Path, typer.Argument(help="What to write; the format follows from the name, or from --to.", show_default=False)],
    ground_truth: Annotated[
        Path | None,
        typer.Option(help="The ground truth that the detections belong to; without it, SOURCE is ground truth.", show_default=False),
    ] = None,
    to: Annotated[str | None, typer.Option(help="Format to write: voc, coco, yolo or parquet.", show_default=False)] = None,
    split: Split = None,
    images: Images = None,
) -> None:
    """Convert ground truth or detections into another format."""
    from detbench.data.load import convert as convert_file

    convert_file(source, target, ground_truth=ground_truth, to=to, split=split, images=images)
    _talk(f"written: {target}")


@fetch_app.command("voc2007")
def fetch_voc2007_command(
    folder: Annotated[Path, typer.Argument(help="Where VOCdevkit/VOC2007 shall lie.")] = Path(),
    from_: Annotated[
        list[Path] | None, typer.Option("--from", metavar="FILE", help="An archive already at hand.", show_default=False)
    ] = None,
    trainval: Annotated[bool, typer.Option("--trainval", help="Get the training and validation images, too.")] = False,
) -> None:
    """Get PASCAL VOC 2007 from its official host, checked and resumed, ready for `detbench eval`."""
    from detbench.data.fetch import fetch_voc2007

    dataset = fetch_voc2007(folder, from_files=from_ or (), parts=("test", "trainval") if trainval else ("test",))
    _talk(f"dataset: {dataset}")


@app.command()
def demo(
    folder: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Where dataset, detections, results and plots go.")] = Path(
        "demo"
    ),
) -> None:
    """Run the main job on a made dataset.

    Makes a small dataset of shapes, scores three detectors on it, compares them and draws their curves.
    The detections are simulated, to show the way from files to numbers; they are no model's.
    """
    from detbench.bench.demo import demo_files
    from detbench.bench.results import results_document
    from detbench.bench.runs import write_json
    from detbench.reports.plots import save_plots

    with _status("making the shapes dataset"):
        dataset, results = demo_files(folder)
    truth, found = _load(dataset, results, [None] * len(results), split="test")
    evaluations = _evaluate(truth, found, _protocol(truth, "voc2007"), None)
    coco = _evaluate(truth, found, _protocol(truth, "coco"), None)
    _print(*_tables(evaluations), *_tables(coco)[:2])
    write_json(folder / "results.json", results_document(evaluations))
    with _status("drawing"):
        drawn = save_plots(evaluations, folder / "plots")
    _talk(f"dataset: {dataset}\nresults: {folder / 'results.json'}\nplots: {len(drawn)} files in {folder / 'plots'}")
    _talk(f"again:   detbench eval {dataset} {' '.join(map(str, results))} --plots {folder / 'plots'}")


def _given_names(paths: Sequence[Path], given: Sequence[str] | None) -> list[str | None]:
    if given and len(given) != len(paths):
        raise DetbenchError(f"{len(given)} names for {len(paths)} detection files; give --name once for each, in their order")
    if given and not all(each.strip() for each in given):
        raise DetbenchError("--name needs a name, not an empty one")
    return [*given] if given else [None] * len(paths)


def _check_names_differ(found: Sequence[Detections]) -> None:
    names = [detections.name for detections in found]
    if len(set(names)) != len(names):
        raise DetbenchError(f"detectors need different names, got {', '.join(names)}; give --name once for each file")


def _check_run_folders(runs: Path, names: Sequence[str]) -> None:
    for name in names:
        if Path(name).name != name or not name.isprintable():
            raise DetbenchError(f"{name!r} cannot be the name of a run folder; give another --name")
        folder = runs / name
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise InputError(folder, "already exists and is not empty", fix="choose another -o or --name, or remove it")


def _load(
    ground_truth: Path,
    detections: Sequence[Path],
    names: Sequence[str | None],
    *,
    split: str | None = None,
    images: Path | None = None,
    only_present: bool = False,
    allow_unknown: bool = False,
) -> tuple[GroundTruth, list[Detections]]:
    from detbench.data.load import load_detections, load_ground_truth

    with _status(f"reading {ground_truth}"):
        truth = load_ground_truth(ground_truth, split=split, images=images)
    found = []
    for path, name in zip(detections, names, strict=True):
        with _status(f"reading {path}"):
            found.append(load_detections(path, truth, allow_unknown=allow_unknown, name=name))
    _check_names_differ(found)
    if not only_present:
        return truth, found
    positions = truth.present_images()
    _talk(f"only present: {len(positions):,} of {len(truth.image_ids):,} images have their picture in {truth.image_folder}")
    smaller = truth.select_images(positions)
    return smaller, [each.select_images(smaller, positions) for each in found]


def _protocol(
    truth: GroundTruth,
    name: str | None,
    *,
    difficult: Difficult | None = None,
    strict_overlap: bool = False,
    no_plus_one: bool = False,
    iou: str | None = None,
    max_detections: str | None = None,
) -> Protocol:
    from detbench.metrics.protocol import protocol_named

    rules = protocol_named(name or truth.protocol)
    if difficult:
        rules = replace(rules, difficult=difficult)
    if iou is not None:
        rules = rules.with_thresholds(_numbers(iou, float, "--iou"))
    if max_detections is not None:
        rules = rules.with_max_detections(_numbers(max_detections, int, "--max-detections"))
    return replace(rules, strict_overlap=strict_overlap or rules.strict_overlap, plus_one=rules.plus_one and not no_plus_one)


def _numbers(text: str, kind: type[Any], option: str) -> tuple[Any, ...]:
    try:
        return tuple(kind(part) for part in text.split(","))
    except ValueError as error:
        raise DetbenchError(f"{option} takes numbers separated by commas, got {text!r}") from error


def _evaluate(truth: GroundTruth, found: Sequence[Detections], rules: Protocol, threads: int | None) -> list[Evaluation]:
    notice = threading.Timer(_NOTICE_AFTER_S, _talk, ["compiling the numerical kernels, once after installation (about 10 s) ..."])
    notice.daemon = True
    notice.start()
    try:
        from detbench.metrics.evaluate import evaluate

        return [evaluate(truth, detections, rules, threads=threads) for detections in found]
    finally:
        notice.cancel()


def _tables(evaluations: Sequence[Evaluation]) -> list[RenderableType]:
    from detbench.bench.results import classes_without_ground_truth
    from detbench.reports.terminal import class_table, headline, summary_table

    tables: list[RenderableType] = [headline(evaluations), summary_table(evaluations), class_table(evaluations)]
    absent = classes_without_ground_truth(evaluations[0])
    if absent:
        tables.append(f"{len(absent)} classes without ground truth are left out of every mean: {', '.join(absent)}")
    return tables


def _warn_of_suspicions(evaluations: Sequence[Evaluation]) -> None:
    from detbench.metrics.suspicion import suspicions

    for evaluation in evaluations:
        for suspicion in suspicions(evaluation):
            _talk(f"suspicious: {evaluation.detections.name}: {suspicion}")


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return str(value) if isinstance(value, Path) else value


def _console(stderr: bool) -> Console:
    from rich.console import Console

    return Console(stderr=stderr, soft_wrap=False, highlight=False)


def _print(*renderables: RenderableType) -> None:
    console = _console(stderr=False)
    for renderable in renderables:
        if isinstance(renderable, str):
            console.print(renderable, markup=False, soft_wrap=True)
        else:
            console.print(renderable)


def _talk(text: str) -> None:
    print(text, file=sys.stderr)  # noqa: T201


@contextmanager
def _status(text: str) -> Iterator[None]:
    """Show what is going on while it goes on, on a terminal only."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.text import Text

    with _console(stderr=True).status(Text(text)):
        yield
