"""Every command with small inputs, for tests of the surroundings in which commands run."""

import shlex
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

QUICK = {
    "env": "env",
    "adapters": "adapters",
    "formats": "data formats",
    "stats": "data stats {truth} --split test",
    "eval": "eval {truth} {detections} --split test -o {out}/runs --json {out}/scores.json",
    "compare": "compare {truth} {detections} {others} --split test -o {out}/comparison",
    "analyze": "analyze {truth} {detections} --split test --csv {out}/analysis",
    "doctor": "doctor {truth} {detections} --split test",
    "plan": "plan {truth} {detections} --split test",
    "convert": "convert {truth} {out}/yolo --to yolo --split test",
    "report": "report {run} -o {out}/page.html --csv {out}/tables",
    "gate": "gate {run} {run} --junit {out}/gate.xml --markdown {out}/gate.md",
    "history add": "history add {out}/history.jsonl {run} --verdict passed",
    "history show": "history show {history}",
    "fetch": "fetch voc2007 {out}/data --from {archive}",
    "history plot": "history plot {history} -o {out}/trends",
}
"""Commands that need no model, with the exit code 0."""
SLOW = {
    "predict": "predict onnx:{model} {truth} --split test -o {out}/detections.parquet",
    "latency": "latency onnx:{model} --processes 1 --max-seconds 0.05 -o {out}/times",
    "export": "export yolo:{keras_model} -o {out}/yolo.onnx",
    "train": "train yolo {truth} --split val --val-split val --epochs 1 -o {out}/new.keras",
    "demo": "demo -o {out}/demo",
}
"""Commands that run models."""


@dataclass(frozen=True)
class Inputs:
    """The files that the commands read; nothing is written beside them."""

    paths: dict[str, str]

    def arguments(self, command: str, out: Path) -> list[str]:
        """Return a command of the tables as arguments, whose outputs go to a folder."""
        template = (QUICK | SLOW)[command]
        return [
            sys.executable,
            "-m",
            "detbench",
            *(word.format(out=out, **self.paths) for word in shlex.split(template)),
        ]


def make_inputs(folder: Path, files) -> Inputs:
    """Return inputs in a folder; `files` is the small dataset."""
    from detbench.adapters import shipped

    archive = folder / "voc.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(files.ground_truth("voc").parent, "VOCdevkit")
    paths = {
        "truth": files.ground_truth("voc"),
        "detections": files.detections("voc"),
        "others": files.detections("parquet"),
        "run": folder / "runs" / "comp4",
        "history": folder / "history.jsonl",
        "archive": archive,
        "model": shipped.YOLO_ONNX,
        "keras_model": shipped.YOLO,
    }
    inputs = Inputs({name: str(path) for name, path in paths.items()})
    for command, out in (("eval", folder), ("history add", folder)):
        subprocess.run(inputs.arguments(command, out), check=True, cwd=ROOT, capture_output=True)
    return inputs
