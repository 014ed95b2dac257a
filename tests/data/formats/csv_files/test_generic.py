"""CSV: files of several makers, separators, units and flags, and what is asked for."""

import gc

import pytest
from PIL import Image

from detbench.errors import InputError
from tests.data.formats.labeled import advised, load, load_scored, objects, write
from tests.data.ground_truths import make_ground_truth

# xml_to_csv.py of the TF Object Detection API's tutorials, and Roboflow's TF CSV, have this header.
TF = """filename,width,height,class,xmin,ymin,xmax,ymax
a.jpg,100,80,cat,10,20,40,60
a.jpg,100,80,dog,1,2,4.5,6
"""
# supervision 0.31.2: `CSVSink.append` of the same boxes, with custom data for the image.
SUPERVISION = """x_min,y_min,x_max,y_max,class_id,confidence,tracker_id,class_name,image
10.0,20.0,40.0,60.0,0,0.9,,cat,a.jpg
1.0,2.0,4.5,6.0,1,0.25,,dog,a.jpg
"""
EXPECTED = [("a.jpg", "cat", [10, 20, 40, 60], ""), ("a.jpg", "dog", [1, 2, 4.5, 6], "")]


def test_the_csv_of_tensorflow_is_read_with_sizes_and_files(tmp_path):
    ground_truth, warnings = load(write(tmp_path / "test_labels.csv", TF))
    assert objects(ground_truth) == EXPECTED
    assert ground_truth.image_sizes.tolist() == [[100, 80]]
    assert ground_truth.image_files == ("a.jpg",)
    assert ground_truth.image_folder == tmp_path
    assert warnings == []


def test_the_folder_of_roboflow_has_splits(tmp_path):
    write(tmp_path / "train/_annotations.csv", TF.replace("a.jpg", "c.jpg"))
    assert load(tmp_path)[0].image_ids == ("c.jpg",)
    write(tmp_path / "valid/_annotations.csv", TF)
    assert load(tmp_path)[0].image_ids == ("a.jpg",)
    assert load(tmp_path, split="train")[0].image_ids == ("c.jpg",)
    with pytest.raises(InputError, match="there is no split 'test'"):
        load(tmp_path, split="test")


def test_detections_of_supervision_are_read(tmp_path):
    ground_truth, _ = load(write(tmp_path / "gt.csv", TF))
    detections, _ = load_scored(write(tmp_path / "det.csv", SUPERVISION), ground_truth)
    assert detections == [
        ("a.jpg", "cat", [10, 20, 40, 60], 0.9),
        ("a.jpg", "dog", [1, 2, 4.5, 6], 0.25),
    ]


@pytest.mark.parametrize("separator", [";", "\t", ", "])
def test_other_separators_are_read(tmp_path, separator):
    path = write(tmp_path / "a.csv", "\ufeff" + TF.replace(",", separator))
    assert objects(load(path)[0]) == EXPECTED


def test_flags_and_rows_without_a_box(tmp_path):
    text = "image,label,xmin,ymin,xmax,ymax,difficult,iscrowd,truncated\n"
    text += "a,cat,1,2,3,4,1,0,0\na,cat,1,2,3,4,False,TRUE,0\na,cat,1,2,3,4,0,,1\nb,,,,,,,,\n"
    ground_truth, _ = load(write(tmp_path / "a.csv", text))
    assert [row[3] for row in objects(ground_truth)] == ["difficult", "iscrowd", "truncated"]
    assert ground_truth.image_ids == ("a", "b")


def test_class_numbers_are_positions_in_the_list_of_classes(tmp_path):
    write(tmp_path / "classes.txt", "cat\ndog\n")
    text = TF.replace("cat", "0").replace("dog", "1")
    assert objects(load(write(tmp_path / "a.csv", text))[0]) == EXPECTED


# Units and the place of x and y.


def test_numbers_within_0_and_1_are_fractions_and_the_warning_says_so(tmp_path):
    text = "image,class,xmin,ymin,xmax,ymax\na.jpg,cat,0.1,0.25,0.4,0.75\n"
    Image.new("RGB", (100, 80)).save(tmp_path / "a.jpg")
    ground_truth, warnings = load(write(tmp_path / "a.csv", text))
    assert objects(ground_truth) == EXPECTED[:1]
    assert "fractions of the image: all numbers lie in 0..1" in warnings[0]


def test_stated_units_are_not_guessed(tmp_path):
    text = "image,class,xmin,ymin,xmax,ymax\na.jpg,cat,0.1,0.25,0.4,0.75\n"
    columns = "units=pixels,image,class,xmin,ymin,xmax,ymax"
    ground_truth, warnings = load(write(tmp_path / "a.csv", text), columns=columns)
    assert objects(ground_truth)[0][2] == [0.1, 0.25, 0.4, 0.75]
    assert warnings == []


def rows(count, box):
    header = "image,class,x,y,width,height,imgw,imgh\n"
    return header + "".join(f"a.jpg,cat,{box(k)},100,100\n" for k in range(count))


def test_x_and_y_are_the_corner_if_centers_would_leave_the_image(tmp_path):
    ground_truth, warnings = load(write(tmp_path / "a.csv", rows(9, lambda k: f"{k},{k},50,50")))
    assert objects(ground_truth)[1][2] == [1, 1, 51, 51]
    assert warnings == []


