"""VOC annotations as other programs write them, of one set of boxes where these can hold it.

The texts of Datumaro, globox and supervision were written by these libraries (see each constant);
those of LabelImg, FiftyOne and Roboflow follow the sources that are named.
"""

from pathlib import Path

BOXES = {
    "dog": (0.0, 0.0, 20.5, 30.25),
    "person": (10.5, 20.0, 60.0, 90.75),
    "cow": (40.0, 41.0, 100.0, 80.0),
}
"""Class → x1, y1, x2, y2 with continuous edges, on an image of 100 × 80 pixels."""

DATUMARO = """\
<annotation>
  <folder></folder>
  <filename>Screenshot (573).jpg</filename>
  <source>
    <database>Unknown</database>
    <annotation>Unknown</annotation>
    <image>Unknown</image>
  </source>
  <size>
    <width>100</width>
    <height>80</height>
    <depth>3</depth>
  </size>
  <segmented>0</segmented>
  <object>
    <name>dog</name>
    <truncated>1</truncated>
    <occluded>0</occluded>
    <difficult>0</difficult>
    <bndbox>
      <xmin>0.0</xmin>
      <ymin>0.0</ymin>
      <xmax>20.5</xmax>
      <ymax>30.25</ymax>
    </bndbox>
  </object>
  <object>
    <name>person</name>
    <truncated>0</truncated>
    <occluded>0</occluded>
    <difficult>1</difficult>
    <bndbox>
      <xmin>10.5</xmin>
      <ymin>20.0</ymin>
      <xmax>60.0</xmax>
      <ymax>90.75</ymax>
    </bndbox>
  </object>
  <object>
    <name>cow</name>
    <truncated>0</truncated>
    <occluded>0</occluded>
    <difficult>0</difficult>
    <bndbox>
      <xmin>40.0</xmin>
      <ymin>41.0</ymin>
      <xmax>100.0</xmax>
      <ymax>80.0</ymax>
    </bndbox>
  </object>
</annotation>
"""
"""datumaro 1.13.12: `Dataset.from_iterable([DatasetItem("Screenshot (573)", subset="default",
media=Image.from_numpy(np.zeros((80, 100, 3), np.uint8)), annotations=[Bbox(x1, y1, x2 - x1,
y2 - y1, label=…, attributes={"difficult": …, "truncated": …, "occluded": False}), …]),
DatasetItem("empty", subset="default", media=…)], categories=["dog", "person", "cow", "emu"])
.export("out", "voc_detection", save_media=True)`. It writes no XML for the image `empty`. CVAT's
export "PASCAL VOC 1.1" is made by the same code:
https://docs.cvat.ai/docs/manual/advanced/formats/format-voc/"""
DATUMARO_ONE_BASED_CORNERS = ((1, 1, 21, 31), (11, 21, 60, 91), (41, 42, 100, 80))
"""The numbers of the same boxes with `coordinate_mode="voc-one-based"`."""
LABEL_MAP = "# label:color_rgb:parts:actions\nbackground:::\ndog:::\nperson:::\ncow:::\nemu:::\n"
"""The `labelmap.txt` of the same export."""

GLOBOX = (
    "<annotation><filename>a.jpg</filename><size><width>100</width><height>80</height></size>"
    "<object><name>dog</name><bndbox><xmin>0.0</xmin><ymin>0.0</ymin><xmax>20.5</xmax>"
    "<ymax>30.25</ymax></bndbox></object><object><name>person</name><bndbox><xmin>10.5</xmin>"
    "<ymin>20.0</ymin><xmax>60.0</xmax><ymax>90.75</ymax></bndbox></object><object>"
    "<name>cow</name><bndbox><xmin>40.0</xmin><ymin>41.0</ymin><xmax>100.0</xmax>"
    "<ymax>80.0</ymax></bndbox></object></annotation>"
)
"""globox 2.9.0: `AnnotationSet([Annotation("a.jpg", (100, 80), [BoundingBox(label=…, xmin=…,
ymin=…, xmax=…, ymax=…), …])]).save_pascal_voc("out")`, with the numbers as float."""

SUPERVISION = """\
<?xml version="1.0" ?>
<annotation>
  <folder>VOC</folder>
  <filename>a.jpg</filename>
  <source>
    <database>roboflow.ai</database>
  </source>
  <size>
    <width>100</width>
    <height>80</height>
    <depth>3</depth>
  </size>
  <segmented>0</segmented>
  <object>
    <name>dog</name>
    <bndbox>
      <xmin>1</xmin>
      <ymin>1</ymin>
      <xmax>20</xmax>
      <ymax>30</ymax>
    </bndbox>
  </object>
  <object>
    <name>person</name>
    <bndbox>
      <xmin>12</xmin>
      <ymin>21</ymin>
      <xmax>60</xmax>
      <ymax>91</ymax>
    </bndbox>
  </object>
  <object>
    <name>cow</name>
    <bndbox>
      <xmin>41</xmin>
      <ymin>42</ymin>
      <xmax>100</xmax>
      <ymax>80</ymax>
    </bndbox>
  </object>
</annotation>
"""
"""supervision 0.31.2: `DetectionDataset(classes=…, images=["a.jpg"], annotations={"a.jpg":
Detections(xyxy=…, class_id=…)}).as_pascal_voc(annotations_directory_path="out")`."""
SUPERVISION_BOXES = [[0, 0, 20, 30], [11, 20, 60, 91], [40, 41, 100, 80]]
"""What is left of the boxes after its rounding: its own reader gives these back."""

