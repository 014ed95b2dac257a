"""Standard streams that are closed, full or no longer read, without an effect on the exit code.

An exit code may be a verdict. Messages on stderr that cannot be written are therefore dropped, and
so are results on stdout once their reader has gone away, as `head` does. Results that cannot be
stored, as on a full disk, are an error.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from detbench.errors import DetbenchError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_STDOUT, _STDERR = 1, 2
_BUFFER_BYTES = 1 << 16


class _Messages(io.FileIO):
    """A file of messages, of which those that cannot be written are dropped."""

    def write(self, content: ReadableBuffer) -> int:
        """Write bytes; return their number, also if they are dropped."""
        try:
            return super().write(content) or 0
        except OSError:
            return memoryview(content).nbytes


class _Results(io.FileIO):
    """A file of results, dropped if their reader is gone; raises DetbenchError on other errors."""

    def write(self, content: ReadableBuffer) -> int:
        """Write bytes; return their number, also if they are dropped."""
        try:
            return super().write(content) or 0
        except BrokenPipeError:
            _drop_output(self.fileno())
        except OSError as error:
            _drop_output(self.fileno())
            raise DetbenchError(
                f"stdout: results cannot be written: {os.strerror(error.errno or 0)}; free space "
                "or write them elsewhere"
            ) from error
        return memoryview(content).nbytes


@contextmanager
def guarded_streams() -> Iterator[None]:
    """Guard stdout and stderr inside the block.

    Flush stdout before the block ends, or an error of the last results is lost. Streams that do not
    write to the standard file descriptors are left as they are.
    """
    for descriptor in (0, _STDOUT, _STDERR):
        _open_if_closed(descriptor)
    original = sys.stdout, sys.stderr
    if _is_standard(sys.stdout, _STDOUT):
        sys.stdout = _text_file(_Results(_STDOUT, "w", closefd=False), original[0])
    if _is_standard(sys.stderr, _STDERR):
        sys.stderr = _text_file(_Messages(_STDERR, "w", closefd=False), original[1])
    try:
        yield
    finally:
        sys.stderr.flush()
        sys.stdout, sys.stderr = original


def _drop_output(descriptor: int) -> None:
    """Let everything that is written to a file descriptor from now on disappear."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


def _open_if_closed(descriptor: int) -> None:
    """Open a standard stream that was closed, or the next file would take its place."""
    try:
        os.fstat(descriptor)
    except OSError:
        nowhere = os.open(os.devnull, os.O_RDWR)
        if nowhere != descriptor:
            os.dup2(nowhere, descriptor)
            os.close(nowhere)


def _is_standard(stream: TextIO | None, descriptor: int) -> bool:
    """Return whether a stream is missing, or writes to the file descriptor of that name."""
    try:
        return stream is None or stream.fileno() == descriptor
    except (OSError, ValueError):
        return False


def _text_file(file: io.FileIO, original: TextIO | None) -> io.TextIOWrapper:
    """Return a text file that is buffered like the original, and replaces what it cannot encode."""
    if original is not None:
        original.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(file, _BUFFER_BYTES),
        encoding=getattr(original, "encoding", None) or "utf-8",
        errors="replace",
        line_buffering=isinstance(file, _Messages) or file.isatty(),
    )
