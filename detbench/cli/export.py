"""`detbench export`: write a Keras model as an ONNX file and audit it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from detbench.cli.shared.app import AllowUnmapped, Images, Split, app
from detbench.cli.shared.console import log, status
from detbench.cli.shared.json_output import JsonTarget, json_files, save_json, show_results
from detbench.cli.shared.loading import load_dataset
from detbench.cli.shared.output_paths import check_output_paths, model_path
from detbench.errors import DetbenchError


@app.command("export")
def export_command(
    model: Annotated[
        str,
        typer.Argument(
            help="Keras model: yolo:FILE, keras:FILE or kerashub:FOLDER, with ,OPTION=VALUE...",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "-o", "--output", metavar="FILE", help="ONNX file to write.", show_default=False
        ),
    ],
    dataset: Annotated[
        Path | None,
        typer.Option(
            help="Score model and export on this dataset and compare the scores.",
            metavar="DATASET",
            show_default=False,
        ),
    ] = None,
    split: Split = None,
    images: Images = None,
    max_images: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=1,
            help="Maximum number of dataset images on which raw outputs are compared.",
        ),
    ] = 64,
    tolerance: Annotated[
        float | None,
        typer.Option(
            metavar="X",
            min=0,
            help="Largest allowed difference of raw outputs. Default: 1e-4, RetinaNet 1e-3.",
            show_default=False,
        ),
    ] = None,
    allow_unmapped: AllowUnmapped = False,
    json: JsonTarget = None,
) -> None:
    """Export a Keras model to ONNX and compare the two.

    If their outputs differ, no file is written and the exit code is 1.
    """
    from detbench.bench.export import export
    from detbench.data.schema_version import SCHEMA_VERSION
    from detbench.reports.terminal.export import audit_table

    if dataset is None and (split or images):
        raise DetbenchError("--split and --images need a dataset; name it with --dataset")
    if output.suffix.lower() != ".onnx":
        renamed = output.with_suffix(".onnx")
        raise DetbenchError(f"{output}: an export is an .onnx file; name it {renamed}")
    inputs = [model_path(model), *([dataset] if dataset else [])]
    check_output_paths([output, *json_files(json)], [], inputs)
    ground_truth = load_dataset(dataset, split=split, images=images) if dataset else None
    with status(f"exporting {model}"):
        audit = export(
            model,
            output,
            ground_truth=ground_truth,
            max_images=max_images,
            tolerance=tolerance,
            allow_unmapped=allow_unmapped,
        )
    document = {
        "schema_version": SCHEMA_VERSION,
        "model": model,
        "output": str(output),
        "audit": audit.as_dict(),
    }
    save_json(json, document, "audit")
    source = "images of the dataset" if ground_truth else "images of noise and drawn shapes"
    heading = f"{model}, compared on {audit.n_images:,} {source}"
    show_results(json, document, lambda: [heading, audit_table(audit)])
    if audit.failures:
        log(f"not written: {'; '.join(audit.failures)}")
        raise typer.Exit(1)
    log(f"export: {output}")
