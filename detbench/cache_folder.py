"""The cache folder: where predictions, compiled kernels and the machine's best speed are kept."""

from __future__ import annotations

import os
import stat
import tempfile
import warnings
from pathlib import Path

from detbench.errors import DetbenchWarning


def cache_folder() -> Path:
    """Return `$DETBENCH_CACHE`, else the folder `detbench` in the user's cache folder.

    If that cannot be written, it is a folder inside the temporary folder that other users cannot
    enter. A warning says so once: `$DETBENCH_CACHE` then names the folder, also for the processes
    that this one starts. Without a writable temporary folder, the path that cannot be written is
    returned.
    """
    preferred = _preferred_folder()
    if preferred is not None and is_writable(preferred):
        return preferred
    problem = f"the cache folder {preferred} cannot be written" if preferred else "no home folder"
    try:
        folder = _private_temporary_folder()
    except OSError:
        return preferred or Path("detbench-cache")
    os.environ["DETBENCH_CACHE"] = str(folder)
    warnings.warn(
        f"{problem}: caching in {folder}; set DETBENCH_CACHE to a folder that can be written",
        DetbenchWarning,
        stacklevel=2,
    )
    return folder


def ensure_home() -> None:
    """Let the cache folder be the home folder of a process without one: Keras needs one."""
    if _home() is None:
        os.environ["HOME"] = str(cache_folder())


def is_writable(folder: Path) -> bool:
    """Return whether files can be created in a folder, or the folder itself can be created."""
    while not os.path.lexists(folder) and folder != folder.parent:
        folder = folder.parent
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)


def _preferred_folder() -> Path | None:
    """Return the folder that the user's settings name; None without a home folder."""
    if folder := os.environ.get("DETBENCH_CACHE"):
        return Path(folder)
    if folder := os.environ.get("XDG_CACHE_HOME"):
        return Path(folder) / "detbench"
    home = _home()
    return home and home / ".cache" / "detbench"


def _home() -> Path | None:
    try:
        return Path.home()
    except RuntimeError:
        return None


def _private_temporary_folder() -> Path:
    """Return a folder of this user's own, which later processes find again.

    Cached code is executed, so a folder that others could have written is not used. Raises OSError
    without a writable temporary folder.
    """
    if not hasattr(os, "getuid"):
        folder = Path(tempfile.gettempdir()) / "detbench"
        folder.mkdir(exist_ok=True)
        return folder
    folder = Path(tempfile.gettempdir()) / f"detbench-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        status = folder.lstat()
        closed_to_others = stat.S_ISDIR(status.st_mode) and not status.st_mode & 0o077
        if not closed_to_others or status.st_uid != os.getuid():
            return Path(tempfile.mkdtemp(prefix="detbench-"))
    return folder
