"""A run folder is locked while a process trains in it, however that process ends."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from distnet.errors import RunInUseError
from distnet.run_folder.paths import RunFolder
from distnet.spec.printable import argument

TIMEOUT_S = 1.0


@contextmanager
def held(folder: RunFolder) -> Iterator[None]:
    """Lock a run folder, so that no second process trains in it; a killed process releases it.

    Raises:
        RunInUseError: another process holds it.
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
    end = time.monotonic() + TIMEOUT_S
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() < end:  # `is_held` may have it for a moment
                time.sleep(0.05)
                continue
            raise RunInUseError(
                f"{folder.path}: another process trains this run; stop it first: "
                f"distnet stop {argument(folder.path)}"
            ) from None
        return
