"""`detbench train yolo`: train detbench's own YOLO on a dataset."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detbench.cli.shared.app import INTERRUPTED, DatasetPath, Images, OnlyPresent, app
from detbench.cli.shared.console import log, progress_bar, status
from detbench.cli.shared.loading import load_dataset, present_positions
from detbench.errors import DetbenchError

if TYPE_CHECKING:
    from detbench.data.ground_truth import GroundTruth
    from detbench.training.yolo.checkpoints import TrainingState
    from detbench.training.yolo.train import TrainingListener, TrainingResult
    from detbench.training.yolo.training_plan import TrainingPlan

_MIN_PLOTTED_ANCHORS = 10
"""The plot of average IoU goes at least up to this number of anchors."""

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
            help="Model file to write, .keras.",
            show_default=False,
        ),
    ],
    split: Annotated[
        str | None,
        typer.Option(
            help="Image set to train on. Default: train for VOC and YOLO.", show_default=False
        ),
    ] = None,
    images: Images = None,
    val: Annotated[
        Path | None,
        typer.Option(
            metavar="DATASET",
            help="Dataset to score each epoch on. Default: the training dataset.",
            show_default=False,
        ),
    ] = None,
    val_split: Annotated[
        str | None,
        typer.Option(
            help="Image set to score each epoch on. Default: val for VOC and YOLO.",
            show_default=False,
        ),
    ] = None,
    val_images: Annotated[
        Path | None,
        typer.Option(help="Image folder of --val. Default: that of --images.", show_default=False),
    ] = None,
    only_present: OnlyPresent = False,
    epochs: Annotated[int, typer.Option(min=1, help="Number of epochs.")] = 60,
    batch: Annotated[int, typer.Option(min=1, help="Images per training step.")] = 16,
    size: Annotated[
        str,
        typer.Option(
            metavar="WIDTHxHEIGHT", help="Size of the input in pixels; one number for a square."
        ),
    ] = "416",
    anchors: Annotated[int, typer.Option(min=1, help="Anchors per cell.")] = 5,
    stride: Annotated[int, typer.Option(help="Pixels per cell: 2, 4, 8, 16 or 32.")] = 16,
    width: Annotated[
        int,
        typer.Option(
            min=1, help="Channels of the first convolution; later ones have up to 8 times as many."
        ),
    ] = 16,
    depth: Annotated[
        int, typer.Option(min=1, help="Number of convolutions after the last pooling.")
    ] = 2,
    learning_rate: Annotated[float, typer.Option(help="Maximum learning rate of Adam.")] = 3e-3,
    augment: Annotated[
        bool, typer.Option(help="Mirror, shift, zoom and recolor images at random.")
    ] = True,
    seed: Annotated[
        int, typer.Option(min=0, help="Random seed of weights, order and augmentation.")
    ] = 0,
    max_seconds: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="Stop before an epoch would exceed this total time, resumed runs included.",
            show_default=False,
        ),
    ] = None,
    half: Annotated[
        bool, typer.Option("--half", help="Store weights as float16; computation stays float32.")
    ] = False,
    start: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Start from the weights and layer sizes of this YOLO model.",
            show_default=False,
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option(help="Resume an interrupted training with the same settings.")
    ] = True,
    plots: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Plot learning curves and anchors as PNG files.", show_default=False
        ),
    ] = None,
) -> None:
    """Train detbench's own YOLO.

    After an interruption, the same command resumes after the last finished epoch.
    """
    from detbench.training.yolo.training_plan import TrainingPlan

    plan = TrainingPlan(
        epochs=epochs,
        batch_size=batch,
        size=_parse_size(size),
        anchors=anchors,
        stride=stride,
        width=width,
        depth=depth,
        learning_rate=learning_rate,
        augment=augment,
        seed=seed,
        max_seconds=max_seconds,
        stored_dtype="float16" if half else "float32",
    )
    _check_outputs(output, plots)
    if val is None and _has_no_splits(dataset):
        raise DetbenchError(
            f"{dataset}: has no splits; name the dataset to score each epoch on with --val"
        )
    ground_truth = _load(dataset, split, "train", images, only_present=only_present)
    validation = _load(
        val or dataset, val_split, "val", val_images or images, only_present=only_present
    )
    result = _run(plan, ground_truth, validation, output, start, resume=resume)
    state = result.state
    best = state.history[state.best_epoch - 1]
    log(
        f"best epoch: {state.best_epoch} of {len(state.history)}, {_score_text(best)}, "
        f"{state.elapsed_s:.0f} s in total"
    )
    log(f"model: {output}")
    if plots:
        _save_plots(result, plots)


def _parse_size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    try:
        return int(width), int(height or width)
    except ValueError:
        raise DetbenchError(
            f"--size must be WIDTHxHEIGHT in pixels or one number, not {text!r}"
        ) from None


def _check_outputs(output: Path, plots: Path | None) -> None:
    """Refuse outputs that cannot be written, before anything is loaded."""
    from detbench.data.files import check_writable
    from detbench.training.yolo.train import check_output

    check_output(output)
    if plots is not None:
        check_writable(plots, folder=True)


def _has_no_splits(dataset: Path) -> bool:
    """Return whether a dataset has a format with one split per file."""
    from detbench.data.formats.table import GROUND_TRUTH_FORMATS

    return dataset.exists() and any(
        GROUND_TRUTH_FORMATS[name].recognizes(dataset) for name in ("coco", "parquet")
    )


def _load(
    path: Path, split: str | None, default_split: str, images: Path | None, *, only_present: bool
) -> GroundTruth:
    """Load a split of a dataset; the default split only if the dataset has splits."""
    if split is None and not _has_no_splits(path):
        split = default_split
    ground_truth = load_dataset(path, split=split, images=images)
    if only_present:
        return ground_truth.select_images(present_positions(ground_truth))
    return ground_truth


def _run(
    plan: TrainingPlan,
    ground_truth: GroundTruth,
    validation: GroundTruth,
    output: Path,
    start: Path | None,
    *,
    resume: bool,
) -> TrainingResult:
    """Train with progress on stderr; Ctrl-C exits with what a resumed training starts from."""
    from detbench.adapters.keras.backend import import_keras
    from detbench.adapters.keras.silence_tensorflow import silence_first_use
    from detbench.metrics.warmup import warm_postprocessing, warm_scoring
    from detbench.training.yolo.checkpoints import Checkpoints
    from detbench.training.yolo.train import train

    warm_postprocessing(log)
    warm_scoring(log)
    with status("loading Keras"):
        if import_keras().backend.backend() == "tensorflow":
            silence_first_use()
    n_steps = plan.epochs * -(-len(ground_truth.image_ids) // plan.batch_size)
    try:
        with _progress_listener(n_steps) as listener:
            return train(
                plan,
                ground_truth,
                validation,
                output,
                start=start,
                resume=resume,
                listener=listener,
            )
    except KeyboardInterrupt:
        state = Checkpoints(output).latest()
        next_run = (
            f"resumes after epoch {len(state.history)}"
            if state
            else "starts over, because no epoch was finished"
        )
        log(f"interrupted; the same command {next_run}")
        raise typer.Exit(INTERRUPTED) from None


@contextmanager
def _progress_listener(n_steps: int) -> Iterator[TrainingListener]:
    """Yield a listener that shows steps as a progress bar and epochs as lines."""
    from detbench.training.yolo.train import TrainingListener

    with progress_bar("steps", n_steps) as advance:
        yield TrainingListener(
            on_begin=_log_begin,
            on_step=lambda progress: advance((progress.epoch - 1) * progress.steps + progress.step),
            on_epoch=lambda state: log(_epoch_line(state)),
        )


def _log_begin(state: TrainingState) -> None:
    anchors = ", ".join(f"{width:.2f}×{height:.2f}" for width, height in state.anchors)
    log(f"anchors in cells: {anchors}")
    if state.history:
        log(f"resuming after epoch {len(state.history)}; the best so far is {state.best_epoch}")


def _epoch_line(state: TrainingState) -> str:
    """Return a line about the latest epoch; a star marks the best epoch so far."""
    row = state.history[-1]
    epoch = f"epoch {row['epoch']:g}/{state.settings['epochs']}"
    loss = f"loss {row['loss']:.3f}, validation {row['val_loss']:.3f}"
    star = " *" if state.best_epoch == row["epoch"] else ""
    return f"{epoch}: {loss}, {_score_text(row)}, {row['seconds']:.1f} s{star}"


def _score_text(row: dict[str, float]) -> str:
    from detbench.training.yolo.checkpoints import SCORE_COLUMN

    return f"mAP {row[SCORE_COLUMN]:.3f}"


def _save_plots(result: TrainingResult, folder: Path) -> None:
    from detbench.adapters.yolo.loss import WEIGHTS
    from detbench.reports.plots.training import save_training_plots
    from detbench.training.yolo.anchors import average_ious
    from detbench.training.yolo.checkpoints import SCORE_COLUMN

    n_anchors = len(result.state.anchors)
    max_anchors = max(n_anchors, _MIN_PLOTTED_ANCHORS)
    ious = average_ious(result.object_sizes, max_anchors, result.state.settings["seed"])
    paths = save_training_plots(
        result.state.history, ious, n_anchors, list(WEIGHTS), SCORE_COLUMN, folder
    )
    log(f"plots: {', '.join(map(str, paths))}")
