"""What a conversion loses is said, and what is not said is kept, for any dataset and format."""

import re
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detbench.data.ground_truth import GroundTruth
from detbench.data.load import convert, load_ground_truth, save_ground_truth
from detbench.errors import DetbenchError, DetbenchWarning
from detbench.metrics.scoring.evaluate import evaluate
from tests.data.formats.sample import images
from tests.data.simulated_detections import simulated_detections

SIZE = (100, 80)


def losses(source, target, to, **options):
    """Convert; return what the warnings say."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        convert(source, target, to=to, **options)
    assert all(issubclass(each.category, DetbenchWarning) for each in caught)
    return [str(each.message) for each in caught]


def dataset(folder, **columns):
    """Write a dataset with two images and what only COCO and Parquet can say."""
    images(folder / "images")
    ground_truth = GroundTruth.from_rows(
        **{
            "image_ids": ["b", "a"],
            "class_names": ["cat", "dog"],
            "image_index": [0, 0, 1],
            "class_index": [0, 1, 1],
            "boxes": [[10, 20, 40, 60], [1, 2, 5, 6], [0, 0, 50, 50]],
            "areas": [700.0, 16.0, 2000.0],
            "truncated": [True, False, True],
            "category_ids": [7, 18],
            "image_sizes": [SIZE, SIZE],
            "image_files": ["b.jpg", "a.jpg"],
            "image_folder": folder / "images",
            "source": "coco test",
            **columns,
        }
    )
    path = folder / "truth.parquet"
    save_ground_truth(ground_truth, path)
    return path, ground_truth


def test_each_loss_is_said_with_its_number(tmp_path):
    source, _ = dataset(tmp_path)
    assert losses(source, tmp_path / "voc", "voc") == [
        f"{tmp_path / 'voc'}: lost: {loss}"
        for loss in (
            "category ids; they become 1 to the number of classes",
            "the area of 2 objects, read as width · height: COCO's APs, APm and APl change",
            "the protocol: scored as voc2012 unless --protocol coco",
        )
    ]
    assert losses(source, tmp_path / "yolo", "yolo") == [
        f"{tmp_path / 'yolo'}: lost: {loss}"
        for loss in (
            "the order of images, which decides between detections of equal score",
            "category ids; they become 1 to the number of classes",
            "the area of 2 objects, read as width · height: COCO's APs, APm and APl change",
            "the flag truncated of 2 objects",
        )
    ]
    assert losses(source, tmp_path / "again.parquet", "parquet") == []


def test_a_result_that_cannot_be_read_yet_is_said(tmp_path):
    source, _ = dataset(tmp_path, image_folder=None)
    said = losses(source, tmp_path / "yolo", "yolo")
    assert "2 of 2 images were not found" in said[0]
    assert said[1].startswith("what was written cannot be read yet: ")


NAMES = [
    "a b",
    " a",
    "a ",
    "-a",
    "'a'",
    '"a"',
    "a,b",
    "ü",
    "日本",
    "a;b",
    "a#b",
    "a%20b",
    "#a",
    "a.b",
]


@pytest.mark.parametrize("to", ["voc", "coco", "yolo", "parquet"])
@pytest.mark.parametrize("name", NAMES)
def test_odd_names_are_read_again_or_refused(name, to, tmp_path):
    source, before = dataset(
        tmp_path,
        image_ids=["b", name],
        image_files=["b.jpg", f"{name}.jpg"],
        class_names=["cat", name],
    )
    (tmp_path / "images" / "a.jpg").rename(tmp_path / "images" / f"{name}.jpg")
    target = tmp_path / {"coco": "t.json", "parquet": "t.parquet"}.get(to, "t")
    try:
        said = losses(source, target, to)
    except DetbenchError:
        assert not target.exists()
        return
    assert not any("cannot be read" in text for text in said), said
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DetbenchWarning)
        after = load_ground_truth(target)
    assert set(after.class_names) == set(before.class_names)
    assert len(after) == len(before)


@pytest.mark.filterwarnings("ignore::detbench.errors.DetbenchWarning")
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(["voc", "coco", "yolo"]),
    st.integers(0, 10_000),
    st.booleans(),
    st.booleans(),
)
def test_what_is_not_said_is_kept(tmp_path_factory, to, seed, own_areas, own_ids):
    folder = tmp_path_factory.mktemp("losses")
    random = np.random.default_rng(seed)
    n_rows = int(random.integers(1, 12))
    corners = np.sort(random.uniform(0, 79, (n_rows, 2, 2)), axis=1).reshape(n_rows, 4)
    corners[:, 2:] += 1
    products = (corners[:, 2:] - corners[:, :2]).prod(axis=1)
    source, before = dataset(
        folder,
        image_index=random.integers(0, 2, n_rows),
        class_index=random.integers(0, 2, n_rows),
        boxes=corners,
        areas=products * random.uniform(0.3, 1, n_rows) if own_areas else products,
        truncated=random.random(n_rows) < 0.5,
        category_ids=[5, 9] if own_ids else [1, 2],
    )
    target = folder / ("t.json" if to == "coco" else "t")
    said = " ".join(losses(source, target, to))
    after = load_ground_truth(target)
    assert ("the area of" in said) == (to != "coco" and own_areas)
    assert ("truncated" in said) == (to == "yolo" and bool(before.truncated.any()))
    assert ("category ids" in said) == (to != "coco" and own_ids)
    if "the area of" not in said:
        first, second = (_summary(ground_truth, before) for ground_truth in (before, after))
        assert first == pytest.approx(second, abs=1e-9, nan_ok=True)


def _summary(ground_truth, original):
    """Return the COCO summary of detections on `original`, scored on its converted form."""
    detections = simulated_detections(original, 0.7)
    names = [re.sub(r"\..*", "", file) for file in ground_truth.image_files]
    places = [names.index(name) for name in original.image_ids]
    classes = [ground_truth.class_names.index(name) for name in original.class_names]
    converted = type(detections).from_rows(
        ground_truth,
        image_index=np.repeat(places, np.diff(detections.offsets)),
        class_index=np.array(classes)[detections.class_index],
        boxes=detections.boxes,
        scores=detections.scores,
    )
    return evaluate(ground_truth, converted, "coco").summary
