"""Samples of annotation tools: the dataset of `samples` in their JSON and XML formats."""

from tests.data.formats.labeled import write
from tests.data.formats.sample import BOXES, SCORES, SIZE, Sample, images

CLASSES = ("cat", "dog")
OBJECTS = list(zip(CLASSES, BOXES, SCORES, strict=True))


def labelme():
    def shapes(*, scored):
        return [
            {
                "label": name,
                "points": [box[:2], box[2:]],
                "shape_type": "rectangle",
                **({"score": score} if scored else {}),
            }
            for name, box, score in OBJECTS
        ]

    def files(folder, *, scored):
        images(folder)
        size = dict(zip(("imageWidth", "imageHeight"), SIZE, strict=True))
        for name in "ab":
            document = {"version": "5.5.0", "shapes": [], "imagePath": f"{name}.jpg", **size}
            document["shapes"] = shapes(scored=scored) if name == "a" else []
            write(folder / f"{name}.json", document)
        return folder

    return Sample(
        "labelme",
        lambda folder: files(folder, scored=False),
        lambda folder: files(folder / "scored", scored=True),
    )


def label_studio():
    def regions(*, scored):
        width, height = SIZE
        return [
            {
                "type": "rectanglelabels",
                "original_width": width,
                "original_height": height,
                "value": {
                    "x": box[0] * 100 / width,
                    "y": box[1] * 100 / height,
                    "width": (box[2] - box[0]) * 100 / width,
                    "height": (box[3] - box[1]) * 100 / height,
                    "rotation": 0,
                    "rectanglelabels": [name],
                },
                **({"score": score} if scored else {}),
            }
            for name, box, score in OBJECTS
        ]

    def tasks(path, key, *, scored):
        results = {"a": regions(scored=scored), "b": []}
        return write(
            path,
            [
                {"id": 1, key: [{"result": result}], "data": {"image": f"/data/{name}.jpg"}}
                for name, result in results.items()
            ],
        )

    return Sample(
        "label-studio",
        lambda folder: tasks(folder / "export.json", "annotations", scored=False),
        lambda folder: tasks(folder / "predicted.json", "predictions", scored=True),
    )


def createml():
    def entries(path, *, scored):
        annotations = [
            {
                "label": name,
                "coordinates": {
                    "x": (x1 + x2) / 2,
                    "y": (y1 + y2) / 2,
                    "width": x2 - x1,
                    "height": y2 - y1,
                },
                **({"confidence": score} if scored else {}),
            }
            for name, (x1, y1, x2, y2), score in OBJECTS
        ]
        pairs = (("a.jpg", annotations), ("b.jpg", []))
        return write(path, [{"image": name, "annotations": boxes} for name, boxes in pairs])

    return Sample(
        "createml",
        lambda folder: entries(folder / "_annotations.createml.json", scored=False),
        lambda folder: entries(folder / "predicted.json", scored=True),
    )


def bdd100k():
    def frames(path, *, scored):
        labels = [
            {
                "category": name,
                # The last pixels belong to the box.
                "box2d": {"x1": x1, "y1": y1, "x2": x2 - 1, "y2": y2 - 1},
                **({"score": score} if scored else {}),
            }
            for name, (x1, y1, x2, y2), score in OBJECTS
        ]
        pairs = (("a.jpg", labels), ("b.jpg", []))
        return write(path, [{"name": name, "labels": boxes} for name, boxes in pairs])

    return Sample(
        "bdd100k",
        lambda folder: frames(folder / "det_val.json", scored=False),
        lambda folder: frames(folder / "predicted.json", scored=True),
    )


def datumaro():
    def document(path, *, scored):
        annotations = [
            {
                "type": "bbox",
                "attributes": {"score": score} if scored else {},
                "label_id": CLASSES.index(name),
                "bbox": [x1, y1, x2 - x1, y2 - y1],
            }
            for name, (x1, y1, x2, y2), score in OBJECTS
        ]
        labels = [{"name": name} for name in CLASSES]
        items = [{"id": "a", "annotations": annotations}, {"id": "b", "annotations": []}]
        document = {"dm_format_version": "1.0", "categories": {"label": {"labels": labels}}}
        return write(path, {**document, "items": items})

    return Sample(
        "datumaro",
        lambda folder: document(folder / "annotations/val.json", scored=False),
        lambda folder: document(folder / "predicted.json", scored=True),
    )


def cvat():
    def document(folder):
        boxes = "".join(
            f'<box label="{name}" xtl="{x1}" ytl="{y1}" xbr="{x2}" ybr="{y2}"/>'
            for name, (x1, y1, x2, y2), _ in OBJECTS
        )
        return write(
            folder / "annotations.xml",
            '<annotations><version>1.1</version><image id="0" name="a.jpg" width="100" '
            f'height="80">{boxes}</image><image id="1" name="b.jpg" width="100" height="80"/>'
            "</annotations>",
        )

    return Sample("cvat", document)
