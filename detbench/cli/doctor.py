"""`detbench doctor`: find what silently ruins an evaluation, and fix it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detbench.cli.shared.app import Columns, DatasetPath, Images, ProtocolName, Split, app
from detbench.cli.shared.console import log, status
from detbench.cli.shared.json_output import JsonTarget, json_files, save_json, show_results
from detbench.errors import DetbenchError, InputError

if TYPE_CHECKING:
    from detbench.doctor.findings import Finding
    from detbench.doctor.fixes.repair import Repair


@app.command()
def doctor(
    ground_truth: DatasetPath,
    detections: Annotated[
        Path,
        typer.Argument(
            help="Detections: VOC, COCO, YOLO, .parquet, or another of `detbench data formats`.",
            show_default=False,
        ),
    ],
    split: Split = None,
    images: Images = None,
    columns: Columns = None,
    protocol: ProtocolName = None,
    json: JsonTarget = None,
    fix: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ID",
            help="ID of a finding to fix. Repeat to fix several, all of the same input.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help="New file or folder for --fix; inputs are never changed.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Find mistakes in ground truth and detections, prove them, and fix them.

    Exits with 1 if a finding is an error.
    """
    from detbench.cli.shared.output_paths import check_distinct, check_output_paths
    from detbench.doctor.doctor import examine, plan_fix
    from detbench.doctor.findings import findings_document
    from detbench.metrics.warmup import warm_scoring

    if bool(fix) != (output is not None):
        raise DetbenchError("--fix and --output need each other; name the finding and the output")
    if fix and json is not None:
        raise DetbenchError(
            "--fix and --json cannot be combined; run `detbench doctor` once for each"
        )
    inputs = [ground_truth, detections]
    check_output_paths(json_files(json), [], inputs)
    check_distinct([] if output is None else [output], inputs)
    warm_scoring(log)
    if fix and output is not None:
        with status("fixing"):
            repair = plan_fix(
                ground_truth,
                detections,
                fix,
                split=split,
                images=images,
                protocol=protocol,
                columns=columns or (),
            )
            _check_output(repair, output, ground_truth, detections)
            proof = repair.write(output)
        log(_written(repair, output, fix))
        log(f"read again: {proof}")
        return
    with status("examining"):
        findings = examine(
            ground_truth,
            detections,
            split=split,
            images=images,
            protocol=protocol,
            columns=columns or (),
        )
    document = findings_document(findings)
    save_json(json, document, "findings")
    show_results(json, document, lambda: _report(findings))
    if any(finding.severity == "error" for finding in findings):
        raise typer.Exit(1)


def _check_output(repair: Repair, output: Path, ground_truth: Path, detections: Path) -> None:
    """Refuse an output that cannot be written, or that would change an input."""
    from detbench.cli.shared.output_paths import check_output_paths
    from detbench.data.files import is_missing_or_empty

    inputs = [ground_truth, detections]
    if not repair.is_folder(output):
        check_output_paths([output], [], inputs)
        return
    check_output_paths([], [output], inputs)
    dataset = ground_truth.parent if ground_truth.suffix in (".yaml", ".yml") else ground_truth
    folders = [folder for folder in (dataset, detections) if folder.is_dir()]
    # A folder inside the dataset would add images or years to it.
    if any(output.resolve().is_relative_to(folder.resolve()) for folder in folders):
        problem = "lies in the dataset or among the detections"
        raise InputError(output, problem, fix="name a new folder elsewhere")
    if not is_missing_or_empty(output):
        raise InputError(
            output, "already exists and is not an empty folder", fix="name a new folder"
        )


def _written(repair: Repair, output: Path, finding_ids: list[str]) -> str:
    """Return the line on what was written, and how much was left out."""
    what = f"{repair.n_written:,} {repair.content} without {', '.join(dict.fromkeys(finding_ids))}"
    line = f"written: {output}, {what}"
    n_left_out = repair.n_read - repair.n_written
    return f"{line}; {n_left_out:,} of {repair.n_read:,} were left out" if n_left_out else line


def _report(findings: list[Finding]) -> list[str]:
    """Return the lines of the report: a summary, then each finding with its evidence and fix."""
    from detbench.data.checks.suspicion import SEVERITIES

    if not findings:
        return ["nothing found by any check of IDs, boxes, scores and classes"]
    counts = [
        (sum(finding.severity == severity for finding in findings), severity)
        for severity in SEVERITIES
    ]
    lines = [
        ", ".join(f"{count} {severity}{'s' * (count != 1)}" for count, severity in counts if count)
    ]
    commands: set[str] = set()
    for finding in findings:
        label = "fix" if finding.is_command else "advice"
        fix = "by the same command" if finding.fix in commands else finding.fix
        if finding.is_command:
            commands.add(finding.fix)
        lines += [
            "",
            f"{finding.severity}: {finding.id}",
            f"  {finding.evidence}",
            f"  {label}: {fix}",
        ]
    return lines
