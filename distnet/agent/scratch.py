"""A folder on this machine for one attempt; the next attempt removes what a killed one left.

The user of a folder holds a lock on it, which the kernel releases however the process ends.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX = "distnet-attempt-"


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Create a folder; at the end remove it. Unused folders are removed too."""
    _remove_unused()
    # It is locked before it gets the name by which others find unused folders.
    new = Path(tempfile.mkdtemp(prefix=f"new-{PREFIX}"))
    lock = _lock(new)
    folder = new.rename(new.with_name(new.name.removeprefix("new-")))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _remove_unused() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError):  # in use, or of another user
            lock = _lock(folder)
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)


def _lock(folder: Path) -> int:
    """Lock a folder; returns the open file that holds the lock.

    Raises:
        BlockingIOError: another process holds the lock.
        OSError: the folder cannot be opened.
    """
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        os.close(handle)
        raise
    return handle
