"""Ends what a killed launcher left behind: its Ray's processes and its folder.

A process of its own, started as a plain script that imports next to nothing. It waits for the end
of a pipe that the launcher holds, which comes however the launcher dies. Without it, Ray's
processes would run for another minute, and its folder would stay.
"""

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil

MARK = "DISTNET_SCRATCH"
"""A variable in the environment of all processes of a launcher."""
KEPT_ENVIRONMENT = {"SPT_NOENV": "1"}
"""Keeps Ray's agents from overwriting their environment, and the mark in it, with their title."""
TIMEOUT_S = 10.0


@contextlib.contextmanager
def guarded(scratch: Path) -> Iterator[None]:
    """If this process is killed within the context, remove `scratch` and its marked processes."""
    guardian = subprocess.Popen(
        [sys.executable, __file__, str(scratch)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C at the launcher is not meant for it
        cwd="/",
    )
    assert guardian.stdin is not None
    try:
        with _environment(KEPT_ENVIRONMENT | {MARK: str(scratch)}):
            yield
    finally:
        with contextlib.suppress(OSError):
            guardian.stdin.write(b"done")
            guardian.stdin.close()
        guardian.wait()


def watch(scratch: Path) -> None:
    """Wait for the launcher's end, and clean up unless it has done so."""
    if sys.stdin.buffer.read() == b"done":
        return
    deadline = time.monotonic() + TIMEOUT_S
    while (left := family(str(scratch))) and time.monotonic() < deadline:
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(left, timeout=0.5)
    shutil.rmtree(scratch, ignore_errors=True)


def marked(value: str, variable: str = MARK) -> Iterator[psutil.Process]:
    """Find the processes with this variable in their environment.

    The environment is inherited, so orphans whose parents were killed are found too.
    """
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(variable) == value:
                yield process


def family(value: str, variable: str = MARK) -> set[psutil.Process]:
    """Find the processes with this variable in their environment, and all their descendants."""
    found: set[psutil.Process] = set()
    for process in marked(value, variable):
        with contextlib.suppress(psutil.Error, OSError):
            found |= {process, *process.children(recursive=True)}
    return found


@contextlib.contextmanager
def _environment(settings: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, old in before.items():
            if old is None:
                del os.environ[name]
            else:
                os.environ[name] = old


if __name__ == "__main__":
    watch(Path(sys.argv[1]))
