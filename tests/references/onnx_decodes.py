"""Decoders of raw detector outputs in plain loops, written from the layouts' descriptions and not from detbench's code.

Each takes one picture's raw values as arrays and gives a list of (x1, y1, x2, y2, score, class) of what scores at least the floor.
"""

import math


def sig(x):
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def soft(values):
    top = max(values)
    powers = [math.exp(float(v) - top) for v in values]
    return [p / sum(powers) for p in powers]


def box(cx, cy, w, h):
    return (cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2)


def best(scores):
    return max(range(len(scores)), key=lambda c: (scores[c], -c))


def cells_of(width, height, strides):
    for stride in strides:
        for y in range(math.ceil(height / stride)):
            for x in range(math.ceil(width / stride)):
                yield x, y, stride


def yolov8(raw, size, floor):
    found = []
    for n in range(raw.shape[1]):
        column = [float(v) for v in raw[:, n]]
        found += [
            (*box(*column[:4]), score, c) for c, score in enumerate(column[4:]) if score >= floor
        ]
    return found


def yolov5(raw, size, floor):
    found = []
    for row in raw.tolist():
        found += [
            (*box(*row[:4]), row[4] * p, c) for c, p in enumerate(row[5:]) if row[4] * p >= floor
        ]
    return found


def end2end(raw, size, floor):
    return [(*row[:4], row[4], round(row[5])) for row in raw.tolist() if row[4] >= floor]


def yolox(raw, size, floor):
    found = []
    for row, (x, y, s) in zip(raw.tolist(), cells_of(*size, (8, 16, 32)), strict=True):
        c = best(row[5:])
        if row[4] * row[5 + c] >= floor:
            found.append(
                (
                    *box(
                        (row[0] + x) * s,
                        (row[1] + y) * s,
                        math.exp(row[2]) * s,
                        math.exp(row[3]) * s,
                    ),
                    row[4] * row[5 + c],
                    c,
                )
            )
    return found


def yolov2(raw, size, floor, anchors):
    """Anchors: (width, height) pairs in cells."""
    channels, height, width = raw.shape
    each = channels // len(anchors)
    found = []
    for a, (aw, ah) in enumerate(anchors):
        for y in range(height):
            for x in range(width):
                tx, ty, tw, th, to, *logits = (
                    float(v) for v in raw[a * each : (a + 1) * each, y, x]
                )
                where = box(
                    (x + sig(tx)) * 32,
                    (y + sig(ty)) * 32,
                    aw * math.exp(tw) * 32,
                    ah * math.exp(th) * 32,
                )
                found += [
                    (*where, sig(to) * p, c)
                    for c, p in enumerate(soft(logits))
                    if sig(to) * p >= floor
                ]
    return found


def fastestdet(raw, size, floor):
    found = []
    for y in range(raw.shape[1]):
        for x in range(raw.shape[2]):
            obj, dx, dy, dw, dh, *classes = (float(v) for v in raw[:, y, x])
            c = best(classes)
            score = obj**0.6 * classes[c] ** 0.4
            if score >= floor:
                found.append(
                    (
                        *box(
                            (x + math.tanh(dx)) * 16,
                            (y + math.tanh(dy)) * 16,
                            sig(dw) * size[0],
                            sig(dh) * size[1],
                        ),
                        score,
                        c,
                    )
                )
    return found


def nanodet(raw, size, floor, reg_max=7, strides=(8, 16, 32, 64), center=0.0):
    found = []
    bins = reg_max + 1
    for row, (x, y, s) in zip(raw.tolist(), cells_of(*size, strides), strict=True):
        classes, edges = row[: -4 * bins], row[-4 * bins :]
        left, top, right, bottom = (
            sum(i * p for i, p in enumerate(soft(edges[e * bins : (e + 1) * bins]))) * s
            for e in range(4)
        )
        cx, cy = (x + center) * s, (y + center) * s
        where = (
            max(cx - left, 0),
            max(cy - top, 0),
            min(cx + right, size[0]),
            min(cy + bottom, size[1]),
        )
        found += [(*where, p, c) for c, p in enumerate(classes) if p >= floor]
    return found


