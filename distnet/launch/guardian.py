"""Ends what a killed launcher left behind: its Ray's processes and its folder.

A process of its own, started as a plain script that imports next to nothing. It waits for the end
of a pipe that the launcher holds, which comes however the launcher dies. Ray's own helpers would
go on for a minute, and its folder stay for good.
"""

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

MARK = "DISTNET_SCRATCH"
"""A variable in the environment of all processes that belong to a launcher."""
PATIENCE_S = 10.0


@contextlib.contextmanager
def guarded(scratch: Path) -> Iterator[None]:
    """Have `scratch`, and the processes marked with it, removed if this process is killed."""
    guardian = subprocess.Popen(
        [sys.executable, __file__, str(scratch)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C at the launcher is not meant for it
        cwd="/",
    )
    assert guardian.stdin is not None
    before = os.environ.get(MARK)
    os.environ[MARK] = str(scratch)
    try:
        yield
    finally:
        if before is None:
            del os.environ[MARK]
        else:
            os.environ[MARK] = before
        with contextlib.suppress(OSError):
            guardian.stdin.write(b"done")
            guardian.stdin.close()
        guardian.wait()


def watch(scratch: Path) -> None:
    """Wait for the launcher's end, and clean up unless it has done so."""
    if sys.stdin.buffer.read() == b"done":
        return
    deadline = time.monotonic() + PATIENCE_S
    while (left := marked(scratch)) and time.monotonic() < deadline:
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(left, timeout=0.5)
    shutil.rmtree(scratch, ignore_errors=True)


def marked(scratch: Path) -> set[psutil.Process]:
    """Processes that inherited the mark, whoever their parents are by now, and all below them.

    Ray's agents write their title over their environment: they are known by their raylet only.
    """
    found: set[psutil.Process] = set()
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(MARK) == str(scratch):
                found |= {process, *process.children(recursive=True)}
    return found


if __name__ == "__main__":
    watch(Path(sys.argv[1]))
