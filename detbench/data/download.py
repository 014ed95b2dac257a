"""Downloads of files: with a progress bar, resumed after an interruption, and verified by MD5."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from detbench.errors import DetbenchError, InputError

if TYPE_CHECKING:
    import requests

_CHUNK_BYTES = 1 << 16
"""As much may be lost when a connection breaks."""
_TIMEOUTS_S = (10, 60)
"""To connect, and between two chunks."""


def download(url: str, target: Path, md5: str) -> None:
    """Download `url` to `target`, unless that exists.

    What has arrived is kept in `{target}.part`, from which the next call resumes.

    Raises:
        DetbenchError: The server cannot be reached or refuses; the part is kept.
        InputError: The checksum is wrong, and the part is removed; or it cannot be written.
    """
    import requests
    import urllib3

    if target.is_file():
        return
    part = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _append(url, part)
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        kept = ""
        if part.is_file() and part.stat().st_size:
            kept = f"; kept the first {part.stat().st_size:,} bytes"
        raise DetbenchError(
            f"{url}: download failed ({_reason(error)}){kept}; run the same command to resume"
        ) from error
    except OSError as error:
        raise InputError(
            part,
            f"cannot be written ({error.strerror})",
            fix="free space, or name a path you may write to",
        ) from error
    actual = file_md5(part)
    if actual != md5:
        part.unlink()
        raise InputError(
            url,
            f"has MD5 {actual}, expected {md5}",
            fix="fetch it again; if this repeats, the file on the server has changed",
        )
    part.replace(target)


def file_md5(path: Path) -> str:
    """Return the MD5 of a file in hexadecimal.

    It is what the publishers state. It protects against accidents, not against forgery.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _append(url: str, part: Path) -> None:
    """Download the bytes that `part` lacks, or all if the server does not support ranges."""
    import requests

    n_present = part.stat().st_size if part.is_file() else 0
    headers = {"Accept-Encoding": "identity"}
    if n_present:
        headers["Range"] = f"bytes={n_present}-"
    with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUTS_S) as response:
        # The range starts at the end of the file: nothing is missing.
        complete = response.status_code == requests.codes.requested_range_not_satisfiable
        if n_present and complete:
            return
        response.raise_for_status()
        resumed = response.status_code == requests.codes.partial_content
        _save(response, part, n_present if resumed else 0)


def _save(response: requests.Response, part: Path, n_present: int) -> None:
    """Write the body of a response behind the first `n_present` bytes, with a progress bar."""
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

    length = response.headers.get("Content-Length", "")
    total = n_present + int(length) if length.isascii() and length.isdecimal() else None
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with (
        Progress(*columns, console=Console(stderr=True)) as progress,
        part.open("ab" if n_present else "wb") as file,
    ):
        task = progress.add_task(part.stem, total=total, completed=n_present)
        for chunk in response.iter_content(_CHUNK_BYTES):
            file.write(chunk)
            progress.advance(task, len(chunk))
    n_received = part.stat().st_size
    if total is not None and n_received < total:
        raise requests.ConnectionError(f"received {n_received:,} of {total:,} bytes")


def _reason(error: Exception) -> str:
    response = getattr(error, "response", None)
    return f"HTTP {response.status_code}" if response is not None else type(error).__name__
