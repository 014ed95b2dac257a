"""pycocotools as the reference, run on COCO dictionaries without its prints."""

import contextlib
import copy
import io

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval


def pycocotools_eval(annotations, results, **parameters):
    """Return pycocotools' COCOeval after evaluate, accumulate and summarize.

    `parameters` replace those of `COCOeval.params` (iouThrs, maxDets, recThrs, ...). `summarize`
    needs the default parameters and is left out with others.
    """
    with contextlib.redirect_stdout(io.StringIO()):
        dataset = COCO()
        dataset.dataset = copy.deepcopy(annotations)
        dataset.createIndex()
        if results:
            detections = dataset.loadRes(copy.deepcopy(results))
        else:
            detections = COCO()
            detections.dataset = {
                "images": annotations["images"],
                "categories": annotations["categories"],
                "annotations": [],
            }
            detections.createIndex()
        evaluator = COCOeval(dataset, detections, "bbox")
        for name, value in parameters.items():
            setattr(evaluator.params, name, value)
        evaluator.evaluate()
        evaluator.accumulate()
        if not parameters:
            evaluator.summarize()
    return evaluator


def assert_bit_identical(evaluation, evaluator):
    """Assert that precision, recall, scores and the 12 numbers equal pycocotools' bit for bit."""
    for name in ("precision", "recall", "scores"):
        ours, theirs = getattr(evaluation, name), evaluator.eval[name]
        assert ours.shape == theirs.shape, name
        assert np.array_equal(ours, theirs), (
            f"{name} differs at {np.argwhere(ours != theirs)[:5].tolist()}"
        )
    if len(evaluator.stats):
        numbers = [-1.0 if value is None else value for value in evaluation.summary.values()]
        assert np.array_equal(numbers, evaluator.stats)
