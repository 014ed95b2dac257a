"""Libraries that read annotations: their size, time, and what they keep of VOC 2007 test.

    python3.11 -m venv libraries && libraries/bin/pip install datumaro globox supervision
    python tests/benchmarks/annotation_libraries.py VOCdevkit/VOC2007 libraries/bin/python

Prints the table of `docs/formats.md`. Each library runs in a process of its own, in turn with the
others; times are the median of the rounds.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
from pathlib import Path

READERS = {
    "detbench": """
from detbench.data.load import load_ground_truth
start = time.perf_counter()
ground_truth = load_ground_truth(devkit)
seconds = time.perf_counter() - start
kept = len(ground_truth), ground_truth.difficult.sum(), ground_truth.truncated.sum()
first = ground_truth.boxes[0].tolist()
""",
    "datumaro": """
import datumaro
start = time.perf_counter()
dataset = datumaro.Dataset.import_from(devkit, "voc_detection")
boxes = [
    box for item in dataset for box in item.annotations
    if box.type == datumaro.AnnotationType.bbox
]
seconds = time.perf_counter() - start
flags = [[box.attributes.get(flag) for box in boxes] for flag in ("difficult", "truncated")]
kept = len(boxes), *map(sum, flags)
first = boxes[0].points
""",
    "globox": """
import globox
start = time.perf_counter()
images = globox.AnnotationSet.from_pascal_voc(devkit + "/Annotations")
boxes = [box for image in images for box in image.boxes]
seconds = time.perf_counter() - start
kept = len(boxes), 0, 0
first = [boxes[0].xmin, boxes[0].ymin, boxes[0].xmax, boxes[0].ymax]
""",
    "supervision": """
import supervision
start = time.perf_counter()
dataset = supervision.DetectionDataset.from_pascal_voc(
    images_directory_path=devkit + "/JPEGImages",
    annotations_directory_path=devkit + "/Annotations",
)
seconds = time.perf_counter() - start
kept = sum(map(len, dataset.annotations.values())), 0, 0
first = next(iter(dataset.annotations.values())).xyxy[0].tolist()
""",
}
SCRIPT = """
import importlib.metadata, os, re, resource, sys, time
devkit = sys.argv[1]
{reader}
def closure(name, sizes):
    name = re.sub(r"[-_.]+", "-", name).lower()
    if name in sizes:
        return sizes
    try:
        files = importlib.metadata.files(name) or []
    except importlib.metadata.PackageNotFoundError:
        return sizes
    paths = [file.locate() for file in files]
    sizes[name] = sum(os.path.getsize(path) for path in paths if os.path.exists(path))
    for requirement in importlib.metadata.requires(name) or []:
        if "extra ==" not in requirement:
            closure(re.split(r"[\\s;<>=!\\[(~]", requirement)[0], sizes)
    return sizes
sizes = closure("{name}", {{}})
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print("|", importlib.metadata.version("{name}"), "|", len(sizes), "|",
      round(sum(sizes.values()) / 1e6), "|", " | ".join(str(int(value)) for value in kept),
      "|", ", ".join(f"{{float(value):g}}" for value in first), "|", round(peak), "|")
print(seconds)
"""


def main() -> None:
    """Print one row per library."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("devkit", type=Path)
    parser.add_argument("python", type=Path, help="interpreter that has the other libraries")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    rows: dict[str, str] = {}
    seconds: dict[str, list[float]] = {name: [] for name in READERS}
    for _ in range(options.rounds):
        for name, reader in READERS.items():
            python = sys.executable if name == "detbench" else str(options.python)
            script = SCRIPT.format(reader=reader, name=name)
            command = [python, "-W", "ignore", "-c", script, str(options.devkit)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            rows[name], last = done.stdout.splitlines()[-2:]
            seconds[name].append(float(last))
    columns = "library, version, packages, MB, objects, difficult, truncated, first box, peak MB, s"
    print(f"| {columns.replace(', ', ' | ')} |")
    print("|---" * len(columns.split(", ")) + "|")
    for name, row in rows.items():
        print(f"| {name} {row} {statistics.median(seconds[name]):.2f} |")


if __name__ == "__main__":
    main()
