"""Column options: for the inputs that are CSV files, or for one side."""

import pytest

from detbench.data.formats.csv_files.column_options import ColumnOptions
from detbench.errors import DetbenchError
from tests.data.formats.labeled import write


@pytest.fixture
def inputs(tmp_path):
    names = ("gt.json", "det.csv")
    return [write(tmp_path / name, "x") for name in names]


def test_an_option_without_a_side_is_about_csv_files_only(inputs):
    options = ColumnOptions(["a"], inputs)
    assert options.for_ground_truth(inputs[0]) is None
    assert options.for_detections(inputs[1]) == "a"


def test_an_option_with_a_side_is_about_any_input_of_that_side(inputs, tmp_path):
    options = ColumnOptions(["ground-truth:a", "b"], inputs)
    assert options.for_ground_truth(inputs[0]) == "a"
    assert options.for_detections(inputs[1]) == "b"
    assert options.for_detections(tmp_path) is None


def test_options_that_no_input_needs_or_two_of_one_side_are_refused(inputs):
    with pytest.raises(DetbenchError, match="no input is one by its suffix"):
        ColumnOptions(["a"], inputs[:1])
    with pytest.raises(DetbenchError, match="--columns is given twice"):
        ColumnOptions(["a", "b"], inputs)
    with pytest.raises(DetbenchError, match="given twice for detections"):
        ColumnOptions(["detections:a", "detections:b"], inputs)
