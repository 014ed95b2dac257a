"""Samples: one small dataset, and detections for it, written in every format.

Two images of 100 × 80 pixels: `a` has two objects with boxes 10, 20, 40, 60 and 1, 2, 5, 6; `b` has
none. The detections are these boxes with scores .9 and .45. A room adds its formats to `SAMPLES`.
"""

from __future__ import annotations

from detbench.data.detections import Detections
from detbench.data.formats.table import FORMATS
from detbench.data.ground_truth import GroundTruth
from detbench.data.load import save_detections, save_ground_truth
from tests.data.formats import annotation_tools
from tests.data.formats.labeled import write
from tests.data.formats.sample import BOXES, SCORES, SIZE, Sample, images


def texts(folder, *, a, b=""):
    """Write a text file for each image."""
    write(folder / "a.txt", a)
    write(folder / "b.txt", b)
    return folder


def truth(classes=("cat", "dog")):
    """Return the ground truth."""
    names = sorted(set(classes))
    return GroundTruth.from_rows(
        image_ids=["a", "b"],
        class_names=names,
        image_index=[0, 0],
        class_index=[names.index(name) for name in classes],
        boxes=BOXES,
        image_sizes=[SIZE, SIZE],
        image_files=["a.jpg", "b.jpg"],
    )


def _standard(name):
    """Return the sample of a format that detbench writes."""
    row = next(row for row in FORMATS if row.name == name)

    def ground_truth(folder):
        images(folder / "source")
        target = folder / f"truth{row.ground_truth.suffix}"
        written = GroundTruth.from_rows(
            image_ids=["a", "b"],
            class_names=["cat", "dog"],
            image_index=[0, 0],
            class_index=[0, 1],
            boxes=BOXES,
            image_sizes=[SIZE, SIZE],
            image_files=["a.jpg", "b.jpg"],
            image_folder=folder / "source",
        )
        save_ground_truth(written, target, name)
        return target

    def detections(folder):
        rows = Detections.from_rows(
            truth(), image_index=[0, 0], class_index=[0, 1], boxes=BOXES, scores=SCORES
        )
        target = folder / f"detections{row.detections.suffix}"
        save_detections(rows, truth(), target, name)
        return target

    return Sample(name, ground_truth, detections)


def _class_text():
    return Sample(
        "class-text",
        lambda folder: texts(folder / "gt", a="cat 10 20 40 60\ndog 1 2 5 6\n"),
        lambda folder: texts(folder / "det", a="cat 0.9 10 20 40 60\ndog 0.45 1 2 5 6\n"),
    )


def _kitti():
    cat = "cat 0.00 0 -10 10.00 20.00 40.00 60.00 -1 -1 -1 -1000 -1000 -1000 -10"
    dog = "dog 0.00 0 -10 1.00 2.00 5.00 6.00 -1 -1 -1 -1000 -1000 -1000 -10"
    return Sample(
        "kitti",
        lambda folder: texts(folder / "label_2", a=f"{cat}\n{dog}\n"),
        lambda folder: texts(folder / "data", a=f"{cat} 0.9\n{dog} 0.45\n"),
    )


def _visdrone():
    return Sample(
        "visdrone",
        lambda folder: texts(folder / "annotations", a="10,20,30,40,1,4,0,0\n1,2,4,4,1,9,0,1\n"),
        lambda folder: texts(
            folder / "results", a="10,20,30,40,0.9,4,-1,-1\n1,2,4,4,0.45,9,-1,-1\n"
        ),
        classes=("car", "bus"),
    )


def _dota_results(folder, corners):
    for name, score, box in zip(("cat", "dog"), SCORES, BOXES, strict=True):
        write(folder / f"{corners[0]}_{name}.txt", f"a {score} {corners[1](*box)}\n")
    return folder


def _polygon(x1, y1, x2, y2):
    return f"{x1} {y1} {x2} {y1} {x2} {y2} {x1} {y2}"


def _dota():
    labels = "\n".join(
        f"{_polygon(*box)} {name} 0" for name, box in zip(("cat", "dog"), BOXES, strict=True)
    )
    return Sample(
        "dota",
        lambda folder: texts(
            folder / "labelTxt", a=f"imagesource:GoogleEarth\ngsd:0.1\n{labels}\n"
        ),
        lambda folder: _dota_results(folder / "task1", ("Task1", _polygon)),
    )


def _bbgt():
    head = "% bbGt version=3\n"
    return Sample(
        "bbgt",
        lambda folder: texts(
            folder / "annotations",
            a=f"{head}cat 10 20 30 40 0 0 0 0 0 0 0\ndog 1 2 4 4 0 0 0 0 0 0 0\n",
            b=head,
        ),
    )


def _crowdhuman():
    def lines(key, *boxes):
        entries = [{"ID": "a", key: list(boxes)}, {"ID": "b", key: []}]
        return "\n".join(map(_json, entries))

    sides = [[10, 20, 30, 40], [1, 2, 4, 4]]
    return Sample(
        "crowdhuman",
        lambda folder: write(
            folder / "annotation_val.odgt",
            lines("gtboxes", *({"tag": "person", "fbox": box} for box in sides)),
        ),
        lambda folder: write(
            folder / "results.odgt",
            lines(
                "dtboxes",
                *({"box": box, "score": s} for box, s in zip(sides, SCORES, strict=True)),
            ),
        ),
        classes=("person", "person"),
    )


def _json(value):
    import json

    return json.dumps(value)


def _open_images():
    def annotations(folder):
        images(folder)
        return write(
            folder / "val-annotations-bbox.csv",
            "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,"
            "IsGroupOf,IsDepiction,IsInside\n"
            "a,xclick,cat,1,0.1,0.4,0.25,0.75,0,0,0,0,0\n"
            "a,xclick,dog,1,0.01,0.05,0.025,0.075,0,0,0,0,0\n",
        )

    return Sample(
        "open-images",
        annotations,
        lambda folder: write(
            folder / "results.csv",
            "ImageID,LabelName,Score,XMin,XMax,YMin,YMax\n"
            "a,cat,0.9,0.1,0.4,0.25,0.75\na,dog,0.45,0.01,0.05,0.025,0.075\n",
        ),
        lists_empty_images=False,
    )


def _retinanet():
    return Sample(
        "retinanet-csv",
        lambda folder: write(
            folder / "val.csv", "a.jpg,10,20,40,60,cat\na.jpg,1,2,5,6,dog\nb.jpg,,,,,\n"
        ),
    )


def _csv():
    return Sample(
        "csv",
        lambda folder: write(
            folder / "truth.csv",
            "filename,width,height,class,xmin,ymin,xmax,ymax\n"
            "a.jpg,100,80,cat,10,20,40,60\na.jpg,100,80,dog,1,2,5,6\n",
        ),
        lambda folder: write(
            folder / "detections.csv",
            "image,label,confidence,x1,y1,x2,y2\na.jpg,cat,0.9,10,20,40,60\n"
            "a.jpg,dog,0.45,1,2,5,6\n",
        ),
        lists_empty_images=False,
    )


SAMPLES = [
    *(_standard(row.name) for row in FORMATS),
    _class_text(),
    _kitti(),
    _visdrone(),
    _dota(),
    _bbgt(),
    _crowdhuman(),
    _open_images(),
    _retinanet(),
    _csv(),
    annotation_tools.labelme(),
    annotation_tools.label_studio(),
    annotation_tools.createml(),
    annotation_tools.bdd100k(),
    annotation_tools.datumaro(),
    annotation_tools.cvat(),
]
