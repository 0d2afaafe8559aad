"""A run folder is held while a process trains in it, and let go however that process ends."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from distnet.errors import RunError
from distnet.run_folder.paths import RunFolder

PATIENCE_S = 1.0


@contextmanager
def held(folder: RunFolder) -> Iterator[None]:
    """Hold a run folder, so that no second process trains in it; let go even if killed.

    Raises:
        RunError: another process holds it.
    """
    handle = os.open(folder.path, os.O_RDONLY)
    try:
        _lock(handle, folder)
        yield
    finally:
        os.close(handle)


def is_held(folder: RunFolder) -> bool:
    """Whether a process trains this run, on this machine or another that shares the folder."""
    handle = os.open(folder.path, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def _lock(handle: int, folder: RunFolder) -> None:
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() < end:  # somebody may only have looked, see `is_held`
                time.sleep(0.05)
                continue
            raise RunError(
                f"{folder.path}: this run is being trained by another process; stop that one "
                f"first: distnet stop {folder.path}"
            ) from None
        return
