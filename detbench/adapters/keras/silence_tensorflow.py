"""Importing without chatter: what TensorFlow's native code says on stderr while it loads, less its lines of information."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

_CHATTER = re.compile(
    r"[IW]\d{4} \d|WARNING: All log messages before absl::InitializeLog|To enable the following instructions"
    r"|E\d{4} .*cuda_platform\.cc.*cuInit|E\d{4} .*oneDNN supports DT_INT64 only"
)
"""Information and warnings of absl's log, the search for an accelerator on a machine that has none, and of instructions a CPU lacks."""
_STDERR = 2


def provoke_chatter() -> None:
    """Let TensorFlow say now, with nobody listening, what it says once in a process: at its first generator and first transposed int64."""
    import tensorflow as tf

    with without_chatter():
        list(
            tf.data.Dataset.from_generator(
                lambda: iter((0,)), output_signature=tf.TensorSpec((), tf.int64)
            )
        )
        tf.transpose(tf.zeros((2, 2), tf.int64))


@contextmanager
def without_chatter() -> Iterator[None]:
    """Hold back what native code writes to stderr meanwhile and give out the rest of it afterwards.

    TensorFlow 2.21 heeds no TF_CPP_MIN_LOG_LEVEL for these lines, and Python's own `sys.stderr` does not see them.
    """
    sys.stderr.flush()
    with tempfile.TemporaryFile() as held:
        kept = os.dup(_STDERR)
        try:
            os.dup2(held.fileno(), _STDERR)
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, _STDERR)
            os.close(kept)
            held.seek(0)
            for line in held.read().decode(errors="replace").splitlines(keepends=True):
                if not _CHATTER.match(line):
                    sys.stderr.write(line)
