"""Small ground truths and detections for tests of readers and writers, some for hypothesis."""

import numpy as np
from hypothesis import strategies as st

from detbench.data.detections import Detections
from detbench.data.ground_truth import GroundTruth

CLASSES = ("car", "sports_car", "zebra")


def make_ground_truth(
    boxes=(), class_index=None, image_index=None, images=3, **columns
) -> GroundTruth:
    """Return a ground truth on `images` images of 100 × 80 pixels.

    By default, all objects are cars on the first image.
    """
    return GroundTruth.from_rows(
        image_ids=[f"{i:03d}" for i in range(images)],
        class_names=CLASSES,
        image_index=[0] * len(boxes) if image_index is None else image_index,
        class_index=[0] * len(boxes) if class_index is None else class_index,
        boxes=boxes,
        **{"image_sizes": [(100.0, 80.0)] * images, "protocol": "voc2007"} | columns,
    )


@st.composite
def written_boxes(draw, decimals, upright=True):
    """Draw a box as a reader of VOC makes it from numbers with up to `decimals` decimals."""
    number = st.integers(-(10**7), 10**7).map(lambda digits: digits / 10**decimals)
    left, top, right, bottom = (draw(number) for _ in range(4))
    if upright:
        left, right = sorted((left, right))
        top, bottom = sorted((top, bottom))
    return (left - 1, top - 1, right, bottom)


@st.composite
def random_ground_truths(draw):
    boxes = draw(st.lists(written_boxes(decimals=draw(st.sampled_from([0, 2, 6]))), max_size=8))
    rows = len(boxes)
    flags = st.lists(st.booleans(), min_size=rows, max_size=rows)
    return make_ground_truth(
        boxes,
        class_index=draw(st.lists(st.integers(0, 2), min_size=rows, max_size=rows)),
        image_index=draw(st.lists(st.integers(0, 2), min_size=rows, max_size=rows)),
        difficult=draw(flags),
        truncated=draw(flags),
    )


@st.composite
def random_detections(draw, ground_truth):
    boxes = draw(
        st.lists(
            written_boxes(decimals=draw(st.sampled_from([0, 2, 6, 12]))), min_size=1, max_size=12
        )
    )
    rows = len(boxes)
    classes = np.sort(draw(st.lists(st.integers(0, 2), min_size=rows, max_size=rows)))
    return Detections.from_rows(
        ground_truth,
        image_index=draw(st.lists(st.integers(0, 2), min_size=rows, max_size=rows)),
        class_index=classes,
        scores=draw(
            st.lists(
                st.sampled_from([0.5, 0.25, 1e-7, -3.0, 0.1 + 0.2]), min_size=rows, max_size=rows
            )
        ),
        boxes=boxes,
    )
