"""Replay: stored detections are returned by image id, and the steps of a model are refused."""

import warnings

import numpy as np
import pytest

from detbench.adapters.catalogue import load_detector
from detbench.data.detections import Detections
from detbench.data.ground_truth import GroundTruth
from detbench.data.load import save_detections
from detbench.errors import DetbenchError, InputError


@pytest.fixture
def stored(tmp_path):
    ground_truth = GroundTruth.from_rows(
        image_ids=["a", "b", "c"],
        class_names=["dog", "cat"],
        image_index=[],
        class_index=[],
        boxes=[],
    )
    detections = Detections.from_rows(
        ground_truth,
        image_index=[2, 0, 2, 2],
        class_index=[1, 0, 0, 1],
        scores=[0.1, 0.5, 0.9, 0.1],
        boxes=[[0, 0, 1, 1], [0, 0, 2, 2], [0, 0, 3, 3], [0, 0, 4, 4]],
        name="somebody's",
    )
    save_detections(detections, ground_truth, tmp_path / "stored.parquet")
    return tmp_path / "stored.parquet"


def test_detections_are_returned_by_image_and_falling_score(stored):
    detector = load_detector(f"replay:{stored}")
    assert (detector.name, detector.class_names, detector.batch_size) == (
        "somebody's",
        ("dog", "cat"),
        None,
    )
    detections = detector.detections_for("c")
    assert detections.scores.tolist() == [0.9, 0.1, 0.1]
    assert detections.classes.tolist() == [0, 1, 1]
    assert detections.boxes[:, 2].tolist() == [3, 1, 4]
    assert detections.boxes.dtype == np.float64
    assert len(detector.detections_for("b").scores) == 0


def test_settings_name_the_origin(stored):
    settings = load_detector(str(stored)).settings
    assert settings["adapter"] == "replay"
    assert settings["detections_digest"].startswith("sha256:")


def test_an_image_that_the_file_does_not_list_is_an_error(stored):
    with pytest.raises(InputError, match=r"stored\.parquet: image 'z' is not among its 3 images"):
        load_detector(str(stored)).detections_for("z")


def test_steps_of_a_model_are_refused(stored):
    detector = load_detector(str(stored))
    for step in (
        lambda: detector.preprocess([]),
        lambda: detector.to_device(None),
        lambda: detector.infer(None),
        lambda: detector.to_host(None),
        lambda: detector.postprocess([], None),
        lambda: detector.input_size,
    ):
        with pytest.raises(DetbenchError, match="there is no model to run on images or to time"):
            step()
    detector.synchronize()
    detector.close()


def test_options_and_other_files_are_refused(stored, tmp_path, files):
    with pytest.raises(DetbenchError, match="unknown option 'score' of replay"):
        load_detector(f"replay:{stored},score=0.1")
    with pytest.raises(InputError, match="holds ground truth, expected detections"):
        load_detector(f"replay:{files.ground_truth('parquet')}")
    (tmp_path / "cut.parquet").write_bytes(stored.read_bytes()[:200])
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        load_detector(str(tmp_path / "cut.parquet"))


def test_every_image_of_a_real_file_is_returned(files):
    from detbench.data.load import load_detections, load_ground_truth

    ground_truth = load_ground_truth(files.ground_truth("parquet"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        detections = load_detections(files.detections("parquet"), ground_truth)
    detector = load_detector(str(files.detections("parquet")))
    counts = [len(detector.detections_for(image_id).scores) for image_id in ground_truth.image_ids]
    assert sum(counts) == len(detections)
