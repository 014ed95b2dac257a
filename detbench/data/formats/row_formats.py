"""The formats that are only read, in the order in which files are recognized."""

from __future__ import annotations

from detbench.data.formats.csv_files import generic, open_images, retinanet
from detbench.data.formats.json_files import bdd100k, createml, datumaro, label_studio, labelme
from detbench.data.formats.labeled_boxes.row_format import RowFormat
from detbench.data.formats.text_files import bbgt, class_text, crowdhuman, dota, kitti, visdrone
from detbench.data.formats.xml_files import cvat

ROW_FORMATS: tuple[RowFormat, ...] = (
    labelme.FORMAT,
    label_studio.FORMAT,
    createml.FORMAT,
    bdd100k.FORMAT,
    datumaro.FORMAT,
    cvat.FORMAT,
    crowdhuman.FORMAT,
    bbgt.FORMAT,
    dota.FORMAT,
    visdrone.FORMAT,
    kitti.FORMAT,
    class_text.FORMAT,
    open_images.FORMAT,
    retinanet.FORMAT,
    generic.FORMAT,
)
