"""The confusion matrix with background in plain Python, detection by detection."""

from tests.references.matching import overlap


def confusion(objects, detections, classes, threshold, min_score):
    """Return counts [object's class][detection's class], background last.

    Objects and detections are those of `tests.references.matching.matched`.
    """
    counts = [[0] * (classes + 1) for _ in range(classes + 1)]
    used = set()
    for d in sorted(range(len(detections)), key=lambda d: -detections[d][2]):
        image, label, score, box = detections[d]
        near = [
            (overlap(box, row[2], row[3] == "region"), g, row)
            for g, row in enumerate(objects)
            if row[0] == image
        ]
        free = [
            (-value, row[1] != label, g)
            for value, g, row in near
            if row[3] == "regular" and g not in used and value >= threshold
        ]
        absorbed = any(
            row[1] == label
            and (
                value > threshold
                if row[3] == "region"
                else row[3] == "ignored" and value >= threshold
            )
            for value, _, row in near
        )
        if score < min_score:
            continue
        if free:
            g = min(free)[2]
            used.add(g)
            counts[objects[g][1]][label] += 1
        elif not absorbed:
            counts[classes][label] += 1
    for g, row in enumerate(objects):
        if row[3] == "regular" and g not in used:
            counts[row[1]][classes] += 1
    return counts
