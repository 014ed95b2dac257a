"""TIDE in plain Python, slow on purpose.

Sources: Bolya et al., ECCV 2020, section 2; tidecv 1.0.1 for what the paper leaves open.
"""

import math

from tests.references.matching import matched, overlap


def tide(objects, detections, threshold=0.5, background=0.1, as_tidecv=False):
    """Return the base AP, the gains by kind and the number of errors by kind.

    The mean is over classes with objects; tidecv's also counts classes with detections only, as 0.
    NaN without objects. Objects, detections and the order of ties are those of
    `tests.references.matching.matched`. Errors on objects that do not count are no errors.
    """
    hits, ignored = matched(objects, detections, threshold)
    matched_objects = set(hits) - {None}
    kinds, targets = [], []
    for d in range(len(detections)):
        kind, target = (
            ("hit", hits[d])
            if hits[d] is not None
            else _kind(objects, detections[d], matched_objects, threshold, background)
        )
        kinds.append(kind)
        targets.append(target)
    fixes = {}
    for d in sorted(range(len(detections)), key=lambda d: -detections[d][2]):
        if kinds[d] in ("Cls", "Loc") and targets[d] not in matched_objects:
            fixes.setdefault(targets[d], d)
    regular = [g for g, row in enumerate(objects) if row[3] == "regular"]
    missed = [g for g in regular if g not in matched_objects and g not in fixes]

    def points(fixed=None):
        rows = []
        for d, (_, label, score, _) in enumerate(detections):
            if kinds[d] == "hit":
                rows.append((label, score, True))
            elif kinds[d] == fixed and fixes.get(targets[d]) == d:
                rows.append((objects[targets[d]][1], score, True))
            elif kinds[d] != fixed and not ignored[d]:
                rows.append((label, score, False))
        return rows

    averaged = {objects[g][1] for g in regular} | (
        {row[1] for row in detections} if as_tidecv and regular else set()
    )

    def mean_ap(rows, positives):
        return (
            _mean_ap([row for row in rows if row[0] in averaged], positives)
            if averaged
            else math.nan
        )

    base = mean_ap(points(), [objects[g][1] for g in regular])
    gains = {}
    for kind in ("Cls", "Loc", "Both", "Dupe", "Bkg"):
        gains[kind] = max(mean_ap(points(kind), [objects[g][1] for g in regular]) - base, 0.0)
    gains["Miss"] = max(
        mean_ap(points(), [objects[g][1] for g in regular if g not in missed]) - base, 0.0
    )
    perfect = [(label, 1.0 if correct else 0.0, correct) for label, _, correct in points()]
    gains["FP"] = mean_ap(perfect, [objects[g][1] for g in regular]) - base
    gains["FN"] = mean_ap(points(), [objects[g][1] for g in regular if g in matched_objects]) - base
    counts = {
        kind: sum(k == kind and not i for k, i in zip(kinds, ignored, strict=True))
        for kind in ("Cls", "Loc", "Both", "Dupe", "Bkg")
    }
    return base, gains, counts | {"Miss": len(missed)}


def _kind(objects, detection, matched_objects, threshold, background):
    """Return the kind of a detection that is no hit, and the object that it is about."""
    image, label, _, box = detection
    same, other, used = (0.0, None), (0.0, None), (0.0, None)
    has_objects = False
    for g, (where, which, object_box, kind) in enumerate(objects):
        if where != image or kind != "regular":
            continue
        has_objects, value = True, overlap(box, object_box)
        if which == label and value > same[0]:
            same = value, g
        if which == label and g in matched_objects and value > used[0]:
            used = value, g
        if which != label and value > other[0]:
            other = value, g
    if has_objects and background <= same[0] <= threshold:
        return "Loc", same[1]
    if has_objects and other[0] >= threshold:
        return "Cls", other[1]
    if has_objects and used[0] >= threshold:
        return "Dupe", used[1]
    if max(same[0], other[0]) <= background:
        return "Bkg", None
    return "Both", None


def _mean_ap(rows, positives):
    classes = {row[0] for row in rows} | set(positives)
    return (
        sum(_ap([row for row in rows if row[0] == k], positives.count(k)) for k in classes)
        / len(classes)
        if classes
        else 0.0
    )


def _ap(rows, positives):
    """101-point AP; 0 for a class that has detections but nothing to find."""
    if not positives:
        return 0.0
    hits, curve = 0, []
    for n, (_, _, correct) in enumerate(sorted(rows, key=lambda row: -row[1]), 1):
        hits += correct
        curve.append((hits / positives, hits / n))
    return (
        sum(
            max((precision for recall, precision in curve if recall >= r / 100), default=0.0)
            for r in range(101)
        )
        / 101
    )
