"""Targets, loss and anchors of the YOLO as plain loops over images, boxes and objects."""

import itertools
import math


def sigmoid(x):
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def shape_iou(size, anchor):
    """Return the IoU of two boxes (width, height) that share a corner."""
    intersection = min(size[0], anchor[0]) * min(size[1], anchor[1])
    return intersection / (size[0] * size[1] + anchor[0] * anchor[1] - intersection)


def iou(box, other):
    """Return the IoU of two boxes (center x, center y, width, height)."""
    sides = []
    for axis in (0, 1):
        low = max(box[axis] - box[axis + 2] / 2, other[axis] - other[axis + 2] / 2)
        high = min(box[axis] + box[axis + 2] / 2, other[axis] + other[axis + 2] / 2)
        sides.append(max(high - low, 0.0))
    intersection = sides[0] * sides[1]
    union = box[2] * box[3] + other[2] * other[3] - intersection
    return intersection / union if union > 0 else 0.0


def responsible(objects, labels, anchors):
    """Return the (row, column, anchor) responsible for each object, None if there is none.

    Objects are (center x, center y, width, height) in cells.
    """
    taken, assigned = set(), []
    for (cx, cy, w, h), label in zip(objects, labels, strict=True):
        position = None
        if label >= 0:
            order = sorted(range(len(anchors)), key=lambda a: (-shape_iou((w, h), anchors[a]), a))
            free = [a for a in order if (int(cy), int(cx), a) not in taken]
            position = (int(cy), int(cx), free[0]) if free else None
            taken.add(position)
        assigned.append(position)
    return assigned


def loss(raw, objects, labels, anchors):
    """Return the parts of the loss of one image.

    raw[row][column][anchor] holds x, y, w, h, objectness and class logits. Objects are (center x,
    center y, width, height) in cells.
    """
    rows, columns = len(raw), len(raw[0])
    object_at = {
        position: n
        for n, position in enumerate(responsible(objects, labels, anchors))
        if position is not None
    }
    parts = {"coordinates": 0.0, "object": 0.0, "no_object": 0.0, "classes": 0.0}
    for row in range(rows):
        for column in range(columns):
            for a, (aw, ah) in enumerate(anchors):
                tx, ty, tw, th, to, *logits = (float(v) for v in raw[row][column][a])
                x, y = sigmoid(tx), sigmoid(ty)
                box = (x + column, y + row, math.exp(tw) * aw, math.exp(th) * ah)
                if (row, column, a) not in object_at:
                    if all(iou(box, other) <= 0.6 for other in objects):
                        parts["no_object"] += sigmoid(to) ** 2
                    continue
                n = object_at[row, column, a]
                cx, cy, w, h = objects[n]
                parts["coordinates"] += 5 * ((x - (cx - column)) ** 2 + (y - (cy - row)) ** 2)
                parts["coordinates"] += 5 * (
                    (tw - math.log(w / aw)) ** 2 + (th - math.log(h / ah)) ** 2
                )
                parts["object"] += 5 * (sigmoid(to) - iou(box, objects[n])) ** 2
                highest = max(logits)
                log_sum = highest + math.log(sum(math.exp(v - highest) for v in logits))
                parts["classes"] += log_sum - logits[labels[n]]
    return parts


def k_means(sizes, count):
    """Search every partition of the boxes into groups whose centers are their mean sizes.

    Returns the best average IoU of the partitions in which every box is nearest to its own center,
    which are the fixed points of k-means, and the best of all partitions.
    """
    best_fixed_point, best = 0.0, 0.0
    for groups in itertools.product(range(count), repeat=len(sizes)):
        if len(set(groups)) < count:
            continue
        centers = [
            mean_size([size for size, g in zip(sizes, groups, strict=True) if g == group])
            for group in range(count)
        ]
        ious = [[shape_iou(size, center) for center in centers] for size in sizes]
        average = sum(max(row) for row in ious) / len(sizes)
        best = max(best, average)
        if all(row[group] == max(row) for row, group in zip(ious, groups, strict=True)):
            best_fixed_point = max(best_fixed_point, average)
    return best_fixed_point, best


def mean_size(sizes):
    return sum(w for w, _ in sizes) / len(sizes), sum(h for _, h in sizes) / len(sizes)
