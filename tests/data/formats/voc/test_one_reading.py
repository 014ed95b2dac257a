"""Strict and lenient readers of VOC files agree on every file, valid or not.

Where the strict reader reads, the lenient one finds no fault and the same objects or detections;
where it refuses, the lenient one counts a fault or refuses as well.
"""

import math
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from detbench.data.formats.voc.annotations import read_voc
from detbench.data.formats.voc.lenient_annotations import read_voc_leniently
from detbench.data.formats.voc.lenient_results import read_voc_results_leniently
from detbench.data.formats.voc.results import read_voc_results
from detbench.errors import DetbenchWarning, InputError
from tests.data.formats.voc.devkits import devkit
from tests.data.formats.voc.makers import put
from tests.data.ground_truths import CLASSES, make_ground_truth

NUMBERS = st.one_of(
    st.integers(-3, 120).map(str),
    st.floats(-3, 120).map(lambda value: f"{value:.2f}"),
    st.sampled_from(["", " 7 ", "1e3", "nan", "inf", "0,5", "wide", "1_0", "7", "0x1"]),
)
FLAGS = st.sampled_from(["0", "1", "", " 1", "True", "None", "Unspecified", "maybe", "0.0"])


def tag(name, text):
    return f"<{name}>{text}</{name}>"


@st.composite
def annotation_texts(draw, careful):
    """Draw an annotation, in which any tag may be absent or malformed unless it is careful."""
    parts = []
    for _ in range(draw(st.integers(0, 3))):
        corners = draw(st.tuples(*[NUMBERS] * 4) if not careful else valid_corners())
        tags = list(zip(("xmin", "ymin", "xmax", "ymax"), corners, strict=True))
        n_absent = 0 if careful else draw(st.sampled_from([0, 0, 0, 1]))
        box = tag("bndbox", "".join(tag(*each) for each in draw(st.permutations(tags))[n_absent:]))
        polygon = "<polygon><x1>3</x1><y1>4</y1><x2>30</x2><y2>40</y2></polygon>"
        shapes = [box, box, box + polygon, polygon]
        names = ["<name>dog</name>", "<name> person </name>"]
        flags = ["", *(["0", "1", " 1", "True", "None"] if careful else [])]
        if not careful:
            shapes += ["<polygon/>", ""]
            names += ["<name/>", ""]
        texts = [draw(st.sampled_from(flags)) if careful else draw(FLAGS) for _ in range(2)]
        written = [
            draw(st.sampled_from(["", tag(flag, text)]))
            for flag, text in zip(("difficult", "truncated"), texts, strict=True)
        ]
        name, shape = draw(st.sampled_from(names)), draw(st.sampled_from(shapes))
        parts.append(tag("object", name + shape + "".join(written)))
    sides = ["100", "0"] if careful else [draw(NUMBERS), draw(NUMBERS)]
    size = tag("size", tag("width", sides[0]) + tag("height", sides[1]))
    return tag("annotation", draw(st.sampled_from(["", size])) + "".join(parts))


@st.composite
def valid_corners(draw):
    """Draw corners from 0 or 1 on, whole or not."""
    whole = draw(st.booleans())
    first = [draw(st.integers(0, 30)) for _ in range(2)]
    last = [corner + draw(st.integers(1, 60)) for corner in first]
    return [f"{corner}" if whole else f"{corner}.25" for corner in (*first, *last)]


ANNOTATIONS = st.booleans().flatmap(
    lambda careful: st.lists(annotation_texts(careful), min_size=1, max_size=3)
)


@settings(max_examples=150)
@given(ANNOTATIONS, st.booleans())
@example(["<annotation/>"], True)
def test_annotations(texts, has_image_sets):
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", DetbenchWarning)
        root = Path(folder)
        if has_image_sets:
            devkit(root, {f"{number}": text for number, text in enumerate(texts)})
        else:
            put(root, **{f"{number}.xml": text for number, text in enumerate(texts)})
        lenient, file = read_voc_leniently(root, None, None)
        is_whole = np.isfinite(file.sizes).all() and (file.sizes > 0).all()
        # A width · height that overflows is a fault, too.
        is_whole &= all(math.isfinite(width * height) for width, height in file.sizes.tolist())
        images = file.images
        faultless = not (file.malformed.any() or images.malformed or images.negative)
        faultless &= not images.not_finite
        try:
            strict = read_voc(root)
        except InputError:
            assert not (faultless and is_whole)
            return
        assert faultless
        assert is_whole
        assert lenient.digest == strict.digest
        assert (lenient.truncated == strict.truncated).all()
        assert lenient.voc_offsets == strict.voc_offsets


