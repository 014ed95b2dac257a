"""Write the page of a GPU check from the files of its parts.

    python tests/gpu/page.py FOLDER FILE.md COMMAND

Exits with 1 if a part failed or an output is beyond its tolerance.
"""

import csv
import json
import sys
import time
from pathlib import Path

import numpy as np

from detbench.adapters.detector import ImageDetections
from detbench.bench.export import MATCHED_IOU, matched_boxes

MAX_DIFFERENCE = {"default": 1e-2, "highest": 1e-4}
"""Largest allowed ‖device − CPU‖ / ‖CPU‖ of a raw output. By default a GPU computes convolutions in
TF32, with 10 bits of precision; with `highest`, only the order of sums differs."""
MIN_MATCHED = {"default": 0.95, "highest": 0.99}
"""Smallest allowed share of boxes that both devices agree on."""
SUCCESS_CODES = (0, 3)
"""`detbench latency` exits with 3 if a time is invalid."""
ABSENT = "–"


def relative_difference(values, reference):
    return float(np.linalg.norm(values - reference) / np.linalg.norm(reference))


def detections_in(arrays, prefix, image):
    """Return the detections in an image, without boxes that have no area: they match nothing."""
    boxes, scores, classes = (
        arrays[f"{prefix}/{kind}/{image}"] for kind in ("boxes", "scores", "classes")
    )
    has_area = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
    return ImageDetections(boxes[has_area], scores[has_area], classes[has_area])


def matched_share(cpu, device, prefix):
    """Return the share of boxes with a partner on the other device, and the number of boxes."""
    n_matched, n_boxes = 0, np.zeros(2, int)
    for image in range(int(prefix.rsplit("/", 1)[1])):
        on_cpu, on_device = (detections_in(arrays, prefix, image) for arrays in (cpu, device))
        n_matched += matched_boxes(on_cpu, on_device)
        n_boxes += [len(on_cpu.scores), len(on_device.scores)]
    return n_matched / max(n_boxes.max(), 1), int(n_boxes.max())


def agreement(cpu, device):
    """Return the rows of the table of agreement, and what is beyond its tolerance."""
    rows, failures = [], []
    for prefix in dict.fromkeys(key.split("/raw/")[0] for key in cpu if "/raw/" in key):
        model, precision, batch = prefix.split("/")
        raw = [key for key in cpu if key.startswith(f"{prefix}/raw/")]
        difference = max(relative_difference(device[key], cpu[key]) for key in raw)
        share, n_boxes = matched_share(cpu, device, prefix)
        max_difference, min_matched = MAX_DIFFERENCE[precision], MIN_MATCHED[precision]
        run = f"{model}, batch {batch}, {precision} precision"
        # `not <=` because NaN must fail, too.
        if not difference <= max_difference:
            failures.append(f"{run}: raw outputs differ by {difference:.1e}")
        if not share >= min_matched:
            failures.append(f"{run}: only {share:.1%} of the boxes match")
        texts = f"{difference:.1e}", f"{max_difference:g}", f"{share:.1%}", f"{min_matched:.0%}"
        rows.append((model, batch, precision, *texts, n_boxes))
    return rows, failures


def latency_rows(document):
    for result in document["results"]:
        reasons = [reason.partition(":")[0] for reason in result["reasons"]]
        yield (
            result["model"],
            result["batch"],
            result["stage"],
            f"{result['p50_ms']:.3f}",
            interval_text(result["p50_interval_ms"], 3),
            f"{result['p99_ms']:.3f}",
            f"{result['throughput_per_s']:,.0f}",
            result["samples"],
            ": ".join(filter(None, (result["verdict"], ", ".join(reasons)))),
        )


def aa_rows(document):
    for comparison in document["comparisons"]:
        yield (
            comparison["a"],
            comparison["batch"],
            comparison["stage"],
            ABSENT if comparison["ratio"] is None else f"{comparison['ratio']:.4f}",
            interval_text(comparison["interval"], 4),
            comparison["verdict"],
        )


def part_rows(parts, samples):
    """Return duration, exit code, and the GPU's clock and power of each part."""
    for part in parts:
        start, end = float(part["start"]), float(part["end"])
        rows = [row for row in samples if start <= float(row["time_s"]) <= end]
        reasons = {reason for row in rows for reason in row["clock_reasons"].split("; ")} - {""}
        yield (
            part["name"],
            f"{end - start:.1f} of {part['limit']}",
            part["code"],
            extent_text(rows, "sm_clock_mhz"),
            extent_text(rows, "power_w"),
            extent_text(rows, "temperature_c"),
            ", ".join(sorted(reasons)) or ABSENT,
        )