def test_x_and_y_are_the_center_if_corners_would_leave_the_image(tmp_path):
    path = write(tmp_path / "a.csv", rows(9, lambda k: f"{60 + k},60,50,50"))
    ground_truth, warnings = load(path)
    assert objects(ground_truth)[1][2] == [36, 35, 86, 85]
    assert "read as the center: as the upper left corner, 100%" in warnings[0]


def test_x_and_y_that_can_be_either_are_asked_for(tmp_path):
    path = write(tmp_path / "a.csv", rows(9, lambda k: f"{40 + k},40,10,10"))
    with pytest.raises(InputError, match="upper left corner or the center of a box") as error:
        load(path)
    corner, center = advised(error)
    assert objects(load(path, columns=corner)[0])[0][2] == [40, 40, 50, 50]
    assert objects(load(path, columns=center)[0])[0][2] == [35, 35, 45, 45]


# Stated columns.


def test_a_file_without_a_header_is_read_with_all_columns_in_order(tmp_path):
    path = write(tmp_path / "a.csv", "cat,10,20,40,60,a.jpg\ndog,1,2,4.5,6,a.jpg\n")
    columns = "class,xmin,ymin,xmax,ymax,image"
    assert objects(load(path, columns=columns)[0]) == EXPECTED
    with_header = write(tmp_path / "b.csv", f"c,x1,y1,x2,y2,i\n{path.read_text()}")
    assert objects(load(with_header, columns=columns)[0]) == EXPECTED


def test_a_folder_of_text_files_is_read_with_stated_columns(tmp_path):
    write(tmp_path / "000.txt", "car 0.5 0.5 0.2 0.4 0.9\n")
    columns = "class,cx,cy,w,h,score"
    detections, _ = load_scored(tmp_path, make_ground_truth(images=1), columns=columns)
    assert detections == [("000", "car", [40, 24, 60, 56], 0.9)]


# What is refused.


def test_unclear_columns_are_listed_with_what_to_do(tmp_path):
    path = write(tmp_path / "a.csv", "pic,what,a,b,c,d\nx.jpg,cat,1,2,3,4\n")
    with pytest.raises(InputError, match="its columns are not clear: 'pic', 'what', 'a'") as error:
        load(path)
    assert '--columns "ground-truth:image=COLUMN,class=COLUMN,xmin=COLUMN' in str(error.value)


def test_detections_are_no_ground_truth_and_annotations_are_no_detections(tmp_path):
    truth, results = write(tmp_path / "gt.csv", TF), write(tmp_path / "det.csv", SUPERVISION)
    with pytest.raises(InputError, match="has scores in column 'confidence': these are detections"):
        load(results)
    with pytest.raises(InputError, match="has no column of scores among filename, width"):
        load_scored(truth, load(truth)[0])


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("a.jpg,100,80,cat,10,20", "line 4: 6 values, expected at least 8"),
        ("a.jpg,100,80,cat,10,x,40,60", "line 4: y1 is 'x', expected a finite number"),
        ("a.jpg,100,80,cat,10,,40,60", "line 4: y1 is '', expected a finite number"),
        ("a.jpg,100,80,cat,50,20,40,60", "line 4: is not a box: x1 50"),
        ("a.jpg,100,80,,10,20,40,60", "line 4: has no class, expected a name"),
        (",100,80,cat,10,20,40,60", "line 4: names no image"),
    ],
)
def test_a_malformed_row_is_named(tmp_path, row, problem):
    with pytest.raises(InputError, match=problem):
        load(write(tmp_path / "a.csv", f"{TF}{row}\n"))


def test_a_malformed_flag_is_named(tmp_path):
    text = "image,label,xmin,ymin,xmax,ymax,difficult\na,cat,1,2,3,4,0\na,cat,1,2,3,4,maybe\n"
    with pytest.raises(InputError, match="line 3: difficult is 'maybe', expected 0 or 1"):
        load(write(tmp_path / "a.csv", text))


def test_the_collector_of_cycles_runs_again_after_reading(tmp_path):
    load(write(tmp_path / "a.csv", TF))
    assert gc.isenabled()
    with pytest.raises(InputError):
        load(write(tmp_path / "a.csv", f"{TF}a.jpg\n"))
    assert gc.isenabled()


def test_all_files_of_a_folder_number_their_classes_alike(tmp_path):
    """Each file alone could count from 0; together, 3 of three classes shows a count from 1."""
    write(tmp_path / "classes.txt", "car\nsports_car\nzebra\n")
    for name, number in (("000", 1), ("001", 2), ("002", 3)):
        write(tmp_path / f"{name}.txt", f"{number} 0.5 0.5 0.2 0.4 0.9\n")
    columns = "class,cx,cy,w,h,score"
    detections, warnings = load_scored(tmp_path, make_ground_truth(images=3), columns=columns)
    assert [name for _, name, _, _ in detections] == ["car", "sports_car", "zebra"]
    assert any("counted from 1" in warning for warning in warnings)


def test_a_box_is_finite_if_its_width_times_height_is(tmp_path):
    path = write(tmp_path / "a.csv", "image,class,xmin,ymin,xmax,ymax\na.jpg,cat,0,0,1e200,1e200\n")
    with pytest.raises(InputError, match="line 2: width · height is not finite"):
        load(path)
