"""Image ids: which image each name in a file of detections means."""

import itertools
import random
from pathlib import Path

import pytest

from detbench.data.detections import Detections
from detbench.data.formats.parsing.image_ids import match_images
from detbench.data.formats.table import DETECTIONS_FORMATS
from detbench.data.ground_truth import GroundTruth
from detbench.data.load import load_detections
from detbench.errors import InputError

PATH = Path("detections.json")


def images(*image_ids, files=None):
    return GroundTruth.from_rows(
        image_ids=image_ids,
        image_files=files,
        image_sizes=[(100, 100)] * len(image_ids),
        class_names=["cat"],
        image_index=[],
        class_index=[],
        boxes=[],
    )


MATCHES = {
    "texts": (images("a", "b"), ["b", "a"], [1, 0]),
    "numbers among texts": (images("0001", "cam", "0002"), ["2", "cam", "1"], [2, 1, 0]),
    "zeros that only the file has": (images("1", "2"), ["0002", "0001"], [1, 0]),
    "the same spelling first": (images("1", "01"), ["01", "1"], [1, 0]),
    "two spellings of a number": (images("7", "x"), ["7", "007"], [0, 0]),
    "ids before files": (images("1", "2", files=["2.jpg", "1.jpg"]), ["1", "2"], [0, 1]),
    "files where ids fail": (
        images("0", "1", "2", files=["0002.jpg", "cam.jpg", "0001.jpg"]),
        ["1", "2", "cam"],
        [2, 0, 1],
    ),
    "file names with suffix": (
        images("5", "6", files=["a.jpg", "b.png"]),
        ["b.png", "a.jpg"],
        [1, 0],
    ),
    "suffix is part of the name": (images("a.jpg", "a.png"), ["a.png"], [1]),
    "dots in names": (
        images("0", "1", files=["x_jpg.rf.5c.jpg", "y_png.rf.77.jpg"]),
        ["y_png.rf.77", "x_jpg.rf.5c"],
        [1, 0],
    ),
    "an unusual suffix": (images("0", files=["deep/x.raw16"]), ["x"], [0]),
    "folders of the file": (
        images("0001", "2"),
        ["images/val/2.jpg", "images/val/0001.jpg"],
        [1, 0],
    ),
    "folders of the images": (
        images("0", "1", files=["val/a/1.jpg", "val/b/2.jpg"]),
        ["2", "1"],
        [1, 0],
    ),
    "other slashes": (
        images("set06/V000/I0", "set06/V001/I0"),
        ["set06\\V001\\I0", "set06\\V000\\I0.png"],
        [1, 0],
    ),
    "the same name in two folders": (
        images("0", "1", files=["a/1.jpg", "b/1.jpg"]),
        ["/home/me/b/1.jpg", "C:\\data\\a\\1.jpg"],
        [1, 0],
    ),
    "part of a path": (images("u/a/1", "u/b/1"), ["b/1", "./a/1"], [1, 0]),
    "the folder nearest to the name": (images("x/b/1", "y/b/1"), ["data/y/b/1"], [1]),
    "unknown": (images("1", "2"), ["1", "3"], [0, -1]),
    "another split with the same names": (
        images("val/1", "val/2"),
        ["train/1", "train/2"],
        [-1, -1],
    ),
    "ids never mix with files": (
        images("1", "2", files=["2.jpg", "9.jpg"]),
        ["1", "9", "77"],
        [0, -1, -1],
    ),
    "a part of the files": (
        images("1", "2", files=["a.jpg", "b.jpg"]),
        ["b", "c", "d"],
        [1, -1, -1],
    ),
    "nothing": (images("1"), [], []),
    "no images": (images(), ["1"], [-1]),
}


@pytest.mark.parametrize("case", MATCHES)
def test_each_name_means_one_image(case):
    ground_truth, names, expected = MATCHES[case]
    assert match_images(PATH, ground_truth, names) == expected


