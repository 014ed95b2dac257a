"""pycocotools as the reference: runs it quietly on COCO dictionaries."""

import contextlib
import copy
import io

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval


def pycocotools_eval(truth, results, **parameters):
    """Return pycocotools' COCOeval after evaluate, accumulate and (with its own parameters) summarize.

    `parameters` overwrite those of `COCOeval.params` (iouThrs, maxDets, recThrs, ...).
    """
    with contextlib.redirect_stdout(io.StringIO()):
        dataset = COCO()
        dataset.dataset = copy.deepcopy(truth)
        dataset.createIndex()
        if results:
            found = dataset.loadRes(copy.deepcopy(results))
        else:
            found = COCO()
            found.dataset = {
                "images": truth["images"],
                "categories": truth["categories"],
                "annotations": [],
            }
            found.createIndex()
        evaluator = COCOeval(dataset, found, "bbox")
        for name, value in parameters.items():
            setattr(evaluator.params, name, value)
        evaluator.evaluate()
        evaluator.accumulate()
        if not parameters:
            evaluator.summarize()
    return evaluator


def assert_bit_identical(evaluation, evaluator):
    """Assert that precision, recall and scores equal pycocotools' arrays bit for bit, and the 12 numbers with them."""
    for name in ("precision", "recall", "scores"):
        ours, theirs = getattr(evaluation, name), evaluator.eval[name]
        assert ours.shape == theirs.shape, name
        assert np.array_equal(ours, theirs), (
            f"{name} differs at {np.argwhere(ours != theirs)[:5].tolist()}"
        )
    if len(evaluator.stats):
        numbers = [-1.0 if value is None else value for value in evaluation.summary.values()]
        assert np.array_equal(numbers, evaluator.stats)
