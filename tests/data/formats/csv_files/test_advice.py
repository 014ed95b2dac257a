"""Messages state options that work; class names and boxes in brackets are read."""

import pytest

from detbench.errors import InputError
from tests.data.formats.labeled import advised, load, load_scored, objects, write
from tests.data.ground_truths import make_ground_truth

TRUTH = make_ground_truth(images=1)  # of class "car"


# The option that a message states can be typed as it is.


def test_the_columns_that_are_understood_are_part_of_the_option(tmp_path):
    path = write(tmp_path / "a.csv", "frame,image,conf,label,x1,y1,x2,yy\n1,000,.5,car,1,2,3,4\n")
    with pytest.raises(InputError, match="not clear") as error:
        load_scored(path, TRUTH)
    (option,) = advised(error)
    assert option == "image=image,class=label,score=conf,xmin=x1,ymin=y1,xmax=x2,ymax=COLUMN"
    detections, _ = load_scored(path, TRUTH, columns=option.replace("COLUMN", "yy"))
    assert detections == [("000", "car", [1, 2, 3, 4], 0.5)]


def test_columns_whose_names_are_not_unique_are_numbered(tmp_path):
    text = "image,label,label,xmin,ymin,xmax,ymax\na,cat,feline,1,2,3,4\n"
    path = write(tmp_path / "a.csv", text)
    with pytest.raises(InputError, match="not clear") as error:
        load(path)
    (option,) = advised(error)
    assert objects(load(path, columns=option)[0]) == [("a", "cat", [1, 2, 3, 4], "")]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("000.jpg,1,2,3,4,car,0.5", "image,xmin,ymin,xmax,ymax,class,score"),
        ("car,0.5,1,20,3,4,000.jpg", "class,score,x,y,w,h,image"),
        ("7,000.jpg,car,1,2,3", "image,class,score,xmin,ymin,xmax,ymax"),
    ],
)
def test_a_file_without_a_header_gets_the_order_of_its_columns(tmp_path, row, expected):
    path = write(tmp_path / "a.csv", f"{row}\n")
    with pytest.raises(InputError, match="state all columns in their order") as error:
        load_scored(path, TRUTH)
    assert advised(error) == [expected]


def test_a_missing_role_is_answered_with_the_columns_of_the_file(tmp_path):
    path = write(tmp_path / "a.csv", "image,label,conf,x,y,width,height\n000,car,.5,1,2,3,4\n")
    with pytest.raises(InputError, match="does not state the score") as error:
        load_scored(path, TRUTH, columns="image=image,class=label,x=x,y=y,w=width,h=height")
    (option,) = advised(error)
    assert load_scored(path, TRUTH, columns=option)[0] == [("000", "car", [1, 2, 4, 6], 0.5)]


# Ultralytics' `results.pandas().xyxy` has the number of a class and its name.


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["0,car", "2,person"], ["car", "person"]),
        (["0,car", "0,person"], ["0", "0"]),  # the names are of something else
        (["car,sedan", "person,adult"], ["car", "person"]),
    ],
)
def test_the_name_of_a_class_number_is_the_class(tmp_path, cells, expected):
    text = "xmin,ymin,xmax,ymax,class,name,image\n"
    text += "".join(f"1,2,3,4,{cell},a.png\n" for cell in cells)
    ground_truth, _ = load(write(tmp_path / "a.csv", text))
    assert [row[1] for row in objects(ground_truth)] == expected


# A column `bbox` with four numbers, as in Kaggle's "Global Wheat Detection".


def bracketed(path, box, count=30):
    rows = "".join(f'a,100,100,"[{box(k)}]",wheat\n' for k in range(count))
    return write(path / "train.csv", f"image_id,width,height,bbox,class\n{rows}")


def test_a_box_in_brackets_with_sizes_is_read_so(tmp_path):
    path = bracketed(tmp_path, lambda k: f"{k * 3}.0, {k * 2}, 10, 20")
    ground_truth, warnings = load(path)
    assert objects(ground_truth)[1] == ("a", "wheat", [3, 2, 13, 22], "")
    assert "bbox is read as x, y, width, height: as corners, 26 of 30" in "".join(warnings)


def test_a_box_in_brackets_with_corners_is_read_so(tmp_path):
    path = bracketed(tmp_path, lambda k: f"{k * 3} {k * 2} {k * 3 + 10} {k * 2 + 20}")
    ground_truth, warnings = load(path)
    assert objects(ground_truth)[1][2] == [3, 2, 13, 22]
    assert "bbox is read as x1, y1, x2, y2" in "".join(warnings)


def test_a_box_in_brackets_that_fits_both_is_asked_for(tmp_path):
    path = bracketed(tmp_path, lambda k: f"{k % 7}, {k % 5}, 20, 30")
    with pytest.raises(InputError, match="four numbers of 'bbox' can be corners, or") as error:
        load(path)
    corners, sizes = advised(error)
    assert objects(load(path, columns=corners)[0])[1][2] == [1, 1, 20, 30]
    assert objects(load(path, columns=sizes)[0])[1][2] == [1, 1, 21, 31]


def test_a_malformed_box_in_brackets_is_named(tmp_path):
    path = bracketed(tmp_path, lambda k: "1, 2, 3" if k == 4 else f"{k * 3}, {k * 2}, 10, 20")
    with pytest.raises(InputError, match=r"line 6: .*\[1, 2, 3\]"):
        load(path)
