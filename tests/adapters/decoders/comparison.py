"""Comparison of decoders with the plain loops of `tests.references.onnx_decodes`."""

import numpy as np

from detbench.adapters.decoders.decoder import OutputShapes, RawOutputs

SIZE = (160, 96)
"""Width and height of the input: not square, not a multiple of 64."""
MIN_SCORE = 0.2


def uniform(seed, *shape, low=0.0, high=1.0):
    """Return random float32 values."""
    return np.random.default_rng(seed).uniform(low, high, shape).astype(np.float32)


def shapes_of(outputs, size=SIZE):
    return OutputShapes({name: values.shape for name, values in outputs.items()}, size)


def decode(decoder, outputs, min_score=MIN_SCORE, size=SIZE):
    return decoder.decode(RawOutputs(outputs, size), min_score)


def assert_same(candidates, expected, tolerance=1e-9):
    """Compare candidates per image with tuples (x1, y1, x2, y2, score, class), in any order."""
    assert len(candidates) == len(expected)
    for image, expected_rows in zip(candidates, expected, strict=True):
        assert image.boxes.dtype == image.scores.dtype == np.float64
        assert image.classes.dtype == np.int64
        table = np.column_stack([image.boxes, image.scores, image.classes])
        reference = np.array(expected_rows, np.float64).reshape(-1, 6)
        assert len(reference) > 3, "the comparison needs some boxes"
        assert table.shape == reference.shape
        np.testing.assert_allclose(
            table[np.lexsort(table.T)],
            reference[np.lexsort(reference.T)],
            rtol=tolerance,
            atol=tolerance,
        )
