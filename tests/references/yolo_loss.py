"""Targets, loss and anchors of the YOLO by plain loops, one picture, one box and one object at a time."""

import itertools
import math


def sig(x):
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def shape_iou(one, other):
    common = min(one[0], other[0]) * min(one[1], other[1])
    return common / (one[0] * one[1] + other[0] * other[1] - common)


def iou(one, other):
    """Of boxes cx, cy, w, h."""
    sides = []
    for axis in (0, 1):
        low = max(one[axis] - one[axis + 2] / 2, other[axis] - other[axis + 2] / 2)
        high = min(one[axis] + one[axis + 2] / 2, other[axis] + other[axis + 2] / 2)
        sides.append(max(high - low, 0.0))
    common = sides[0] * sides[1]
    union = one[2] * one[3] + other[2] * other[3] - common
    return common / union if union > 0 else 0.0


def responsible(objects, labels, anchors):
    """Which (row, column, anchor) answers for each object, None for none; objects cx, cy, w, h in cells."""
    taken, found = set(), []
    for (cx, cy, w, h), label in zip(objects, labels, strict=True):
        place = None
        if label >= 0:
            ranked = sorted(range(len(anchors)), key=lambda a: (-shape_iou((w, h), anchors[a]), a))
            free = [a for a in ranked if (int(cy), int(cx), a) not in taken]
            place = (int(cy), int(cx), free[0]) if free else None
            taken.add(place)
        found.append(place)
    return found


def loss(raw, objects, labels, anchors):
    """Parts of one picture: raw[row][column][anchor] holds x, y, w, h, objectness, class logits; objects cx, cy, w, h in cells."""
    rows, columns = len(raw), len(raw[0])
    answers = {
        place: n
        for n, place in enumerate(responsible(objects, labels, anchors))
        if place is not None
    }
    parts = {"coordinates": 0.0, "object": 0.0, "no_object": 0.0, "classes": 0.0}
    for row in range(rows):
        for column in range(columns):
            for a, (aw, ah) in enumerate(anchors):
                tx, ty, tw, th, to, *logits = (float(v) for v in raw[row][column][a])
                box = (sig(tx) + column, sig(ty) + row, math.exp(tw) * aw, math.exp(th) * ah)
                if (row, column, a) not in answers:
                    if all(iou(box, one) <= 0.6 for one in objects):
                        parts["no_object"] += sig(to) ** 2
                    continue
                n = answers[row, column, a]
                cx, cy, w, h = objects[n]
                parts["coordinates"] += 5 * (
                    (sig(tx) - (cx - column)) ** 2 + (sig(ty) - (cy - row)) ** 2
                )
                parts["coordinates"] += 5 * (
                    (tw - math.log(w / aw)) ** 2 + (th - math.log(h / ah)) ** 2
                )
                parts["object"] += 5 * (sig(to) - iou(box, objects[n])) ** 2
                most = max(logits)
                parts["classes"] += (
                    most + math.log(sum(math.exp(v - most) for v in logits)) - logits[labels[n]]
                )
    return parts


def k_means(sizes, count):
    """Look at every way to part boxes into groups whose centres are their means.

    Returns the best average IoU of those where every box is nearest to its own group's centre, which is where k-means comes to rest, and
    the best of all.
    """
    resting, best = 0.0, 0.0
    for groups in itertools.product(range(count), repeat=len(sizes)):
        if len(set(groups)) < count:
            continue
        centres = []
        for group in range(count):
            members = [size for size, g in zip(sizes, groups, strict=True) if g == group]
            centres.append(
                (
                    sum(w for w, _ in members) / len(members),
                    sum(h for _, h in members) / len(members),
                )
            )
        table = [[shape_iou(size, centre) for centre in centres] for size in sizes]
        average = sum(max(row) for row in table) / len(sizes)
        best = max(best, average)
        if all(row[group] == max(row) for row, group in zip(table, groups, strict=True)):
            resting = max(resting, average)
    return resting, best
