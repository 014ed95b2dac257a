"""Sample pages of small comparisons, and a reader of their HTML, independent of the templates."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np

from detbench.bench.latency.result import LatencyResult
from detbench.bench.runs import read_run, write_run
from detbench.data.load import load_ground_truth
from detbench.data.shapes import make_shapes
from detbench.metrics.scoring.evaluate import evaluate
from detbench.metrics.uncertainty.intervals import value_intervals
from detbench.reports.frames import frames
from detbench.reports.page.page import build_page
from tests.bench.latency.process_samples import processes_of
from tests.data.simulated_detections import simulated_detections
from tests.metrics.scored import detections, truth

QUALITIES = {"fine": 0.9, "fair": 0.7, "poor": 0.5}
_VOID = {"meta", "input", "link", "img", "br"}


def latencies(
    name: str, center_ms: float, reasons: tuple[str, ...] = (), *, processes: int = 5
) -> list[LatencyResult]:
    """Return simulated times: the model alone and, three times as long, end to end."""
    samples = np.random.default_rng(0).normal(center_ms, center_ms / 50, 400)
    samples_ns = (samples * 1e6).astype(np.int64)
    return [
        LatencyResult(
            name,
            stage,
            1,
            "single_stream",
            1,
            processes=processes_of(samples_ns * factor, processes),
            reasons=reasons,
        )
        for stage, factor in (("infer", 1), ("end_to_end", 3))
    ]


def shapes_runs(folder: Path, protocol: str = "coco", images: int = 40) -> list[Path]:
    """Write runs of three simulated detectors with intervals and image files, two with times."""
    data = load_ground_truth(
        make_shapes(folder / "shapes", train=0, val=0, test=images), split="test"
    )
    evaluations = [
        evaluate(data, replace(simulated_detections(data, quality), name=name), protocol)
        for name, quality in QUALITIES.items()
    ]
    folders = []
    for place, (name, evaluation, intervals) in enumerate(
        zip(QUALITIES, evaluations, value_intervals(evaluations), strict=True)
    ):
        timed = latencies(name, 10.0 / (place + 1)) if name != "poor" else ()
        options = {"command": f"detbench compare shapes {name} -o run"}
        folders.append(
            write_run(
                folder / "runs" / name,
                evaluation,
                options=options,
                intervals=intervals,
                latency=timed,
            )
        )
    return folders


def small_page(classes, *, with_hits=True, names=("finder",), objects=3) -> str:
    """Return the page of detectors on objects of the first classes, all of them hit or none."""
    rows = [(k % 4, k, (10, 10, 50 + k, 60)) for k in range(min(objects, len(classes)))]
    data = truth(rows, classes)
    hits = [(image, k, 0.9 - k / 1000, box) for image, k, box in rows] if with_hits else []
    return build_page(
        frames([evaluate(data, detections(data, hits, name=name), "voc2007") for name in names])
    )


def page_of(folders, **options) -> str:
    return build_page(frames([read_run(folder) for folder in folders]), **options)


def record(folder: Path) -> dict:
    return json.loads((folder / "record.json").read_text())


@dataclass
class Element:
    """An element with its attributes, children and text."""

    tag: str
    attributes: dict[str, str]
    children: list[Element] = field(default_factory=list)
    text: str = ""

    def all(self, tag=None, **attributes):
        """Yield descendants with a tag and attributes; `_` stands for `-`."""
        for child in self.children:
            matches = all(
                child.attributes.get(key.replace("_", "-")) == value
                for key, value in attributes.items()
            )
            if tag in (None, child.tag) and matches:
                yield child
            yield from child.all(tag, **attributes)

    def one(self, tag=None, **attributes):
        [element] = self.all(tag, **attributes)
        return element

    @property
    def words(self) -> str:
        return self.text + "".join(child.words for child in self.children)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("", {})
        self.open = [self.root]

    def handle_starttag(self, tag, attributes):
        element = Element(tag, {name: value or "" for name, value in attributes})
        self.open[-1].children.append(element)
        if tag not in _VOID:
            self.open.append(element)

    def handle_startendtag(self, tag, attributes):
        self.open[-1].children.append(
            Element(tag, {name: value or "" for name, value in attributes})
        )

    def handle_endtag(self, tag):
        assert self.open[-1].tag == tag, f"</{tag}> closes <{self.open[-1].tag}>"
        self.open.pop()

    def handle_data(self, data):
        self.open[-1].text += data


def read(page: str) -> Element:
    """Return a page as elements, all of which must be closed properly."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    assert len(reader.open) == 1
    return reader.root
