"""The VOC devkit's evaluation in plain Python, object by object, slow on purpose.

Sources: `VOCevaldet.m` of 2007 and `VOCap.m` of 2012.
"""

import math


def evaluate_class(objects, detections, threshold=0.5, strict=False, plus_one=True):
    """Evaluate one class.

    Args:
        objects: {image: [(xmin, ymin, xmax, ymax, difficult), ...]}, 1-based inclusive.
        detections: [(image, score, xmin, ymin, xmax, ymax), ...] in file order.
        threshold: minimum overlap.
        strict: overlap > threshold instead of >=.
        plus_one: width = xmax − xmin + 1.

    Returns:
        recall and precision after each detection by falling score (NaN for 0 / 0), and the number
        of positives.
    """
    one = 1 if plus_one else 0
    positives = sum(not row[4] for rows in objects.values() for row in rows)
    used = {image: [False] * len(rows) for image, rows in objects.items()}
    tp = fp = 0
    recall, precision = [], []
    for image, _, *box in sorted(detections, key=lambda detection: -detection[1]):
        best, best_overlap = None, -math.inf
        for number, other in enumerate(objects.get(image, [])):
            width = min(box[2], other[2]) - max(box[0], other[0]) + one
            height = min(box[3], other[3]) - max(box[1], other[1]) + one
            if width > 0 and height > 0:
                area = (box[2] - box[0] + one) * (box[3] - box[1] + one)
                other_area = (other[2] - other[0] + one) * (other[3] - other[1] + one)
                union = area + other_area - width * height
                overlap = width * height / union
                if overlap > best_overlap:
                    best, best_overlap = number, overlap
        enough = best_overlap > threshold if strict else best_overlap >= threshold
        if not enough:
            fp += 1
        elif not objects[image][best][4]:
            if used[image][best]:
                fp += 1
            else:
                tp += 1
                used[image][best] = True
        recall.append(tp / positives if positives else math.nan)
        precision.append(tp / (tp + fp) if tp + fp else math.nan)
    return recall, precision, positives


MATLAB_RECALLS = (0.0, 0.1, 0.2, 0.30000000000000004, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""What MATLAB prints of 0:0.1:1 with 17 digits."""


def eleven_point(recall, precision, recalls=tuple(n * 0.1 for n in range(11))):
    """Average precision of VOC 2007: the mean of the best precision at recall >= 0, 0.1, ..., 1."""
    ap = 0.0
    for needed in recalls:
        reached = [
            p for r, p in zip(recall, precision, strict=True) if r >= needed and not math.isnan(p)
        ]
        ap += max(reached, default=0.0) / 11
    return ap


def area_under_curve(recall, precision):
    """Average precision of VOC 2010 and later: the area under the interpolated curve."""
    r = [0.0, *recall, 1.0]
    p = [0.0, *(0.0 if math.isnan(value) else value for value in precision), 0.0]
    for n in range(len(p) - 2, -1, -1):
        p[n] = max(p[n], p[n + 1])
    return sum((r[n] - r[n - 1]) * p[n] for n in range(1, len(r)) if r[n] != r[n - 1])
