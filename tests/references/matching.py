"""The matching of the error analyses in plain Python, pair by pair.

Best scores first, each detection takes the best-overlapping object of its class that is free.
"""


def overlap(a, b, region=False):
    """Return the IoU of two xyxy boxes; if `b` is a crowd region, the share of `a` inside it."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    common, own = width * height, (a[2] - a[0]) * (a[3] - a[1])
    return common / (own if region else own + (b[2] - b[0]) * (b[3] - b[1]) - common)


def matched(objects, detections, threshold):
    """Match one dataset.

    Args:
        objects: [(image, class, box, kind), ...] with kind "regular", "ignored" or "region".
        detections: [(image, class, score, box), ...] in the order in which ties are broken.
        threshold: minimum IoU of a hit.

    Returns:
        For each detection, the number of the object that it hit or None; and whether it hit none
        but lies on an object that does not count.
    """
    hits, ignored, used = [None] * len(detections), [False] * len(detections), set()
    for d in sorted(range(len(detections)), key=lambda d: -detections[d][2]):
        image, label, _, box = detections[d]
        best = 0.0
        for g, (where, which, other, kind) in enumerate(objects):
            value = (
                overlap(box, other)
                if (where, which, kind) == (image, label, "regular") and g not in used
                else 0.0
            )
            if value >= threshold and value > best:
                best, hits[d] = value, g
        used.add(hits[d])
        for where, which, other, kind in objects:
            if hits[d] is None and (where, which) == (image, label) and kind != "regular":
                value = overlap(box, other, kind == "region")
                ignored[d] |= value > threshold if kind == "region" else value >= threshold
    return hits, ignored
