"""The container of detbench's Parquet files: a header in the metadata, and one row per image.

A column of objects holds a list per image; its i-th entry is the image's i-th object. A column of W
numbers per object holds them one object after the other, so that the file's bytes are the (N, W)
array in memory. Row groups of about 100,000 objects limit the memory that reading takes. Nothing is
compressed: `docs/reading.md` has the measurements.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from detbench.data.formats.parsing.json_text import json_value
from detbench.data.schema_version import check_version
from detbench.errors import InputError

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetFile

SCHEMA_VERSION = 1
HEADER_KEY = b"detbench"
"""The key of the header in Parquet's metadata."""
WRITE_AGAIN = "it was damaged or edited: write it again"
"""What to do about a file that is not as it was written."""

Kind = Literal["ground_truth", "detections"]
Columns = dict[str, NDArray[Any]]
"""Name → (N,) or (N, W), a row per object"""
ImageColumns = dict[str, NDArray[Any] | tuple[str, ...]]
"""Name → (I,), a row per image"""
Layout = dict[str, tuple[type[np.generic], int]]
"""Name → type, and numbers per object"""

_Id = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What the metadata of a file says about its rows."""

    schema_version: int = SCHEMA_VERSION
    kind: Kind
    objects: Annotated[int, msgspec.Meta(ge=0)]
    """Number of objects or detections."""
    name: str
    source: str
    digest: str
    class_names: tuple[str, ...]
    category_ids: tuple[_Id, ...] = ()
    """One per class in ground truth; empty in detections."""
    protocol: str = ""
    image_folder: str | None = None
    voc_offsets: tuple[int, int] = (1, 0)
    settings: dict[str, Any] = {}


@contextmanager
def open_parquet(path: Path, kind: Kind) -> Iterator[tuple[ParquetFile, Header]]:
    """Open a file of detbench; what cannot be read of it, now or in the block, is an InputError.

    Raises:
        InputError: The file is missing, damaged, of another kind or program, or of a newer version.
    """
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(path, pre_buffer=False) as file:
            header = _read_header(path, (file.metadata.metadata or {}).get(HEADER_KEY))
            if header.kind != kind:
                actual, expected = header.kind.replace("_", " "), kind.replace("_", " ")
                raise InputError(path, f"holds {actual}, expected {expected}")
            check_unique(path, "its columns", file.schema_arrow.names)
            yield file, header
    except (pa.ArrowException, OSError, MemoryError, ValueError, OverflowError) as error:
        raise InputError(
            path,
            f"cannot be read as Parquet: {_first_sentence(error)}",
            fix="if it was cut off, copy or write it again",
        ) from None


def _first_sentence(error: BaseException) -> str:
    line = str(error).partition("\n")[0]
    return line.partition(". ")[0].rstrip(".") or type(error).__name__


def _read_header(path: Path, text: bytes | None) -> Header:
    if text is None:
        raise InputError(
            path,
            "is Parquet, but was not written by detbench",
            fix="detbench convert writes such files",
        )
    try:
        # Only the version is looked at before it is known, since a newer header may differ.
        document = json_value(text)
        version = document.get("schema_version") if isinstance(document, dict) else None
        check_version(version, SCHEMA_VERSION, str(path))
        header: Header = json_value(text, Header)
    except msgspec.DecodeError as error:
        raise InputError(path, f"its metadata is not detbench's: {error}") from None
    check_unique(path, "class_names of its metadata", header.class_names)
    if header.kind == "ground_truth":
        check_unique(path, "category_ids of its metadata", header.category_ids)
        n_ids, n_names = len(header.category_ids), len(header.class_names)
        if n_ids != n_names:
            raise InputError(
                path,
                f"its metadata has {n_ids} category_ids for {n_names} class_names",
                fix=WRITE_AGAIN,
            )
    return header


def check_unique(path: Path, where: str, values: Sequence[str] | Sequence[int]) -> None:
    """Raise InputError if a value occurs twice."""
    if len(set(values)) != len(values):
        repeated = next(value for value, uses in Counter(values).items() if uses > 1)
        raise InputError(path, f"{repeated!r} occurs twice", where=where, fix=WRITE_AGAIN)
