"""Preprocessing: compared with a plain float64 reference, Pillow, and OpenCV if installed."""

from typing import get_args

import numpy as np
import pytest

from detbench.adapters.geometry import Fit, fit_image
from detbench.adapters.preprocessing import Preprocessing
from detbench.errors import DetbenchError
from detbench.metrics.kernels.resizing import resize_linear

SIZES = [(64, 48), (48, 64), (33, 17), (1, 1), (3, 90)]


def random_image(width, height, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def bilinear(image, size):
    """Interpolate in float64 by definition: half-pixel centers, edges repeated, no antialiasing."""

    def taps(source, target):
        center = np.clip((np.arange(target) + 0.5) * source / target - 0.5, 0, source - 1)
        first = np.floor(center).astype(int)
        return first, np.minimum(first + 1, source - 1), center - first

    (left, right, x), (above, below, y) = (
        taps(image.shape[1], size[0]),
        taps(image.shape[0], size[1]),
    )
    x, y, values = x[None, :, None], y[:, None, None], image.astype(np.float64)
    upper = values[above][:, left] * (1 - x) + values[above][:, right] * x
    lower = values[below][:, left] * (1 - x) + values[below][:, right] * x
    return upper * (1 - y) + lower * y


def reference(preprocessing, image):
    """Return what `apply` must give, in float64 and pixel by pixel from the resized image on."""
    width, height = preprocessing.size
    placement = fit_image(image.shape[1::-1], preprocessing.size, preprocessing.fit)
    resized = resize_linear(image, placement.resized)
    canvas = np.full((height, width, 3), preprocessing.pad_value, np.float64)
    for y in range(height):
        for x in range(width):
            column, row = x - placement.offset[0], y - placement.offset[1]
            if 0 <= row < resized.shape[0] and 0 <= column < resized.shape[1]:
                canvas[y, x] = resized[row, column]
    if preprocessing.color == "bgr":
        canvas = canvas[..., ::-1]
    canvas = (canvas * preprocessing.scale - preprocessing.mean) / preprocessing.std
    return canvas.transpose(2, 0, 1) if preprocessing.layout == "nchw" else canvas


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("target", [(20, 30), (64, 48), (100, 77)])
def test_linear_is_bilinear_rounded_to_the_nearest(size, target):
    image = random_image(*size)
    assert np.abs(resize_linear(image, target) - bilinear(image, target)).max() <= 0.5 + 1e-4


@pytest.mark.parametrize(
    ("size", "target"),
    [((640, 480), (416, 312)), ((500, 375), (352, 352)), ((100, 80), (416, 333))],
)
def test_linear_equals_opencv_within_one(size, target):
    cv2 = pytest.importorskip("cv2")
    image = random_image(*size)
    expected = cv2.resize(image, target, interpolation=cv2.INTER_LINEAR)
    difference = np.abs(resize_linear(image, target).astype(int) - expected)
    assert difference.max() <= 1
    assert (difference > 0).mean() < 0.2


@pytest.mark.parametrize("fit", get_args(Fit))
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"color": "bgr", "scale": 1.0, "pad_value": 0},
        {"layout": "nhwc", "mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)},
        {"color": "bgr", "layout": "nhwc", "dtype": "float16"},
        {"scale": 1, "dtype": "uint8", "pad_value": 255},
    ],
)
def test_apply_equals_the_plain_reference(fit, size, settings):
    preprocessing = Preprocessing((40, 24), fit, **settings)
    image = random_image(*size)
    batch = preprocessing.apply([image])
    assert batch.inputs.dtype == preprocessing.dtype
    assert batch.inputs.flags.c_contiguous
    expected = reference(preprocessing, image).astype(preprocessing.dtype)
    assert (batch.inputs[0] == expected).all()
    assert batch.placements == (fit_image(size, (40, 24), fit),)


@pytest.mark.parametrize("resize", ["linear", "antialias", "nearest"])
@pytest.mark.parametrize("size", [(1, 4000), (4000, 1)])
def test_a_crop_of_a_thin_image_computes_only_the_visible_part(size, resize):
    import tracemalloc

    preprocessing = Preprocessing((640, 640), "center-crop", resize=resize)
    tracemalloc.start()
    batch = preprocessing.apply([random_image(*size)])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * batch.inputs.nbytes
    assert batch.placements[0].resized in ((640, 2_560_000), (2_560_000, 640))


@pytest.mark.parametrize("resize", ["antialias", "nearest"])
@pytest.mark.parametrize("size", [(60, 50), (33, 90), (300, 40)])
def test_a_crop_equals_the_middle_of_the_image_resized_by_pillow(size, resize):
    from PIL import Image

    image = random_image(*size)
    preprocessing = Preprocessing(
        (24, 24), "center-crop", scale=1.0, dtype="uint8", layout="nhwc", resize=resize
    )
    batch = preprocessing.apply([image])
    (left, top), resized = batch.placements[0].offset, batch.placements[0].resized
    method = Image.Resampling.BILINEAR if resize == "antialias" else Image.Resampling.NEAREST
    whole = np.asarray(Image.fromarray(image).resize(resized, method))
    difference = np.abs(batch.inputs[0].astype(int) - whole[-top : 24 - top, -left : 24 - left])
    assert difference.max() <= (1 if resize == "antialias" else 0)


