"""Pages of small comparisons for tests, and a reader of their HTML that knows nothing of the templates."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np

from detbench.bench.latency.result import LatencyResult
from detbench.bench.runs import read_run, write_run
from detbench.data.load import load_ground_truth
from detbench.data.shapes import make_shapes, shapes_detections
from detbench.metrics.scoring.evaluate import evaluate
from detbench.metrics.uncertainty.intervals import value_intervals
from detbench.reports.frames import frames
from detbench.reports.page.page import build_page
from tests.metrics.scored import detections, truth

QUALITIES = {"fine": 0.9, "fair": 0.7, "poor": 0.5}
_VOID = {"meta", "input", "link", "img", "br"}


def latencies(name: str, centre_ms: float, reasons: tuple[str, ...] = ()) -> list[LatencyResult]:
    """Return made times of a model: the model alone and, three times as long, end to end."""
    samples = (np.random.default_rng(0).normal(centre_ms, centre_ms / 50, 400) * 1e6).astype(
        np.int64
    )
    return [
        LatencyResult(
            name, stage, 1, "single_stream", 1, samples_ns=samples * factor, reasons=reasons
        )
        for stage, factor in (("infer", 1), ("end_to_end", 3))
    ]


def shapes_runs(folder: Path, protocol: str = "coco", images: int = 40) -> list[Path]:
    """Write runs of three simulated detectors with intervals, two of them with times, on pictures that are there."""
    data = load_ground_truth(
        make_shapes(folder / "shapes", train=0, val=0, test=images), split="test"
    )
    evaluations = [
        evaluate(data, replace(shapes_detections(data, quality), name=name), protocol)
        for name, quality in QUALITIES.items()
    ]
    written = []
    for place, (name, evaluation, known) in enumerate(
        zip(QUALITIES, evaluations, value_intervals(evaluations), strict=True)
    ):
        timed = latencies(name, 10.0 / (place + 1)) if name != "poor" else ()
        options = {"command": f"detbench compare shapes {name} -o run"}
        written.append(
            write_run(
                folder / "runs" / name, evaluation, options=options, intervals=known, latency=timed
            )
        )
    return written


def small_page(classes, *, found=True, names=("finder",), objects=3) -> str:
    """Return the page of detectors that find the objects of the first classes, or nothing, with given names."""
    rows = [(k % 4, k, (10, 10, 50 + k, 60)) for k in range(min(objects, len(classes)))]
    data = truth(rows, classes)
    hits = [(image, k, 0.9 - k / 1000, box) for image, k, box in rows] if found else []
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

    def all(self, tag=None, **wanted):
        """Yield descendants of a tag with given attributes, `_` standing for `-`."""
        for child in self.children:
            same = all(
                child.attributes.get(key.replace("_", "-")) == value
                for key, value in wanted.items()
            )
            if tag in (None, child.tag) and same:
                yield child
            yield from child.all(tag, **wanted)

    def one(self, tag=None, **wanted):
        [found] = self.all(tag, **wanted)
        return found

    @property
    def words(self) -> str:
        return self.text + "".join(child.words for child in self.children)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("", {})
        self.open = [self.root]

    def handle_starttag(self, tag, attributes):
        made = Element(tag, {name: value or "" for name, value in attributes})
        self.open[-1].children.append(made)
        if tag not in _VOID:
            self.open.append(made)

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
    """Return a page as elements; every element must be closed where it should be."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    assert len(reader.open) == 1
    return reader.root