def detr(logits, boxes, size, floor):
    found = []
    for row, (cx, cy, w, h) in zip(logits.tolist(), boxes.tolist(), strict=True):
        probabilities = soft(row)[:-1]
        c = best(probabilities)
        if probabilities[c] >= floor:
            found.append(
                (*box(cx * size[0], cy * size[1], w * size[0], h * size[1]), probabilities[c], c)
            )
    return found


def rtdetr(logits, boxes, size, floor):
    found = []
    for row, (cx, cy, w, h) in zip(logits.tolist(), boxes.tolist(), strict=True):
        where = box(cx * size[0], cy * size[1], w * size[0], h * size[1])
        found += [(*where, sig(v), c) for c, v in enumerate(row) if sig(v) >= floor]
    return found


def ssd(shifts, scores, defaults, size, floor):
    """Defaults: (cx, cy, w, h), 0–1; class 0 of the scores is the background."""
    found = []
    for (tx, ty, tw, th), row, (cx, cy, w, h) in zip(
        shifts.tolist(), scores.tolist(), defaults, strict=True
    ):
        where = (
            cx + tx * 0.1 * w,
            cy + ty * 0.1 * h,
            w * math.exp(tw * 0.2),
            h * math.exp(th * 0.2),
        )
        x1, y1, x2, y2 = box(*where)
        for c, p in enumerate(soft(row)):
            if c > 0 and p >= floor:
                found.append((x1 * size[0], y1 * size[1], x2 * size[0], y2 * size[1], p, c - 1))
    return found


def ssd300_defaults(sizes):
    """SSD300's default boxes: each map's cells, row by row; per cell a square, a larger one, then each ratio and its inverse."""
    found = []
    plan = [
        (38, 8, [2]),
        (19, 16, [2, 3]),
        (10, 32, [2, 3]),
        (5, 64, [2, 3]),
        (3, 100, [2]),
        (1, 300, [2]),
    ]
    for level, (cells, step, ratios) in enumerate(plan):
        for y in range(cells):
            for x in range(cells):
                cx, cy = (x + 0.5) * step / 300, (y + 0.5) * step / 300
                small, large = (
                    sizes[level] / 300,
                    math.sqrt(sizes[level] / 300 * sizes[level + 1] / 300),
                )
                sides = [(small, small), (large, large)]
                for ratio in ratios:
                    sides += [
                        (small * math.sqrt(ratio), small / math.sqrt(ratio)),
                        (small / math.sqrt(ratio), small * math.sqrt(ratio)),
                    ]
                found += [tuple(min(max(v, 0.0), 1.0) for v in (cx, cy, w, h)) for w, h in sides]
    return found


def yolov2_last(raw, size, floor, anchors, stride):
    """Rank 5: (rows, columns, anchors, 5 + C)."""
    found = []
    for y, row in enumerate(raw):
        for x, cell in enumerate(row):
            for (aw, ah), (tx, ty, tw, th, to, *logits) in zip(
                anchors, cell.astype(float).tolist(), strict=True
            ):
                where = (
                    (x + sig(tx)) * stride,
                    (y + sig(ty)) * stride,
                    aw * math.exp(tw) * stride,
                    ah * math.exp(th) * stride,
                )
                found += [
                    (*box(*where), sig(to) * p, c)
                    for c, p in enumerate(soft(logits))
                    if sig(to) * p >= floor
                ]
    return found


def cell_boxes(cells, size, floor, sizes="image", logits=False):
    """YOLOv1: cells[row][column] is (list of x, y, w, h, confidence, list of class values)."""
    found = []
    high, wide = size[1] / len(cells), size[0] / len(cells[0])
    for row, line in enumerate(cells):
        for column, (boxes, classes) in enumerate(line):
            for one in boxes:
                x, y, w, h, confidence = map(sig, one) if logits else one
                w, h = (w * w, h * h) if sizes == "sqrt" else (w, h)
                sides = (w * wide, h * high) if sizes == "cell" else (w * size[0], h * size[1])
                where = box((column + x) * wide, (row + y) * high, *sides)
                chances = soft(classes) if logits else classes
                found += [
                    (*where, confidence * p, c)
                    for c, p in enumerate(chances)
                    if confidence * p >= floor
                ]
    return found
