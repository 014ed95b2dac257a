"""Decoders of raw detector outputs in plain loops.

They are written from the descriptions of the layouts, independently of detbench's code. Each takes
the raw values of one image and returns a list of (x1, y1, x2, y2, score, class) of the boxes that
score at least `min_score`.
"""

import math


def sigmoid(x):
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def softmax(values):
    top = max(values)
    powers = [math.exp(float(v) - top) for v in values]
    return [p / sum(powers) for p in powers]


def box(cx, cy, w, h):
    return (cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2)


def argmax(scores):
    return max(range(len(scores)), key=lambda c: (scores[c], -c))


def cells_of(width, height, strides):
    for stride in strides:
        for y in range(math.ceil(height / stride)):
            for x in range(math.ceil(width / stride)):
                yield x, y, stride


def yolov8(raw, size, min_score):
    rows = []
    for n in range(raw.shape[1]):
        column = [float(v) for v in raw[:, n]]
        rows += [
            (*box(*column[:4]), score, c)
            for c, score in enumerate(column[4:])
            if score >= min_score
        ]
    return rows


def yolov5(raw, size, min_score):
    rows = []
    for row in raw.tolist():
        rows += [
            (*box(*row[:4]), row[4] * p, c)
            for c, p in enumerate(row[5:])
            if row[4] * p >= min_score
        ]
    return rows


def end2end(raw, size, min_score):
    return [(*row[:4], row[4], round(row[5])) for row in raw.tolist() if row[4] >= min_score]


