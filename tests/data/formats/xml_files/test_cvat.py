"""CVAT: a file that datumaro wrote, shapes of CVAT's documentation, videos, and faulty files."""

import pytest

from detbench.errors import InputError
from tests.data.formats.labeled import load, objects, write

WRITTEN = """<?xml version="1.0" encoding="utf-8"?>
<annotations>
  <version>1.1</version>
  <meta>
    <task>
      <name>val</name>
      <size>2</size>
      <labels>
        <label><name>dog</name><attributes></attributes></label>
        <label><name>cat</name><attributes></attributes></label>
      </labels>
    </task>
  </meta>
  <image id="0" name="sub/a.jpg" width="100" height="50">
    <box label="cat" occluded="1" outside="0" keyframe="0" xtl="10.50" ytl="5.00" xbr="30.50"
         ybr="15.00" z_order="0">
    </box>
    <polygon label="dog" occluded="0" points="1.00,2.00;30.00,2.00;30.00,40.00" z_order="0">
    </polygon>
    <tag label="dog">
    </tag>
  </image>
  <image id="1" name="b.jpg" width="80" height="40">
  </image>
</annotations>"""
"""Written by datumaro 1.13.12: `Dataset.export(folder, "cvat")`, with empty elements left out."""

IMAGE = (
    '<annotations><version>1.1</version><image id="0" name="a.jpg" width="100" height="50">{}'
    "</image></annotations>"
)


def test_what_datumaro_wrote_is_read(tmp_path):
    path = write(tmp_path / "annotations.xml", WRITTEN)
    for source in (path, tmp_path):
        ground_truth, warnings = load(source)
        assert objects(ground_truth) == [
            ("sub/a.jpg", "cat", [10.5, 5, 30.5, 15], ""),
            ("sub/a.jpg", "dog", [1, 2, 30, 40], ""),
        ]
        assert ground_truth.image_ids == ("sub/a.jpg", "b.jpg")
        assert ground_truth.class_names == ("dog", "cat")
        assert ground_truth.image_sizes.tolist() == [[100, 50], [80, 40]]
        assert warnings == [f"{source}: 1 polygon read as bounding boxes; 1 tag left out: no box"]


def test_shapes_become_their_bounding_boxes(tmp_path):
    shapes = (
        '<ellipse label="cat" cx="50" cy="20" rx="10" ry="5"/>'
        '<mask label="cat" rle="0, 1" left="5" top="6" width="7" height="8"/>'
        # A quarter turn about the center.
        '<box label="cat" xtl="40" ytl="20" xbr="60" ybr="30" rotation="90.00"/>'
    )
    ground_truth, _ = load(write(tmp_path / "a.xml", IMAGE.format(shapes)))
    assert [box for _, _, box, _ in objects(ground_truth)] == [
        [40, 15, 60, 25],
        [5, 6, 12, 14],
        [45, 15, 55, 35],
    ]


def test_attributes_that_are_flags_are_kept(tmp_path):
    box = (
        '<box label="cat" xtl="0" ytl="0" xbr="9" ybr="9"><attribute name="{}">{}</attribute></box>'
    )
    shapes = "".join(
        box.format(name, value)
        for name, value in (("difficult", "true"), ("iscrowd", "1"), ("truncated", "false"))
    )
    ground_truth, _ = load(write(tmp_path / "a.xml", IMAGE.format(shapes)))
    assert [flags for *_, flags in objects(ground_truth)] == ["difficult", "iscrowd", ""]


def test_tracks_of_a_video_are_boxes_of_its_frames(tmp_path):
    text = (
        "<annotations><meta><task><size>3</size><original_size><width>64</width><height>48</height>"
        '</original_size></task></meta><track id="0" label="cat">'
        '<box frame="0" outside="0" keyframe="1" xtl="0" ytl="0" xbr="9" ybr="9"/>'
        '<box frame="1" outside="0" keyframe="0" xtl="1" ytl="0" xbr="10" ybr="9"/>'
        '<box frame="2" outside="1" keyframe="1" xtl="1" ytl="0" xbr="10" ybr="9"/>'
        "</track></annotations>"
    )
    ground_truth, _ = load(write(tmp_path / "a.xml", text))
    assert ground_truth.image_ids == ("frame_000000", "frame_000001", "frame_000002")
    assert [(image, box) for image, _, box, _ in objects(ground_truth)] == [
        ("frame_000000", [0, 0, 9, 9]),
        ("frame_000001", [1, 0, 10, 9]),
    ]
    assert ground_truth.image_sizes.tolist() == [[64, 48]] * 3


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ('<box label="cat" xtl="a" ytl="0" xbr="9" ybr="9"/>', r"a\.jpg, shape 1: x1 is 'a'"),
        ('<box label="cat" ytl="0" xbr="9" ybr="9"/>', r"shape 1: x1 is None"),
        ('<box xtl="0" ytl="0" xbr="9" ybr="9"/>', r"shape 1: has no class"),
        ('<box label="cat" xtl="9" ytl="0" xbr="0" ybr="9"/>', r"is not a box: x1 9, y1 0, x2 0"),
        ("<box", "is not well-formed XML"),
    ],
)
def test_a_faulty_shape_is_refused_with_its_place(tmp_path, shapes, message):
    path = write(tmp_path / "a.xml", IMAGE.format(shapes))
    with pytest.raises(InputError, match=message):
        load(path)


@pytest.mark.parametrize(
    ("meta", "frame", "message"),
    [("many", "0", "meta, size: is 'many', expected"), ("3", "x", "frame x: is 'x', expected")],
)
def test_frames_that_are_no_numbers_are_refused(tmp_path, meta, frame, message):
    text = (
        f'<annotations><meta><task><size>{meta}</size></task></meta><track id="0" label="cat">'
        f'<box frame="{frame}" outside="0" xtl="0" ytl="0" xbr="9" ybr="9"/></track></annotations>'
    )
    with pytest.raises(InputError, match=message):
        load(write(tmp_path / "a.xml", text))
