"""Catalogue: specs, the table, missing packages, and adapters of other packages."""

import dataclasses
import sys
import textwrap

import numpy as np
import pytest

from detbench.adapters import catalogue
from detbench.adapters.catalogue import Adapter, adapters, load_detector, parse_spec
from detbench.adapters.detector import detect
from detbench.errors import DetbenchError, DetbenchWarning, InputError

CORNERS = """
    import numpy as np

    from detbench.adapters.postprocessing import Postprocessing
    from detbench.adapters.preprocessing import Preprocessing


    class Corners:
        '''Returns one box per image: its upper left quarter, scored by the first pixel.'''

        class_names = ("corner",)
        input_size = (8, 8)
        batch_size = None

        def __init__(self, target, options):
            self.name = target
            self.settings = dict(options)

        def preprocess(self, images):
            return Preprocessing(self.input_size, "stretch").apply(images)

        def to_device(self, batch):
            return batch.inputs

        def infer(self, inputs):
            return inputs[:, 0, 0, 0]

        def to_host(self, outputs):
            return [outputs]

        def postprocess(self, outputs, batch):
            postprocessing = Postprocessing(float(self.settings.get("score", 0)), 0.5)
            box, corner = np.array([[0, 0, 4, 4]], np.float32), np.zeros(1, int)
            return [
                postprocessing.apply(box, outputs[0][n : n + 1], corner, placement)
                for n, placement in enumerate(batch.placements)
            ]

        def synchronize(self):
            pass

        def close(self):
            pass


    def no_detector(target, options):
        return object()
"""


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Return a function that installs a package with entry points, as pip does."""

    def install(entry_points):
        package = tmp_path / "site"
        about = package / "detbench_corners-1.0.dist-info"
        about.mkdir(parents=True)
        (package / "detbench_corners.py").write_text(textwrap.dedent(CORNERS))
        (about / "METADATA").write_text(
            "Metadata-Version: 2.1\nName: detbench-corners\nVersion: 1.0\n"
        )
        (about / "entry_points.txt").write_text(f"[detbench.adapters]\n{entry_points}\n")
        monkeypatch.syspath_prepend(package)
        monkeypatch.delitem(sys.modules, "detbench_corners", raising=False)

    return install


def test_an_adapter_of_another_package_is_listed_loaded_and_run(installed):
    installed("corners = detbench_corners:Corners")
    listed = {adapter.name: adapter for adapter in adapters()}["corners"]
    assert (listed.package, listed.installed, listed.install) == (
        "detbench-corners",
        True,
        "pip install detbench-corners",
    )
    detector = load_detector("corners:any model,score=0.9", score=0.1)
    assert (detector.name, detector.settings) == ("any model", {"score": "0.1"})
    white, black = np.full((20, 40, 3), 255, np.uint8), np.zeros((20, 40, 3), np.uint8)
    detections = detect(detector, [white, black])
    assert [image.boxes.tolist() for image in detections] == [[[0, 0, 20, 10]], []]


def test_an_adapter_that_returns_no_detector_is_named(installed):
    installed("half = detbench_corners:no_detector")
    with pytest.raises(
        DetbenchError,
        match="adapter 'half' of package detbench-corners returned an object of type object, "
        "which lacks methods of Detector",
    ):
        load_detector("half:x")


@pytest.mark.parametrize("value", ["detbench_corners:nothing", "no_such_module:load"])
def test_an_adapter_that_cannot_be_imported_is_named(installed, value):
    installed(f"lost = {value}")
    with pytest.raises(
        DetbenchError,
        match=r"adapter 'lost' of package detbench-corners cannot be imported.*"
        "pip install detbench-corners",
    ):
        load_detector("lost:x")


def test_detbenchs_own_adapters_cannot_be_replaced(installed):
    installed("replay = detbench_corners:Corners")
    with pytest.warns(
        DetbenchWarning,
        match="adapter 'replay' of package detbench-corners is not used, because detbench has",
    ):
        assert {adapter.name: adapter.package for adapter in adapters()}["replay"] == "detbench"


def test_detbenchs_own_adapters_are_listed():
    listed = {adapter.name: adapter for adapter in adapters()}
    assert listed["onnx"].install == "pip install 'detbench[onnx]'"
    assert listed["replay"].installed


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("onnx:model.onnx", ("onnx", "model.onnx", {})),
        (
            "onnx:model.onnx,decoder=yolox,score=0.001",
            ("onnx", "model.onnx", {"decoder": "yolox", "score": "0.001"}),
        ),
        ("model.onnx", ("onnx", "model.onnx", {})),
        ("a/b=c/MODEL.ONNX,score=0.1", ("onnx", "a/b=c/MODEL.ONNX", {"score": "0.1"})),
        ("detections.parquet", ("replay", "detections.parquet", {})),
        (r"C:\models\model.onnx,score=0.1", ("onnx", r"C:\models\model.onnx", {"score": "0.1"})),
        (r"onnx:C:\models\model.onnx", ("onnx", r"C:\models\model.onnx", {})),
        (r"onnx:a\,b.onnx,names=dog\,cat", ("onnx", "a,b.onnx", {"names": "dog,cat"})),
        ("./odd:name.onnx", ("onnx", "./odd:name.onnx", {})),
        ("kerashub:preset_name,score=", ("kerashub", "preset_name", {"score": ""})),
        ("kerashub:hf://owner/name", ("kerashub", "hf://owner/name", {})),
    ],
)
def test_a_spec_is_split(spec, expected):
    assert parse_spec(spec) == expected


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("", "names no model"),
        ("onnx:", "names no model"),
        ("onnx:,score=1", "names no model"),
        ("onnx:m.onnx,yolox", "'yolox' is not KEY=VALUE"),
        ("onnx:a,b.onnx", r"write a comma inside a path or value as \\,"),
        ("onnx:m.onnx,=3", "'=3' is not KEY=VALUE"),
        ("onnx:m.onnx,score=1,score=2", "option 'score' is given twice"),
        (
            "model.h5",
            r"write NAME:model.h5, or use a known suffix \(.onnx for onnx, .keras for keras, ",
        ),
        ("https://host/model.onn", "cannot infer the adapter"),
    ],
)
def test_a_bad_spec_is_explained(spec, message):
    with pytest.raises(DetbenchError, match=message):
        parse_spec(spec)


def test_an_unknown_adapter_lists_the_known():
    with pytest.raises(
        DetbenchError,
        match="unknown adapter 'onxx'; the adapters are onnx, yolo, keras, kerashub, replay",
    ):
        load_detector("onxx:model.onnx")


def test_a_missing_model_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.parquet: no such model"):
        load_detector(str(tmp_path / "none.parquet"))


def test_a_missing_package_is_named_with_its_installation(monkeypatch):
    lacking = dataclasses.replace(catalogue.ADAPTERS["onnx"], needs="no_such_package")
    monkeypatch.setitem(catalogue.ADAPTERS, "onnx", lacking)
    with pytest.raises(
        DetbenchError,
        match=r"adapter 'onnx' needs no_such_package, .*; run pip install 'detbench\[onnx\]'",
    ):
        load_detector("onnx:model.onnx")


def test_options_become_texts(monkeypatch, tmp_path):
    received = {}
    monkeypatch.setitem(
        catalogue.ADAPTERS, "echo", Adapter("echo", "detbench.adapters.replay:load")
    )
    monkeypatch.setattr(
        "detbench.adapters.replay.load", lambda path, options: received.update(options)
    )
    load_detector(f"echo:{tmp_path},a=1,b=2", b=None, c=True, names=["dog", "cat"], score=0.5)
    assert received == {"a": "1", "b": "2", "c": "true", "names": "dog,cat", "score": "0.5"}