def interval_text(interval, digits):
    if not interval or None in interval:
        return ABSENT
    return f"{interval[0]:.{digits}f} to {interval[1]:.{digits}f}"


def extent_text(rows, column):
    """Return minimum, median and maximum of a column."""
    values = [float(row[column]) for row in rows if row[column]]
    if not values:
        return ABSENT
    return f"{min(values):,.0f} / {np.median(values):,.0f} / {max(values):,.0f}"


def table(headings, rows):
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def machine_lines(document, device):
    """Return machine, device and versions as a list in Markdown."""
    environment = document["environment"]
    gpus = ", ".join(f"{gpu['name']}, driver {gpu['driver']}" for gpu in environment["gpus"])
    versions = ", ".join(f"{name} {text}" for name, text in environment["libraries"].items())
    return [
        f"- Machine: {environment['platform']}, {environment['cpu']}, {environment['cores']} cores",
        f"- GPU: {gpus or 'none'}",
        f"- Device of the models: {device}",
        f"- Versions: Python {environment['python']}, {versions}",
        f"- Commit: {environment['git_commit'] or 'unknown'}",
    ]


def page(folder, command):
    """Return the page as text, and the list of failures."""
    parts = read_csv(folder / "parts.csv", ("name", "limit", "start", "end", "code"))
    samples = read_csv(folder / "gpu.csv")
    failures = [
        f"{part['name']}: exit code {part['code']}"
        for part in parts
        if int(part["code"]) not in SUCCESS_CODES
    ]
    device, rows = "unknown", []
    if (folder / "cpu.npz").exists() and (folder / "device.npz").exists():
        arrays = np.load(folder / "device.npz")
        device = str(arrays["device"])
        rows, differences = agreement(np.load(folder / "cpu.npz"), arrays)
        failures += differences
    environment = read_json(folder / "environment.json")
    latency = read_json(folder / "latency.json")
    aa = [read_json(folder / f"aa-{model}.json") for model in ("yolo", "retinanet")]
    lines = [
        "# GPU check: Keras models on JAX",
        "",
        *(machine_lines(environment, device) if environment else []),
        f"- Date: {time.strftime('%Y-%m-%d', time.gmtime())}",
        f"- Command: `{command}`",
        "",
        f"Result: {'; '.join(failures) or 'passed'}.",
        "",
        "## Agreement with the CPU",
        "",
        "The difference is ‖device − CPU‖ / ‖CPU‖ of the worst raw output. Boxes match if they",
        f"have the same class and an IoU of at least {MATCHED_IOU:g}.",
        "",
        table(AGREEMENT_HEADINGS, rows),
        "",
        "## Latency",
        "",
        table(LATENCY_HEADINGS, latency_rows(latency) if latency else []),
        "",
        "## A/A: each model against itself",
        "",
        table(AA_HEADINGS, [row for document in aa if document for row in aa_rows(document)]),
        "",
        "## Parts, clocks and power",
        "",
        "Clock, power and temperature are minimum / median / maximum.",
        "",
        table(PART_HEADINGS, part_rows(parts, samples)),
        "",
    ]
    return "\n".join(lines), failures


AGREEMENT_HEADINGS = (
    "model",
    "batch",
    "precision",
    "difference",
    "tolerance",
    "matched boxes",
    "at least",
    "boxes",
)
LATENCY_HEADINGS = (
    "model",
    "batch",
    "stage",
    "p50 ms",
    "95% CI",
    "p99 ms",
    "images/s",
    "samples",
    "verdict",
)
AA_HEADINGS = ("model", "batch", "stage", "ratio of p50", "95% CI", "verdict")
PART_HEADINGS = (
    "part",
    "seconds",
    "exit code",
    "SM clock MHz",
    "power W",
    "°C",
    "clock limited by",
)


def read_csv(path, names=None):
    """Return the rows of a CSV file, none if the part that writes it failed."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, names))


def read_json(path):
    """Return a JSON document, None if the part that writes it failed."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def main():
    folder, output, command = sys.argv[1:]
    text, failures = page(Path(folder), command)
    Path(output).write_text(text, encoding="utf-8")
    print(f"page: {output}")
    for failure in failures:
        print(f"failed: {failure}", file=sys.stderr)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
