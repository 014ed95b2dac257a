"""Output paths: a command checks the files and folders that it will write before it starts."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from detbench.errors import InputError

_DATASET_SUFFIXES = {".txt", ".xml", ".yaml", ".yml", ".jpg", ".jpeg", ".png", ".tar"}
"""Suffixes of files that a dataset folder consists of and that no command writes as a result."""


def check_output_paths(
    files: Sequence[Path], folders: Sequence[Path], inputs: Sequence[Path]
) -> None:
    """Raise an error if an output cannot be written or `check_distinct` refuses it."""
    if not files and not folders:
        return
    from detbench.data.files import check_writable

    for folder in folders:
        check_writable(folder, folder=True)
    for file in files:
        check_writable(file, folder=False)
    check_distinct([*files, *folders], inputs)


def check_distinct(outputs: Sequence[Path], inputs: Sequence[Path]) -> None:
    """Raise InputError if an output equals another output or would damage an input.

    Refused are outputs that are an input, a file inside an input folder, or inside a run folder,
    because a run folder must stay as recorded.
    """
    for number, output in enumerate(outputs):
        if any(_is_same(output, other) for other in outputs[:number]):
            raise InputError(
                output, "is the output of two options", fix="give each option a path of its own"
            )
        if any(_is_same(output, path) for path in inputs):
            raise InputError(output, "is an input and would be replaced", fix="write elsewhere")
        if (run := _run_folder_of(output)) is not None:
            raise InputError(
                output,
                f"is inside the run folder {run}, which must stay as recorded",
                fix="write elsewhere",
            )
        if (folder := _input_folder_of(output, inputs)) is not None:
            raise InputError(
                output,
                f"is a file of the input {folder} and would be replaced",
                fix="write elsewhere",
            )


def model_path(spec: str) -> Path:
    """Return the file or folder that the spec of a model names."""
    from detbench.adapters.catalogue import parse_spec

    return Path(parse_spec(spec).target)


def _is_same(first: Path, second: Path) -> bool:
    try:
        return first.samefile(second)
    except OSError:
        return os.path.realpath(first) == os.path.realpath(second)


def _run_folder_of(output: Path) -> Path | None:
    """Return the run folder that a path is or lies in, or None."""
    from detbench.bench.run_files import DETECTIONS, LATENCY, RECORD

    path = Path(os.path.realpath(output))
    for folder in (path, *path.parents):
        has_results = any((folder / name).is_file() for name in (DETECTIONS, LATENCY))
        if has_results and (folder / RECORD).is_file():
            return folder
    return None


def _input_folder_of(output: Path, inputs: Sequence[Path]) -> Path | None:
    """Return the input folder that contains an existing file of a dataset, or None."""
    if output.suffix.lower() not in _DATASET_SUFFIXES or not output.is_file():
        return None
    path = Path(os.path.realpath(output))
    for folder in inputs:
        if folder.is_dir() and path.is_relative_to(os.path.realpath(folder)):
            return folder
    return None