def yolox(raw, size, min_score):
    rows = []
    for row, (x, y, s) in zip(raw.tolist(), cells_of(*size, (8, 16, 32)), strict=True):
        c = argmax(row[5:])
        if row[4] * row[5 + c] >= min_score:
            rows.append(
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
    return rows


def yolov2(raw, size, min_score, anchors):
    """Decode a grid; `anchors` are pairs (width, height) in cells."""
    channels, height, width = raw.shape
    depth = channels // len(anchors)
    rows = []
    for a, (aw, ah) in enumerate(anchors):
        for y in range(height):
            for x in range(width):
                tx, ty, tw, th, to, *logits = (
                    float(v) for v in raw[a * depth : (a + 1) * depth, y, x]
                )
                corners = box(
                    (x + sigmoid(tx)) * 32,
                    (y + sigmoid(ty)) * 32,
                    aw * math.exp(tw) * 32,
                    ah * math.exp(th) * 32,
                )
                rows += [
                    (*corners, sigmoid(to) * p, c)
                    for c, p in enumerate(softmax(logits))
                    if sigmoid(to) * p >= min_score
                ]
    return rows


def fastestdet(raw, size, min_score):
    rows = []
    for y in range(raw.shape[1]):
        for x in range(raw.shape[2]):
            obj, dx, dy, dw, dh, *classes = (float(v) for v in raw[:, y, x])
            c = argmax(classes)
            score = obj**0.6 * classes[c] ** 0.4
            if score >= min_score:
                rows.append(
                    (
                        *box(
                            (x + math.tanh(dx)) * 16,
                            (y + math.tanh(dy)) * 16,
                            sigmoid(dw) * size[0],
                            sigmoid(dh) * size[1],
                        ),
                        score,
                        c,
                    )
                )
    return rows


def nanodet(raw, size, min_score, reg_max=7, strides=(8, 16, 32, 64), center=0.0):
    rows = []
    bins = reg_max + 1
    for row, (x, y, s) in zip(raw.tolist(), cells_of(*size, strides), strict=True):
        classes, edges = row[: -4 * bins], row[-4 * bins :]
        left, top, right, bottom = (
            sum(i * p for i, p in enumerate(softmax(edges[e * bins : (e + 1) * bins]))) * s
            for e in range(4)
        )
        cx, cy = (x + center) * s, (y + center) * s
        corners = (
            max(cx - left, 0),
            max(cy - top, 0),
            min(cx + right, size[0]),
            min(cy + bottom, size[1]),
        )
        rows += [(*corners, p, c) for c, p in enumerate(classes) if p >= min_score]
    return rows


def detr(logits, boxes, size, min_score):
    rows = []
    for row, (cx, cy, w, h) in zip(logits.tolist(), boxes.tolist(), strict=True):
        probabilities = softmax(row)[:-1]
        c = argmax(probabilities)
        if probabilities[c] >= min_score:
            rows.append(
                (*box(cx * size[0], cy * size[1], w * size[0], h * size[1]), probabilities[c], c)
            )
    return rows


def rtdetr(logits, boxes, size, min_score):
    rows = []
    for row, (cx, cy, w, h) in zip(logits.tolist(), boxes.tolist(), strict=True):
        corners = box(cx * size[0], cy * size[1], w * size[0], h * size[1])
        rows += [(*corners, sigmoid(v), c) for c, v in enumerate(row) if sigmoid(v) >= min_score]
    return rows


def ssd(shifts, scores, defaults, size, min_score):
    """Decode shifts of default boxes (cx, cy, w, h), 0–1; class 0 is the background."""
    rows = []
    for (tx, ty, tw, th), row, (cx, cy, w, h) in zip(
        shifts.tolist(), scores.tolist(), defaults, strict=True
    ):
        x1, y1, x2, y2 = box(
            cx + tx * 0.1 * w,
            cy + ty * 0.1 * h,
            w * math.exp(tw * 0.2),
            h * math.exp(th * 0.2),
        )
        for c, p in enumerate(softmax(row)):
            if c > 0 and p >= min_score:
                rows.append((x1 * size[0], y1 * size[1], x2 * size[0], y2 * size[1], p, c - 1))
    return rows


def ssd300_defaults(sizes):
    """Return SSD300's default boxes: map by map, cell by cell.

    Each cell has a square, a larger one, then each ratio and its inverse.
    """
    rows = []
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
                rows += [tuple(min(max(v, 0.0), 1.0) for v in (cx, cy, w, h)) for w, h in sides]
    return rows


def yolov2_last(raw, size, min_score, anchors, stride):
    """Decode a grid (rows, columns, anchors, 5 + C)."""
    rows = []
    for y, row in enumerate(raw):
        for x, cell in enumerate(row):
            for (aw, ah), (tx, ty, tw, th, to, *logits) in zip(
                anchors, cell.astype(float).tolist(), strict=True
            ):
                corners = box(
                    (x + sigmoid(tx)) * stride,
                    (y + sigmoid(ty)) * stride,
                    aw * math.exp(tw) * stride,
                    ah * math.exp(th) * stride,
                )
                rows += [
                    (*corners, sigmoid(to) * p, c)
                    for c, p in enumerate(softmax(logits))
                    if sigmoid(to) * p >= min_score
                ]
    return rows


def cell_boxes(cells, size, min_score, sizes="image", logits=False):
    """Decode YOLOv1: cells[row][column] is (boxes as x, y, w, h, confidence, class values)."""
    rows = []
    cell_height, cell_width = size[1] / len(cells), size[0] / len(cells[0])
    for row, cell_row in enumerate(cells):
        for column, (boxes, classes) in enumerate(cell_row):
            for values in boxes:
                x, y, w, h, confidence = map(sigmoid, values) if logits else values
                w, h = (w * w, h * h) if sizes == "sqrt" else (w, h)
                unit = (cell_width, cell_height) if sizes == "cell" else size
                sides = (w * unit[0], h * unit[1])
                corners = box((column + x) * cell_width, (row + y) * cell_height, *sides)
                probabilities = softmax(classes) if logits else classes
                rows += [
                    (*corners, confidence * p, c)
                    for c, p in enumerate(probabilities)
                    if confidence * p >= min_score
                ]
    return rows
