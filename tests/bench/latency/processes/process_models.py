"""Models with children and with faults, for tests of processes, as an adapter named `fake`.

Its module is imported by child processes, so that it lives in a file of its own.
"""

import os
import subprocess
import sys
import time

from tests.bench.fake_detector import FakeDetector

SPIN = "while True: pass"
ADAPTER = f"fake = {__name__}:load\n"


class Model(FakeDetector):
    """A detector of one fault, or of one kind of child.

    `quiet` has none. `children` starts a process that spins, `session` one that spins in a session
    of its own, `pool` one by multiprocessing. `hang` does not return from its tenth `infer`, `exit`
    ends the process there.
    """

    def __init__(self, kind):
        super().__init__()
        self.name = self.kind = kind
        self.calls = 0
        if kind in ("children", "session"):
            self.child = subprocess.Popen(
                [sys.executable, "-c", SPIN], start_new_session=kind == "session"
            )
        if kind == "pool":
            from multiprocessing import get_context

            self.child = get_context("spawn").Process(target=time.sleep, args=(600,), daemon=True)
            self.child.start()

    def infer(self, inputs):
        self.calls += 1
        if self.kind == "hang" and self.calls == 10:
            time.sleep(600)
        if self.kind == "exit" and self.calls == 10:
            os._exit(1)
        return super().infer(inputs)


def load(target, options):
    """Return the model of a kind; some fail to load."""
    if target == "ends":
        os._exit(1)
    if target == "memory":
        raise MemoryError
    return Model(target)


def install(folder):
    """Make an installed package of this adapter; the folder must be on `sys.path`."""
    about = folder / "fake-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: fake\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[detbench.adapters]\n{ADAPTER}")
