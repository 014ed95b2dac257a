"""The model: its output, and its configuration of today and of older files."""

import pytest

pytestmark = pytest.mark.slow


def test_output_is_a_box_per_anchor_of_every_cell(model, images, outputs_of):
    assert outputs_of(model, images).shape == (2, 4, 8, 3, 7)
    assert model.grid.slots == 4 * 8 * 3


def test_the_configuration_of_older_files_is_upgraded(model, yolo_class):
    """Files of detbench 0.1.0 say `stored` and `colour`."""
    config = model.get_config() | {
        "stored_dtype": "float16",
        "preprocessing": {"fit": "stretch", "color": "bgr"},
    }
    del (old := dict(config))["stored_dtype"]
    old |= {"stored": "float16", "preprocessing": {"fit": "stretch", "colour": "bgr"}}
    for stored in (old, config):
        assert yolo_class.from_config(stored).get_config() == config
    assert old["stored"] == "float16"  # not changed in place


@pytest.mark.parametrize("changed", [{"stride": 12}, {"input_size": (60, 32)}, {"stride": 64}])
def test_impossible_shapes_are_refused(model, yolo_class, changed):
    with pytest.raises(ValueError, match="stride"):
        yolo_class(**{**model.get_config(), **changed})