def test_names_of_files_come_first_where_the_format_names_files():
    ground_truth = images("1", "2", files=["2.jpg", "1.jpg"])
    assert match_images(PATH, ground_truth, ["1", "2"], are_files=True) == [1, 0]
    assert match_images(PATH, ground_truth, ["01"], are_files=True) == [1]
    named = images("7", "8", files=["x.jpg", "y.jpg"])
    assert match_images(PATH, named, ["8", "x"], are_files=True) == [1, 0]


AMBIGUOUS = {
    "one stem in two folders": (
        images("0", "1", files=["a/1.jpg", "b/1.jpg"]),
        ["1.jpg"],
        r"image '1.jpg' can be 'a/1.jpg' or 'b/1.jpg' of the ground truth; write image ids exactly",
    ),
    "one number with two spellings": (images("1", "01"), ["001"], "'001' can be '1' or '01'"),
    "two files of one stem": (
        images("0", files=["a.jpg"]),
        ["x/a", "y/a"],
        "'x/a' and 'y/a' can both",
    ),
    "two suffixes": (
        images("0", "1", files=["a.jpg", "a.png"]),
        ["a"],
        "'a' can be 'a.jpg' or 'a.png'",
    ),
    "equally long ends": (images("x/b/1", "y/b/1"), ["b/1"], "'b/1' can be 'x/b/1' or 'y/b/1'"),
}


@pytest.mark.parametrize("case", AMBIGUOUS)
def test_a_name_of_several_images_is_refused(case):
    ground_truth, names, message = AMBIGUOUS[case]
    with pytest.raises(InputError, match=message):
        match_images(PATH, ground_truth, names)


def test_any_decoration_of_unique_paths_is_undone():
    generator = random.Random(0)
    parts = [*"abcd", "01", "1x"]
    all_paths = ["/".join(path) for path in itertools.product(parts, parts, ["p", "q", "0007"])]
    for _ in range(300):
        paths = generator.sample(all_paths, generator.randint(1, 20))
        names = [path + generator.choice(["", ".jpg", ".PNG"]) for path in paths]
        names = [name if generator.random() < 0.5 else f"/root/{name}" for name in names]
        names = [name if generator.random() < 0.5 else name.replace("/", "\\") for name in names]
        order = generator.sample(range(len(paths)), len(paths))
        ground_truth = images(*[paths[position] for position in order])
        expected = [order.index(position) for position in range(len(paths))]
        assert match_images(PATH, ground_truth, names) == expected


@pytest.mark.parametrize("format_name", DETECTIONS_FORMATS)
def test_every_reader_strict_or_lenient_matches_alike(format_name, tmp_path):
    written = images("1", "cam", "12")
    detections = Detections.from_rows(
        written,
        image_index=[0, 1, 2],
        class_index=[0, 0, 0],
        scores=[0.1, 0.2, 0.3],
        boxes=[[10, 20, 30, 40]] * 3,
    )
    row = DETECTIONS_FORMATS[format_name]
    path = tmp_path / f"detections{row.suffix}"
    if format_name == "coco":
        entry = '{{"image_id": {}, "category_id": 1, "bbox": [1, 2, 3, 4], "score": {}}}'
        entries = [entry.format(*each) for each in [(1, 0.1), ('"cam"', 0.2), ('"12"', 0.3)]]
        path.write_text(f"[{','.join(entries)}]")
    else:
        row.write(detections, path, written)

    padded = images("0012", "other", "cam", "0001")
    loaded = load_detections(path, padded)
    assert loaded.offsets.tolist() == [0, 1, 1, 2, 3]
    assert loaded.scores.tolist() == [0.3, 0.2, 0.1]
    rows, _ = row.read_leniently(path, padded)
    positions = dict(zip(rows.scores.tolist(), rows.image_index.tolist(), strict=True))
    assert positions == {0.1: 3, 0.2: 2, 0.3: 0}
