"""Mistakes in VOC and YOLO ground truth: each is named with its place, and the command given writes the ground truth without it."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from detbench.data.load import load_detections, load_ground_truth, save_ground_truth
from detbench.doctor.doctor import examine
from detbench.doctor.reading.text_annotations import read_voc_annotations, read_yolo_annotations
from detbench.errors import DetbenchWarning, InputError
from detbench.metrics.scoring.evaluate import evaluate

BNDBOX = re.compile(
    r"<xmin>(.*?)</xmin>\s*<ymin>(.*?)</ymin>\s*<xmax>(.*?)</xmax>\s*<ymax>(.*?)</ymax>"
)
SIZE = re.compile(r"<width>(\d+)</width>\s*<height>(\d+)</height>")


@pytest.fixture
def voc(folder, tmp_path):
    """A devkit to plant mistakes in, and detections on it."""
    shutil.copytree(folder / "VOCdevkit", tmp_path / "VOCdevkit")
    return tmp_path / "VOCdevkit/VOC2007", folder / "comp4"


@pytest.fixture
def yolo(folder, tmp_path):
    """A YOLO dataset to plant mistakes in, and detections on it."""
    with pytest.warns(DetbenchWarning, match="written as ordinary"):
        save_ground_truth(
            load_ground_truth(folder / "VOCdevkit/VOC2007", split="test"), tmp_path / "yolo", "yolo"
        )
    return tmp_path / "yolo", folder / "labels"


def boxes(change):
    """Every box of an annotation as four other texts, made of its corners and the size of the image."""

    def plant(text, _):
        width, height = map(int, SIZE.search(text).groups())

        def changed(found):
            x, y, r, b = change(*map(float, found.groups()), width, height)
            return f"<xmin>{x}</xmin><ymin>{y}</ymin><xmax>{r}</xmax><ymax>{b}</ymax>"

        return BNDBOX.sub(changed, text)

    return plant


def once(old, new):
    """Something in the first place where it stands, in one annotation of four."""
    return lambda text, number: re.sub(old, new, text, count=1) if number % 4 == 0 else text


def labels(change, step=1):
    """The words of all labels of every so many files."""

    def plant(text, number):
        if number % step:
            return text
        return "".join(" ".join(change(*line.split())) + "\n" for line in text.splitlines())

    return plant


def one_label(change):
    """The words of one label of all."""

    def plant(text, number):
        first, *others = text.splitlines(keepends=True) or [""]
        return "".join([" ".join(change(*first.split())) + "\n", *others]) if number == 2 else text

    return plant


def planted(where, pattern, plant):
    for number, file in enumerate(sorted(where.glob(pattern))):
        file.write_text(plant(file.read_text(), number))


def faults(truth, found):
    return [finding for finding in examine(truth, found) if finding.severity != "note"]


def average_precision(truth, found):
    ground_truth = load_ground_truth(truth)
    return evaluate(ground_truth, load_detections(found, ground_truth)).average_precision


def mended(findings, command):
    """Run the one command that all of the findings have, and return what it wrote."""
    [fix] = {finding.fix for finding in findings}
    program, *words = shlex.split(fix)
    assert program == "detbench"
    done = command(*words)
    assert done.code == 0, done.err
    return Path(words[-1]), done.err


def mended_without_loss(truth, found, plant, expected, said, command):
    """Plant a mistake in all annotations; it is the one fault found, and the command given brings the score back."""
    before = average_precision(truth, found)
    planted(truth, "Annotations/*.xml" if found.name == "comp4" else "labels/val/*.txt", plant)
    findings = faults(truth, found)
    assert [(finding.id, finding.severity) for finding in findings] == [(expected, "error")]
    assert said in findings[0].evidence
    fixed, _ = mended(findings, command)
    assert faults(fixed, found) == []
    assert average_precision(fixed, found) == pytest.approx(before, abs=1e-3)
    return fixed


def as_sizes(x, y, r, b, *_):
    return x, y, r - x + 1, b - y + 1


def as_fractions(x, y, r, b, w, h):
    return (x - 1) / w, (y - 1) / h, r / w, b / h


def as_centre(x, y, r, b, *_):
    return (x + r) / 2, (y + b) / 2, r - x, b - y


def each_object_twice(text, _):
    return re.sub(r"(\s*<object>.*?</object>)", r"\1\1", text, flags=re.DOTALL)


def a_word_for_0(text, _):
    return text.replace("<difficult>0<", "<difficult>no<")


VOC_WITHOUT_LOSS = {
    "x, y, width, height": (boxes(as_sizes), "box-format-xyxy", "are xywh"),
    "y before x": (boxes(lambda x, y, r, b, *_: (y, x, b, r)), "box-format-yxyx", "are yxyx"),
    "centre, width, height": (boxes(as_centre), "box-format-cxcywh", "are cxcywh"),
    "fractions": (boxes(as_fractions), "box-normalised", "are fractions of the image, xyxy"),
    "every object twice": (each_object_twice, "annotations-doubled", "have the class and box"),
    "difficult as a word": (a_word_for_0, "not-a-number", "object 1 (square): <difficult> is 'no'"),
    "decimal commas": (
        boxes(lambda *box: [f"{side:.1f}".replace(".", ",") for side in box[:4]]),
        "not-a-number",
        "expected a number",
    ),
    "corners exchanged": (
        boxes(lambda x, y, r, b, *_: (r, b, x, y)),
        "negative-size",
        "with their corners in order",
    ),
    "width not finite": (once("<width>.*?<", "<width>nan<"), "not-finite", "<width> is 'nan'"),
    "width as a word": (once("<width>.*?<", "<width>wide<"), "not-a-number", "<width> is 'wide'"),
}


@pytest.mark.parametrize("how", VOC_WITHOUT_LOSS)
def test_voc_that_can_be_mended_without_loss(voc, command, how):
    fixed = mended_without_loss(*voc, *VOC_WITHOUT_LOSS[how], command)
    assert fixed == voc[0].parents[1] / "VOCdevkit-fixed/VOC2007"


@pytest.mark.parametrize(
    ("plant", "expected", "said"),
    [
        (once("<xmin>.*?<", "<xmin>left<"), "not-a-number", "object 1 (square): <xmin> is 'left'"),
        (once("<xmin>.*?</xmin>", ""), "not-a-number", "has no <xmin> in <bndbox>"),
        (once("<xmin>.*?<", "<xmin>1_3<"), "not-a-number", "<xmin> is '1_3', expected a number"),
        (once("<name>.*?<", "<name><"), "not-a-number", "object 1: has no <name>"),
        (once("<ymax>.*?<", "<ymax>nan<"), "not-finite", "object 1"),
        (once("<ymax>.*?<", "<ymax>-40<"), "negative-size", "object 1"),
        (
            once(BNDBOX, r"<xmin>9</xmin><ymin>9</ymin><xmax>8</xmax><ymax>8</ymax>"),
            "zero-area",
            "refuses",
        ),
    ],
)
def test_voc_that_loses_what_is_no_object(voc, command, plant, expected, said):
    truth, found = voc
    objects = len(load_ground_truth(truth))
    planted(truth, "Annotations/*.xml", plant)
    with pytest.raises(InputError):
        load_ground_truth(truth)
    findings = faults(truth, found)
    assert [(finding.id, finding.severity) for finding in findings] == [(expected, "error")]
    assert said in findings[0].evidence
    assert "15 of " in findings[0].evidence
    fixed, told = mended(findings, command)
    assert f"15 of {objects} were left out" in told
    assert faults(fixed, found) == []
    assert len(load_ground_truth(fixed)) == objects - 15


def from_its_corner(k, x, y, w, h):
    return k, repr(float(x) - float(w) / 2), repr(float(y) - float(h) / 2), w, h


def corners(k, *box):
    k, x, y, w, h = from_its_corner(k, *box)
    return k, x, y, repr(float(x) + float(w)), repr(float(y) + float(h))


def percent(k, *box):
    return k, *(repr(float(side) * 100) for side in box)


YOLO_WITHOUT_LOSS = {
    "percent": (labels(percent), "box-normalised", "are percent, cxcywh"),
    "y before x": (
        labels(lambda k, x, y, w, h: (k, y, x, h, w)),
        "box-format-yxyx",
        "are cy, cx, h, w",
    ),
    "decimal commas": (
        labels(lambda k, *box: (k, *(side.replace(".", ",") for side in box))),
        "not-a-number",
        "expected a number",
    ),
    "corners": (labels(corners), "box-format-xyxy", "are xyxy"),
    "corner and size": (labels(from_its_corner), "box-format-xyxy", "are xywh"),
    "every label twice": (
        lambda text, _: text + text,
        "annotations-doubled",
        "have the class and box",
    ),
}


@pytest.mark.parametrize("how", YOLO_WITHOUT_LOSS)
def test_yolo_that_can_be_mended_without_loss(yolo, command, how):
    assert mended_without_loss(*yolo, *YOLO_WITHOUT_LOSS[how], command).name == "yolo-fixed"


def test_yolo_in_pixels(yolo, command):
    truth, found = yolo
    before, sizes = average_precision(truth, found), load_ground_truth(truth).image_sizes.tolist()
    for file, (width, height) in zip(
        sorted((truth / "labels/val").glob("*.txt")), sizes, strict=True
    ):
        words = [line.split() for line in file.read_text().splitlines()]
        file.write_text(
            "".join(
                f"{k} {float(x) * width} {float(y) * height} {float(w) * width} {float(h) * height}\n"
                for k, x, y, w, h in words
            )
        )
    with pytest.raises(InputError, match=r"is outside 0\.\.1"):
        load_ground_truth(truth)
    findings = faults(truth, found)
    assert [finding.id for finding in findings] == ["box-normalised"]
    assert "are pixels, cxcywh" in findings[0].evidence
    fixed, _ = mended(findings, command)
    assert faults(fixed, found) == []
    assert average_precision(fixed, found) == pytest.approx(before, abs=1e-3)


@pytest.mark.parametrize(
    ("plant", "expected", "said"),
    [
        (
            labels(lambda k, x, y, w, h: (k, x, y, w), 20),
            "not-a-number",
            "200001.txt, line 1: 4 values, expected `class cx cy w h` or",
        ),
        (
            labels(lambda k, x, y, w, h: ("circle", x, y, w, h), 20),
            "not-a-number",
            "line 1: class 'circle' is not the number of a class",
        ),
        (
            labels(lambda k, x, y, w, h: (k, x, "much", w, h), 20),
            "not-a-number",
            "line 1: 'much', expected a number",
        ),
        (labels(lambda k, x, y, w, h: (k, "nan", y, w, h), 20), "not-finite", "200001.txt, line 1"),
        (
            labels(lambda k, x, y, w, h: (k, x, y, "-0.1", h), 20),
            "negative-size",
            "200001.txt, line 1",
        ),
    ],
)
def test_yolo_that_loses_what_is_no_object(yolo, command, plant, expected, said):
    truth, found = yolo
    objects = len(load_ground_truth(truth))
    planted(truth, "labels/val/*.txt", plant)
    with pytest.raises(InputError):
        load_ground_truth(truth)
    findings = faults(truth, found)
    assert [finding.id for finding in findings] == [expected]
    assert any(said in finding.evidence for finding in findings)
    fixed, told = mended(findings, command)
    left = len(load_ground_truth(fixed))
    assert left < objects
    assert f"{objects - left} of {objects} were left out" in told
    assert faults(fixed, found) == []


def test_yolo_with_a_label_beyond_its_picture(yolo, command):
    truth, found = yolo
    planted(truth, "labels/val/*.txt", once(r"^(\d+) \S+", r"\1 1.01"))
    with pytest.raises(InputError, match=r"1\.01 is outside 0\.\.1"):
        load_ground_truth(truth)
    [finding] = faults(truth, found)
    assert (finding.id, finding.severity) == ("outside-image", "error")
    assert "15 of " in finding.evidence
    fixed, told = mended([finding], command)
    assert "clipped to the image" in told
    assert faults(fixed, found) == []


def test_yolo_classes_that_nothing_names(yolo):
    """Which class they are cannot be known, so nothing is written."""
    truth, found = yolo
    planted(truth, "labels/val/*.txt", labels(lambda k, *box: (str(int(k) + 1), *box)))
    assert not any(finding.is_command for finding in faults(truth, found))
    planted(truth, "labels/val/*.txt", one_label(lambda k, *box: ("circle", *box)))
    findings = faults(truth, found)
    [unnamed] = [
        finding
        for finding in findings
        if finding.id == "class-ids-80-91" and "have no name (the first: " in finding.evidence
    ]
    assert unnamed.fix == "name these classes in the yaml, or count classes from 0"
    assert {finding.id for finding in findings} >= {"not-a-number", "class-ids-80-91"}
    assert not any(finding.is_command for finding in findings)


def test_two_mistakes_have_one_command(voc, command):
    truth, found = voc
    before = average_precision(truth, found)
    planted(truth, "Annotations/*.xml", boxes(as_sizes))
    planted(truth, "Annotations/*.xml", a_word_for_0)
    findings = faults(truth, found)
    assert sorted(finding.id for finding in findings) == ["box-format-xyxy", "not-a-number"]
    fixed, _ = mended(findings, command)
    assert average_precision(fixed, found) == pytest.approx(before, abs=1e-3)


def test_what_cannot_be_mended_is_refused(voc, folder, command, tmp_path):
    truth, found = voc
    clean = command("doctor", truth, found, "--mended-truth", tmp_path / "fixed")
    assert (
        clean.code,
        "there is nothing in the ground truth that can be mended here" in clean.err,
    ) == (2, True)
    coco = command(
        "doctor", folder / "truth.json", folder / "found.json", "--mended-truth", tmp_path / "fixed"
    )
    assert (coco.code, "--mended-truth mends VOC and YOLO ground truth" in coco.err) == (2, True)
    both = command("doctor", truth, found, "--mended-truth", tmp_path / "fixed", "--json", "-")
    assert (both.code, "run `detbench doctor` once for each" in both.err) == (2, True)
    assert not (tmp_path / "fixed").exists()


def test_valid_ground_truth_is_read_as_eval_reads_it(voc, yolo, shared_data):
    for lenient, path, split in (
        (read_voc_annotations, voc[0], None),
        (read_yolo_annotations, yolo[0] / "data.yaml", None),
        (read_voc_annotations, shared_data / "VOCtest_06-Nov-2007.annotations.tar.gz", "test"),
    ):
        strict, (read, _) = load_ground_truth(path, split=split), lenient(path, split, None)
        assert (read.digest, read.name, read.source, read.protocol) == (
            strict.digest,
            strict.name,
            strict.source,
            strict.protocol,
        )
        assert (read.image_files, read.image_folder) == (strict.image_files, strict.image_folder)
        assert (read.truncated == strict.truncated).all()


def test_polygons_are_read_as_eval_reads_them(yolo):
    truth, _ = yolo
    planted(truth, "labels/val/*.txt", labels(lambda k, x, y, w, h: (k, x, y, w, h, ".5", ".4"), 2))
    assert (
        read_yolo_annotations(truth / "data.yaml", None, None)[0].digest
        == load_ground_truth(truth).digest
    )


@pytest.mark.parametrize(
    ("change", "mends"),
    [
        (lambda k, x, y, w, h: (k, "1.02", y, w, h), True),
        (lambda k, x, y, w, h: (k, "-0.01", y, w, h), True),
        (lambda k, x, y, w, h: (k, "1.5", y, w, h), False),
        (lambda k, x, y, w, h: (k, "-0.02", ".1", ".3", ".1", ".2", ".4"), True),
        (lambda k, x, y, w, h: (k, "300", "200", "40", "40"), False),
    ],
)
def test_one_label_beyond_its_picture_says_nothing_of_the_others(yolo, command, change, mends):
    truth, found = yolo
    before = average_precision(truth, found)
    planted(truth, "labels/val/*.txt", one_label(change))
    [finding] = faults(truth, found)
    assert (finding.id, finding.severity, finding.is_command) == ("outside-image", "error", mends)
    assert "1 of 134 labels have a value outside 0..1" in finding.evidence
    if mends:
        fixed, _ = mended([finding], command)
        assert faults(fixed, found) == []
        assert average_precision(fixed, found) == pytest.approx(before, abs=0.02)


def test_a_label_that_is_nothing_once_it_is_cut_is_left_out(yolo, command):
    truth, found = yolo
    planted(truth, "labels/val/*.txt", one_label(lambda k, x, y, w, h: (k, "1.009", y, ".01", h)))
    fixed, told = mended(faults(truth, found), command)
    assert "1 of 134 were left out" in told
    assert faults(fixed, found) == []


def test_rounding_is_no_fault(yolo):
    truth, found = yolo
    planted(truth, "labels/val/*.txt", one_label(lambda k, x, y, w, h: (k, "-0.0000005", y, w, h)))
    assert faults(truth, found) == []


def test_files_in_pixels_among_others_are_not_cut(yolo):
    truth, found = yolo
    planted(
        truth,
        "labels/val/*.txt",
        labels(lambda k, *box: (k, *(repr(float(side) * 300) for side in box)), 2),
    )
    refused = [finding for finding in faults(truth, found) if finding.id == "outside-image"]
    assert [finding.fix for finding in refused] == [
        "write these labels as fractions of the image, or take them out"
    ]


def test_exchanged_corners_are_no_other_format_where_sizes_are_not_known(voc, command):
    truth, found = voc
    before = average_precision(truth, found)
    exchanged = boxes(lambda x, y, r, b, *_: (r, b, x, y))

    def plant(text, number):
        return re.sub(
            r"<size>.*?</size>",
            "",
            exchanged(text, number) if number % 7 == 0 else text,
            flags=re.DOTALL,
        )

    planted(truth, "Annotations/*.xml", plant)
    findings = faults(truth, found)
    assert [finding.id for finding in findings] == ["negative-size"]
    fixed, _ = mended(findings, command)
    assert faults(fixed, found) == []
    assert average_precision(fixed, found) == pytest.approx(before, abs=1e-3)


def test_exchanged_corners_are_put_in_order_without_detections_too(voc, command, tmp_path):
    truth, found = voc
    (tmp_path / "empty").mkdir()
    for file in found.iterdir():
        (tmp_path / "empty" / file.name).touch()
    before = load_ground_truth(truth).digest
    planted(truth, "Annotations/*.xml", boxes(lambda x, y, r, b, *_: (r, b, x, y)))
    findings = [
        finding for finding in faults(truth, tmp_path / "empty") if finding.id == "negative-size"
    ]
    fixed, _ = mended(findings, command)
    assert load_ground_truth(fixed).digest == before


def test_exchanged_sizes_of_images_are_no_format_of_boxes(voc):
    truth, found = voc
    planted(
        truth,
        "Annotations/*.xml",
        lambda text, _: SIZE.sub(r"<width>\2</width><height>\1</height>", text),
    )
    [finding] = faults(truth, found)
    assert (finding.id, finding.severity) == ("outside-image", "warning")
    assert "next to all lie within it with its width and height exchanged" in finding.evidence
    assert finding.fix == "exchange width and height of the images in the ground truth"


def test_boxes_of_another_size_are_no_other_format(voc):
    truth, found = voc
    planted(truth, "Annotations/*.xml", boxes(lambda *box: [side / 2 for side in box[:4]]))
    assert not any(
        "the boxes of the ground truth are" in finding.evidence for finding in faults(truth, found)
    )


def test_fractions_among_pixels_stay_fractions(yolo, command):
    truth, found = yolo
    before, sizes = average_precision(truth, found), load_ground_truth(truth).image_sizes.tolist()
    for number, (file, (width, height)) in enumerate(
        zip(sorted((truth / "labels/val").glob("*.txt")), sizes, strict=True)
    ):
        if number % 30:
            words = [line.split() for line in file.read_text().splitlines()]
            pixels = [
                (k, float(x) * width, float(y) * height, float(w) * width, float(h) * height)
                for k, x, y, w, h in words
            ]
            file.write_text("".join(f"{' '.join(map(str, label))}\n" for label in pixels))
    fixed, _ = mended(faults(truth, found), command)
    assert average_precision(fixed, found) == pytest.approx(before, abs=1e-3)


def test_what_would_lose_much_is_advice(yolo):
    truth, found = yolo
    planted(truth, "labels/val/*.txt", labels(lambda k, x, y, w, h: (k, x, y, w, h, ".9"), 3))
    [finding] = faults(truth, found)
    assert "6 values, expected" in finding.evidence
    assert re.fullmatch(
        r"write the ground truth again: \d+ of 134 annotations would be left out", finding.fix
    )


def test_the_new_dataset_has_a_name_wherever_the_command_is_given(yolo, voc, monkeypatch, tmp_path):
    truth, found = yolo
    planted(truth, "labels/val/*.txt", one_label(lambda k, *box: (k, "nan", *box[1:])))
    planted(voc[0], "Annotations/*.xml", once("<ymax>.*?<", "<ymax>nan<"))

    def target(path, detections=found):
        [finding] = faults(path, detections)
        return Path(shlex.split(finding.fix)[-1])

    assert target(truth) == target(truth / "data.yaml") == tmp_path / "yolo-fixed"
    monkeypatch.chdir(truth)
    assert target(".") == target("data.yaml") == tmp_path / "yolo-fixed"
    monkeypatch.chdir(truth / "labels")
    assert target("..") == tmp_path / "yolo-fixed"
    (tmp_path / "yolo-fixed").mkdir()
    assert target(truth) == tmp_path / "yolo-fixed-2"
    truth.rename(tmp_path / "set.v1")
    assert target(tmp_path / "set.v1") == tmp_path / "set.v1-fixed"
    assert target(voc[0], voc[1]) == tmp_path / "VOCdevkit-fixed/VOC2007"
    assert target(voc[0].parent, voc[1]) == tmp_path / "VOCdevkit-fixed"
    monkeypatch.chdir(voc[0])
    assert target(".", voc[1]) == tmp_path / "VOCdevkit-fixed/VOC2007"


@pytest.mark.parametrize("target", ["new", "labels/new", ".", "../there", "../file.json"])
def test_nothing_is_written_over_or_into_a_dataset(yolo, command, tmp_path, target):
    truth, found = yolo
    planted(truth, "labels/val/*.txt", one_label(lambda k, *box: (k, "nan", *box[1:])))
    (tmp_path / "there").mkdir()
    (tmp_path / "there/x").touch()
    (tmp_path / "file.json").write_text("precious")
    before = sorted(tmp_path.rglob("*"))
    for given in (truth, truth / "data.yaml"):
        assert command("doctor", given, found, "--mended-truth", truth / target).code == 2
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "file.json").read_text() == "precious"
