"""Statistics of datasets, against plain loops, and their plots."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure

from detbench.reports.dataset_frames import DatasetFrames, quantiles
from detbench.reports.plots.dataset import (
    aspect_ratios,
    box_areas,
    box_shapes,
    class_counts,
    objects_per_image,
    save_dataset_plots,
)
from tests.metrics.scored import random_pair, truth

BOX = (10, 10, 60, 60)
PLOTS = [
    "classes.png",
    "objects-per-image.png",
    "box-areas.png",
    "box-shapes.png",
    "aspect-ratios.png",
]


def dataset(seed=0):
    ground_truth, _ = random_pair(seed, images=7, objects=40)
    rng = np.random.default_rng(seed)
    return replace(ground_truth, difficult=rng.random(40) < 0.3, iscrowd=rng.random(40) < 0.1)


def test_counts_by_class_against_loops():
    ground_truth = dataset()
    image_of = np.repeat(np.arange(7), np.diff(ground_truth.offsets)).tolist()
    table = DatasetFrames(ground_truth).classes.set_index("class")
    assert list(table.index) == list(ground_truth.class_names)
    for k, name in enumerate(ground_truth.class_names):
        rows = [n for n in range(40) if ground_truth.class_index[n] == k]
        areas = sorted(ground_truth.areas[n] for n in rows)
        small = sum(area <= 1024 for area in areas)
        large = sum(area > 9216 for area in areas)
        assert table.loc[name].to_dict() == {
            "objects": len(rows),
            "images": len({image_of[n] for n in rows}),
            "difficult": sum(bool(ground_truth.difficult[n]) for n in rows),
            "crowd": sum(bool(ground_truth.iscrowd[n]) for n in rows),
            "small": small,
            "medium": len(rows) - small - large,
            "large": large,
            "median_area": (areas[(len(areas) - 1) // 2] + areas[len(areas) // 2]) / 2,
        }


def test_objects_and_images():
    ground_truth = truth(
        [(0, 1, (0, 0, 20, 10)), (2, 0, (5, 5, 37, 37)), (2, 0, (0, 0, 32.5, 32))],
        difficult=[True, False, False],
    )
    frames = DatasetFrames(ground_truth)
    objects = frames.objects
    assert objects["image"].tolist() == ["000", "002", "002"]
    assert objects["class"].tolist() == ["dog", "cat", "cat"]
    assert objects["aspect"].tolist() == [2, 1, 32.5 / 32]
    assert objects["share"].tolist() == [200 / 20_000, 1024 / 20_000, 1040 / 20_000]
    assert objects["size"].tolist() == ["small", "small", "medium"]
    assert objects["difficult"].tolist() == [True, False, False]
    assert frames.images["objects"].tolist() == [1, 0, 2, 0]
    assert frames.images["aspect"].tolist() == [2] * 4


def test_the_document_is_json_with_null_for_unknown_values():
    ground_truth = truth([(0, 0, BOX), (1, 0, (0, 0, 0, 30))], image_sizes=None)
    document = DatasetFrames(ground_truth).as_dict()
    assert json.loads(json.dumps(document)) == document
    assert (document["images"], document["images_without_objects"], document["objects"]) == (
        4,
        2,
        2,
    )
    assert document["image_width"]["p50"] is None
    assert document["box_share_of_image"] == dict.fromkeys(
        ("min", "p10", "p50", "p90", "max", "mean")
    )
    assert document["box_width"]["min"] == 0
    assert document["classes"]["dog"] == {
        "objects": 0,
        "images": 0,
        "difficult": 0,
        "crowd": 0,
        "small": 0,
        "medium": 0,
        "large": 0,
        "median_area": None,
    }


def test_quantiles():
    assert quantiles(np.array([3.0, 1, np.nan, 2])) == {
        "min": 1,
        "p10": 1.2,
        "p50": 2,
        "p90": 2.8,
        "max": 3,
        "mean": 2,
    }


def test_bars_have_the_lengths_of_the_counts():
    frames = DatasetFrames(dataset())
    left, right = class_counts(frames).axes
    table = frames.classes.sort_values("objects", ascending=False).iloc[::-1]
    ends = [bar.get_x() + bar.get_width() for bar in left.patches[-3:]]
    assert ends == table["objects"].tolist()
    assert [bar.get_width() for bar in right.patches] == table["images"].tolist()
    bars = objects_per_image(frames).axes[0].patches
    assert {
        round(bar.get_x() + bar.get_width() / 2): bar.get_height()
        for bar in bars
        if bar.get_height()
    } == (frames.images["objects"].value_counts().to_dict())
    assert sum(bar.get_height() for bar in box_areas(frames).axes[0].patches) == 40
    assert box_shapes(frames).axes[0].collections[0].get_array().sum() == 40
    boxes, images = aspect_ratios(frames).axes
    assert (
        sum(bar.get_height() for bar in boxes.patches),
        sum(bar.get_height() for bar in images.patches),
    ) == (40, 7)


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_plots_of_odd_datasets_are_written(tmp_path, theme):
    many = [f"<script> {k} & קטן" for k in range(300)]
    for place, ground_truth in enumerate(
        (
            truth([]),
            truth([], images=0),
            truth([(0, 0, BOX)], ["one"], images=1),
            truth([(0, 0, BOX), (0, 1, (5, 5, 5, 5))], image_sizes=None),
            truth([(0, k, BOX) for k in range(300)], many),
        )
    ):
        saved = save_dataset_plots(DatasetFrames(ground_truth), tmp_path / str(place), theme=theme)
        assert [path.name for path in saved] == PLOTS
        assert all(path.read_bytes().startswith(b"\x89PNG") for path in saved)


def test_only_the_most_frequent_of_many_classes_are_drawn():
    ground_truth = truth(
        [(0, k, BOX) for k in range(150)] + [(1, 149, BOX)], [f"c{k}" for k in range(150)]
    )
    figure = class_counts(DatasetFrames(ground_truth))
    assert isinstance(figure, Figure)
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert (len(names), names[-1]) == (100, "c149")
    assert "100 most frequent of 150" in figure.axes[0].get_title(loc="left")


def test_voc_2007(shared_data):
    from detbench.data.load import load_ground_truth

    document = DatasetFrames(
        load_ground_truth(shared_data / "VOCtest_06-Nov-2007.annotations.tar.gz")
    ).as_dict()
    assert (document["images"], document["objects"], document["difficult"]) == (
        4_952,
        14_976,
        14_976 - 12_032,
    )
