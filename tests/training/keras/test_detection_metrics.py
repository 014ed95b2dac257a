"""DetectionMetrics during fit() of a small KerasHub RetinaNet, and with a model that finds what its weights say."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from detbench import load_detections, save_ground_truth
from detbench.adapters.keras.preset import write_class_names
from detbench.data.ground_truth import GroundTruth
from detbench.errors import DetbenchError
from tests.training.keras.tiny import NAMES, examples, knowing_model, tiny_retinanet

keras = pytest.importorskip("keras")
pytest.importorskip("keras_hub")

pytestmark = [  # what Keras warns of when it saves and loads its own variables
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Skipping variable loading for optimizer"),
]
COCO = ("AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl")
KEYS = [f"val_coco_{name}" for name in COCO] + ["val_voc2007_mAP"]
IMAGES, BOXES, LABELS = examples()


@pytest.fixture(scope="module")
def truth(tmp_path_factory):
    """The examples as files."""
    folder = tmp_path_factory.mktemp("pictures")
    for number, image in enumerate(IMAGES):
        Image.fromarray(image).save(folder / f"{number}.png")
    rows, columns = np.nonzero(LABELS >= 0)
    return GroundTruth.from_rows(
        image_ids=[str(number) for number in range(len(IMAGES))],
        class_names=NAMES,
        image_index=rows,
        class_index=LABELS[rows, columns],
        boxes=BOXES[rows, columns],
        image_files=[f"{number}.png" for number in range(len(IMAGES))],
        image_folder=folder,
        name="noise",
    )


@pytest.fixture
def metrics_of():
    from detbench.training.keras import DetectionMetrics

    return DetectionMetrics


@pytest.fixture(scope="module")
def retinanet():
    """Compiled, of random weights; every fit trains it further."""
    model = tiny_retinanet()
    model.compile(optimizer=keras.optimizers.Adam(1e-4), jit_compile=False)
    return model


TARGETS = {"boxes": BOXES, "labels": LABELS}


class Spy(keras.callbacks.Callback):
    """Keeps what callbacks after the metrics see."""

    def __init__(self):
        super().__init__()
        self.epochs, self.tests = [], []

    def on_epoch_end(self, epoch, logs=None):
        self.epochs.append(dict(logs))

    def on_test_end(self, logs=None):
        self.tests.append(dict(logs))


def alone(metrics, model, epochs=1):
    """Let a callback believe that a model trains for some epochs, and return the logs of each."""
    metrics.set_params({"epochs": epochs})
    metrics.set_model(model)
    metrics.on_train_begin()
    logs = [{"loss": 1.0} for _ in range(epochs)]
    for epoch, each in enumerate(logs):
        metrics.on_epoch_end(epoch, each)
    metrics.on_train_end()
    return logs


def test_every_measure_is_in_logs_history_and_checkpoints(retinanet, metrics_of, truth, tmp_path):
    metrics, spy = metrics_of(truth, class_names=NAMES), Spy()
    best = keras.callbacks.ModelCheckpoint(
        str(tmp_path / "best.weights.h5"),
        monitor="val_coco_AR100",
        mode="max",
        save_best_only=True,
        save_weights_only=True,
    )
    stop = keras.callbacks.EarlyStopping(monitor="val_voc2007_mAP", mode="max", patience=5)
    table = keras.callbacks.CSVLogger(str(tmp_path / "log.csv"))
    history = retinanet.fit(
        IMAGES,
        TARGETS,
        batch_size=4,
        epochs=2,
        verbose=0,
        shuffle=False,
        callbacks=[metrics, best, stop, table, spy],
    )
    assert [name for name in history.history if name in KEYS] == KEYS
    assert all(type(value) is float for name in KEYS for value in history.history[name])
    assert [name for name in spy.epochs[-1] if name in KEYS] == KEYS
    assert best.best == max(history.history["val_coco_AR100"])
    assert stop.best == max(history.history["val_voc2007_mAP"])
    assert (tmp_path / "best.weights.h5").exists()
    assert set(KEYS) < set((tmp_path / "log.csv").read_text().splitlines()[0].split(","))
    assert metrics.results == {name: history.history[name][-1] for name in KEYS}


def test_numbers_are_those_of_predict_and_eval_of_the_saved_model(
    retinanet, metrics_of, truth, command, tmp_path
):
    metrics = metrics_of(truth, class_names=NAMES, batch_size=4)
    retinanet.fit(
        IMAGES, TARGETS, batch_size=4, epochs=1, verbose=0, shuffle=False, callbacks=[metrics]
    )
    retinanet.save_to_preset(str(tmp_path / "preset"))
    write_class_names(tmp_path / "preset", NAMES)
    save_ground_truth(truth, tmp_path / "truth.parquet")
    found = tmp_path / "found.parquet"
    arguments = (
        f"kerashub:{tmp_path / 'preset'}",
        tmp_path / "truth.parquet",
        "-o",
        found,
        "--images",
        truth.image_folder,
        "--batch",
        4,
    )
    assert command("predict", *arguments).code == 0
    detections = metrics.evaluations["coco"].detections
    saved = load_detections(found, truth)
    assert len(saved) > 50
    np.testing.assert_array_equal(saved.boxes, detections.boxes)
    np.testing.assert_array_equal(saved.scores, detections.scores)
    for protocol in ("coco", "voc2007"):
        outcome = command(
            "eval", tmp_path / "truth.parquet", found, "--protocol", protocol, "--json", "-"
        )
        summary = json.loads(outcome.out)["runs"][0]["summary"]
        for name, value in summary.items():
            ours = metrics.results[f"val_{protocol}_{name}"]
            assert ours == value if value is not None else math.isnan(ours)


def test_other_epochs_are_nan_and_the_last_is_scored(metrics_of, truth):
    metrics = metrics_of(
        truth, protocols=["voc2007"], every=3, box_format="xyxy", class_names=NAMES
    )
    logs = alone(metrics, knowing_model(BOXES[0], LABELS[0].clip(0)), epochs=5)
    scored = [not math.isnan(each["val_voc2007_mAP"]) for each in logs]
    assert scored == [True, False, False, True, True]


def test_weights_are_live_and_numbers_exact(metrics_of, truth):
    """One picture: a model that holds its boxes is perfect, and worthless when its weights are moved away."""
    one = truth.select_images(np.array([0]))
    model = knowing_model(one.boxes, one.class_index)
    metrics = metrics_of(one, box_format="xyxy", class_names=NAMES, prefix="")
    (first,) = alone(metrics, model)
    assert first["coco_AP"] == pytest.approx(1)
    assert first["voc2007_mAP"] == pytest.approx(1)
    model.get_layer("knowing").boxes.assign(one.boxes.astype(np.float32) + 40)
    (second,) = alone(metrics, model)
    assert second["coco_AP"] == second["voc2007_mAP"] == 0


def test_evaluate_scores_once_and_fit_not_in_its_validation(
    retinanet, metrics_of, truth, monkeypatch
):
    metrics, spy = metrics_of(truth, class_names=NAMES), Spy()
    calls = []
    score = metrics._score
    monkeypatch.setattr(metrics, "_score", lambda: calls.append(1) or score())
    retinanet.fit(
        IMAGES, TARGETS, batch_size=4, epochs=1, verbose=0, shuffle=False,
        validation_data=(IMAGES[:4], {n: v[:4] for n, v in TARGETS.items()}),
        callbacks=[metrics, spy],
    )  # fmt: skip
    assert len(calls) == 1
    assert not set(KEYS) & set(spy.tests[0])
    retinanet.evaluate(IMAGES, TARGETS, batch_size=4, verbose=0, callbacks=[metrics, spy])
    assert len(calls) == 2
    assert {name: spy.tests[1][name] for name in KEYS} == metrics.results


def test_evaluate_after_a_fit_that_broke_off(retinanet, metrics_of, truth):
    class Break(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            raise KeyboardInterrupt

    metrics = metrics_of(truth, class_names=NAMES)
    with pytest.raises(KeyboardInterrupt):
        retinanet.fit(
            IMAGES, TARGETS, batch_size=4, verbose=0, shuffle=False, callbacks=[metrics, Break()]
        )
    retinanet.evaluate(IMAGES, TARGETS, batch_size=4, verbose=0, callbacks=[metrics])
    assert list(metrics.results) == KEYS


def test_no_detections_score_0(metrics_of, truth):
    boxes, none = np.zeros((2, 4)), np.zeros(2)
    metrics = metrics_of(truth, box_format="xyxy", class_names=NAMES)
    (logs,) = alone(metrics, knowing_model(boxes, [0, 1], scores=none))
    assert len(metrics.evaluations["coco"].detections) == 0
    assert logs["val_coco_AP"] == logs["val_voc2007_mAP"] == 0
    assert math.isnan(logs["val_coco_APl"])


def test_a_dataset_of_keras_scores_as_ours(retinanet, metrics_of, truth):
    """The model has a preprocessor, so that both take pictures; objects and detections must be the same."""
    tf = pytest.importorskip("tensorflow")
    data = tf.data.Dataset.from_tensor_slices((IMAGES, TARGETS)).batch(4)
    ours = metrics_of(truth, class_names=NAMES, batch_size=4)
    theirs = metrics_of(data, class_names=NAMES, batch_size=4, box_format="xyxy")
    alone(ours, retinanet)
    alone(theirs, retinanet)
    assert ours.results.keys() == theirs.results.keys()
    np.testing.assert_array_equal(list(ours.results.values()), list(theirs.results.values()))
    assert len(theirs.evaluations["coco"].detections) > 50
    np.testing.assert_array_equal(
        ours.evaluations["coco"].detections.boxes, theirs.evaluations["coco"].detections.boxes
    )


def test_without_a_preprocessor_images_go_in_as_fit_takes_them(metrics_of, truth):
    """A RetinaNet without preprocessor, fed with the numbers that the preprocessor of its twin makes, finds the same."""
    metrics = metrics_of(truth, class_names=NAMES, batch_size=4)
    alone(metrics, tiny_retinanet())
    numbers = IMAGES * np.float32(1 / 255)
    batches = [
        (numbers[first : first + 4], {n: v[first : first + 4] for n, v in TARGETS.items()})
        for first in (0, 4)
    ]
    fed = metrics_of(batches, class_names=NAMES, box_format="xyxy", batch_size=4)
    alone(fed, tiny_retinanet(preprocessor=False))
    found, expected = fed.evaluations["coco"].detections, metrics.evaluations["coco"].detections
    assert len(found) == len(expected) > 50
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-5)
    with pytest.raises(
        DetbenchError,
        match=r"images have the shape \(32, 32, 3\) and the model takes \(64, 64, 3\)",
    ):
        alone(
            metrics_of([(numbers[:, :32, :32], TARGETS)], class_names=NAMES, box_format="xyxy"),
            tiny_retinanet(preprocessor=False),
        )


def test_other_classes_are_an_error_before_training(metrics_of, truth):
    metrics = metrics_of(
        truth, box_format="xyxy", class_names=("circle", "square", "triangle", "dog")
    )
    with pytest.raises(DetbenchError, match=r"not every class has one partner: .*\(dog\)"):
        alone(metrics, knowing_model(BOXES[0], [0, 1, 2]))


def test_images_without_objects_count_and_a_dataset_of_them_is_refused(metrics_of, truth):
    empty = GroundTruth.from_rows(
        image_ids=["0"], class_names=NAMES, image_index=[], class_index=[], boxes=[], image_files=["0.png"],
        image_folder=truth.image_folder, name="nothing",
    )  # fmt: skip
    with pytest.raises(DetbenchError, match="nothing: there are no objects in it"):
        metrics_of(empty)
    some = truth.select_images(np.arange(2))
    model = knowing_model(some.boxes[: some.offsets[1]], some.class_index[: some.offsets[1]])
    metrics = metrics_of(some.select_images(np.array([0, 1])), box_format="xyxy", class_names=NAMES)
    alone(metrics, model)
    assert metrics.results["val_coco_AP"] < 1


def test_a_picture_that_is_gone_is_named(metrics_of, truth):
    metrics = metrics_of(
        replace(truth, image_files=("lost.png", *truth.image_files[1:])),
        box_format="xyxy",
        class_names=NAMES,
    )
    with pytest.raises(DetbenchError, match=r"lost\.png"):
        alone(metrics, knowing_model(BOXES[0], LABELS[0].clip(0)))


def test_a_spoilt_loss_gives_nan_and_no_error(metrics_of, truth):
    metrics = metrics_of(truth, box_format="xyxy", class_names=NAMES)
    model = knowing_model(np.full((1, 4), np.nan), [0])
    metrics.set_params({"epochs": 1})
    metrics.set_model(model)
    logs = {"loss": math.nan}
    metrics.on_epoch_end(0, logs)
    assert all(math.isnan(logs[name]) for name in KEYS)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"every": 0}, "every must be"),
        ({"batch_size": 0}, "batch_size must be"),
        ({"protocols": ["voc2008"]}, "there is no protocol 'voc2008'"),
        ({"protocols": ["coco", "coco"]}, "different names"),
    ],
)
def test_bad_arguments(metrics_of, truth, options, problem):
    with pytest.raises(DetbenchError, match=problem):
        metrics_of(truth, **options)
