"""Unrecognized files and folders: what they look like, and what can be given in their place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Literal, NamedTuple

from detbench.data.formats.parsing.json_head import JsonHead, json_head
from detbench.data.formats.table import recognize_detections, recognize_ground_truth
from detbench.data.formats.yolo.result_files import unmatched_results
from detbench.data.ground_truth import GroundTruth
from detbench.errors import InputError
from detbench.wording import first_few, plural

_MAX_LISTED = 6
_MAX_POINTERS = 3
_MAX_PROBED = 60
"""How many files and folders inside a folder are tried."""
_HEAD_BYTES = 4096
_SUFFIXES = (".json", ".jsonl", ".ndjson", ".xml", ".csv", ".txt", ".yaml", ".yml", ".data")
"""Suffixes of files that may be what a folder holds."""
_LIST = "`detbench data formats` lists what is read"
_AS_COCO = "export it as COCO annotations or results"
_UNPACK = "unpack it and give what is inside"
_BINARY = (
    (b"PK\x03\x04", (".zip",), "a zip archive", _UNPACK),
    (b"\x1f\x8b", (".gz", ".tgz"), "a gzip archive", _UNPACK),
    (
        b"\x80",
        (".pkl", ".pickle"),
        "a Python pickle",
        "write COCO results, as MMDetection does with outfile_prefix",
    ),
)
"""First bytes and suffixes, what a file with them looks like, and what to do."""


class Look(NamedTuple):
    """What a file or folder looks like."""

    clause: str
    """A clause for the message."""
    fix: str = _LIST
    """What to do."""


def unrecognized(
    path: Path, what: Literal["ground truth", "detections"], ground_truth: GroundTruth | None = None
) -> InputError:
    """Return the error for a file or folder of no known format: what it looks like, what to do.

    Args:
        path: The file or folder.
        what: What was expected.
        ground_truth: That of the detections, if these were expected.
    """
    if ground_truth is not None and path.is_dir():
        error = unmatched_results(path, ground_truth)
        if error is not None:
            return error
    look = what_it_looks_like(path)
    fix = look.fix
    if path.is_dir():
        fix = _pointer(path, ground_truth) or fix
    elif path.suffix.lower() == ".json" and json_head(path).root != "none":
        from detbench.data.formats.json_files.json_values import read_json

        try:
            read_json(path)
        except InputError as error:
            return error
    kind = "folder" if path.is_dir() else "file"
    return InputError(path, f"this {kind} is not recognized as {what}: {look.clause}", fix=fix)


def what_it_looks_like(path: Path) -> Look:
    """Return what the contents of a file or folder of no known format look like."""
    if path.is_dir():
        return _folder(path)
    head = json_head(path)
    if head.root != "none":
        return _json(head)
    with path.open("rb") as file:
        content = file.read(_HEAD_BYTES)
    for mark, suffixes, name, fix in _BINARY:
        if content.startswith(mark) or (content and path.suffix.lower() in suffixes):
            return Look(f"it looks like {name}", fix)
    text = content.decode("utf-8", "ignore").lstrip("\ufeff \r\n\t")
    if not text:
        return Look("it is empty" if not content.strip() else "it is not text")
    if text.startswith("<"):
        tags = [tag.split()[0].rstrip(">/") for tag in text.split("<")[1:] if tag.strip()]
        roots = [tag for tag in tags if not tag.startswith(("?", "!"))]
        return Look(
            f"it is XML with the root <{roots[0]}>" if roots else "it is XML without a root"
        )
    if b"\0" in content or len(text.encode()) < 0.9 * len(content.strip()):
        return Look("it is not text")
    return _text(text)


def _json(head: JsonHead) -> Look:
    tool = _json_tool(head)
    if tool is not None:
        return tool
    kind = {"object": "an object", "list": "a list of objects", "lines": "lines of objects"}
    keys = first_few(sorted(head.keys), _MAX_LISTED) if head.keys else "no keys"
    return Look(f"it is JSON, {kind[head.root]} with {keys}")


def _json_tool(head: JsonHead) -> Look | None:
    """Return the tool whose files have these keys; None if it is unknown."""
    keys, inner = head.keys, head.inner.values()
    if head.root == "list" and {"frame_id", "objects"} <= keys:
        return Look(
            "it looks like what Darknet writes with -out",
            "run `darknet detector valid`, which writes COCO results or VOC results",
        )
    if "samples" in keys or {"filepath", "_media_type"} <= keys:
        return Look("it looks like the samples of a FiftyOne dataset", _AS_COCO)
    is_via = any({"filename", "regions"} <= names for names in inner)
    if is_via or "_via_img_metadata" in keys:
        return Look("it looks like a project of VGG Image Annotator (VIA)", _AS_COCO)
    if {"objects", "size"} <= keys:
        return Look("it looks like an annotation of Supervisely", _AS_COCO)
    return None


def _text(text: str) -> Look:
    line = next(line for line in text.splitlines() if line.strip())
    if "Enter Image Path:" in text or "(left_x:" in text:
        return Look(
            "it looks like what Darknet prints with -ext_output",
            "run `darknet detector valid`, which writes COCO results or VOC results",
        )
    words = line.split()
    if len(words) > 1 and all(_is_keras_box(word) for word in words[1:]):
        return Look(
            "it looks like Keras YOLO annotations, a line `image x1,y1,x2,y2,class …` per image",
            _AS_COCO,
        )
    separator = next((mark for mark in (",", ";", "\t") if mark in line), None)
    name = {",": "commas", ";": "semicolons", "\t": "tabs", None: "spaces"}[separator]
    clause = f"its first line has {plural(len(line.split(separator)), 'value')} separated by {name}"
    if separator is None:
        return Look(clause)
    return Look(clause, f"{_LIST}; name the columns of a CSV file with --columns")


def _is_keras_box(word: str) -> bool:
    numbers = word.split(",")
    return len(numbers) == 5 and all(number.isdigit() for number in numbers)


def _folder(path: Path) -> Look:
    entries = sorted(path.iterdir())
    files = [file for file in entries if file.is_file()]
    folders = [file.name for file in entries if file.is_dir()]
    suffixes = Counter(file.suffix.lower() or file.name for file in files)
    parts = [f"{count:,} {suffix}" for suffix, count in suffixes.most_common(_MAX_LISTED)]
    if folders:
        parts.append(f"the folders {first_few(folders, _MAX_LISTED)}")
    if not parts:
        return Look("it is empty")
    text = f"it holds {', '.join(parts)}"
    first = next((file for file in files if file.suffix.lower() in _SUFFIXES[:6]), None)
    if first is None:
        return Look(text)
    look = what_it_looks_like(first)
    if look.clause.startswith("its "):
        return Look(f"{text}; in {first.name}, {look.clause.removeprefix('its ')}", look.fix)
    return Look(f"{text}; {first.name}: {look.clause}", look.fix)


def _pointer(folder: Path, ground_truth: GroundTruth | None) -> str:
    """Return what to give in place of a folder, as a request; empty if nothing was readable."""
    if ground_truth is None:
        for parent in (folder.absolute().parent, folder.absolute().parent.parent):
            if _format_of(parent, None) == "yolo":
                return f"give its YOLO dataset, {parent}; --split chooses one of several splits"
    places = list(islice(_readable(folder, ground_truth), _MAX_POINTERS))
    if not places:
        return ""
    return f"give what is inside: {' or '.join(places)}"


def _readable(folder: Path, ground_truth: GroundTruth | None) -> Iterator[str]:
    """Yield the files and folders inside a folder that are of a known format, with its name."""
    folders: set[Path] = set()
    for entry in islice(_inside(folder), _MAX_PROBED):
        name = "" if entry.parent in folders else _format_of(entry, ground_truth)
        if name:
            folders.add(entry)
            yield f"{entry} ({name})"


def _inside(folder: Path) -> Iterator[Path]:
    """Yield the files and folders inside a folder, and those inside the latter."""
    entries = sorted(folder.iterdir())
    subfolders = [entry for entry in entries if entry.is_dir()]
    yield from (entry for entry in entries if entry.suffix.lower() in _SUFFIXES)
    yield from subfolders
    for subfolder in subfolders:
        yield from (
            entry
            for entry in sorted(subfolder.iterdir())
            if entry.is_dir() or entry.suffix.lower() in _SUFFIXES
        )


def _format_of(path: Path, ground_truth: GroundTruth | None) -> str:
    """Return the name of the format of a file or folder; empty if it has none."""
    with suppress(InputError, OSError):
        recognized = (
            recognize_ground_truth(path)
            if ground_truth is None
            else recognize_detections(path, ground_truth)
        )
        # COCO claims files that it cannot read, in order to say why.
        if recognized and not (recognized[0] == "coco" and _is_other_coco(path, ground_truth)):
            return recognized[0]
    return ""


def _is_other_coco(path: Path, ground_truth: GroundTruth | None) -> bool:
    """Return whether a file is COCO results where annotations are wanted, or the reverse."""
    if path.is_dir():
        return False
    head = json_head(path)
    is_object = head.root == "object"
    return not is_object if ground_truth is None else is_object and "images" in head.keys
