"""Silence TensorFlow: drop the information and warnings that its native code writes to stderr."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

_LOG_LINES = re.compile(
    # Information and warnings of absl's log.
    r"[IW]\d{4} \d|WARNING: All log messages before absl::InitializeLog"
    # A hint about instructions that the CPU has and TensorFlow does not use.
    r"|To enable the following instructions"
    # "Errors" on a machine without an accelerator, and about a slower path of oneDNN.
    r"|E\d{4} .*cuda_platform\.cc.*cuInit|E\d{4} .*oneDNN supports DT_INT64 only"
)
_STDERR = 2


@contextmanager
def silence_tensorflow() -> Iterator[None]:
    """Capture stderr inside the block, and write it out afterwards without TensorFlow's log lines.

    TensorFlow 2.21 ignores TF_CPP_MIN_LOG_LEVEL for these lines, and they bypass Python's
    `sys.stderr`, so the file descriptor itself is redirected.
    """
    sys.stderr.flush()
    with tempfile.TemporaryFile() as captured:
        original = os.dup(_STDERR)
        try:
            os.dup2(captured.fileno(), _STDERR)
            yield
        finally:
            sys.stderr.flush()
            os.dup2(original, _STDERR)
            os.close(original)
            captured.seek(0)
            for line in captured.read().decode(errors="replace").splitlines(keepends=True):
                if not _LOG_LINES.match(line):
                    sys.stderr.write(line)


def silence_first_use() -> None:
    """Trigger, silenced, the lines that TensorFlow logs once per process.

    It logs at its first dataset from a generator and at its first transpose of int64.
    """
    import tensorflow as tf

    signature = tf.TensorSpec((), tf.int64)
    with silence_tensorflow():
        list(tf.data.Dataset.from_generator(lambda: iter((0,)), output_signature=signature))
        tf.transpose(tf.zeros((2, 2), tf.int64))
