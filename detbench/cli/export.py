"""`detbench export`: a Keras model as an ONNX file, with an audit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from detbench.cli.shared.app import AllowUnmapped, Images, Split, app
from detbench.cli.shared.steps import check_targets, load_dataset
from detbench.cli.shared.talk import show, show_json, status, talk
from detbench.errors import DetbenchError


@app.command("export")
def export_command(
    model: Annotated[
        str,
        typer.Argument(
            help="yolo:, keras: or kerashub: model, as yolo:model.keras or kerashub:FOLDER,score=0.01",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "-o", "--output", metavar="FILE", help="The ONNX file to write.", show_default=False
        ),
    ],
    dataset: Annotated[
        Path | None,
        typer.Option(
            help="Score model and export on this dataset and compare.",
            metavar="DATASET",
            show_default=False,
        ),
    ] = None,
    split: Split = None,
    images: Images = None,
    pictures: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=1,
            help="Pictures of the dataset whose raw heads are compared, at most.",
        ),
    ] = 64,
    tolerance: Annotated[
        float | None,
        typer.Option(
            metavar="X",
            min=0,
            help="Difference of raw heads allowed. Default: 1e-4, RetinaNet 1e-3.",
            show_default=False,
        ),
    ] = None,
    allow_unmapped: AllowUnmapped = False,
    json: Annotated[
        str | None,
        typer.Option(
            metavar="PATH|-",
            help="Write the audit as JSON; - prints it and nothing else.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Write a Keras model as ONNX; exit code 1, and no file, where the export does not say what the model says."""
    from detbench.bench.export import export
    from detbench.bench.results import SCHEMA_VERSION
    from detbench.bench.runs import write_json
    from detbench.cli.shared.targets import model_path
    from detbench.reports.terminal.export import audit_table

    if dataset is None and (split or images):
        raise DetbenchError("--split and --images are of a dataset; give it with --dataset")
    if output.suffix.lower() != ".onnx":
        raise DetbenchError(
            f"{output}: an export is an ONNX file; name it so, as {output.with_suffix('.onnx')}"
        )
    files = [output, *([Path(json)] if json not in (None, "-") else [])]
    check_targets(files, [], [model_path(model), *([dataset] if dataset else [])])
    truth = load_dataset(dataset, split=split, images=images) if dataset else None
    with status(f"exporting {model}"):
        audit = export(
            model,
            output,
            ground_truth=truth,
            pictures=pictures,
            tolerance=tolerance,
            allow_unmapped=allow_unmapped,
        )
    document = {
        "schema_version": SCHEMA_VERSION,
        "model": model,
        "output": str(output),
        "audit": audit.as_dict(),
    }
    if json == "-":
        show_json(document)
    else:
        show(
            f"{model}: {audit.pictures:,} pictures of {'the dataset' if truth else 'noise and drawn shapes'}",
            audit_table(audit),
        )
        if json:
            write_json(Path(json), document)
    if audit.failures:
        talk(f"not kept: {'; '.join(audit.failures)}")
        raise typer.Exit(1)
    talk(f"export: {output}")
