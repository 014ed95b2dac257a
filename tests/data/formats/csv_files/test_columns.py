"""Columns: recognized by their names, or stated; never guessed."""

from pathlib import Path

import pytest

from detbench.data.formats.csv_files.columns import Columns, columns_of_header, stated_columns
from detbench.errors import DetbenchError, InputError

TF = "filename,width,height,class,xmin,ymin,xmax,ymax"


def stated(text, header="a,b,c,d,e,f,g", *, has_image=True, scored=False):
    cells = None if header is None else header.split(",")
    return stated_columns(text, cells, Path("a.csv"), has_image=has_image, scored=scored)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (TF, Columns(0, 3, (4, 5, 6, 7), "xyxy", size=(1, 2))),
        ("Image Name,Label,Conf,x1,y1,x2,y2", Columns(0, 1, (3, 4, 5, 6), "xyxy", score=2)),
        (
            "x_min,y_min,x_max,y_max,class_id,confidence,tracker_id,class_name,image",
            Columns(8, 7, (0, 1, 2, 3), "xyxy", score=5),
        ),
        ("image_id,category_id,bbox_x,bbox_y,bbox_w,bbox_h", Columns(0, 1, (2, 3, 4, 5), "xywh")),
        ("file,label,x,y,width,height", Columns(0, 1, (2, 3, 4, 5), "xywh")),
        (
            "file,label,x,y,w,h,width,height",
            Columns(0, 1, (2, 3, 4, 5), "xywh", size=(6, 7)),
        ),
        ("path,cls,x_center,y_center,w,h", Columns(0, 1, (2, 3, 4, 5), "cxcywh")),
        (
            f"{TF},difficult,truncated",
            Columns(
                *(0, 3, (4, 5, 6, 7), "xyxy"),
                size=(1, 2),
                flags=(("difficult", 8), ("truncated", 9)),
            ),
        ),
    ],
)
def test_names_of_columns_are_recognized(header, expected):
    assert columns_of_header(header.split(",")) == expected


@pytest.mark.parametrize(
    "header",
    [
        "filename,xmin,ymin,xmax,ymax",  # no class
        "label,xmin,ymin,xmax,ymax",  # no image
        "filename,path,label,xmin,ymin,xmax,ymax",  # two images
        "filename,class,label,xmin,ymin,xmax,ymax",  # two classes
        "filename,label,xmin,ymin,xmax,ymax,x,y,w,h",  # two boxes
        "filename,label,xmin,ymin,xmax",  # three sides
        "pic,what,a,b,c,d",
    ],
)
def test_names_that_do_not_show_in_one_way_are_not_guessed(header):
    assert columns_of_header(header.split(",")) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("image=a,class=c,xmin=d,ymin=e,xmax=f,ymax=g", Columns(0, 2, (3, 4, 5, 6), "xyxy")),
        ("image=1,class=2,cx=3,cy=4,w=5,h=6", Columns(0, 1, (2, 3, 4, 5), "cxcywh")),
        ("image,_,class,x,y,w,h", Columns(0, 2, (3, 4, 5, 6), "xywh")),
        ("image,left,top,right,bottom,label", Columns(0, 5, (1, 2, 3, 4), "xyxy")),
        (
            "units=fractions,image,class,x,y,w,h",
            Columns(0, 1, (2, 3, 4, 5), "xywh", unit="fractions"),
        ),
        (
            "image=a,class=b,x=c,y=d,w=e,h=f,score=none,iscrowd=g",
            Columns(0, 1, (2, 3, 4, 5), "xywh", flags=(("iscrowd", 6),)),
        ),
    ],
)
def test_stated_columns_are_names_positions_or_an_order(text, expected):
    assert stated(text) == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("image=a,class=b,x=c,y=d,w=e,h=zz", "has no column 'zz' for h; its columns are 'a', 'b'"),
        ("image=a,class=b,x=c,y=d,w=e", "does not state four columns of a box"),
        ("image=a,x=c,y=d,w=e,h=f", "does not state the class"),
        ("class=a,x=c,y=d,w=e,h=f", "does not state the image"),
        ("image=a,class=b,x=c,y=d,w=e,h=8", "has no column '8' for h"),
    ],
)
def test_a_missing_column_is_named(text, problem):
    with pytest.raises(InputError, match=problem):
        stated(text)


def test_detections_need_the_score():
    with pytest.raises(InputError, match="does not state the score"):
        stated("image,class,x,y,w,h", scored=True)
    with pytest.raises(InputError, match="has no column 'conf' for score"):
        stated("image=a,class=b,x=c,y=d,w=e,h=f,score=conf", scored=True)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("image=a,klass=b", "unknown role 'klass'; choose from: image, class"),
        ("image=a,class", "write ROLE=COLUMN for every column, or all roles"),
        ("image,image,class", "image is stated twice"),
        ("image,units=meters", "unknown units 'meters'; choose one of: pixels, fractions, percent"),
    ],
)
def test_a_faulty_option_is_refused(text, problem):
    with pytest.raises(DetbenchError, match=problem):
        stated(text)
