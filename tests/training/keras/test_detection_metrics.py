"""DetectionMetrics while a small KerasHub RetinaNet trains, and with fixed detections."""

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
from tests.training.keras.small_models import (
    NAMES,
    fixed_detections_model,
    noise_examples,
    small_retinanet,
)

pytestmark = [
    pytest.mark.slow,
    # Keras' own warnings when it saves and loads its variables
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Skipping variable loading for optimizer"),
]
COCO = ("AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl")
COLUMNS = [f"val_coco_{name}" for name in COCO] + ["val_voc2007_mAP"]
IMAGES, BOXES, LABELS = noise_examples()
TARGETS = {"boxes": BOXES, "labels": LABELS}
FIT_OPTIONS = {"batch_size": 4, "verbose": 0, "shuffle": False}


@pytest.fixture(scope="module")
def ground_truth(tmp_path_factory):
    """Return the examples as image files with annotations."""
    folder = tmp_path_factory.mktemp("images")
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
def new_metrics(keras):
    from detbench.training.keras import DetectionMetrics

    return DetectionMetrics


@pytest.fixture(scope="module")
def retinanet(keras, hub):
    """Return a compiled model of random weights; every `fit` trains it further."""
    model = small_retinanet()
    model.compile(optimizer=keras.optimizers.Adam(1e-4), jit_compile=False)
    return model


