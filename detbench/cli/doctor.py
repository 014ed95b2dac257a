"""`detbench doctor`: find what silently ruins an evaluation, and mend it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detbench.cli.shared.app import DatasetPath, Images, ProtocolName, Split, app
from detbench.cli.shared.console import log, status
from detbench.cli.shared.json_output import JsonTarget, json_files, save_json, show_results
from detbench.errors import DetbenchError, InputError

if TYPE_CHECKING:
    from detbench.doctor.findings import Finding


@app.command()
def doctor(
    ground_truth: DatasetPath,
    detections: Annotated[
        Path,
        typer.Argument(
            help="comp3/comp4 folder, COCO results .json, YOLO text folder, or our .parquet.",
            show_default=False,
        ),
    ],
    split: Split = None,
    images: Images = None,
    protocol: ProtocolName = None,
    json: JsonTarget = None,
    mend: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ID",
            help="Write the detections without the fault of this id to --output; give it for each id.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help="Where --mend writes; the input is never changed.",
            show_default=False,
        ),
    ] = None,
    mended_truth: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Write a split of VOC or YOLO without its faults to a new folder.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Find what silently ruins an evaluation, and prove it. Leaves with 1 where there is an error."""
    from detbench.cli.shared.output_paths import check_output_paths
    from detbench.doctor.doctor import examine, mend_truth
    from detbench.doctor.doctor import mend as write_mended
    from detbench.doctor.findings import findings_document
    from detbench.metrics.warmup import warm_scoring

    if bool(mend) != (output is not None):
        raise DetbenchError("--mend and --output belong together: which fault, and where to write")
    if sum((bool(mend), json is not None, mended_truth is not None)) > 1:
        raise DetbenchError(
            "--mend, --mended-truth and --json write different things; run `detbench doctor` once for each"
        )
    folders = (
        [output]
        if output and detections.is_dir() and output.suffix not in (".json", ".parquet")
        else []
    )
    check_output_paths(
        [path for path in (*json_files(json), output) if path and path not in folders],
        folders,
        [ground_truth, detections],
    )
    if mended_truth:
        _check_new_dataset(mended_truth, ground_truth, detections)
    warm_scoring(log)
    if mended_truth:
        with status("mending"):
            written, read = mend_truth(
                ground_truth,
                detections,
                mended_truth,
                split=split,
                images=images,
                protocol=protocol,
            )
        log(
            f"written: {mended_truth}, {written:,} objects of the split that was read{_left_out(written, read)}"
        )
        return
    if mend and output:
        with status("mending"):
            written, read = write_mended(
                ground_truth,
                detections,
                mend,
                output,
                split=split,
                images=images,
                protocol=protocol,
            )
        log(
            f"written: {output}, {written:,} detections without {', '.join(mend)}{_left_out(written, read)}"
        )
        return
    with status("examining"):
        findings = examine(ground_truth, detections, split=split, images=images, protocol=protocol)
    document = findings_document(findings)
    save_json(json, document, "findings")
    show_results(json, document, lambda: _report(findings))
    if any(finding.severity == "error" for finding in findings):
        raise typer.Exit(1)


def _check_new_dataset(target: Path, ground_truth: Path, detections: Path) -> None:
    """Refuse a target that is there already, or inside the dataset, whose pictures or years it would add to."""
    from detbench.cli.shared.output_paths import check_output_paths
    from detbench.data.files import is_missing_or_empty

    check_output_paths([], [target], [ground_truth, detections])
    yaml = ground_truth.suffix in (".yaml", ".yml")
    folders = [
        each
        for each in (ground_truth.parent if yaml else ground_truth, detections)
        if each.is_dir()
    ]
    inside = any(target.resolve().is_relative_to(folder.resolve()) for folder in folders)
    if inside or not is_missing_or_empty(target):
        problem = "lies in the dataset or among the detections" if inside else "already exists"
        raise InputError(target, problem, fix="name a new folder elsewhere")


def _left_out(written: int, read: int) -> str:
    return f"; {read - written:,} of {read:,} were left out" if written < read else ""


def _report(findings: list[Finding]) -> list[str]:
    """Return the lines of the report: a sum, then each finding with its evidence and fix."""
    from detbench.doctor.findings import SEVERITIES

    if not findings:
        return ["nothing found by any check of ids, boxes, scores and classes"]
    counts = [
        (sum(finding.severity == severity for finding in findings), severity)
        for severity in SEVERITIES
    ]
    lines = [
        ", ".join(f"{count} {severity}{'s' * (count != 1)}" for count, severity in counts if count)
    ]
    told: set[str] = set()
    for finding in findings:
        how = "advice" if not finding.is_command else "fix"
        fix = "by the same command" if finding.is_command and finding.fix in told else finding.fix
        told.add(finding.fix)
        lines += [
            "",
            f"{finding.severity}: {finding.id}",
            f"  {finding.evidence}",
            f"  {how}: {fix}",
        ]
    return lines
