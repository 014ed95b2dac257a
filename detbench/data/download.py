"""Downloads a file: with progress, taking up again where an interrupted run stopped, and checked before it gets its name."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from detbench.errors import DetbenchError, InputError

if TYPE_CHECKING:
    import requests

_CHUNK = 1 << 16
"""Bytes: as much may be lost where a connection breaks."""
_TIMEOUT_S = (10, 60)
"""To connect, and between two pieces."""


def download(url: str, target: Path, md5: str) -> None:
    """Fetch `url` into `target` unless it is there already. What has come so far is kept in `{target}.part` for the next run.

    Raises DetbenchError where the server cannot be reached or refuses, keeping the part, and InputError for a wrong checksum,
    which removes it.
    """
    import requests

    if target.is_file():
        return
    part = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _append(url, part)
    except requests.RequestException as error:
        kept = (
            f"; the {part.stat().st_size:,} bytes so far are kept"
            if part.is_file() and part.stat().st_size
            else ""
        )
        raise DetbenchError(
            f"{url}: download failed ({_reason(error)}){kept}; run the same command again to go on"
        ) from error
    except OSError as error:
        raise InputError(
            part,
            f"cannot be written ({error.strerror})",
            fix="free the space, or name a place you may write to",
        ) from error
    found = file_md5(part)
    if found != md5:
        part.unlink()
        raise InputError(
            url,
            f"has MD5 {found}, expected {md5}",
            fix="fetch it again; if this repeats, the server's file is another one",
        )
    part.replace(target)


def file_md5(path: Path) -> str:
    """Return the MD5 of a file in hexadecimal: what the archives' publishers give, against accidents and not against forgers."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _append(url: str, part: Path) -> None:
    """Fetch the bytes that `part` lacks; all of them where the server does not serve ranges."""
    import requests

    have = part.stat().st_size if part.is_file() else 0
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT_S) as response:
        if have and response.status_code == requests.codes.requested_range_not_satisfiable:
            return
        response.raise_for_status()
        resumed = response.status_code == requests.codes.partial_content
        _save(response, part, have if resumed else 0)


def _save(response: requests.Response, part: Path, have: int) -> None:
    import requests
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    length = response.headers.get("Content-Length")
    total = have + int(length) if length else None
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with (
        Progress(*columns, console=Console(stderr=True)) as progress,
        part.open("ab" if have else "wb") as file,
    ):
        task = progress.add_task(part.stem, total=total, completed=have)
        for chunk in response.iter_content(_CHUNK):
            file.write(chunk)
            progress.advance(task, len(chunk))
    if total is not None and part.stat().st_size < total:
        raise requests.ConnectionError(f"{part.stat().st_size:,} of {total:,} bytes came")


def _reason(error: Exception) -> str:
    response = getattr(error, "response", None)
    return f"HTTP {response.status_code}" if response is not None else type(error).__name__
