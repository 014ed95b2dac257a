"""`detbench doctor`: find what silently ruins an evaluation, and mend it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detbench.cli.app import DatasetPath, Images, ProtocolName, Split, app
from detbench.cli.talk import show, show_json, status, talk
from detbench.errors import DetbenchError

if TYPE_CHECKING:
    from detbench.bench.doctor.findings import Finding


@app.command()
def doctor(
    ground_truth: DatasetPath,
    detections: Annotated[
        Path,
        typer.Argument(help="comp3/comp4 folder, COCO results .json, YOLO text folder, or our .parquet.", show_default=False),
    ],
    split: Split = None,
    images: Images = None,
    protocol: ProtocolName = None,
    json: Annotated[
        str | None, typer.Option(metavar="PATH|-", help="Write the findings as JSON; - prints them and nothing else.", show_default=False)
    ] = None,
    mend: Annotated[
        str | None, typer.Option(metavar="ID", help="Write the detections without the fault of this id to --output.", show_default=False)
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Where --mend writes; the input is never changed.", show_default=False)
    ] = None,
) -> None:
    """Find what silently ruins an evaluation, and prove it. Leaves with 1 where there is an error."""
    from detbench.bench.doctor.doctor import examine
    from detbench.bench.doctor.findings import findings_document
    from detbench.bench.runs import write_json
    from detbench.cli.steps import check_targets
    from detbench.metrics.warmup import warm_scoring

    if (mend is None) != (output is None):
        raise DetbenchError("--mend and --output belong together: which fault, and where to write")
    file = None if json in (None, "-") else Path(json)
    check_targets([path for path in (file, output) if path], [], [ground_truth, detections])
    warm_scoring(talk)
    if mend is not None and output is not None:
        _mend(ground_truth, detections, mend, output, split, images)
        return
    with status("examining"):
        findings = examine(ground_truth, detections, split=split, images=images, protocol=protocol)
    document = findings_document(findings)
    if file:
        write_json(file, document)
        talk(f"findings: {file}")
    if json == "-":
        show_json(document)
    else:
        show(*_report(findings))
    if any(finding.severity == "error" for finding in findings):
        raise typer.Exit(1)


def _mend(ground_truth: Path, detections: Path, finding: str, output: Path, split: str | None, images: Path | None) -> None:
    from detbench.bench.doctor.doctor import mend

    count = mend(ground_truth, detections, finding, output, split=split, images=images)
    talk(f"written: {output}, {count:,} detections without {finding}")


def _report(findings: list[Finding]) -> list[str]:
    """Return the lines of the report: a sum, then each finding with its evidence and fix."""
    from detbench.bench.doctor.findings import SEVERITIES

    if not findings:
        return ["nothing found: ids, boxes, scores and classes are as they should be"]
    counts = [(sum(finding.severity == severity for finding in findings), severity) for severity in SEVERITIES]
    lines = [", ".join(f"{count} {severity}{'s' * (count != 1)}" for count, severity in counts if count)]
    for finding in findings:
        lines += ["", f"{finding.severity}: {finding.id}", f"  {finding.evidence}", f"  fix: {finding.fix}"]
    return lines
