"""`detbench train yolo`: train a YOLO of ours on a dataset."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detbench.cli.shared.app import INTERRUPTED, DatasetPath, Images, OnlyPresent, app
from detbench.cli.shared.steps import load_dataset, present_positions
from detbench.cli.shared.talk import status, talk, tracked
from detbench.errors import DetbenchError

if TYPE_CHECKING:
    from detbench.data.ground_truth import GroundTruth
    from detbench.training.yolo.checkpoints import State
    from detbench.training.yolo.train import Listener, Trained
    from detbench.training.yolo.training_plan import Plan

_MOST_ANCHORS = 10
"""Up to how many anchors the plot of average IoU goes, at least."""

train_app = typer.Typer(help="Train detectors.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(train_app, name="train")


@train_app.callback()
def _train() -> None:
    """Train detectors."""


@train_app.command("yolo")
def train_yolo_command(
    dataset: DatasetPath,
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="Where the model goes: .keras.",
            show_default=False,
        ),
    ],
    split: Annotated[
        str | None,
        typer.Option(
            help="Image set to learn from. Default: train, for VOC and YOLO.", show_default=False
        ),
    ] = None,
    images: Images = None,
    val: Annotated[
        Path | None,
        typer.Option(
            metavar="DATASET",
            help="What each epoch is scored on. Default: a split of the first.",
            show_default=False,
        ),
    ] = None,
    val_split: Annotated[
        str | None,
        typer.Option(
            help="Image set that each epoch is scored on. Default: val, for VOC and YOLO.",
            show_default=False,
        ),
    ] = None,
    val_images: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the pictures of --val. Default: that of --images.", show_default=False
        ),
    ] = None,
    only_present: OnlyPresent = False,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the pictures.")] = 60,
    batch: Annotated[int, typer.Option(min=1, help="Pictures per step.")] = 16,
    size: Annotated[
        str,
        typer.Option(metavar="WIDTHxHEIGHT", help="Pixels of the input; one number for a square."),
    ] = "416",
    anchors: Annotated[int, typer.Option(min=1, help="Boxes per cell.")] = 5,
    stride: Annotated[int, typer.Option(help="Pixels per cell: 2, 4, 8, 16 or 32.")] = 16,
    width: Annotated[
        int,
        typer.Option(
            min=1, help="Channels of the first convolution; deeper ones have up to 8 times as many."
        ),
    ] = 16,
    depth: Annotated[int, typer.Option(min=1, help="Convolutions on the last grid.")] = 2,
    learning_rate: Annotated[float, typer.Option(help="Of Adam, at its highest.")] = 3e-3,
    augment: Annotated[
        bool, typer.Option(help="Mirror, move, zoom and recolour pictures at random.")
    ] = True,
    seed: Annotated[int, typer.Option(min=0, help="Of weights, order and augmentation.")] = 0,
    max_seconds: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="Begin no epoch that would end later, all runs together.",
            show_default=False,
        ),
    ] = None,
    half: Annotated[
        bool, typer.Option("--half", help="Store the weights in 16 bits; computing stays in 32.")
    ] = False,
    start: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Train on from this YOLO, with its shape.", show_default=False
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option(help="Go on with an interrupted training of the same settings.")
    ] = True,
    plots: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Draw learning curves and anchors there.", show_default=False
        ),
    ] = None,
) -> None:
    """Train a YOLO of ours; started again after an interruption, it goes on after the last finished epoch."""
    from detbench.training.yolo.training_plan import Plan

    plan = Plan(
        epochs=epochs,
        batch_size=batch,
        size=_size(size),
        anchors=anchors,
        stride=stride,
        width=width,
        depth=depth,
        learning_rate=learning_rate,
        augment=augment,
        seed=seed,
        max_seconds=max_seconds,
        stored="float16" if half else "float32",
    )
    _check_places(output, plots)
    if val is None and _has_no_splits(dataset):
        raise DetbenchError(
            f"{dataset}: has no splits; say with --val DATASET what each epoch is scored on"
        )
    truth = _load(dataset, split, "train", images, only_present=only_present)
    validation = _load(
        val or dataset, val_split, "val", val_images or images, only_present=only_present
    )
    trained = _run(plan, truth, validation, output, start, resume=resume)
    best = trained.state.history[trained.state.best_epoch - 1]
    talk(
        f"best epoch: {trained.state.best_epoch} of {len(trained.state.history)}, {_scores(best)}, {trained.state.elapsed_s:.0f} s in all"
    )
    talk(f"model: {output}")
    if plots:
        _draw(trained, plots)


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    try:
        return int(width), int(height or width)
    except ValueError:
        raise DetbenchError(
            f"--size takes WIDTHxHEIGHT in pixels or one number, not {text!r}"
        ) from None


def _check_places(output: Path, plots: Path | None) -> None:
    """Refuse, before anything is loaded, places that cannot be written."""
    from detbench.data.files import check_place
    from detbench.training.yolo.train import check_output

    check_output(output)
    if plots is not None:
        check_place(plots, folder=True)


def _has_no_splits(dataset: Path) -> bool:
    """Whether there is a dataset of a format whose files are one split each."""
    from detbench.data.formats.table import GROUND_TRUTH_FORMATS

    return dataset.exists() and any(
        GROUND_TRUTH_FORMATS[name].recognise(dataset) for name in ("coco", "parquet")
    )


def _load(
    path: Path, split: str | None, usual: str, images: Path | None, *, only_present: bool
) -> GroundTruth:
    """Load the split that is asked for, else the usual one of a dataset that has splits."""
    truth = load_dataset(
        path, split=split if split or _has_no_splits(path) else usual, images=images
    )
    return truth.select_images(present_positions(truth)) if only_present else truth


def _run(
    plan: Plan,
    truth: GroundTruth,
    validation: GroundTruth,
    output: Path,
    start: Path | None,
    *,
    resume: bool,
) -> Trained:
    from detbench.adapters.keras.backend import import_keras
    from detbench.adapters.keras.silence_tensorflow import provoke_chatter
    from detbench.metrics.warmup import warm_postprocessing, warm_scoring
    from detbench.training.yolo.checkpoints import Checkpoints
    from detbench.training.yolo.train import train

    warm_postprocessing(talk)
    warm_scoring(talk)
    with status("loading Keras"):
        if import_keras().backend.backend() == "tensorflow":
            provoke_chatter()
    steps = plan.epochs * -(-len(truth.image_ids) // plan.batch_size)
    try:
        with _told(steps) as listener:
            return train(
                plan, truth, validation, output, start=start, resume=resume, listener=listener
            )
    except KeyboardInterrupt:
        kept = Checkpoints(output).latest()
        how = (
            f"goes on after epoch {len(kept.history)}"
            if kept
            else "starts over, since no epoch was finished"
        )
        talk(f"interrupted; the same command {how}")
        raise typer.Exit(INTERRUPTED) from None


@contextmanager
def _told(steps: int) -> Iterator[Listener]:
    """Yield what shows steps on a bar and epochs as lines."""
    from detbench.training.yolo.train import Listener

    with tracked("steps", steps) as advance:
        yield Listener(
            on_begin=_begin,
            on_step=lambda step: advance((step.epoch - 1) * step.steps + step.step),
            on_epoch=lambda state: talk(_line(state)),
        )


def _begin(state: State) -> None:
    anchors = ", ".join(f"{width:.2f}×{height:.2f}" for width, height in state.anchors)
    talk(f"anchors in cells: {anchors}")
    if state.history:
        talk(f"goes on after epoch {len(state.history)}, the best so far is {state.best_epoch}")


def _line(state: State) -> str:
    """Return one line about the epoch that was just finished."""
    row = state.history[-1]
    star = " *" if state.best_epoch == row["epoch"] else ""
    loss = f"loss {row['loss']:.3f}, validation {row['val_loss']:.3f}"
    return f"epoch {row['epoch']:g}/{state.settings['epochs']}: {loss}, {_scores(row)}, {row['seconds']:.1f} s{star}"


def _scores(row: dict[str, float]) -> str:
    from detbench.training.yolo.checkpoints import BEST_BY

    return f"mAP {row[BEST_BY]:.3f}"


def _draw(trained: Trained, folder: Path) -> None:
    from detbench.adapters.yolo.anchors import average_ious
    from detbench.adapters.yolo.loss import WEIGHTS
    from detbench.reports.plots.training import save_training_plots
    from detbench.training.yolo.checkpoints import BEST_BY

    chosen = len(trained.state.anchors)
    ious = average_ious(trained.sizes, max(chosen, _MOST_ANCHORS), trained.state.settings["seed"])
    paths = save_training_plots(trained.state.history, ious, chosen, list(WEIGHTS), BEST_BY, folder)
    talk(f"plots: {', '.join(map(str, paths))}")
