"""Small VOC devkits for the tests, in folders and tars."""

import tarfile
from pathlib import Path

BOX = "<bndbox><xmin>48</xmin><ymin>240</ymin><xmax>195</xmax><ymax>371</ymax></bndbox>"


DOG = f"<object><name>dog</name>{BOX}</object>"


def annotation(
    *objects: str, size: str = "<size><width>353</width><height>500</height></size>"
) -> str:
    names = "<folder>VOC2007</folder><filename>000001.jpg</filename>"
    return f"<annotation>{names}{size}{''.join(objects)}</annotation>"


def devkit(root: Path, annotations: dict[str, str], **lists: str) -> Path:
    """Write a devkit folder with these annotations; without lists, all are in `test`."""
    (root / "Annotations").mkdir(parents=True)
    (root / "ImageSets" / "Main").mkdir(parents=True)
    for image_id, text in annotations.items():
        (root / "Annotations" / f"{image_id}.xml").write_text(text, encoding="utf-8")
    for name, text in (lists or {"test": "\n".join(annotations)}).items():
        (root / "ImageSets" / "Main" / f"{name}.txt").write_text(text, encoding="utf-8")
    return root


def pack(path: Path, folder: Path, mode: str) -> Path:
    with tarfile.open(path, mode) as tar:
        tar.add(folder, arcname="./VOCdevkit/VOC2007")
    return path
