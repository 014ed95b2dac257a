"""Path lists: text files that name images or classes, and the folders their paths start from.

Paths in such lists are those of the machine that wrote them: relative to the folder that Darknet
was started in, behind a prefix `data/`, or absolute.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from detbench.errors import read_error


def locate(entry: str, folders: Sequence[Path]) -> Path | None:
    """Return the file or folder that an entry of a list names; None if there is none.

    It may start at any of these folders, the first that has it. If none has it, the first parts of
    the entry are left out one by one, for entries with the prefix of another machine.

    Raises:
        InputError: A path cannot exist, such as a name that is too long.
    """
    base = _base(entry, folders)
    return None if base is None else _join(base, entry)


def candidates(entry: str, folders: Sequence[Path]) -> list[Path]:
    """Return every file that an entry can name: at any folder, or behind a prefix at the first."""
    bases = [*((folder, 0) for folder in folders), (folders[0], 1)]
    paths = {path.resolve(): path for path in (_join(base, entry) for base in bases)}
    return [path for path in paths.values() if _exists(path) and path.is_file()]


def resolve(entries: Sequence[str], folders: Sequence[Path]) -> list[Path]:
    """Return the path of each entry: all start where the first one does (see `locate`).

    Nothing says that these files exist. Where the first does not, all start at the first folder.
    """
    if not entries:
        return []
    base = _base(entries[0], folders) or (folders[0], 0)
    return [_join(base, entry) for entry in entries]


def _base(entry: str, folders: Sequence[Path]) -> tuple[Path, int] | None:
    """Return the folder at which an entry starts, and how many parts before it are left out."""
    for n_left_out in range(len(_parts(entry))):
        for folder in folders:
            if _exists(_join((folder, n_left_out), entry)):
                return folder, n_left_out
    return None


def _join(base: tuple[Path, int], entry: str) -> Path:
    folder, n_left_out = base
    return folder.joinpath(*_parts(entry)[n_left_out:])


def _parts(entry: str) -> tuple[str, ...]:
    return PurePosixPath(entry.replace("\\", "/")).parts


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:
        raise read_error(path, error) from error
    except ValueError:  # a null character
        return False