def test_warming_up_compiles_every_kernel_of_preprocessing():
    """In a process of its own, in which no test has compiled a kernel before."""
    import subprocess
    import sys

    code = """if True:
        import numpy as np
        from detbench.adapters.preprocessing import Preprocessing
        from detbench.metrics.kernels import resizing
        from detbench.metrics.warmup import warm_postprocessing

        warm_postprocessing(print)
        kernels = resizing._write, resizing._resize_linear
        before = [list(kernel.signatures) for kernel in kernels]
        for dtype in ("float32", "float16", "uint8"):
            for layout in ("nchw", "nhwc"):
                for fit in ("stretch", "center-crop"):
                    for shape in ((50, 40, 3), (16, 32, 3)):
                        scale = 1.0 if dtype == "uint8" else 1 / 255
                        preprocessing = Preprocessing(
                            (32, 16), fit, dtype=dtype, layout=layout, scale=scale
                        )
                        preprocessing.apply([np.zeros(shape, np.uint8)] * 2)
        after = [list(kernel.signatures) for kernel in kernels]
        assert before == after, (before, after)
    """
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_a_batch_holds_each_image_and_may_be_empty():
    preprocessing = Preprocessing((32, 32), "letterbox")
    images = [random_image(*size, seed) for seed, size in enumerate(SIZES)]
    batch = preprocessing.apply(images)
    for image, inputs in zip(images, batch.inputs, strict=True):
        assert (preprocessing.apply([image]).inputs[0] == inputs).all()
    assert preprocessing.apply([]).inputs.shape == (0, 3, 32, 32)


@pytest.mark.parametrize("resize", ["linear", "antialias", "nearest"])
def test_plain_images_stay_plain_and_images_of_the_input_size_stay_the_same(resize):
    preprocessing = Preprocessing(
        (32, 32), "stretch", scale=1.0, dtype="uint8", layout="nhwc", resize=resize
    )
    assert (preprocessing.apply([np.full((50, 70, 3), 77, np.uint8)]).inputs == 77).all()
    image = random_image(32, 32)
    assert (preprocessing.apply([image]).inputs[0] == image).all()


def test_antialias_and_nearest_equal_pillow():
    from PIL import Image

    image = random_image(60, 50)
    for resize, method in (
        ("antialias", Image.Resampling.BILINEAR),
        ("nearest", Image.Resampling.NEAREST),
    ):
        preprocessing = Preprocessing(
            (32, 20), "stretch", scale=1.0, dtype="uint8", layout="nhwc", resize=resize
        )
        expected = np.asarray(Image.fromarray(image).resize((32, 20), method))
        assert (preprocessing.apply([image]).inputs[0] == expected).all()


def test_images_are_not_changed_and_need_not_be_contiguous():
    image = random_image(60, 50)[::2, ::2]
    before = image.copy()
    preprocessing = Preprocessing((32, 32), "letterbox")
    assert (preprocessing.apply([image]).inputs == preprocessing.apply([before]).inputs).all()
    assert (image == before).all()


def test_settings_survive_json():
    import json

    preprocessing = Preprocessing(
        (416, 320), "letterbox-corner", mean=(1, 2, 3), color="bgr", dtype="float16"
    )
    assert Preprocessing.from_dict(json.loads(json.dumps(preprocessing.as_dict()))) == preprocessing


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"size": (0, 416)}, "from 1 to 16384 pixels"),
        ({"size": (416, 16385)}, "from 1 to 16384 pixels"),
        ({"rounding": "up"}, "rounding must be one of nearest, down"),
        ({"size": (416.0, 416)}, "size must be 2 whole numbers"),
        ({"size": 416}, "size must be 2 whole numbers"),
        ({"fit": "crop"}, "fit must be one of stretch, letterbox"),
        ({"pad_value": 256}, "pad_value must be a whole number from 0 to 255"),
        ({"color": "gray"}, "color must be one of rgb, bgr"),
        ({"scale": 0}, "scale must be a positive number"),
        ({"scale": "1/255"}, "scale must be a positive number"),
        ({"mean": (0, 0)}, "mean must be 3 finite numbers"),
        ({"std": (1, float("nan"), 1)}, "std must be 3 finite numbers"),
        ({"std": (1, 0, 1)}, "std must be without 0"),
        ({"layout": "hwc"}, "layout must be one of nchw, nhwc"),
        ({"dtype": "int8"}, "dtype must be one of float32"),
        ({"dtype": "uint8"}, "takes unscaled values"),
        ({"resize": "cubic"}, "resize must be one of linear"),
        ({"padding": 3}, "unknown setting 'padding'"),
    ],
)
def test_bad_settings_are_named(settings, message):
    with pytest.raises(DetbenchError, match=message):
        Preprocessing.from_dict({"size": (416, 416), "fit": "stretch"} | settings)


def test_missing_settings_are_named():
    with pytest.raises(DetbenchError, match="setting 'fit' is missing"):
        Preprocessing.from_dict({"size": (416, 416)})


@pytest.mark.parametrize(
    "image", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)]
)
def test_arrays_that_are_no_images_are_refused(image):
    with pytest.raises(DetbenchError, match=r"an image must be \(height, width, 3\) uint8"):
        Preprocessing((32, 32), "stretch").apply([image])
