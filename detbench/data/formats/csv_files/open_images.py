"""Open Images: CSV with `ImageID,…,LabelName,…,XMin,XMax,YMin,YMax` as fractions of the image.

`IsGroupOf` becomes the crowd flag, and `IsTruncated` is kept. `class-descriptions-boxable.csv`
beside the file turns labels such as /m/0cmf2 into names. Results are rows with a score, or the
challenge's `ImageId,PredictionString` with `label score xmin ymin xmax ymax` repeated. Sources:
https://storage.googleapis.com/openimages/web/download_v7.html, "Data Formats", and the evaluation
page of Kaggle's Open Images object detection track.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from detbench.data.formats.csv_files.columns import Columns
from detbench.data.formats.csv_files.rows import add_rows, first_row, read_rows
from detbench.data.formats.labeled_boxes.labeled_boxes import LabeledBoxes, Source
from detbench.data.formats.labeled_boxes.row_format import RowFormat
from detbench.data.formats.parsing.csv_table import Row
from detbench.data.formats.parsing.plain_text import is_number
from detbench.data.formats.parsing.text_lines import lines_of
from detbench.data.formats.text_files.label_folder import add_image_folder
from detbench.errors import InputError

NAME = "open-images"
_BOX = ("xmin", "ymin", "xmax", "ymax")
_NO_SCORES = ("", "0", "1", "1.0")
_SIZES = "images.meta"
_SCORES = ("score", "conf", "confidence")
_PREDICTION = ("imageid", "predictionstring")
_DESCRIPTIONS = "*class-descriptions*.csv"
_VALUES = "label score xmin ymin xmax ymax"
_N_VALUES = 6


def recognizes(path: Path) -> bool:
    """Tell whether the header has ImageID, LabelName and XMin, or is that of the challenge."""
    names = [name.lower() for name in first_row(path)]
    return {"imageid", "labelname", *_BOX} <= set(names) or tuple(names) == _PREDICTION


def read(source: Source) -> LabeledBoxes:
    """Read a file.

    Raises:
        InputError: The file is not what the source asks for.
    """
    labeled = LabeledBoxes(NAME, source, unit="fractions", texts=True, names_files=True)
    rows = read_rows(source.path)
    names = [name.lower() for name in rows[0][1]]
    if tuple(names) == _PREDICTION:
        if not source.scored:
            raise _is_other(source, "detections of the challenge")
        _add_predictions(labeled, rows[1:])
    else:
        add_rows(labeled, source.path, rows[1:], _columns(source, names, rows[1:]))
    if not source.scored:
        _add_listed_images(labeled)
        _add_files_and_sizes(labeled)
    _name_classes(labeled)
    return labeled


def _columns(source: Source, names: Sequence[str], rows: Sequence[Row]) -> Columns:
    first, second, third, fourth = (names.index(name) for name in _BOX)
    score = next((names.index(name) for name in _SCORES if name in names), None)
    # Annotations have a column Confidence, too, with 1 for every box that was verified.
    has_flags = "isgroupof" in names
    if has_flags and score is not None:
        place = score
        has_scores = any(len(cells) > place and cells[place] not in _NO_SCORES for _, cells in rows)
        group = names.index("isgroupof")
        has_flags = any(len(cells) > group and cells[group] for _, cells in rows)
        score = score if has_scores else None
    if source.scored and score is None:
        raise _is_other(source, "annotations")
    if not source.scored and score is not None and not has_flags:
        raise _is_other(source, "detections")
    flags = {"iscrowd": "isgroupof", "truncated": "istruncated"}
    return Columns(
        image=names.index("imageid"),
        class_name=names.index("labelname"),
        box=(first, second, third, fourth),
        box_format="xyxy",
        score=score if source.scored else None,
        flags=tuple((flag, names.index(name)) for flag, name in flags.items() if name in names),
        unit="fractions",
    )


def _is_other(source: Source, what: str) -> InputError:
    wanted = "detections, with a column Score" if source.scored else "annotations, with IsGroupOf"
    return InputError(source.path, f"these are {what} of Open Images", fix=f"give {wanted}")


def _add_predictions(labeled: LabeledBoxes, rows: Sequence[Row]) -> None:
    path = labeled.source.path
    for number, cells in rows:
        where = f"line {number}"
        image = labeled.add_image(cells[0])
        values = cells[1].split() if len(cells) > 1 else []
        if len(values) % _N_VALUES:
            problem = f"{len(values)} values, expected six for each box: {_VALUES}"
            labeled.add_malformed(image, None, problem, file=path, where=where)
            continue
        for start in range(0, len(values), _N_VALUES):
            label, score, *box = values[start : start + _N_VALUES]
            place = f"{where}, box {start // _N_VALUES + 1}"
            labeled.add(image, label, box, file=path, where=place, score=score)


def _add_listed_images(labeled: LabeledBoxes) -> None:
    """Add the images without objects, which `SPLIT-images-with-rotation.csv` lists."""
    path = labeled.source.path
    for file in sorted(path.parent.glob(f"{path.name.partition('-')[0]}-images*.csv")):
        rows = read_rows(file)
        if rows and rows[0][1][0] == "ImageID":
            for _, cells in rows[1:]:
                labeled.add_image(cells[0])


def _add_files_and_sizes(labeled: LabeledBoxes) -> None:
    """State the image files, and the sizes that Datumaro and CVAT write into `images.meta`."""
    folder = labeled.source.path.parent
    files = {
        PurePosixPath(key).name: file for key, file in add_image_folder(labeled, folder).items()
    }
    labeled.files = [files.get(image_id, "") for image_id in labeled.images]
    if not (folder / _SIZES).is_file():
        return
    for line in lines_of(folder / _SIZES):
        name, *sides = line.words[-3:]
        if name.strip('"') in labeled.images and len(sides) == 2 and all(map(is_number, sides)):
            height, width = map(float, sides)
            labeled.state_size(labeled.images[name.strip('"')], width, height)


def _name_classes(labeled: LabeledBoxes) -> None:
    """Give classes the names that a description beside the file, or the ground truth, has."""
    folders = [labeled.source.path.absolute().parent]
    truth = labeled.source.ground_truth
    if truth is not None and truth.source.startswith(f"{NAME} "):
        folders.append(Path(truth.source.removeprefix(f"{NAME} ")).absolute().parent)
    folders += [folder.parent for folder in folders]
    for folder in folders:
        file = next(iter(sorted(folder.glob(_DESCRIPTIONS))), None)
        if file is None:
            continue
        names = {cells[0]: cells[1] for _, cells in read_rows(file) if len(cells) > 1}
        named = {names.get(label, label): k for label, k in labeled.classes.items()}
        if named.keys() != labeled.classes.keys() and len(named) == len(labeled.classes):
            labeled.classes = named
            return


FORMAT = RowFormat(
    name=NAME,
    recognizes=recognizes,
    read=read,
    ground_truth="Open Images CSV: ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,…",
    detections="Open Images CSV: ImageID,LabelName,Score,XMin,XMax,YMin,YMax, or the challenge's "
    "ImageId,PredictionString",
)
