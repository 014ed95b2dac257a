"""Writers of ground truth in files of every format, as the tools that made the format write them.

They are independent of the writers of the package, which would refuse most mistakes. Only files of
Parquet are its own.
"""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from detbench.data.load import save_ground_truth
from tests.doctor.file_parts import (
    Writer,
    by_image,
    class_number,
    kitti_line,
    line,
    number_or_text,
    save_quietly,
    truth_of,
    write_frames,
    write_image,
    write_table,
    write_text,
)
from tests.doctor.written_pairs import WrittenPair


def write_coco(pair: WrittenPair, path: Path) -> Path:
    images = [
        {"id": number_or_text(image), "file_name": pair.file_of(image), "width": w, "height": h}
        for image, (w, h) in pair.sizes.items()
    ]
    categories = [{"id": k + 1, "name": name} for k, name in enumerate(pair.class_names)]
    annotations = [
        {
            "id": n + 1,
            "image_id": number_or_text(row.image),
            "category_id": class_number(pair, row) + 1,
            "bbox": row.box,
            "area": row.box[2] * row.box[3],
            "iscrowd": int(row.is_crowd),
        }
        for n, row in enumerate(pair.truth)
    ]
    document = {"images": images, "categories": categories, "annotations": annotations}
    return write_text(path.with_suffix(".json"), json.dumps(document))


def write_voc(pair: WrittenPair, path: Path) -> Path:
    objects = by_image(pair.truth)
    for image, (width, height) in pair.sizes.items():
        lines = [
            f"<annotation><filename>{pair.file_of(image)}</filename>",
            f"<size><width>{width:g}</width><height>{height:g}</height><depth>3</depth></size>",
        ]
        for row in objects[image]:
            names = ("xmin", "ymin", "xmax", "ymax")
            box = "".join(
                f"<{name}>{number!r}</{name}>" for name, number in zip(names, row.box, strict=True)
            )
            lines.append(
                f"<object><name>{row.category}</name><pose>Unspecified</pose><truncated>0"
                f"</truncated><difficult>{row.is_difficult:d}</difficult>"
                f"<bndbox>{box}</bndbox></object>"
            )
        text = "\n".join([*lines, "</annotation>\n"])
        write_text(path / "Annotations" / f"{image}.xml", text)
    lists = path / "ImageSets" / "Main"
    write_text(lists / "test.txt", "".join(map(line, pair.sizes)))
    for name in pair.class_names:
        with_class = {row.image for row in pair.truth if row.category == name}
        lines = [line(image, 1 if image in with_class else -1) for image in pair.sizes]
        write_text(lists / f"{name}_test.txt", "".join(lines))
    return path


def write_yolo(pair: WrittenPair, path: Path) -> Path:
    data = {"train": "images/val", "val": "images/val", "names": dict(enumerate(pair.class_names))}
    write_text(path / "data.yaml", yaml.safe_dump(data))
    objects = by_image(pair.truth)
    for image, size in pair.sizes.items():
        lines = [line(class_number(pair, row), *row.box) for row in objects[image]]
        write_text(path / "labels" / "val" / f"{image}.txt", "".join(lines))
        write_image(path / "images" / "val" / f"{image}.png", size)
    return path


def write_class_text(pair: WrittenPair, path: Path) -> Path:
    objects = by_image(pair.truth)
    for image, size in pair.sizes.items():
        lines = [
            line(row.category, *row.box, *(["difficult"] if row.is_difficult else []))
            for row in objects[image]
        ]
        write_text(path / "ground-truth" / f"{image}.txt", "".join(lines))
        write_image(path / "images" / f"{image}.png", size)
    return path


def write_csv(pair: WrittenPair, path: Path) -> Path:
    header = ["filename", "width", "height", "class", "xmin", "ymin", "xmax", "ymax"]
    rows = [[pair.file_of(r.image), *r.size, r.category, *r.box] for r in pair.truth]
    return write_table(path.with_suffix(".csv"), [header, *rows])


def write_kitti(pair: WrittenPair, path: Path) -> Path:
    objects = by_image(pair.truth)
    for image, size in pair.sizes.items():
        lines = [kitti_line(row) for row in objects[image]]
        write_text(path / "label_2" / f"{image}.txt", "".join(lines))
        write_image(path / "image_2" / f"{image}.png", size)
    return path


def write_cvat(pair: WrittenPair, path: Path) -> Path:
    objects = by_image(pair.truth)
    labels = "".join(f"<label><name>{name}</name></label>" for name in pair.class_names)
    lines = [f"<annotations><version>1.1</version><meta><task><labels>{labels}</labels></task>"]
    lines.append("</meta>")
    for n, (image, (width, height)) in enumerate(pair.sizes.items()):
        lines.append(
            f'<image id="{n}" name="{pair.file_of(image)}" width="{width:g}" height="{height:g}">'
        )
        lines += [
            f'<box label="{row.category}" occluded="0" xtl="{row.box[0]!r}" ytl="{row.box[1]!r}" '
            f'xbr="{row.box[2]!r}" ybr="{row.box[3]!r}"></box>'
            for row in objects[image]
        ]
        lines.append("</image>")
    return write_text(path.with_suffix(".xml"), "\n".join([*lines, "</annotations>\n"]))


def write_labelme(pair: WrittenPair, path: Path) -> Path:
    objects = by_image(pair.truth)
    for image, (width, height) in pair.sizes.items():
        shapes = [
            {
                "label": row.category,
                "points": [row.box[:2], row.box[2:]],
                "shape_type": "rectangle",
                "flags": {},
            }
            for row in objects[image]
        ]
        document = {
            "version": "5.4.1",
            "flags": {},
            "shapes": shapes,
            "imagePath": pair.file_of(image),
            "imageHeight": int(height),
            "imageWidth": int(width),
        }
        write_text(path / f"{image}.json", json.dumps(document))
    return path


def write_bdd100k(pair: WrittenPair, path: Path) -> Path:
    return write_frames(pair, pair.truth, path)


def write_parquet(pair: WrittenPair, path: Path) -> Path:
    path = path.with_suffix(".parquet")
    save_quietly(save_ground_truth, truth_of(pair), path)
    return path


GROUND_TRUTH_WRITERS: dict[str, Writer] = {
    "coco": write_coco,
    "voc": write_voc,
    "yolo": write_yolo,
    "parquet": write_parquet,
    "class text": write_class_text,
    "csv": write_csv,
    "kitti": write_kitti,
    "cvat": write_cvat,
    "labelme": write_labelme,
    "bdd100k": write_bdd100k,
}
