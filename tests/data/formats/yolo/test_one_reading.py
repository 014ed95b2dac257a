"""Scoring and the doctor read YOLO files alike: the same values, and the same files with faults."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from detbench.data.detection_rows import DetectionRows
from detbench.data.formats.yolo.dataset import read_yolo
from detbench.data.formats.yolo.fractions import FRACTION_TOLERANCE
from detbench.data.formats.yolo.lenient_annotations import read_yolo_leniently
from detbench.data.formats.yolo.lenient_results import read_yolo_results_leniently
from detbench.data.formats.yolo.results import read_yolo_results
from detbench.errors import InputError
from tests.data.formats.yolo.yolo_files import write_dataset, write_files
from tests.data.ground_truths import make_ground_truth

WRONG_WORDS = ("nan", "inf", "half", "0,5", "１", "0_5", "-3", "7.5", "\ufffd", "1e400")
YAMLS = {
    "names": "names: [car, dog]\n",
    "keypoints": "names: [car, dog]\nkpt_shape: [2, 3]\n",
    "segments": "names: [car, dog]\ntask: segment\n",
}
FRACTIONS = st.integers(1, 999).map(lambda thousandths: f"{thousandths / 1000:g}")
CLASSES = st.sampled_from(("0", "1", "1.0", "2"))


@st.composite
def lines(draw, lengths):
    """Draw the words of a line with one of these numbers of values behind the class."""
    length = draw(st.sampled_from(lengths))
    words = [draw(CLASSES), *draw(st.lists(FRACTIONS, min_size=length, max_size=length))]
    if draw(st.integers(0, 9)) == 0:
        words[draw(st.integers(0, length))] = draw(st.sampled_from(WRONG_WORDS))
    return " ".join(words)


@st.composite
def texts(draw, common, others):
    """Draw three texts with lines of one length in most cases, and of others in some."""
    lengths = [common] * 3 + draw(st.sampled_from([[], [], others]))
    texts = draw(st.lists(st.lists(lines(lengths), max_size=4), min_size=3, max_size=3))
    return {f"{i:03}": "".join(f"{line}\n" for line in text) for i, text in enumerate(texts)}


def read(reader, *arguments):
    """Return what a reader returns, or else its error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return reader(*arguments)
        except InputError as error:
            return error


@settings(deadline=None, max_examples=300)
@given(
    data=st.data(), yaml=st.sampled_from(sorted(YAMLS)), common=st.sampled_from((4, 5, 6, 8, 10))
)
def test_labels(data, yaml, common):
    labels = data.draw(texts(common, [4, 7, 12]))
    with tempfile.TemporaryDirectory() as folder:
        path = write_dataset(Path(folder), labels, YAMLS[yaml])
        strict = read(read_yolo, path)
        lenient = read(read_yolo_leniently, path, None, None)
        if isinstance(lenient, InputError):
            assert str(lenient) == str(strict)
            return
        ground_truth, file = lenient
        is_faulty = (
            file.malformed.any()
            or file.n_unknown_classes
            or not np.isfinite(file.box_numbers).all()
            or (file.outside_unit_range > FRACTION_TOLERANCE).any()
        )
        assert isinstance(strict, InputError) == bool(is_faulty)
        if not is_faulty:
            assert ground_truth.digest == strict.digest
        elif file.malformed.any():
            assert strict.where.startswith("line ")


@settings(deadline=None, max_examples=300)
@given(data=st.data(), common=st.sampled_from((4, 5, 6, 8, 9, 11)))
def test_results(data, common):
    files = data.draw(texts(common, [4, 6, 7, 10]))
    ground_truth = make_ground_truth()
    with tempfile.TemporaryDirectory() as folder:
        path = write_files(Path(folder), {f"{name}.txt": text for name, text in files.items()})
        strict = read(read_yolo_results, path, ground_truth)
        lenient = read(read_yolo_results_leniently, path, ground_truth)
        if isinstance(lenient, InputError):
            assert str(lenient) == str(strict)
            return
        rows, file = lenient
        is_faulty = file.malformed.any() or not rows.scorable.all()
        if isinstance(strict, InputError):
            # Boxes outside their image are no faults of a line, but refused if most are.
            assert is_faulty or strict.path == path
            return
        assert not is_faulty
        strict_rows = DetectionRows.from_detections(strict)
        for name in ("image_index", "class_index", "scores"):
            assert (getattr(strict_rows, name) == getattr(rows, name)).all()
        np.testing.assert_allclose(strict_rows.boxes, rows.boxes, atol=1e-9)