WORDS = st.one_of(NUMBERS.filter(str.strip), st.sampled_from(["0.5", "10", "20"]))


@st.composite
def result_folders(draw):
    """Draw the files of a folder: some of results, some of other things."""
    prefix = draw(st.sampled_from(["comp4_det_test_", "mine_", ""]))
    careful = draw(st.booleans())
    unknown = [] if careful else [f"{prefix}gnu"]
    names = [*(prefix + name for name in CLASSES), *unknown, "notes", "other_car_2", "README"]
    files = {}
    for name in [*draw(st.lists(st.sampled_from(names), unique=True)), prefix + "car"]:
        lines = []
        for _ in range(draw(st.integers(0, 3))):
            images = ["000", "001", "shot (1)", "shot (2)", *([] if careful else ["999"])]
            image = draw(st.sampled_from(images))
            numbers = ["0.5", *draw(valid_corners())]
            if not careful:
                numbers = draw(st.one_of(st.just(numbers), st.lists(WORDS, min_size=3, max_size=6)))
            lines.append(draw(st.sampled_from([" ", "  ", "\t"])).join([image, *numbers]))
        other = "run of Monday, IoU 0.5\n"
        files[f"{name}.txt"] = "\n".join(lines) if name.startswith(prefix) and lines else other
        if draw(st.booleans()) and name in [prefix + each for each in CLASSES]:
            files[f"{name}.txt"] = ""
    for name in CLASSES:
        files.setdefault(f"{prefix}{name}.txt", "")
    return files


def spaced_ground_truth():
    ground_truth = make_ground_truth(images=4)
    object.__setattr__(ground_truth, "image_ids", ("000", "001", "shot (1)", "shot (2)"))
    positions = {name: number for number, name in enumerate(ground_truth.image_ids)}
    object.__setattr__(ground_truth, "_positions", positions)
    object.__setattr__(ground_truth, "image_files", ("", "", "", ""))
    return ground_truth


@settings(max_examples=150)
@given(result_folders())
@example({"car.txt": "", "sports_car.txt": "", "zebra.txt": "", "notes.txt": "one two three"})
@example({"car.txt": "shot (1) 0.5 1 2 3 4", "sports_car.txt": "", "zebra.txt": ""})
def test_results(files):
    ground_truth = spaced_ground_truth()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", DetbenchWarning)
        root = put(Path(folder), **files)
        try:
            strict = read_voc_results(root, ground_truth)
        except InputError as error:
            if "are inverted" in error.problem:
                return
            strict = None
        try:
            rows, file = read_voc_results_leniently(root, ground_truth)
        except InputError:
            assert strict is None
            return
        with np.errstate(over="ignore", invalid="ignore"):
            sizes = file.box_numbers[:, 2:] - file.box_numbers[:, :2]
            finite = np.isfinite(sizes[:, 0] * sizes[:, 1]).all()
        unknown = (rows.image_index < 0) | (rows.class_index < 0)
        has_unknown_file = any(name not in CLASSES for name in file.classes.names)
        faultless = not (file.malformed.any() or unknown.any() or has_unknown_file)
        if strict is None:
            assert not (faultless and finite and rows.finite.all())
            return
        assert faultless
        assert rows.finite.all()
        assert rows.to_detections(ground_truth).digest == strict.digest


@pytest.mark.parametrize("name", ["htt1084_d56c7e49", "robinyen_darknet", "hli2020_darknet"])
def test_real_results(shared_data, voc2007, name):
    folder = shared_data / "dets_voc" / name
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DetbenchWarning)
        strict = read_voc_results(folder, voc2007)
    rows, file = read_voc_results_leniently(folder, voc2007)
    assert not file.malformed.any()
    assert rows.to_detections(voc2007).digest == strict.digest