LABELIMG = """\
<annotation verified="yes">
	<folder>photos</folder>
	<filename>a.jpg</filename>
	<path>C:\\Users\\me\\photos\\a.jpg</path>
	<source>
		<database>Unknown</database>
	</source>
	<size>
		<width>100</width>
		<height>80</height>
		<depth>3</depth>
	</size>
	<segmented>0</segmented>
	<object>
		<name>dog</name>
		<pose>Unspecified</pose>
		<truncated>1</truncated>
		<difficult>0</difficult>
		<bndbox>
			<xmin>1</xmin>
			<ymin>1</ymin>
			<xmax>20</xmax>
			<ymax>30</ymax>
		</bndbox>
	</object>
	<object>
		<name>person</name>
		<pose>Unspecified</pose>
		<truncated>0</truncated>
		<difficult>1</difficult>
		<bndbox>
			<xmin>10</xmin>
			<ymin>20</ymin>
			<xmax>60</xmax>
			<ymax>75</ymax>
		</bndbox>
	</object>
</annotation>
"""
"""After https://github.com/HumanSignal/labelImg/blob/master/libs/pascal_voc_io.py (tags and order)
and libs/labelFile.py, which turns coordinates into whole numbers and 0 into 1."""

FIFTYONE = """\
<annotation>
    <folder>None</folder>
    <filename>a.jpg</filename>
    <path>/data/a.jpg</path>
    <source>
        <database>None</database>
    </source>
    <size>
        <width>100</width>
        <height>80</height>
        <depth>3</depth>
    </size>
    <segmented>None</segmented>
    <object>
        <name>dog</name>
        <pose></pose>
        <truncated></truncated>
        <difficult>None</difficult>
        <bndbox>
            <xmin>0</xmin>
            <ymin>0</ymin>
            <xmax>20</xmax>
            <ymax>30</ymax>
        </bndbox>
    </object>
    <object>
        <name>cow</name>
        <pose></pose>
        <truncated>1</truncated>
        <difficult>1</difficult>
        <bndbox>
            <xmin>40</xmin>
            <ymin>41</ymin>
            <xmax>100</xmax>
            <ymax>80</ymax>
        </bndbox>
    </object>
</annotation>
"""
"""After fiftyone/resources/voc_annotation_template.xml and fiftyone/utils/voc.py of
https://github.com/voxel51/fiftyone: corners are whole numbers from 0, `int(width * x)`, and absent
attributes are empty or None."""

ROBOFLOW = """\
<annotation>
	<folder></folder>
	<filename>{stem}.jpg</filename>
	<path>{stem}.jpg</path>
	<source>
		<database>roboflow.com</database>
	</source>
	<size>
		<width>416</width>
		<height>416</height>
		<depth>3</depth>
	</size>
	<segmented>0</segmented>
	<object>
		<name>helmet</name>
		<pose>Unspecified</pose>
		<truncated>0</truncated>
		<difficult>0</difficult>
		<occluded>0</occluded>
		<bndbox>
			<xmin>179</xmin>
			<xmax>231</xmax>
			<ymin>85</ymin>
			<ymax>144</ymax>
		</bndbox>
		<polygon>
			<x1>179</x1>
			<y1>85</y1>
			<x2>231</x2>
			<y2>100</y2>
			<x3>200</x3>
			<y3>144</y3>
		</polygon>
	</object>
</annotation>
"""
"""After the example on https://roboflow.com/formats/pascal-voc-xml, whose tags in <bndbox> have
this order; exports of instance segmentation add the polygon."""

NO_OBJECTS = (
    "<annotation><filename>{stem}.jpg</filename><size><width>416</width><height>416</height>"
    "<depth>3</depth></size></annotation>"
)


def put(root: Path, **files: str) -> Path:
    """Write files below a folder, by their paths; images are empty files."""
    for name, text in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return root


def roboflow(root: Path) -> Path:
    """Write a dataset as Roboflow exports it: XML beside images, in train, valid and test."""
    for split, stems in (("train", "ab"), ("valid", "c"), ("test", "de")):
        for stem in stems:
            name = f"{stem}_jpg.rf.126f6b8cfbd73d7029f2ea9b666b4b83"
            text = NO_OBJECTS if stem == "e" else ROBOFLOW
            files = {f"{split}/{name}.xml": text.format(stem=name), f"{split}/{name}.jpg": ""}
            put(root, **files)
    return put(root, **{"README.roboflow.txt": "helmets"})


def cvat(root: Path) -> Path:
    """Write a dataset as CVAT and Datumaro export it."""
    return put(
        root,
        **{
            "Annotations/Screenshot (573).xml": DATUMARO,
            "Annotations/cam 1/b.xml": DATUMARO.replace("Screenshot (573)", "cam 1/b"),
            "ImageSets/Main/default.txt": "Screenshot (573)\ncam 1/b\nempty one\n",
            "JPEGImages/Screenshot (573).jpg": "",
            "JPEGImages/cam 1/b.jpg": "",
            "JPEGImages/empty one.jpg": "",
            "labelmap.txt": LABEL_MAP,
        },
    )


def labelimg(root: Path) -> Path:
    """Write LabelImg's annotations in a folder of their own; an image has none."""
    return put(
        root,
        **{
            "Annotations/a.xml": LABELIMG,
            "JPEGImages/a.jpg": "",
            "JPEGImages/background.jpg": "",
        },
    )


def fiftyone(root: Path) -> Path:
    return put(root, **{"labels/a.xml": FIFTYONE, "data/a.jpg": ""})
