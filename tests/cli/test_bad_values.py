"""Numbers, boxes, names and rows that a file must not have: one error that names file and row."""

from __future__ import annotations

import json

import pytest

from tests.cli.broken_files import check_refused, edit, inside, invert, negate_widths, put

CASES = {
    # numbers that are none
    "coco NaN score": (
        lambda b: b.results(put(3, "score", float("nan"))),
        r"detections\.json, .*NaN",
    ),
    "coco NaN in a box": (
        lambda b: b.results(lambda rows: rows[4]["bbox"].__setitem__(2, float("nan"))),
        r"detections\.json, .*NaN",
    ),
    "coco Infinity": (
        lambda b: b.results(put(0, "score", float("inf"))),
        r"detections\.json, .*Infinity",
    ),
    "coco 1e999": (
        lambda b: b.results(lambda rows: json.dumps(rows).replace("0.", "1e999", 1)),
        r"detections\.json.*",
    ),
    "voc nan score": (
        lambda b: b.lines(edit(1, w1="nan")),
        r"comp4_det_test_circle\.txt, line 2: .*not finite",
    ),
    "voc inf coordinate": (
        lambda b: b.lines(edit(2, w4="-inf")),
        r"comp4_det_test_circle\.txt, line 3: .*not finite",
    ),
    "yolo nan": (
        lambda b: b.lines(edit(0, w2="nan"), "yolo", "200001.txt"),
        r"200001\.txt, line 1: .*",
    ),
    "parquet NaN score": (
        lambda b: b.parquet("score", inside(0, 0, float("nan"))),
        r"detections\.parquet, image '200001', score 1 of \d: is not finite: nan",
    ),
    "parquet infinite box": (
        lambda b: b.parquet("box", inside(1, 6, float("inf"))),
        r"detections\.parquet, image '200002', box 2 of \d: is not finite: \[.*inf",
    ),
    "coco NaN in the annotations": (
        lambda b: b.annotations(
            lambda doc: doc["annotations"][2]["bbox"].__setitem__(0, float("nan"))
        ),
        r"annotations\.json, .*NaN",
    ),
    # another box format
    "coco inverted": (
        lambda b: b.results(negate_widths),
        r"detections\.json: 28 of 28 boxes are inverted .*xywh",
    ),
    "voc inverted": (
        lambda b: [b.copy("detections", "voc"), *map(invert, b.detections.glob("*.txt"))],
        r"comp4: 28 of 28 boxes are inverted .*xywh",
    ),
    "parquet inverted": (
        lambda b: b.parquet("box", lambda images: [values.reverse() for values in images]),
        r"detections\.parquet: 28 of 28 boxes are inverted",
    ),
    # names the ground truth does not have
    "coco unknown image": (
        lambda b: b.results(put(5, "image_id", 77)),
        r"detections\.json, .*5.*image '77' is not in the ground truth",
    ),
    "voc unknown image": (
        lambda b: b.lines(edit(0, w0="777")),
        r"circle\.txt, line 1: image '777' is not in the ground truth",
    ),
    "yolo unknown image": (
        lambda b: (b.copy("detections", "yolo") / "777.txt").write_text("0 .5 .5 .1 .1 .9\n"),
        r"labels, 777\.txt: image '777' is not in the ground truth",
    ),
    "parquet unknown image": (
        lambda b: b.parquet("image_id", lambda ids: ids.__setitem__(0, "777")),
        r"detections\.parquet: image '777' is not in the ground truth",
    ),
    "coco unknown class": (
        lambda b: b.results(put(5, "category_id", 91)),
        r"detections\.json, results\[5\]: category_id 91 is not .*use the ids of the ground truth",
    ),
    "voc unknown class": (
        lambda b: (b.copy("detections", "voc") / "comp4_det_test_hexagon.txt").write_text(
            "200001 .5 1 1 9 9\n"
        ),
        r"comp4, comp4_det_test_hexagon\.txt: class 'hexagon' is not in the ground truth",
    ),
    "yolo unknown class": (
        lambda b: b.lines(edit(0, w0="44"), "yolo", "200001.txt"),
        r"200001\.txt, line 1: class '44' is not in the ground truth",
    ),
    "voc missing class": (
        lambda b: (b.copy("detections", "voc") / "comp4_det_test_word.txt").unlink(),
        r"comp4: comp4_det_test_word\.txt is missing; create an empty file",
    ),
    "voc another split": (
        lambda b: b.options.extend(["--split", "val"]),
        r"circle\.txt, line \d+: image '20000\d' is not .*another split",
    ),
    "coco another split": (
        lambda b: b.annotations(lambda doc: doc.update(images=doc["images"][:2], annotations=[])),
        r"detections\.json, .*image '.*' is not in the ground truth; detections of another split",
    ),
    "no such split": (lambda b: b.options.extend(["--split", "dev"]), r"dev\.txt|'dev'"),
    # rows of the wrong shape
    "coco box of three": (
        lambda b: b.results(put(6, "bbox", [1, 2, 3])),
        r"detections\.json, .*6.*",
    ),
    "coco box of five": (
        lambda b: b.results(put(6, "bbox", [1, 2, 3, 4, 5])),
        r"detections\.json, .*6.*",
    ),
    "voc line of five": (
        lambda b: b.lines(lambda lines: lines.__setitem__(1, "200001 .5 1 2 3")),
        r"circle\.txt, line 2: 5 values, expected 6",
    ),
    "yolo line of five": (
        lambda b: b.lines(
            lambda lines: lines.__setitem__(0, "0 .5 .5 .1 .1"), "yolo", "200001.txt"
        ),
        r"200001\.txt, line 1: 5 values, expected 6.*save_conf",
    ),
    "coco annotation box of three": (
        lambda b: b.annotations(lambda doc: doc["annotations"][2].update(bbox=[1, 2, 3])),
        r"annotations\.json, .*annotations.*2.*",
    ),
    "coco string for a score": (
        lambda b: b.results(put(2, "score", "0.9")),
        r"detections\.json, .*2.*(float|number)",
    ),
    "coco true for a score": (
        lambda b: b.results(put(2, "score", True)),
        r"detections\.json, .*2.*(float|number)",
    ),
    "coco null score": (
        lambda b: b.results(put(2, "score", None)),
        r"detections\.json, .*2.*(float|number)",
    ),
    "coco no score": (
        lambda b: b.results(lambda rows: rows[2].clear()),
        r"detections\.json, results\[2\]: has no 'image_id'",
    ),
    "coco string for a coordinate": (
        lambda b: b.results(lambda rows: rows[2]["bbox"].__setitem__(0, "7")),
        r"detections\.json, .*2.*(float|number)",
    ),
    "coco annotation string": (
        lambda b: b.annotations(lambda doc: doc["annotations"][2]["bbox"].__setitem__(0, "7")),
        r"annotations\.json, .*annotations.*2.*(float|number)",
    ),
    "voc word for a number": (
        lambda b: b.lines(edit(1, w2="left")),
        r"circle\.txt, line 2: .*'left'",
    ),
    "yolo word for a number": (
        lambda b: b.lines(edit(0, w2="left"), "yolo", "200001.txt"),
        r"200001\.txt, line 1: .*left",
    ),
    "voc binary": (
        lambda b: (b.copy("detections", "voc") / "comp4_det_test_word.txt").write_bytes(
            bytes(range(256))
        ),
        r"comp4_det_test_word\.txt, line 1: ",
    ),
    # identities
    "duplicate annotation id": (
        lambda b: b.annotations(
            lambda doc: doc["annotations"][3].update(id=doc["annotations"][1]["id"])
        ),
        r"annotations\.json.*annotation.*id.*",
    ),
    "duplicate image id": (
        lambda b: b.annotations(lambda doc: doc["images"][1].update(id=doc["images"][0]["id"])),
        r"annotations\.json.*image.*",
    ),
    "duplicate category id": (
        lambda b: b.annotations(
            lambda doc: doc["categories"][1].update(id=doc["categories"][0]["id"])
        ),
        r"annotations\.json.*categor.*",
    ),
    "annotation on an unknown image": (
        lambda b: b.annotations(lambda doc: doc["annotations"][3].update(image_id=99)),
        r"annotations\.json, .*annotations.*99",
    ),
    "annotation of an unknown category": (
        lambda b: b.annotations(lambda doc: doc["annotations"][3].update(category_id=99)),
        r"annotations\.json, .*annotations.*99",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_bad_values_are_refused_and_nothing_is_written(command, broken, tmp_path, case):
    break_file, message = CASES[case]
    break_file(broken)
    check_refused(command, broken, tmp_path, message)