@pytest.fixture
def recorder(keras):
    """Return a callback that keeps the logs that callbacks after the metrics see."""

    class LogRecorder(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.epochs, self.tests = [], []

        def on_epoch_end(self, epoch, logs=None):
            self.epochs.append(dict(logs))

        def on_test_end(self, logs=None):
            self.tests.append(dict(logs))

    return LogRecorder()


def run_epochs(metrics, model, epochs=1):
    """Call a callback as a training would, without training; return the logs of each epoch."""
    metrics.set_params({"epochs": epochs})
    metrics.set_model(model)
    metrics.on_train_begin()
    logs = [{"loss": 1.0} for _ in range(epochs)]
    for epoch, epoch_logs in enumerate(logs):
        metrics.on_epoch_end(epoch, epoch_logs)
    metrics.on_train_end()
    return logs


def test_logs_history_and_checkpoints_have_every_measure(
    keras, retinanet, new_metrics, recorder, ground_truth, tmp_path
):
    metrics = new_metrics(ground_truth, class_names=NAMES)
    checkpoint = keras.callbacks.ModelCheckpoint(
        str(tmp_path / "best.weights.h5"),
        monitor="val_coco_AR100",
        mode="max",
        save_best_only=True,
        save_weights_only=True,
    )
    stopping = keras.callbacks.EarlyStopping(monitor="val_voc2007_mAP", mode="max", patience=5)
    logger = keras.callbacks.CSVLogger(str(tmp_path / "log.csv"))
    callbacks = [metrics, checkpoint, stopping, logger, recorder]
    history = retinanet.fit(IMAGES, TARGETS, epochs=2, callbacks=callbacks, **FIT_OPTIONS).history
    assert [name for name in history if name in COLUMNS] == COLUMNS
    assert all(type(value) is float for name in COLUMNS for value in history[name])
    assert [name for name in recorder.epochs[-1] if name in COLUMNS] == COLUMNS
    assert checkpoint.best == max(history["val_coco_AR100"])
    assert stopping.best == max(history["val_voc2007_mAP"])
    assert (tmp_path / "best.weights.h5").exists()
    assert set(COLUMNS) < set((tmp_path / "log.csv").read_text().splitlines()[0].split(","))
    assert metrics.results == {name: history[name][-1] for name in COLUMNS}


def test_numbers_are_those_of_predict_and_eval_of_the_saved_model(
    retinanet, new_metrics, ground_truth, command, tmp_path
):
    metrics = new_metrics(ground_truth, class_names=NAMES, batch_size=4)
    retinanet.fit(IMAGES, TARGETS, epochs=1, callbacks=[metrics], **FIT_OPTIONS)
    preset, annotations = tmp_path / "preset", tmp_path / "ground_truth.parquet"
    retinanet.save_to_preset(str(preset))
    write_class_names(preset, NAMES)
    save_ground_truth(ground_truth, annotations)
    output = tmp_path / "detections.parquet"
    images = ("--images", ground_truth.image_folder)
    predict = ("predict", f"kerashub:{preset}", annotations, "-o", output, *images, "--batch", 4)
    assert command(*predict).code == 0
    detections = metrics.evaluations["coco"].detections
    saved = load_detections(output, ground_truth)
    assert len(saved) > 50
    np.testing.assert_array_equal(saved.boxes, detections.boxes)
    np.testing.assert_array_equal(saved.scores, detections.scores)
    for protocol in ("coco", "voc2007"):
        outcome = command("eval", annotations, output, "--protocol", protocol, "--json", "-")
        summary = json.loads(outcome.out)["runs"][0]["summary"]
        for name, value in summary.items():
            logged = metrics.results[f"val_{protocol}_{name}"]
            assert logged == value if value is not None else math.isnan(logged)


def test_other_epochs_are_nan_and_the_last_is_scored(new_metrics, ground_truth):
    metrics = new_metrics(
        ground_truth, protocols=["voc2007"], every=3, box_format="xyxy", class_names=NAMES
    )
    logs = run_epochs(metrics, fixed_detections_model(BOXES[0], LABELS[0].clip(0)), epochs=5)
    is_scored = [not math.isnan(epoch_logs["val_voc2007_mAP"]) for epoch_logs in logs]
    assert is_scored == [True, False, False, True, True]


def test_weights_are_current_and_numbers_exact(new_metrics, ground_truth):
    """On one image, a model that holds its boxes is perfect, and worthless if they are moved."""
    one_image = ground_truth.select_images(np.array([0]))
    model = fixed_detections_model(one_image.boxes, one_image.class_index)
    metrics = new_metrics(one_image, box_format="xyxy", class_names=NAMES, prefix="")
    (logs,) = run_epochs(metrics, model)
    assert logs["coco_AP"] == pytest.approx(1)
    assert logs["voc2007_mAP"] == pytest.approx(1)
    model.get_layer("fixed").boxes.assign(one_image.boxes.astype(np.float32) + 40)
    (logs,) = run_epochs(metrics, model)
    assert logs["coco_AP"] == logs["voc2007_mAP"] == 0


def test_evaluate_is_scored_once_and_the_validation_of_fit_is_not(
    retinanet, new_metrics, recorder, ground_truth, monkeypatch
):
    metrics = new_metrics(ground_truth, class_names=NAMES)
    calls = []
    score = metrics._score
    monkeypatch.setattr(metrics, "_score", lambda: calls.append(1) or score())
    first_four = {name: values[:4] for name, values in TARGETS.items()}
    retinanet.fit(
        IMAGES,
        TARGETS,
        epochs=1,
        validation_data=(IMAGES[:4], first_four),
        callbacks=[metrics, recorder],
        **FIT_OPTIONS,
    )
    assert len(calls) == 1
    assert not set(COLUMNS) & set(recorder.tests[0])
    retinanet.evaluate(IMAGES, TARGETS, batch_size=4, verbose=0, callbacks=[metrics, recorder])
    assert len(calls) == 2
    assert {name: recorder.tests[1][name] for name in COLUMNS} == metrics.results


def test_evaluate_after_an_interrupted_fit(keras, retinanet, new_metrics, ground_truth):
    class Interrupt(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            raise KeyboardInterrupt

    metrics = new_metrics(ground_truth, class_names=NAMES)
    with pytest.raises(KeyboardInterrupt):
        retinanet.fit(IMAGES, TARGETS, callbacks=[metrics, Interrupt()], **FIT_OPTIONS)
    retinanet.evaluate(IMAGES, TARGETS, batch_size=4, verbose=0, callbacks=[metrics])
    assert list(metrics.results) == COLUMNS


def test_no_detections_score_0(new_metrics, ground_truth):
    metrics = new_metrics(ground_truth, box_format="xyxy", class_names=NAMES)
    model = fixed_detections_model(np.zeros((2, 4)), [0, 1], scores=np.zeros(2))
    (logs,) = run_epochs(metrics, model)
    assert len(metrics.evaluations["coco"].detections) == 0
    assert logs["val_coco_AP"] == logs["val_voc2007_mAP"] == 0
    assert math.isnan(logs["val_coco_APl"])


def test_a_dataset_of_keras_scores_like_its_files(retinanet, new_metrics, ground_truth):
    """The model has a preprocessor, so both take images, and all detections must be the same."""
    tf = pytest.importorskip("tensorflow")
    data = tf.data.Dataset.from_tensor_slices((IMAGES, TARGETS)).batch(4)
    from_files = new_metrics(ground_truth, class_names=NAMES, batch_size=4)
    from_dataset = new_metrics(data, class_names=NAMES, batch_size=4, box_format="xyxy")
    run_epochs(from_files, retinanet)
    run_epochs(from_dataset, retinanet)
    assert from_files.results.keys() == from_dataset.results.keys()
    np.testing.assert_array_equal(
        list(from_files.results.values()), list(from_dataset.results.values())
    )
    detections = from_dataset.evaluations["coco"].detections
    assert len(detections) > 50
    np.testing.assert_array_equal(from_files.evaluations["coco"].detections.boxes, detections.boxes)


def test_without_a_preprocessor_images_are_unchanged(hub, new_metrics, ground_truth):
    """A RetinaNet without preprocessor gets the numbers that the preprocessor would make."""
    metrics = new_metrics(ground_truth, class_names=NAMES, batch_size=4)
    run_epochs(metrics, small_retinanet())
    scaled = IMAGES * np.float32(1 / 255)
    batches = [
        (scaled[rows], {name: values[rows] for name, values in TARGETS.items()})
        for rows in (slice(0, 4), slice(4, 8))
    ]
    options = {"class_names": NAMES, "box_format": "xyxy", "batch_size": 4}
    unchanged = new_metrics(batches, **options)
    model = small_retinanet(preprocessor=False)
    run_epochs(unchanged, model)
    detections = unchanged.evaluations["coco"].detections
    expected = metrics.evaluations["coco"].detections
    assert len(detections) == len(expected) > 50
    np.testing.assert_allclose(detections.scores, expected.scores, atol=1e-5)
    message = r"images have the shape \(32, 32, 3\), but the model takes \(64, 64, 3\)"
    with pytest.raises(DetbenchError, match=message):
        run_epochs(new_metrics([(scaled[:, :32, :32], TARGETS)], **options), model)


def test_other_classes_are_an_error_before_training(new_metrics, ground_truth):
    names = ("circle", "square", "triangle", "dog")
    metrics = new_metrics(ground_truth, box_format="xyxy", class_names=names)
    with pytest.raises(DetbenchError, match=r"do not match one to one: .*dog"):
        run_epochs(metrics, fixed_detections_model(BOXES[0], [0, 1, 2]))


def test_a_ground_truth_without_objects_is_refused(new_metrics, ground_truth):
    no_objects = GroundTruth.from_rows(
        image_ids=["0"],
        class_names=NAMES,
        image_index=[],
        class_index=[],
        boxes=[],
        image_files=["0.png"],
        image_folder=ground_truth.image_folder,
        name="nothing",
    )
    with pytest.raises(DetbenchError, match="nothing: has no objects, so nothing can be scored"):
        new_metrics(no_objects)


def test_detections_in_other_images_count(new_metrics, ground_truth):
    two_images = ground_truth.select_images(np.arange(2))
    n_first = two_images.offsets[1]
    model = fixed_detections_model(two_images.boxes[:n_first], two_images.class_index[:n_first])
    metrics = new_metrics(two_images, box_format="xyxy", class_names=NAMES)
    run_epochs(metrics, model)
    assert metrics.results["val_coco_AP"] < 1


def test_a_missing_image_is_named(new_metrics, ground_truth):
    incomplete = replace(ground_truth, image_files=("lost.png", *ground_truth.image_files[1:]))
    metrics = new_metrics(incomplete, box_format="xyxy", class_names=NAMES)
    with pytest.raises(DetbenchError, match=r"lost\.png"):
        run_epochs(metrics, fixed_detections_model(BOXES[0], LABELS[0].clip(0)))


def test_a_nan_loss_gives_nan_and_no_error(new_metrics, ground_truth):
    metrics = new_metrics(ground_truth, box_format="xyxy", class_names=NAMES)
    metrics.set_params({"epochs": 1})
    metrics.set_model(fixed_detections_model(np.full((1, 4), np.nan), [0]))
    logs = {"loss": math.nan}
    metrics.on_epoch_end(0, logs)
    assert all(math.isnan(logs[name]) for name in COLUMNS)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"every": 0}, "every must be"),
        ({"batch_size": 0}, "batch_size must be"),
        ({"protocols": ["voc2008"]}, "there is no protocol 'voc2008'"),
        ({"protocols": ["coco", "coco"]}, "different names"),
    ],
)
def test_invalid_arguments(new_metrics, ground_truth, options, problem):
    with pytest.raises(DetbenchError, match=problem):
        new_metrics(ground_truth, **options)
