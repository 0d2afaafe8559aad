"""A folder of this machine for one attempt; what killed ones left is removed by the next.

Whoever uses a folder holds a lock on it, which the kernel releases however the process ends.
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
    """Make a folder, and remove it and those that nobody uses any more."""
    _remove_left()
    # It is locked before it has the name by which others look for what was left.
    new = Path(tempfile.mkdtemp(prefix=f"new-{PREFIX}"))
    lock = _lock(new)
    folder = new.rename(new.with_name(new.name.removeprefix("new-")))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _remove_left() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError):  # in use, or another user's
            lock = _lock(folder)
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)


def _lock(folder: Path) -> int:
    """Lock a folder; returns the open file that holds the lock.

    Raises:
        BlockingIOError: somebody else holds it.
        OSError: it cannot be opened.
    """
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        os.close(handle)
        raise
    return handle
